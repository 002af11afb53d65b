use std::path::Path;

use expect_test::{Expect, expect};
use tempfile::TempDir;
use tidemill_project::{Overrides, Project};

use super::house::{engine, repository};
use crate::validate;

/// The repository's project with some files written anew, as `tidemill validate` sees it before anything landed.
fn check(changes: &[(&str, &str)], expected: &Expect) {
    let folder = TempDir::new().unwrap();
    for part in ["tidemill.toml", "schemas", "sql"] {
        copy(&repository().join(part), &folder.path().join(part));
    }
    for (file, text) in changes {
        std::fs::write(folder.path().join(file), text).unwrap();
    }
    let project = Project::load(folder.path(), &Overrides::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let faults = runtime.block_on(validate(&engine(&project, None), &project)).unwrap();
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    expected.assert_eq(&lines.join("\n"));
}

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        std::fs::copy(from, to).unwrap();
        return;
    }
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name();
        copy(&from.join(&name), &to.join(&name));
    }
}

const HEADER: &str = "-- feature view: transaction_context\n-- entity: transaction\n-- key: TRANSACTION_ID\n\
                      -- event time: TX_DATETIME\n-- lookback: 0s\n\n";
const FILE: &str = "sql/features/transaction_context.sql";

fn check_view(sql: &str, expected: &Expect) {
    check(&[(FILE, &format!("{HEADER}{sql}"))], expected);
}

#[test]
fn the_repositorys_project_is_valid_before_anything_landed() {
    check(&[], &expect![]);
}

#[test]
fn a_view_is_planned_and_its_columns_looked_at() {
    check_view(
        "select TRANSACTION_ID,\n  TX_DATETIME,\n  TX_AMUONT\nfrom transactions",
        &expect![[r"
            error: feature view `transaction_context`: there is no column `TX_AMUONT`
            hint: did you mean `TX_AMOUNT`? see sql/features/transaction_context.sql:9"]],
    );
    check_view(
        "select TRANSACTION_ID, TX_DATETIME, TX_AMOUNT\nfrom payments",
        &expect![[r#"
            error: feature view `transaction_context`: there is no table `payments`
            hint: did you mean `deployments`? see sql/features/transaction_context.sql:8"#]],
    );
    check_view(
        "select TRANSACTION_ID, TX_AMOUNT from transactions",
        &expect![[r"
        error: feature view `transaction_context` has no column `TX_DATETIME`
        hint: its header names the key and the event time; the query must give both; see sql/features/transaction_context.sql:1"]],
    );
    check_view(
        "select TRANSACTION_ID, TX_DATETIME from transactions",
        &expect![[r"
        error: feature view `transaction_context` has no feature
        hint: let the query give columns beside the key and the event time; see sql/features/transaction_context.sql:1"]],
    );
    check_view(
        "select TRANSACTION_ID, TX_AMOUNT as TX_DATETIME, 1 as one from transactions",
        &expect![[r"
            error: feature view `transaction_context`: its event time `TX_DATETIME` is Float64
            hint: name a column of instants in the header, as `-- event time: TX_DATETIME`; see sql/features/transaction_context.sql:1"]],
    );
    check_view(
        "select TRANSACTION_ID, TX_DATETIME, TX_AMOUNT * 2 from transactions",
        &expect![[r"
            error: feature view `transaction_context` has a column called `transactions.TX_AMOUNT * Int64(2)`
            hint: give the expression a name with `as`; see sql/features/transaction_context.sql:1"]],
    );
    check_view(
        "select TRANSACTION_ID, TX_DATETIME, _tm_topic as topic from transactions",
        &expect![[r"
            error: model `fraud`: feature `topic` of view `transaction_context` is Utf8
            hint: models take numbers: cast it, or name the model's `features` without it; see sql/features/transaction_context.sql:1"]],
    );
    check_view(
        "select TRANSACTION_ID, TX_DATETIME, sum(TX_AMOUNT) as total from transactions",
        &expect![[r"
            error: feature view `transaction_context`: 'transactions.TRANSACTION_ID' must appear in GROUP BY clause because it's not an aggregate expression
            hint: Either add 'transactions.TRANSACTION_ID' to GROUP BY clause, or use an aggregate function like ANY_VALUE(transactions.TRANSACTION_ID); see sql/features/transaction_context.sql:7"]],
    );
    check_view(
        "select TRANSACTION_ID,, from transactions",
        &expect![[r"
        error: feature view `transaction_context`: not valid SQL: Expected: an expression, found: ,
        hint: see sql/features/transaction_context.sql:7"]],
    );
}

#[test]
fn a_models_features_exist_once_and_are_numbers() {
    let toml = std::fs::read_to_string(repository().join("tidemill.toml")).unwrap();
    let with = |line: &str| toml.replace("[models.fraud]\n", &format!("[models.fraud]\n{line}\n"));
    check(
        &[("tidemill.toml", &with("features = [\"TX_AMOUNT\", \"TX_AMUONT\"]"))],
        &expect![[r#"
            error: model `fraud`: no view of it gives the feature `TX_AMUONT`
            hint: did you mean `TX_AMOUNT`? see tidemill.toml:24"#]],
    );
    let twice = "select TRANSACTION_ID, TX_DATETIME, 1 as TERMINAL_ID_RISK_1DAY_WINDOW from transactions";
    check_view(
        twice,
        &expect![[r"
        error: model `fraud`: views `terminal_risk` and `transaction_context` both give `TERMINAL_ID_RISK_1DAY_WINDOW`
        hint: rename it in one of them; see sql/features/transaction_context.sql:1"]],
    );
    let label = "select t.TRANSACTION_ID, t.TX_DATETIME, l.TX_FRAUD from transactions t \
                 join labels l on l.TRANSACTION_ID = t.TRANSACTION_ID";
    check_view(
        label,
        &expect![[r"
        error: model `fraud`: view `transaction_context` gives the label `TX_FRAUD` as a feature
        hint: leave it out of the view; see sql/features/transaction_context.sql:1"]],
    );
}

#[test]
fn an_evaluation_is_planned_with_its_rows_and_parameters() {
    let file = "sql/evaluation/known_cards.sql";
    let header = "-- evaluation: known_cards\n\n";
    let check = |sql: &str, expected: Expect| check(&[(file, &format!("{header}{sql}"))], &expected);
    check(
        "select TRANSACTION_ID from evaluation_rows where score > 0.5 and TX_DATETIME >= $evaluate_from and TX_FRAUD = 1",
        expect![],
    );
    check(
        "select TRANSACTION_ID\nfrom evaluation_rows\nwhere scor > 0.5",
        expect![[r"
            error: evaluation `known_cards`: there is no column `scor`
            hint: did you mean `score`? see sql/evaluation/known_cards.sql:5"]],
    );
    check(
        "select CUSTOMER_ID from evaluation_rows",
        expect![[r"
        error: evaluation `known_cards` does not give the key column `TRANSACTION_ID`
        hint: select the key of `evaluation_rows`: rows that count are found by it; see sql/evaluation/known_cards.sql:1"]],
    );
    check(
        "select TRANSACTION_ID from evaluation_rows where TX_DATETIME > $train_end",
        expect![[r"
            error: evaluation `known_cards`: No value found for placeholder with name $train_end
            hint: see sql/evaluation/known_cards.sql:1"]],
    );
}
