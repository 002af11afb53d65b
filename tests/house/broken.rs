//! What is wrong in a project is told with file, line and hint, all of it at once, and the exit code is 2.

use expect_test::{Expect, expect};
use libtest_mimic::Trial;

use super::binary::say;
use super::fixtures::Project;
use super::needs::trial;

pub fn trials() -> Vec<Trial> {
    vec![
        trial("broken/settings", &[], settings),
        trial("broken/headers", &[], headers),
        trial("broken/sql", &[], sql),
        trial("broken/schema", &[], schema),
        trial("broken/all_at_once", &[], all_at_once),
        trial("broken/as_json", &[], as_json),
    ]
}

/// One edit to one file of the flagship project, and what `tidemill validate` says of it.
fn check(file: &str, from: &str, to: &str, said: &Expect) {
    let project = Project::init();
    project.edit(file, from, to);
    let found = say(&project.dir(), &["validate"]).ends(2);
    // Project faults come as errors, planning faults as the command's answer.
    said.assert_eq(&format!("{}{}", found.out(), found.err));
}

fn settings() {
    check(
        "tidemill.toml",
        "alias = \"champion\"",
        "alias = \"champion\"\nalais = \"x\"",
        &expect![[r#""#]],
    );
    check("tidemill.toml", "name = \"fraud\"", "name = 5", &expect![[r#""#]]);
    check(
        "tidemill.toml",
        "train = \"7d\"",
        "train = \"7 fortnights\"",
        &expect![[r#""#]],
    );
    check(
        "tidemill.toml",
        "algorithm = \"xgboost\"",
        "algorithm = \"xgbost\"",
        &expect![[r#""#]],
    );
    check(
        "tidemill.toml",
        "\"terminal_risk\"]",
        "\"terminal_risks\"]",
        &expect![[r#""#]],
    );
    check("tidemill.toml", "name = \"fraud\"", "name = \"fraud", &expect![[r#""#]]);
}

fn headers() {
    check(
        "sql/features/customer_spending.sql",
        "-- lookback: 30d",
        "-- lokback: 30d",
        &expect![[r#""#]],
    );
    check(
        "sql/checks/amount_usual.sql",
        "severity: warn",
        "severity: wran",
        &expect![[r#""#]],
    );
}

fn sql() {
    check(
        "sql/checks/amount_usual.sql",
        "TX_AMOUNT <= 220",
        "TX_AMUNT <= 220",
        &expect![[r#""#]],
    );
    check(
        "sql/features/customer_spending.sql",
        "avg(TX_AMOUNT) over last_7_days",
        "avgg(TX_AMOUNT) over last_7_days",
        &expect![[r#""#]],
    );
    check(
        "sql/features/terminal_risk.sql",
        "left join labels on",
        "left jion labels on",
        &expect![[r#""#]],
    );
    check(
        "sql/evaluation/known_cards.sql",
        "from evaluation_rows",
        "from evaluation_row",
        &expect![[r#""#]],
    );
}

fn schema() {
    check("schemas/labels.avsc", "\"long\"", "\"lnog\"", &expect![[r#""#]]);
    check(
        "schemas/labels.avsc",
        "\"fields\": [",
        "\"fields\": ",
        &expect![[r#""#]],
    );
}

fn all_at_once() {
    let project = Project::init();
    project.edit("tidemill.toml", "name = \"fraud\"", "naem = \"fraud\"");
    project.edit("schemas/labels.avsc", "\"long\"", "\"lnog\"");
    project.edit("sql/checks/amount_usual.sql", "severity: warn", "severity: wran");
    let said = say(&project.dir(), &["validate"]).ends(2);
    for place in [
        "tidemill.toml:4",
        "schemas/labels.avsc:7",
        "sql/checks/amount_usual.sql:4",
    ] {
        assert!(said.err.contains(place), "nothing is said of {place}\n{}", said.err);
    }
    // A project with faults is not opened either.
    for args in [&["up"][..], &["status"], &["sql", "select 1"], &["train", "fraud"]] {
        assert_eq!(say(&project.dir(), args).ends(2).err, said.err, "{args:?}");
    }
}

fn as_json() {
    let project = Project::init();
    project.edit("sql/checks/amount_usual.sql", "TX_AMOUNT <= 220", "TX_AMUNT <= 220");
    let planned = say(&project.dir(), &["validate", "--json"]).ends(2).json();
    assert_eq!(planned[0]["code"], "invalid_input");
    assert_eq!(planned[0]["origin"]["file"], "sql/checks/amount_usual.sql");
    assert_eq!(planned[0]["origin"]["line"], 9);

    project.edit("sql/checks/amount_usual.sql", "severity: warn", "severity: wran");
    let said = say(&project.dir(), &["validate", "--json"]).ends(2);
    let read: serde_json::Value = serde_json::from_str(&said.err).expect("errors are JSON, too");
    assert_eq!(read["error"]["code"], "invalid_input");
    assert_eq!(read["faults"][0]["origin"]["line"], 4);
    assert_eq!(read["faults"][0]["hint"], "did you mean `warn`?");
}
