use expect_test::{Expect, expect};

use super::house::empty_house;
use crate::validate;

fn check(text: &str, expected: &Expect) {
    let house = empty_house(&[("wrong", text)]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let faults = runtime.block_on(validate(&house.engine, &house.project)).unwrap();
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    expected.assert_eq(&lines.join("\n"));
}

const ROW: &str = "-- kind: row\n-- on: trips\n-- severity: fail\n\n";
const QUERY: &str = "-- kind: query\n-- on: trips\n-- severity: fail\n\n";

#[test]
fn checks_that_are_right_have_no_fault() {
    check(&format!("{ROW}KM > 2 -- far"), &expect![""]);
    check(&format!("{QUERY}select ID from trips where KM < 0"), &expect![""]);
    // The registry's tables are there before a registry is.
    check(
        &format!("{QUERY}select version, value from model_versions join run_metrics using (run_id)"),
        &expect![""],
    );
}

#[test]
fn a_row_check_is_boolean_over_the_columns_of_its_table() {
    check(
        &format!("{ROW}KM + 1"),
        &expect![[r"
        error: check `wrong` is Float64, not true or false
        hint: a row check is one boolean expression, as `TX_AMOUNT >= 0`; see sql/checks/wrong.sql:5"]],
    );
    check(
        &format!("{ROW}KM > 2\n  and KMS > 3"),
        &expect![[r"
        error: check `wrong`: there is no column `KMS`
        hint: did you mean `KM`? see sql/checks/wrong.sql:7"]],
    );
    check(
        &format!("{ROW}KM > 2 and"),
        &expect![[r"
        error: check `wrong`: not valid SQL: Expected: an expression, found: )
        hint: see sql/checks/wrong.sql:6"]],
    );
    check(
        &format!("{ROW}KM > 'far'"),
        &expect![[r"
        error: check `wrong`: the query failed on its data: Cannot cast string 'far' to value of Float64 type
        hint: see sql/checks/wrong.sql:5"]],
    );
    check(
        &format!("{ROW}KM_3 > 2"),
        &expect![[r"
        error: check `wrong`: there is no column `KM_3`
        hint: there are ID, AT, KM, _tm_topic, _tm_partition, _tm_offset, _tm_kafka_time, _tm_late; see sql/checks/wrong.sql:6"]],
    );
}

#[test]
fn a_query_check_reads() {
    check(
        &format!("{QUERY}select ID\nfrom trip"),
        &expect![[r"
        error: check `wrong`: there is no table `trip`
        hint: did you mean `trips`? see sql/checks/wrong.sql:7"]],
    );
    check(
        &format!("{QUERY}delete from trips"),
        &expect![[r"
        error: check `wrong`: only reading SQL is answered: DML not supported: Delete
        hint: tables are written by ingest alone; write a `select`, `show tables` or `explain`; see sql/checks/wrong.sql:5"]],
    );
}
