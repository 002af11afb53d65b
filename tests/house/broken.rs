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
    let found = format!("{}{}", found.out(), found.err);
    said.assert_eq(&found.replace(&project.dir().display().to_string(), "DIR"));
}

fn settings() {
    check(
        "tidemill.toml",
        "alias = \"champion\"",
        "alias = \"champion\"\nalais = \"x\"",
        &expect![[r#"
            error: unknown setting `deployments.fraud.alais`
            hint: did you mean `alias`? see tidemill.toml:41
        "#]],
    );
    check(
        "tidemill.toml",
        "name = \"fraud\"",
        "name = 5",
        &expect![[r#"
        error: `name`: expected a text in quotes, found the number 5
        hint: see tidemill.toml:4
    "#]],
    );
    check(
        "tidemill.toml",
        "train = \"7d\"",
        "train = \"7 fortnights\"",
        &expect![[r#"
            error: `models.fraud.train`: `7 fortnights` is not a duration: write 7d, 12h, 30m, 10s, 250ms or a sum such as 1d12h
            hint: see tidemill.toml:29
        "#]],
    );
    check(
        "tidemill.toml",
        "algorithm = \"xgboost\"",
        "algorithm = \"xgbost\"",
        &expect![[r#"
            error: `models.fraud.algorithm`: `xgbost` is not known
            hint: did you mean `xgboost`? see tidemill.toml:27
        "#]],
    );
    check(
        "tidemill.toml",
        "\"terminal_risk\"]",
        "\"terminal_risks\"]",
        &expect![[r#"
            error: `models.fraud.views` names the unknown feature view `terminal_risks`
            hint: did you mean `terminal_risk`? see tidemill.toml:26
        "#]],
    );
    check(
        "tidemill.toml",
        "name = \"fraud\"",
        "name = \"fraud",
        &expect![[r#"
        error: cannot read `tidemill.toml`: invalid basic string, expected `"`
        hint: see tidemill.toml:4
    "#]],
    );
}

fn headers() {
    check(
        "sql/features/customer_spending.sql",
        "-- lookback: 30d",
        "-- lokback: 30d",
        &expect![[r#"
            error: `sql/features/customer_spending.sql` has no header `lookback`
            hint: add the line `-- lookback: …`; see sql/features/customer_spending.sql:1
            error: a feature view has no header `lokback`
            hint: did you mean `lookback`? an empty line ends the header; see sql/features/customer_spending.sql:5
            2 faults in `DIR`
        "#]],
    );
    check(
        "sql/checks/amount_usual.sql",
        "severity: warn",
        "severity: wran",
        &expect![[r#"
            error: header `severity` cannot be `wran`
            hint: did you mean `warn`? see sql/checks/amount_usual.sql:4
        "#]],
    );
}

fn sql() {
    check(
        "sql/checks/amount_usual.sql",
        "TX_AMOUNT <= 220",
        "TX_AMUNT <= 220",
        &expect![[r#"
            error: check `amount_usual`: there is no column `TX_AMUNT`
            hint: did you mean `TX_AMOUNT`? see sql/checks/amount_usual.sql:9
        "#]],
    );
    check(
        "sql/features/customer_spending.sql",
        "sum(cents) over last_7_days",
        "summ(cents) over last_7_days",
        &expect![[r#"
            error: feature view `customer_spending`: Invalid function 'summ'
            hint: did you mean 'sum'? see sql/features/customer_spending.sql:29
        "#]],
    );
    check(
        "sql/features/terminal_risk.sql",
        "left join labels on",
        "left jion labels on",
        &expect![[r#"
            error: feature view `terminal_risk`: not valid SQL: expected OUTER, SEMI, ANTI or JOIN after LEFT
            hint: see sql/features/terminal_risk.sql:1
        "#]],
    );
    check(
        "sql/evaluation/known_cards.sql",
        "from evaluation_rows",
        "from evaluation_row",
        &expect![[r#"
            error: evaluation `known_cards`: there is no table `evaluation_row`
            hint: did you mean `evaluation_rows`? see sql/evaluation/known_cards.sql:19
        "#]],
    );
}

fn schema() {
    check(
        "schemas/labels.avsc",
        "\"long\"",
        "\"lnog\"",
        &expect![[r#"
        error: field `TRANSACTION_ID` has the unknown type `lnog`
        hint: did you mean `long`? see schemas/labels.avsc:7
    "#]],
    );
    check(
        "schemas/labels.avsc",
        "\"fields\": [",
        "\"fields\": ",
        &expect![[r#"
            error: cannot read `schemas/labels.avsc`: key must be a string at line 9 column 5
            hint: see schemas/labels.avsc:9
        "#]],
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
