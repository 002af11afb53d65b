//! Deployed, rolled back, forward again; and the same after a restart.

use libtest_mimic::Trial;
use serde_json::Value;

use super::binary::{Running, say, say_with_input};
use super::fixtures::Project;
use super::http::get;
use super::needs::trial;

/// The key and the features, each once.
const NAMED: &str = "select transaction_context.TRANSACTION_ID, TX_AMOUNT, TX_DURING_WEEKEND, TX_DURING_NIGHT,
    CUSTOMER_ID_NB_TX_1DAY_WINDOW, CUSTOMER_ID_AVG_AMOUNT_1DAY_WINDOW, CUSTOMER_ID_NB_TX_7DAY_WINDOW,
    CUSTOMER_ID_AVG_AMOUNT_7DAY_WINDOW, CUSTOMER_ID_NB_TX_30DAY_WINDOW, CUSTOMER_ID_AVG_AMOUNT_30DAY_WINDOW,
    TERMINAL_ID_NB_TX_1DAY_WINDOW, TERMINAL_ID_RISK_1DAY_WINDOW, TERMINAL_ID_NB_TX_7DAY_WINDOW,
    TERMINAL_ID_RISK_7DAY_WINDOW, TERMINAL_ID_NB_TX_30DAY_WINDOW, TERMINAL_ID_RISK_30DAY_WINDOW";

/// Rows to score, with columns beside the features.
pub const SCORED: &str = "select * from transaction_context join customer_spending using (TRANSACTION_ID)
    join terminal_risk using (TRANSACTION_ID) order by transaction_context.TRANSACTION_ID desc limit 5";

pub fn trials() -> Vec<Trial> {
    vec![trial("deploy/back_and_forth", &[], back_and_forth)]
}

fn back_and_forth() {
    let project = Project::simulated();
    let dir = project.dir();
    let up = Running::up(&dir);
    let ready = |up: &Running| get(&format!("{}/ready", up.url())).status;
    assert_eq!(ready(&up), 200);
    let scores = |version: i64| {
        let answer = say(&dir, &["predict", "fraud", "--sql", SCORED, "--json"]).ok().json();
        assert_eq!(answer["model_version"], version.to_string(), "{answer}");
        answer["outputs"][0]["data"].clone()
    };
    let deploy = |version: &str| say(&dir, &["deploy", "fraud", version, "--json"]).ok().json();

    let said = say(&dir, &["deploy", "fraud", "1"]).ends(3);
    assert!(said.err.starts_with("error: "), "{}", said.err);
    say(&dir, &["predict", "fraud", "--row", "{}"]).ends(3);
    say(&dir, &["train", "fraud", "--algorithm", "decision_tree,xgboost"]).ok();

    assert_eq!(deploy("1")["version"], 1);
    let first = scores(1);
    say(&dir, &["rollback", "fraud"]).ends(5);
    let second = deploy("2");
    assert_eq!((&second["version"], &second["previous"]), (&2.into(), &1.into()));
    let other = scores(2);
    assert_ne!(first, other, "another version gives other scores");
    let back = say(&dir, &["rollback", "fraud", "--reason", "scores drift", "--json"])
        .ok()
        .json();
    assert_eq!(back["version"], 1);
    assert_eq!(scores(1), first);
    assert_eq!(deploy("2")["version"], 2);
    assert_eq!(scores(2), other);

    // The alias moved with the slot, and every move is on record.
    let aliases = say(&dir, &["models", "alias", "fraud", "champion", "--json"])
        .ok()
        .json();
    assert_eq!(aliases[0]["version"], 2, "{aliases}");
    let moves = get(&format!("{}/api/v1/deployments/fraud/history", up.url())).json();
    let mut moves: Vec<(i64, String)> = moves
        .as_array()
        .expect("a list")
        .iter()
        .map(|event| {
            (
                event["version"].as_i64().unwrap_or(0),
                event["action"].as_str().unwrap_or("").to_owned(),
            )
        })
        .collect();
    if moves.first().is_some_and(|(version, _)| *version == 2) {
        moves.reverse();
    }
    let versions: Vec<i64> = moves.iter().map(|(version, _)| *version).collect();
    assert_eq!(versions, [1, 2, 1, 2], "{moves:?}");
    assert_eq!(moves[2].1, "rollback");
    let audited = say(
        &dir,
        &["sql", "-f", "csv", "select count(*) > 3 as audited from audit_log"],
    )
    .ok();
    assert_eq!(audited.out(), "audited\ntrue\n");

    // An alias can be moved by hand, and the slot follows it.
    say(&dir, &["models", "alias", "fraud", "champion", "1"]).ok();
    assert_eq!(scores(1), first);
    say(&dir, &["models", "alias", "fraud", "champion", "2"]).ok();
    scores(2);

    // After a restart, and after a kill, the slot is what the registry says.
    up.stop();
    let up = Running::up(&dir);
    assert_eq!(scores(2), other);
    assert_eq!(ready(&up), 200);
    up.kill();
    let alone = say(&dir, &["predict", "fraud", "--sql", SCORED, "--json"]).ok().json();
    assert_eq!(alone["outputs"][0]["data"], other);
    rows_by_hand(&project, &other);
}

/// The same rows by file and standard input; what does not fit is named.
fn rows_by_hand(project: &Project, expected: &Value) {
    let dir = project.dir();
    // JSON holds a name once, and the views share their keys.
    let twice = say(&dir, &["sql", "-f", "ndjson", SCORED]).ends(2);
    assert!(twice.err.contains("two columns are called"), "{}", twice.err);
    let by_name = SCORED.replacen("select *", NAMED, 1);
    let rows = say(&dir, &["sql", "-f", "ndjson", &by_name]).ok().out();
    let metadata = say(&dir, &["models", "list", "--json"]).ok();
    assert_eq!(metadata.json()[0]["deployments"]["fraud"], 2);
    let features_only: Vec<Value> = rows
        .lines()
        .map(|line| {
            let mut row: Value = serde_json::from_str(line).expect("a row is JSON");
            let columns = row.as_object_mut().expect("a row is an object");
            columns
                .retain(|name, _| name.starts_with("TX_AMOUNT") || name.contains("_WINDOW") || name.contains("DURING"));
            row
        })
        .collect();
    let text = serde_json::to_string(&features_only).expect("rows are JSON");
    let answer = say_with_input(&dir, &["predict", "fraud", "--file", "-", "--json"], &text);
    assert_eq!(answer.ok().json()["outputs"][0]["data"], *expected);
    project.write("rows.json", &text);
    let answer = say(&dir, &["predict", "fraud", "--file", "rows.json", "--json"]);
    assert_eq!(answer.ok().json()["outputs"][0]["data"], *expected);

    let said = say(&dir, &["predict", "fraud", "--row", "{\"TX_AMOUNT\": 1}"]).ends(2);
    assert!(
        said.err.contains("missing features `TX_DURING_WEEKEND`"),
        "{}",
        said.err
    );
    let said = say(&dir, &["predict", "fraud", "--row", "{\"TX_AMOUNT\": \"much\"}"]).ends(2);
    assert!(said.err.contains("`TX_AMOUNT` of row 1"), "{}", said.err);
    say(&dir, &["predict", "fraud", "--row", "{"]).ends(2);
    say(&dir, &["predict", "fruad", "--row", "{}"]).ends(3);
}
