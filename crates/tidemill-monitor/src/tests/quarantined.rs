use expect_test::expect;

use super::house::empty_house;
use crate::{CheckSelection, quarantine_conditions};

#[test]
fn only_row_checks_that_quarantine_become_conditions() {
    let house = empty_house(&[
        ("far", "-- kind: row\n-- on: trips\n-- severity: fail\n\nKM > 2"),
        (
            "known",
            "-- kind: row\n-- on: trips\n-- severity: quarantine\n\nKM is not null",
        ),
        (
            "sane",
            "-- kind: row\n-- on: trip_length\n-- severity: quarantine\n-- nulls: pass\n\nKM_3 > 0",
        ),
    ]);
    let conditions = quarantine_conditions(&house.project, CheckSelection::All).unwrap();
    let lines = conditions
        .iter()
        .map(|condition| format!("{} on {}:\n{}", condition.check, condition.on, condition.expression));
    expect![[r"
        known on trips:
        ((-- check: known
        -- kind: row
        -- on: trips
        -- severity: quarantine

        KM is not null
        ) is true)
        sane on trip_length:
        ((-- check: sane
        -- kind: row
        -- on: trip_length
        -- severity: quarantine
        -- nulls: pass

        KM_3 > 0
        ) is not false)"]]
    .assert_eq(&lines.collect::<Vec<_>>().join("\n"));
}
