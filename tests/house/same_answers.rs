//! A command beside a running server says what it says alone.

use libtest_mimic::Trial;
use serde_json::Value;

use super::binary::{Running, say};
use super::deployments::SCORED;
use super::fixtures::Project;
use super::needs::trial;

/// Figures that differ from run to run.
const VARYING: [&str; 2] = ["elapsed_ms", "started_at"];

pub fn trials() -> Vec<Trial> {
    vec![trial("beside/says_what_it_says_alone", &[], says_what_it_says_alone)]
}

fn says_what_it_says_alone() {
    let project = Project::simulated();
    let dir = project.dir();
    say(
        &dir,
        &["train", "fraud", "--algorithm", "logistic_regression,decision_tree"],
    )
    .ok();
    say(&dir, &["deploy", "fraud", "1"]).ok();
    say(&dir, &["deploy", "fraud", "challenger"]).ok();
    let runs = say(&dir, &["runs", "list", "--json"]).ok().json();
    let ids: Vec<String> = runs
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|run| Some(run["id"].as_str()?.to_owned()))
        .collect();
    let (show, compare) = (["runs", "show", &ids[0]], ["runs", "compare", &ids[0], &ids[1]]);
    let commands: [(&[&str], i32); 17] = [
        (
            &["sql", "select * from transactions order by TRANSACTION_ID limit 3"],
            0,
        ),
        (
            &["sql", "select stream, count(*) as n from dead_letters group by stream"],
            0,
        ),
        (&["sql", "select nope from transactions"], 2),
        (&["features", "--from", "2018-05-01", "--to", "2018-05-03"], 0),
        (&["check"], 0),
        (&["check", "nope"], 3),
        (&["runs", "list", "--order-by", "auc"], 0),
        (&show, 0),
        (&compare, 0),
        (&["runs", "show", "ffffff"], 3),
        (&["models", "list"], 0),
        (&["models", "show", "fraud"], 0),
        (&["models", "lineage", "fraud", "champion"], 0),
        (&["models", "alias", "fraud"], 0),
        (&["predict", "fraud", "--sql", SCORED], 0),
        (&["deploy", "fraud", "9"], 3),
        (&["dead-letters", "list"], 0),
    ];
    let answers = || -> Vec<(Value, String)> {
        let ask = |(args, code): &(&[&str], i32)| {
            let said = say(&dir, &[*args, &["--json"]].concat()).ends(*code);
            let answer = if *code == 0 { said.json() } else { Value::Null };
            (without_varying(answer), said.err)
        };
        commands.iter().map(ask).collect()
    };
    let alone = answers();
    let up = Running::up(&dir);
    let beside = answers();
    up.stop();
    for ((command, alone), beside) in commands.iter().zip(alone).zip(beside) {
        assert_eq!(alone, beside, "`tidemill {}`", command.0.join(" "));
    }
}

fn without_varying(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            fields.retain(|name, _| !VARYING.contains(&name.as_str()));
            fields
                .values_mut()
                .for_each(|field| *field = without_varying(field.take()));
        }
        // Threads add up in any order; the last digits of a mean tell in which.
        Value::Number(number) if number.is_f64() => {
            value = Value::from(format!("{:.9e}", number.as_f64().unwrap_or(f64::NAN)));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = without_varying(item.take())),
        _ => (),
    }
    value
}
