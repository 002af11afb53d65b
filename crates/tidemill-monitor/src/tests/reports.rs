use expect_test::{Expect, expect};
use tidemill_types::{CheckName, Explain, Micros, TimeRange};

use super::house::{hour, house};
use crate::{CheckReport, CheckSelection, MonitorError, run_checks};

async fn report(checks: &[(&str, &str)], range: TimeRange, as_of: Option<Micros>) -> Result<CheckReport, MonitorError> {
    let house = house(checks).await;
    run_checks(&house.engine, &house.project, CheckSelection::All, range, as_of).await
}

/// One line a check: rows, broken rows, verdict, and the ids of the sample.
fn lines(report: &CheckReport) -> String {
    let lines = report.outcomes.iter().map(|outcome| {
        let ids: Vec<String> = outcome.sample.iter().map(|row| row["ID"].to_string()).collect();
        let verdict = if outcome.passed { "passed" } else { "failed" };
        let (check, rows, broken) = (&outcome.check, outcome.rows, outcome.broken);
        format!("{check}: {broken} of {rows} {verdict} [{}]", ids.join(" "))
    });
    lines.collect::<Vec<_>>().join("\n")
}

async fn check(checks: &[(&str, &str)], range: TimeRange, expected: &Expect) {
    expected.assert_eq(&lines(&report(checks, range, None).await.unwrap()));
}

const CHECKS: [(&str, &str); 7] = [
    (
        "far",
        "-- kind: row\n-- on: trips\n-- severity: fail\n\nKM > 2 -- as the crow flies",
    ),
    (
        "far_or_unknown",
        "-- kind: row\n-- on: trips\n-- severity: fail\n-- nulls: pass\n\nKM > 2",
    ),
    (
        "mostly_far",
        "-- kind: row\n-- on: trips\n-- severity: warn\n-- mostly: 0.6\n\nKM > 2",
    ),
    (
        "near",
        "-- kind: row\n-- on: trips\n-- severity: quarantine\n\nKM < 100 or KM is null",
    ),
    (
        "sum_small",
        "-- kind: row\n-- on: trip_length\n-- severity: fail\n\nKM_3 < 20",
    ),
    (
        "no_nulls",
        "-- kind: query\n-- on: trips\n-- severity: fail\n\nselect ID, KM from trips where KM is null",
    ),
    (
        "sums_known",
        "-- kind: query\n-- on: trip_length\n-- severity: warn\n\nselect l.ID from trip_length l\n\
         left join trips t on t.ID = l.ID where t.ID is null",
    ),
];

#[tokio::test]
async fn checks_count_what_breaks_them() {
    check(
        &CHECKS,
        TimeRange::ALL,
        &expect![[r"
        far: 4 of 10 failed [0 2 4 1]
        far_or_unknown: 3 of 10 failed [0 2 1]
        mostly_far: 4 of 10 passed [0 2 4 1]
        near: 0 of 10 passed []
        no_nulls: 1 of 10 failed [4]
        sum_small: 2 of 10 failed [8 9]
        sums_known: 0 of 10 passed []"]],
    )
    .await;
}

#[tokio::test]
async fn only_the_window_counts_and_a_view_reaches_back_behind_it() {
    check(
        &CHECKS,
        TimeRange::new(hour(3), hour(9)),
        &expect![[r"
        far: 1 of 6 failed [4]
        far_or_unknown: 0 of 6 passed []
        mostly_far: 1 of 6 passed [4]
        near: 0 of 6 passed []
        no_nulls: 1 of 6 failed [4]
        sum_small: 1 of 6 failed [8]
        sums_known: 0 of 6 passed []"]],
    )
    .await;
    check(
        &CHECKS,
        TimeRange::new(hour(50), hour(60)),
        &expect![[r"
        far: 0 of 0 passed []
        far_or_unknown: 0 of 0 passed []
        mostly_far: 0 of 0 passed []
        near: 0 of 0 passed []
        no_nulls: 0 of 0 passed []
        sum_small: 0 of 0 passed []
        sums_known: 0 of 0 passed []"]],
    )
    .await;
}

#[tokio::test]
async fn what_was_not_known_is_not_checked() {
    let report = report(&CHECKS[..1], TimeRange::ALL, Some(hour(3))).await.unwrap();
    expect!["far: 3 of 4 failed [0 2 1]"].assert_eq(&lines(&report));
}

#[tokio::test]
async fn only_fail_stops_training() {
    for (severity, stops) in [("warn", false), ("quarantine", false), ("fail", true)] {
        let text = format!("-- kind: row\n-- on: trips\n-- severity: {severity}\n\nKM < 5");
        let report = report(&[("short", &text)], TimeRange::ALL, None).await.unwrap();
        assert!(!report.passed(), "{severity}");
        assert_eq!(report.stops_training(), stops, "{severity}");
    }
}

#[tokio::test]
async fn a_report_names_the_rows() {
    let checks = [(
        "short",
        "-- kind: row\n-- on: trips\n-- severity: fail\n\n-- what\nKM < 9",
    )];
    let report = report(&checks, TimeRange::new(hour(8), hour(20)), None).await.unwrap();
    expect![[r#"
        {
          "window": {
            "from": "2024-01-01T08:00:00Z",
            "to": "2024-01-01T20:00:00Z"
          },
          "outcomes": [
            {
              "check": "short",
              "kind": "row",
              "on": "trips",
              "severity": "fail",
              "description": "what",
              "rows": 2,
              "broken": 1,
              "broken_share": 0.5,
              "mostly": 1.0,
              "passed": false,
              "sample": [
                {
                  "AT": "2024-01-01T09:00:00Z",
                  "ID": 9,
                  "KM": 9.0,
                  "_tm_kafka_time": "2024-01-01T09:00:00Z",
                  "_tm_late": false,
                  "_tm_offset": 4,
                  "_tm_partition": 1,
                  "_tm_topic": "trips"
                }
              ]
            }
          ]
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&report).unwrap());
}

#[tokio::test]
async fn a_sample_has_a_limit() {
    let checks = [
        ("never", "-- kind: row\n-- on: trips\n-- severity: fail\n\nfalse"),
        (
            "pairs",
            "-- kind: query\n-- on: trips\n-- severity: fail\n\nselect a.ID from trips a cross join trips b order by 1",
        ),
    ];
    check(
        &checks,
        TimeRange::ALL,
        &expect![[r"
        never: 10 of 10 failed [0 2 4 6 8 1 3 5 7 9]
        pairs: 100 of 10 failed [0 0 0 0 0 0 0 0 0 0]"]],
    )
    .await;
}

#[tokio::test]
async fn a_check_that_cannot_be_answered_is_an_error_that_names_it() {
    let checks = [
        ("fine", "-- kind: row\n-- on: trips\n-- severity: fail\n\nKM > 2"),
        (
            "divides",
            "-- kind: row\n-- on: trips\n-- severity: fail\n\n1 / (ID - 5) > 0",
        ),
    ];
    let problem = report(&checks, TimeRange::ALL, None).await.unwrap_err().problem();
    expect![[r"
        invalid_input: check `divides` could not be answered: the query failed on its data: division by zero
        see sql/checks/divides.sql:5"]]
    .assert_eq(&format!(
        "{}: {}\n{}",
        problem.code,
        problem.message,
        problem.hint.unwrap_or_default()
    ));

    let house = house(&checks).await;
    let names = [CheckName::new("fien").unwrap()];
    let selection = CheckSelection::Named(&names);
    let unknown = run_checks(&house.engine, &house.project, selection, TimeRange::ALL, None).await;
    let problem = unknown.unwrap_err().problem();
    expect![[r"
        not_found: there is no check `fien`
        there is divides, fine"]]
    .assert_eq(&format!(
        "{}: {}\n{}",
        problem.code,
        problem.message,
        problem.hint.unwrap_or_default()
    ));

    let names = [CheckName::new("fine").unwrap()];
    let selection = CheckSelection::Named(&names);
    let chosen = run_checks(&house.engine, &house.project, selection, TimeRange::ALL, None)
        .await
        .unwrap();
    assert_eq!(chosen.outcomes.len(), 1);
}
