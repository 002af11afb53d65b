//! Projects that `init` writes.

use std::path::Path;

use expect_test::expect;
use tidemill_types::{ColumnName, ErrorCode, Explain, StreamName};

use super::write;
use crate::{ColumnProposal, Overrides, Project, StreamProposal, StreamSchema, init, init_from};

#[test]
fn a_written_project_loads_and_is_not_overwritten() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("new/fraud");
    let files = init(&dir, false).unwrap();
    assert!(files.contains(&Path::new(".gitignore").to_owned()));
    let project = Project::load(&dir, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(project.views.len(), 3);
    let again = init(&dir, false).unwrap_err();
    assert_eq!(again.code(), ErrorCode::Conflict);
    assert!(again.to_string().contains("`tidemill.toml`"), "{again}");
    write(&dir, ".gitignore", "mine\n");
    init(&dir, true).unwrap();
    assert_eq!(std::fs::read_to_string(dir.join(".gitignore")).unwrap(), "mine\n");
}

#[test]
fn nothing_is_written_beside_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "sql/features/terminal_risk.sql", "mine");
    assert!(init(dir.path(), false).is_err());
    assert!(!dir.path().join("tidemill.toml").exists());
}

fn proposal(key: &[&str], time: &[&str], entity: &[&str]) -> StreamProposal {
    let columns = |names: &[&str]| -> Vec<ColumnProposal> {
        let columns = names.iter().map(|name| ColumnProposal {
            column: ColumnName::new(*name).unwrap(),
            reason: "it\nlooks like it".to_owned(),
        });
        columns.collect()
    };
    let schema = r#"{ "type": "record", "name": "rides", "fields": [
        { "name": "ride_id", "type": "long" },
        { "name": "started", "type": { "type": "long", "logicalType": "timestamp-micros" } },
        { "name": "ended", "type": { "type": "long", "logicalType": "timestamp-micros" } },
        { "name": "BIKE_ID", "type": "int" },
        { "name": "minutes", "type": "double" } ] }"#;
    StreamProposal {
        stream: StreamName::new("rides").unwrap(),
        source: "rides.parquet".to_owned(),
        schema: StreamSchema::parse(schema, Path::new("x.avsc")).unwrap(),
        key: columns(key),
        event_time: columns(time),
        entity: columns(entity),
    }
}

#[test]
fn a_proposed_project_loads() {
    for (key, time, entity) in [
        (&["ride_id"][..], &["started", "ended"][..], &["BIKE_ID"][..]),
        (&["ride_id"], &["started"], &[]),
        (&["ride_id"], &[], &["BIKE_ID"]),
        (&[], &[], &[]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        init_from(dir.path(), &proposal(key, time, entity), false).unwrap();
        let project = Project::load(dir.path(), &Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(project.views.len(), usize::from(!key.is_empty() && !time.is_empty()));
        assert_eq!(project.checks.len(), key.len().min(1) + time.len().min(1));
    }
}

#[test]
fn a_proposal_says_why() {
    let dir = tempfile::tempdir().unwrap();
    init_from(
        dir.path(),
        &proposal(&["ride_id"], &["started", "ended"], &["BIKE_ID"]),
        false,
    )
    .unwrap();
    let read = |file: &str| std::fs::read_to_string(dir.path().join(file)).unwrap();
    expect![[r#"
        # Proposed from rides.parquet. Every setting has a default: `tidemill config` shows all of them with their values,
        # `tidemill validate` checks this folder.

        name = "rides"

        # A Kafka topic that lands in a table of the same name. Its columns stand in schemas/rides.avsc.
        [streams.rides]
        key = ["ride_id"]  # what identifies a row: it looks like it
        event_time = "started"  # when it happened: it looks like it; or ended
        partition_by = "BIKE_ID"  # what keeps its order: it looks like it

        # A model learns a label from feature views. Labels are a stream of their own, as they are known later than their rows:
        # `tidemill replay FILE --stream rides --also labels=ride_id,LABEL@7d` splits them off a file.
        #
        # [streams.labels]
        # key = ["ride_id"]
        #
        # [models.rides]
        # stream = "rides"
        # label = "labels.LABEL"
        # views = ["bike_history"]
    "#]].assert_eq(&read("tidemill.toml"));
    expect![[r"
        -- feature view: bike_history
        -- entity: bike
        -- key: ride_id
        -- event time: started
        -- lookback: 7d
        --
        -- What the bike did in the last 7 days, this row included.

        with
        -- In whole seconds the open start of the window can be said exactly: 7 days are 604800 seconds.
        events as (
            select
                ride_id,
                started,
                BIKE_ID,
                minutes,
                cast(floor(extract(epoch from started)) as bigint) as at_second
            from rides
        )

        select
            ride_id,
            started,
            count(*) over last_7_days as count_7_days,
            avg(minutes) over last_7_days as mean_minutes_7_days
        from events
        window
            last_7_days as (
                partition by BIKE_ID order by at_second range between 604799 preceding and current row
            )
    "]]
    .assert_eq(&read("sql/features/bike_history.sql"));
}
