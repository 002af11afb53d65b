//! What is wrong in the headers of SQL files.

use expect_test::{Expect, expect};

use super::{faults, load};
use crate::Overrides;

fn check(file: &str, text: &str, expected: &Expect) {
    expected.assert_eq(&faults(&[(file, text)], &Overrides::default()));
}

#[test]
fn features() {
    let file = "sql/features/distance.sql";
    check(
        file,
        "select 1",
        &expect![[r"
            error: `sql/features/distance.sql` has no header
            hint: begin it with `-- feature view: …`, `-- entity: …`, `-- key: …`, `-- event time: …`, `-- lookback: …`; see sql/features/distance.sql:1
        "]],
    );
    check(
        file,
        "-- feature view: distance\n-- entity: trip\n-- keys: ID\n-- event time: AT\n\nselect 1",
        &expect![[r"
            error: `sql/features/distance.sql` has no header `key`
            hint: add the line `-- key: …`; see sql/features/distance.sql:1
            error: `sql/features/distance.sql` has no header `lookback`
            hint: add the line `-- lookback: …`; see sql/features/distance.sql:1
            error: a feature view has no header `keys`
            hint: did you mean `key`? an empty line ends the header; see sql/features/distance.sql:3
        "]],
    );
    check(
        file,
        "-- feature view: speed\n-- entity: Trip\n-- key: ID, 2\n-- event time: AT\n-- lookback: long\n-- lookback: 7d\n-- severity: fail\n\nselect 1",
        &expect![[r"
            error: feature view `speed` stands in a file of another name
            hint: name the file `speed.sql`, or the feature view `distance`; see sql/features/distance.sql:1
            error: header `entity`: `Trip` is no entity name: a lower-case letter or `_`, then lower-case letters, digits or `_`
            hint: see sql/features/distance.sql:2
            error: header `key`: `2` is no column name: a letter or `_`, then letters, digits or `_`
            hint: see sql/features/distance.sql:3
            error: header `lookback`: `long` is not a duration: write 7d, 12h, 30m, 10s, 250ms or a sum such as 1d12h
            hint: see sql/features/distance.sql:5
            error: header `lookback` stands twice
            hint: see sql/features/distance.sql:6
            error: a feature view has no header `severity`
            hint: `severity` belongs to files in sql/checks; see sql/features/distance.sql:7
        "]],
    );
    check(
        file,
        "-- feature view: distance\n-- entity: trip\n-- key: NR\n-- event time: AT\n-- lookback: 0s\nselect 1",
        &expect![[r"
            error: model `tip` joins feature view `distance` by `NR`, which stream `trips` lacks
            hint: there is `ID`, `AT`, `ENDED`, `KM`; see sql/features/distance.sql:3
        "]],
    );
}

#[test]
fn statements() {
    let header = "-- feature view: distance\n-- entity: trip\n-- key: ID\n-- event time: AT\n-- lookback: 0s\n";
    let file = "sql/features/distance.sql";
    check(
        file,
        header,
        &expect![[r"
            error: `sql/features/distance.sql` has no statement
            hint: see sql/features/distance.sql:5
        "]],
    );
    check(
        file,
        &format!("{header}select 1;\nselect 2;\n"),
        &expect![[r"
            error: `sql/features/distance.sql` has more than one statement
            hint: see sql/features/distance.sql:7
        "]],
    );
    check(
        file,
        &format!("{header}\nselect 'open\n"),
        &expect![[r"
            error: `sql/features/distance.sql` has a quote or comment that is not closed
            hint: see sql/features/distance.sql:7
        "]],
    );
}

#[test]
fn checks() {
    let file = "sql/checks/km_positive.sql";
    check(
        file,
        "-- check: km_positive\n-- kind: rows\n-- on: trip\n-- severity: error\n-- mostly: 1.5\n-- nulls: ok\nKM > 0",
        &expect![[r"
            error: header `kind` cannot be `rows`
            hint: did you mean `row`? see sql/checks/km_positive.sql:2
            error: header `severity` cannot be `error`
            hint: there is `warn`, `quarantine`, `fail`; see sql/checks/km_positive.sql:4
            error: check `km_positive`: `mostly` is a share of rows
            hint: write a number above 0 and up to 1, as 0.99; see sql/checks/km_positive.sql:5
            error: header `nulls` cannot be `ok`
            hint: there is `break`, `pass`; see sql/checks/km_positive.sql:6
        "]],
    );
    check(
        file,
        "-- check: km_positive\n-- kind: query\n-- on: trips\n-- severity: quarantine\n-- nulls: pass\nselect 1",
        &expect![[r"
            error: check `km_positive`: only row checks can quarantine rows
            hint: write warn or fail; see sql/checks/km_positive.sql:4
            error: check `km_positive`: `nulls` is for row checks
            hint: say it in the query; see sql/checks/km_positive.sql:5
        "]],
    );
    check(
        file,
        "-- check: km_positive\n-- kind: row\n-- on: trip\nKM > 0",
        &expect![[r"
            error: check `km_positive` is on `trip`, which is no stream or feature view
            hint: did you mean `trips`? see sql/checks/km_positive.sql:3
        "]],
    );
}

#[test]
fn a_statement_keeps_its_lines_and_says_what_it_is() {
    let text = "-- check: km_positive\r\n-- kind: row\r\n-- on: trips\r\n-- nulls: pass\r\n--\r\n-- Trips go\r\n-- somewhere: always.\r\n\r\nKM > 0 ;\r\n";
    let project = load(&[("sql/checks/km_positive.sql", text)], &Overrides::default()).unwrap();
    let check = &project.checks[0];
    assert_eq!(check.header_lines, 4);
    assert_eq!(check.description.as_deref(), Some("Trips go somewhere: always."));
    assert_eq!(check.sql.lines().nth(8), Some("KM > 0"));
    assert!(check.sql.ends_with('\n') && check.nulls_pass);
    assert_eq!(check.sha256.len(), 64);
}
