use expect_test::{Expect, expect};
use tidemill_types::Explain;

use super::bench_lake::{catalog, settings, view};
use crate::{Engine, EngineError, Position};

/// Prints what planning `sql` says: code, message, place, hint. No lake is needed for that.
fn check(sql: &str, expected: &Expect) {
    let views = vec![
        view(
            "spending",
            "select\n    TRANSACTION_ID,\n    sum(TX_AMOUNT) over () as total\nfrom transactions",
        ),
        view(
            "broken",
            "select\n    TRANSACTION_ID,\n    TX_AMUONT\nfrom transactions",
        ),
        view("snake", "select * from tail"),
        view("tail", "select * from snake"),
    ];
    let engine = Engine::new(settings(), None, None, catalog(views)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let printed = match runtime.block_on(engine.plan(sql)) {
        Ok(schema) => {
            let columns = schema
                .fields()
                .iter()
                .map(|field| format!("{} {}", field.name(), field.data_type()));
            columns.collect::<Vec<_>>().join(", ")
        }
        Err(error) => describe(&error),
    };
    expected.assert_eq(&printed);
}

fn describe(error: &EngineError) -> String {
    let problem = error.problem();
    let mut text = format!("{}: {}", problem.code, problem.message);
    if let Some(Position { line, column }) = error.position() {
        text.push_str(&format!(" at {line}:{column}"));
    }
    if let Some(hint) = problem.hint {
        text.push_str(&format!("\n  {hint}"));
    }
    text
}

#[test]
fn upper_case_columns_need_no_quotes_and_functions_have_no_case() {
    check(
        "select TX_AMOUNT, CustomerCount from (SELECT TX_AMOUNT, Count(*) AS CustomerCount FROM transactions GROUP BY 1)",
        &expect!["TX_AMOUNT Float64, CustomerCount Int64"],
    );
    check(
        "select SUM(total) as s from tidemill.public.spending",
        &expect!["s Float64"],
    );
}

#[test]
fn names_that_do_not_exist_come_with_the_nearest_and_their_place() {
    check(
        "select tx_amount from transactions",
        &expect![[r"
        invalid_input: there is no column `tx_amount` at 1:8
          did you mean `TX_AMOUNT`? column names keep their case"]],
    );
    check(
        "select t.TX_AMUONT\nfrom transactions as t",
        &expect![[r"
        invalid_input: there is no column `t.TX_AMUONT` at 1:8
          did you mean `TX_AMOUNT`?"]],
    );
    check(
        "select 1\nfrom transaction",
        &expect![[r"
        invalid_input: there is no table `transaction` at 2:6
          did you mean `transactions`?"]],
    );
    check(
        "select zebra from transactions",
        &expect![[r"
        invalid_input: there is no column `zebra` at 1:8
          there are TRANSACTION_ID, TX_DATETIME, CUSTOMER_ID, TX_AMOUNT, _tm_topic, _tm_partition, _tm_offset, _tm_kafka_time, _tm_late"]],
    );
    check(
        "select summ(TX_AMOUNT) from transactions",
        &expect![[r"
        invalid_input: Invalid function 'summ' at 1:8
          did you mean 'sum'?"]],
    );
    check(
        "select total from\n  broken",
        &expect![[r"
        invalid_input: view `broken` cannot be planned: there is no column `TX_AMUONT` at 3:5
          did you mean `TX_AMOUNT`?"]],
    );
    check(
        "select * from snake",
        &expect![[r"
        invalid_input: view `snake` reads itself: snake → tail → snake
          let one of them read the stream itself"]],
    );
    check(
        "select TX_AMOUNT from transactions where TX_DATE > now()",
        &expect![[r"
            invalid_input: there is no column `TX_DATE` at 1:42
              did you mean `TX_DATETIME`?"]],
    );
}

#[test]
fn what_is_no_sql_says_where() {
    check(
        "selec 1",
        &expect!["invalid_input: not valid SQL: Expected: an SQL statement, found: selec at 1:1"],
    );
    check(
        "select 1 from\nwhere",
        &expect![[r"
        invalid_input: there is no table `where` at 2:1
          `show tables` lists the tables"]],
    );
    check(
        "",
        &expect![[r"
        invalid_input: one statement is answered at a time, this text holds 0
          send the statements one by one"]],
    );
    check(
        "select 1; select 2",
        &expect![[r"
        invalid_input: one statement is answered at a time, this text holds 2
          send the statements one by one"]],
    );
    check(
        "select 'open",
        &expect!["invalid_input: not valid SQL: Unterminated string literal at 1:8"],
    );
    check(
        "select TX_AMOUNT + TX_DATETIME from transactions",
        &expect![[
            r#"invalid_input: Cannot coerce arithmetic expression Float64 + Timestamp(µs, "UTC") to valid types at 1:8"#
        ]],
    );
    check(
        "select CUSTOMER_ID, count(*) from transactions",
        &expect![[r"
            invalid_input: 'transactions.CUSTOMER_ID' must appear in GROUP BY clause because it's not an aggregate expression at 1:8
              Either add 'transactions.CUSTOMER_ID' to GROUP BY clause, or use an aggregate function like ANY_VALUE(transactions.CUSTOMER_ID)"]],
    );
}

#[test]
fn nothing_is_written_and_no_file_is_read() {
    for sql in [
        "create table t as select 1",
        "create external table t stored as csv location '/etc/passwd'",
        "create view v as select 1",
        "drop table transactions",
        "insert into transactions select * from transactions",
        "delete from transactions",
        "update transactions set TX_AMOUNT = 0",
        "copy (select 1) to '/tmp/x.csv'",
        "copy transactions to '/tmp/x.csv'",
        "explain analyze insert into transactions select * from transactions",
        "set datafusion.execution.batch_size = 1",
        "prepare p as select 1",
        "begin",
        "truncate table transactions",
    ] {
        let engine = Engine::new(settings(), None, None, catalog(Vec::new())).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let error = runtime.block_on(engine.plan(sql)).expect_err(sql);
        let refused = matches!(error, EngineError::Writes { .. } | EngineError::Statement { .. });
        assert!(refused, "{sql}: {error:?}");
    }
    check(
        "insert into transactions select * from transactions",
        &expect![[r"
        invalid_input: only reading SQL is answered: DML not supported: Insert Into
          tables are written by ingest alone; write a `select`, `show tables` or `explain`"]],
    );
    check(
        "copy (select 1) to '/tmp/x.csv'",
        &expect![[r"
        invalid_input: only reading SQL is answered: DML not supported: COPY
          tables are written by ingest alone; write a `select`, `show tables` or `explain`"]],
    );
    check(
        "select * from '/etc/passwd'",
        &expect![[r"
        invalid_input: there is no table `/etc/passwd` at 1:16
          `show tables` lists the tables"]],
    );
    check(
        "select * from read_csv('/etc/passwd')",
        &expect!["invalid_input: table function 'read_csv' not found"],
    );
}
