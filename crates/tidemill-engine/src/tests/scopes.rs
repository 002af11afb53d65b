use std::collections::BTreeMap;

use arrow::util::pretty::pretty_format_batches;
use expect_test::{Expect, expect};
use tidemill_types::{Micros, TimeRange};

use super::bench_lake::{DAY, START, append, column, house, table, transactions, view};
use crate::{Parameter, Rows, Scope, ScopedSession, TableBounds};

async fn check(session: &ScopedSession, sql: &str, expected: &Expect) {
    let rows = session.query(sql).await.unwrap();
    expected.assert_eq(&pretty_format_batches(&rows.batches).unwrap().to_string());
}

const COUNT: &str = "select count(*) as n, min(TRANSACTION_ID) as first, max(TRANSACTION_ID) as last from transactions";

#[tokio::test]
async fn a_scope_bounds_what_is_seen_also_through_views() {
    let house = house(vec![view(
        "doubled",
        "select TRANSACTION_ID, 2 * TX_AMOUNT as twice from transactions",
    )])
    .await;
    let hours = |hour: i64| Micros(START + hour * DAY / 24);
    let bounds = TableBounds {
        column: column("TX_DATETIME"),
        range: TimeRange::new(hours(5), hours(9)),
    };
    let scope = Scope {
        bounds: BTreeMap::from([(table("transactions"), bounds)]),
        ..Scope::default()
    };
    let session = house.engine.scope(scope).await.unwrap();
    check(
        &session,
        COUNT,
        &expect![[r"
        +---+-------+------+
        | n | first | last |
        +---+-------+------+
        | 4 | 5     | 8    |
        +---+-------+------+"]],
    )
    .await;
    check(
        &session,
        "select count(*) as n, max(twice) as most from doubled",
        &expect![[r"
            +---+-------+
            | n | most  |
            +---+-------+
            | 4 | 160.0 |
            +---+-------+"]],
    )
    .await;
    check(
        &session,
        "select count(*) as n from labels",
        &expect![[r"
        +----+
        | n  |
        +----+
        | 12 |
        +----+"]],
    )
    .await;
}

#[tokio::test]
async fn a_scope_sees_what_was_known() {
    let house = house(Vec::new()).await;
    let scope = Scope {
        known_before: Some(Micros(START + 7 * DAY + 2 * DAY / 24)),
        ..Scope::default()
    };
    let session = house.engine.scope(scope).await.unwrap();
    check(
        &session,
        COUNT,
        &expect![[r"
        +----+-------+------+
        | n  | first | last |
        +----+-------+------+
        | 20 | 0     | 19   |
        +----+-------+------+"]],
    )
    .await;
    check(
        &session,
        "select count(*) as n, max(TRANSACTION_ID) as last from labels",
        &expect![[r"
            +---+------+
            | n | last |
            +---+------+
            | 3 | 2    |
            +---+------+"]],
    )
    .await;
}

#[tokio::test]
async fn a_session_reads_one_snapshot_and_a_new_one_the_newest() {
    let house = house(Vec::new()).await;
    let old = house.engine.scope(Scope::default()).await.unwrap();
    old.open(&[table("transactions"), table("nothing")]).await.unwrap();
    let version = append(&house.lake, "transactions", transactions(20..30)).await;
    check(
        &old,
        COUNT,
        &expect![[r"
        +----+-------+------+
        | n  | first | last |
        +----+-------+------+
        | 20 | 0     | 19   |
        +----+-------+------+"]],
    )
    .await;
    assert_eq!(
        old.read_versions().await,
        BTreeMap::from([(table("transactions"), version - 1)])
    );

    let new = house.engine.scope(Scope::default()).await.unwrap();
    check(
        &new,
        COUNT,
        &expect![[r"
        +----+-------+------+
        | n  | first | last |
        +----+-------+------+
        | 30 | 0     | 29   |
        +----+-------+------+"]],
    )
    .await;

    let pinned = Scope {
        versions: old.read_versions().await,
        ..Scope::default()
    };
    let pinned = house.engine.scope(pinned).await.unwrap();
    check(
        &pinned,
        COUNT,
        &expect![[r"
        +----+-------+------+
        | n  | first | last |
        +----+-------+------+
        | 20 | 0     | 19   |
        +----+-------+------+"]],
    )
    .await;
}

#[tokio::test]
async fn a_session_brings_tables_and_parameters_along() {
    let house = house(Vec::new()).await;
    let scope = Scope {
        tables: BTreeMap::from([(table("scored"), Rows::from(transactions(3..6)))]),
        parameters: BTreeMap::from([
            ("from".to_owned(), Parameter::Time(Micros(START + 4 * DAY / 24))),
            ("factor".to_owned(), Parameter::Integer(3)),
            ("share".to_owned(), Parameter::Number(0.5)),
            ("word".to_owned(), Parameter::Text("x".to_owned())),
        ]),
        ..Scope::default()
    };
    let session = house.engine.scope(scope).await.unwrap();
    let sql = "select scored.TRANSACTION_ID * $factor as id, $share as share, $word as word \
               from scored join transactions on scored.TRANSACTION_ID = transactions.TRANSACTION_ID \
               where scored.TX_DATETIME >= $from order by 1";
    check(
        &session,
        sql,
        &expect![[r"
        +----+-------+------+
        | id | share | word |
        +----+-------+------+
        | 12 | 0.5   | x    |
        | 15 | 0.5   | x    |
        +----+-------+------+"]],
    )
    .await;
    let missing = session.query("select $other").await.unwrap_err();
    expect!["No value found for placeholder with name $other"].assert_eq(&missing.to_string());
}

#[tokio::test]
async fn every_table_is_listed_with_its_columns() {
    let house = house(vec![
        view("fine", "select 1 as one"),
        view("broken", "select nothing from transactions"),
    ])
    .await;
    let tables = house.engine.tables().await.unwrap();
    let lines = tables
        .iter()
        .map(|table| format!("{} {:?} {} columns", table.name, table.kind, table.columns.len()));
    expect![[r#"
        transactions Stream 9 columns
        labels Stream 7 columns
        fine View 1 columns
        broken View 0 columns
        dead_letters DeadLetters 11 columns
        transactions_dead_letters DeadLetters 10 columns
        labels_dead_letters DeadLetters 10 columns
        drift Monitoring 24 columns
        performance Monitoring 14 columns
        experiments Registry 3 columns
        runs Registry 11 columns
        run_params Registry 3 columns
        run_tags Registry 3 columns
        run_metrics Registry 6 columns
        run_metric_points Registry 6 columns
        artifacts Registry 5 columns
        training_inputs Registry 7 columns
        stream_ranges Registry 6 columns
        models Registry 5 columns
        model_versions Registry 10 columns
        aliases Registry 6 columns
        alias_events Registry 7 columns
        deployments Registry 12 columns
        trigger_firings Registry 15 columns
        event_clock Registry 4 columns
        audit_log Registry 9 columns"#]]
    .assert_eq(&lines.collect::<Vec<_>>().join("\n"));
}
