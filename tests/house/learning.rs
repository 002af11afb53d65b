//! Landing, features, checks and training on a small simulation.

use std::collections::BTreeSet;
use std::sync::Arc;

use libtest_mimic::Trial;
use serde_json::Value;

use super::binary::{Running, say};
use super::fixtures::{ALGORITHMS, Fixtures, Project, SIMULATED};
use super::needs::trial;

pub fn trials(fixtures: &Arc<Fixtures>) -> Vec<Trial> {
    let of = |run: fn(&Project)| {
        let fixtures = Arc::clone(fixtures);
        move || run(&fixtures.small().project)
    };
    vec![
        trial("simulate/lands_once", &[], lands_once),
        trial("simulate/waits_beside_a_server", &[], waits_beside_a_server),
        trial("features/are_summed_up", &[], of(features_are_summed_up)),
        trial("check/reports", &[], of(check_reports)),
        trial("train/runs_and_versions", &[], of(runs_and_versions)),
        trial("train/same_bytes", &[], of(same_bytes)),
        trial("train/a_failing_check_stops_it", &[], a_failing_check_stops_it),
        trial("train/a_gate_refuses", &[], a_gate_refuses),
        trial("train/wrong_input", &[], of(wrong_input)),
    ]
}

/// `select …` as one row.
#[track_caller]
pub fn row(project: &Project, query: &str) -> Value {
    say(&project.dir(), &["sql", "--json", query]).ok().json()[0].clone()
}

/// Rows that a `simulate` or `replay` says it sent, by stream.
#[track_caller]
pub fn sent(report: &Value, stream: &str) -> i64 {
    let streams = report["streams"].as_array().expect("a list");
    let of = streams.iter().find(|sent| sent["stream"] == stream);
    of.and_then(|of| of["rows"].as_i64()).expect("rows of the stream")
}

/// What must be in a table: all rows of the topic, each (partition, offset) once.
#[track_caller]
pub fn holds_each_offset_once(project: &Project, table: &str, rows: i64) {
    let found = row(
        project,
        &format!(
            "select sum(n) as rows, sum(distinct_offsets) as distinct_offsets, sum(span) as span from (
               select count(*) as n, count(distinct _tm_offset) as distinct_offsets,
                      max(_tm_offset) + 1 as span
               from {table} group by _tm_partition)"
        ),
    );
    for count in ["rows", "distinct_offsets", "span"] {
        assert_eq!(found[count], rows, "{count} of `{table}`: {found}");
    }
}

fn lands_once() {
    let project = Project::init();
    let report = say(&project.dir(), &SIMULATED).ok().json();
    let rows = sent(&report, "transactions");
    assert!(rows > 40_000, "{report}");
    assert_eq!(sent(&report, "labels"), rows);
    holds_each_offset_once(&project, "transactions", rows);
    holds_each_offset_once(&project, "labels", rows);
    // Called again it finds that all is there.
    let again = say(&project.dir(), &SIMULATED).ok().json();
    assert_eq!(sent(&again, "transactions"), 0, "{again}");
    holds_each_offset_once(&project, "transactions", rows);
    let known = row(
        &project,
        "select count(*) as early from labels join transactions using (TRANSACTION_ID)
         where labels._tm_kafka_time < date_trunc('millisecond', transactions.TX_DATETIME) + interval '7 days'",
    );
    assert_eq!(known["early"], 0, "a label is known seven days after its payment");
}

fn waits_beside_a_server() {
    let project = Project::init();
    let up = Running::up(&project.dir());
    let report = say(&project.dir(), &SIMULATED).ok().json();
    // The command returns when what it sent has landed: there is nothing to wait for here.
    holds_each_offset_once(&project, "transactions", sent(&report, "transactions"));
    holds_each_offset_once(&project, "labels", sent(&report, "labels"));
    up.stop();
}

fn features_are_summed_up(project: &Project) {
    let views = say(&project.dir(), &["features", "--json"]).ok().json();
    let views = views.as_array().expect("a list");
    let rows = row(project, "select count(*) as n from transactions")["n"].clone();
    let names: BTreeSet<&str> = views.iter().filter_map(|view| view["view"].as_str()).collect();
    let expected = ["customer_spending", "terminal_risk", "transaction_context"];
    assert_eq!(names, BTreeSet::from(expected));
    for view in views {
        assert_eq!(view["rows"], rows, "{}", view["view"]);
    }
    let one = say(
        &project.dir(),
        &[
            "features",
            "terminal_risk",
            "--from",
            "2018-05-01",
            "--to",
            "2018-05-02",
            "--json",
        ],
    );
    let of_a_day = row(
        project,
        "select count(*) as n from transactions where TX_DATETIME >= '2018-05-01' and TX_DATETIME < '2018-05-02'",
    );
    assert_eq!(one.ok().json()[0]["rows"], of_a_day["n"]);
    let said = say(&project.dir(), &["features", "terminal_risks"]).ends(3);
    assert!(said.err.contains("did you mean `terminal_risk`?"), "{}", said.err);
}

fn check_reports(project: &Project) {
    let report = say(&project.dir(), &["check", "--json"]).ok().json();
    assert_eq!(report["stops_training"], false, "{report}");
    let outcomes = report["outcomes"].as_array().expect("a list");
    assert_eq!(outcomes.len(), 8);
    for outcome in outcomes {
        let only_warns = outcome["check"] == "amount_usual";
        assert!(outcome["passed"] == true || only_warns, "{outcome}");
    }
    let one = say(&project.dir(), &["check", "amount_usual", "--json"]).ok().json();
    let broken = row(project, "select count(*) as n from transactions where TX_AMOUNT > 220");
    assert_eq!(one["outcomes"][0]["broken"], broken["n"]);
    assert!(
        one["outcomes"][0]["sample"][0]["TX_AMOUNT"].as_f64() > Some(220.0),
        "{one}"
    );
    say(&project.dir(), &["check", "no_such_check"]).ends(3);
}

fn runs_and_versions(project: &Project) {
    let dir = project.dir();
    let runs = say(&dir, &["runs", "list", "--order-by", "average_precision", "--json"])
        .ok()
        .json();
    // Other trials train on this project, too, and not all of that ends well.
    let runs = runs.as_array().expect("a list").iter();
    let runs: Vec<&Value> = runs.filter(|run| run["status"] == "finished").collect();
    let of: BTreeSet<&str> = runs.iter().filter_map(|run| run["algorithm"].as_str()).collect();
    assert_eq!(of, BTreeSet::from(ALGORITHMS));
    let order: Vec<f64> = runs
        .iter()
        .filter_map(|run| run["metrics"]["average_precision"].as_f64())
        .collect();
    assert!(order.is_sorted_by(|a, b| a >= b), "{order:?}");
    for run in &runs {
        for metric in ["auc", "average_precision", "cp_at_100", "log_loss", "brier"] {
            assert!(run["metrics"][metric].is_f64(), "{metric}: {run}");
        }
    }
    let (one, other) = (id(runs[0]), id(runs[1]));
    // As many digits as make it unique will do.
    let shown = say(&dir, &["runs", "show", &one[..12], "--json"]).ok().json();
    assert_eq!(shown["id"], one);
    assert_eq!(shown["lineage"]["seed"], 42, "{shown}");
    let compared = say(&dir, &["runs", "compare", &one, &other, "--json"]).ok().json();
    assert_eq!(compared["runs"].as_array().map(Vec::len), Some(2));
    assert!(compared["params"].as_array().is_some_and(|params| !params.is_empty()));
    say(&dir, &["runs", "show", "ffffffffffff"]).ends(3);

    let versions = say(&dir, &["models", "show", "fraud", "--json"]).ok().json();
    let versions = versions.as_array().expect("a list");
    assert_eq!(versions.len(), ALGORITHMS.len());
    for (version, algorithm) in versions.iter().rev().zip(ALGORITHMS) {
        assert_eq!(
            version["algorithm"], algorithm,
            "the versions are numbered as they were trained"
        );
    }
    let models = say(&dir, &["models", "list", "--json"]).ok().json();
    assert_eq!(models[0]["aliases"]["champion"], 4, "{models}");
    assert_eq!(models[0]["deployments"]["fraud"], 4, "{models}");
    let lineage = say(&dir, &["models", "lineage", "fraud", "champion", "--json"])
        .ok()
        .json();
    assert_eq!(lineage["version"], 4);
    let inputs = lineage["lineage"]["inputs"]
        .as_array()
        .expect("the tables that were read");
    assert_eq!(inputs.len(), 2, "{lineage}");
    let offsets = lineage["lineage"]["streams"]
        .as_array()
        .expect("the offsets behind them");
    assert!(!offsets.is_empty());
    say(&dir, &["models", "show", "fruad"]).ends(3);
}

fn id(run: &Value) -> String {
    run["id"].as_str().expect("a run has an id").to_owned()
}

/// Same seed, same data: the same bytes, whichever process and run made them.
fn same_bytes(project: &Project) {
    let dir = project.dir();
    let first = say(&dir, &["models", "show", "fraud", "--json"]).ok().json();
    for (at, algorithm) in ALGORITHMS.iter().enumerate() {
        let train = |seed: &str| {
            let args = [
                "train",
                "fraud",
                "--algorithm",
                algorithm,
                "--seed",
                seed,
                "--no-register",
                "--json",
            ];
            let outcome = say(&dir, &args).ok().json();
            assert_eq!(outcome["status"], "finished", "{outcome}");
            outcome["content_hash"].clone()
        };
        let registered = &first[ALGORITHMS.len() - 1 - at]["content_hash"];
        assert_eq!(train("42"), *registered, "{algorithm}");
        if *algorithm == "random_forest" {
            assert_ne!(train("43"), *registered, "another seed draws other trees");
        }
    }
}

fn a_failing_check_stops_it() {
    let project = Project::simulated();
    project.edit("sql/checks/amount_usual.sql", "severity: warn", "severity: fail");
    let outcome = say(&project.dir(), &["train", "fraud", "--json"]).ends(5).json();
    assert_eq!(outcome["status"], "stopped_by_checks");
    let outcomes = outcome["checks"]["outcomes"].as_array().expect("a list");
    let failed = outcomes.iter().find(|outcome| outcome["passed"] == false);
    let failed = failed.unwrap_or_else(|| panic!("no check failed: {outcome}"));
    assert_eq!(failed["check"], "amount_usual");
    let sample = failed["sample"].as_array().expect("the rows that break it");
    assert!(!sample.is_empty());
    for row in sample {
        assert!(
            row["TX_AMOUNT"].as_f64() > Some(220.0) && row["TRANSACTION_ID"].is_i64(),
            "{row}"
        );
    }
    let told = say(&project.dir(), &["train", "fraud"]).ends(5).out();
    assert!(
        told.contains("amount_usual (fail) fails; see sql/checks/amount_usual.sql"),
        "{told}"
    );
    let runs = say(&project.dir(), &["runs", "list", "--json"]).ok().json();
    assert_eq!(runs[0]["status"], "stopped", "{runs}");
    assert_eq!(
        say(&project.dir(), &["models", "list", "--json"]).ok().json(),
        serde_json::json!([])
    );
}

fn a_gate_refuses() {
    let project = Project::simulated();
    project.edit("tidemill.toml", "at_least = 0.7", "at_least = 0.999");
    let args = ["train", "fraud", "--algorithm", "decision_tree", "--json"];
    let outcome = say(&project.dir(), &args).ends(5).json();
    assert_eq!(outcome["status"], "refused_by_gate");
    assert_eq!(outcome["gate"]["outcomes"][0]["passed"], false);
    assert_eq!(
        say(&project.dir(), &["models", "list", "--json"]).ok().json(),
        serde_json::json!([])
    );
}

fn wrong_input(project: &Project) {
    for (args, code) in [
        (&["train", "fruad"][..], 3),
        (&["train", "fraud", "--algorithm", "svm"], 2),
        (&["train", "fraud", "--param", "max_depht=3"], 2),
        (&["train", "fraud", "--param", "max_depth"], 2),
        (&["train", "fraud", "--train", "2018-05-01"], 2),
        (
            &[
                "train",
                "fraud",
                "--train",
                "2030-01-01..2030-01-08",
                "--evaluate",
                "2030-02-01..2030-02-08",
            ],
            5,
        ),
    ] {
        let said = say(&project.dir(), args).ends(code);
        assert!(said.err.starts_with("error: "), "{args:?}: {}", said.err);
    }
}
