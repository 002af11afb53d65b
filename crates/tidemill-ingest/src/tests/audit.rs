//! The audit of tables that others wrote to. Their commits are written as their engines write them: log entries.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tidemill_kafka::Admin;
use tidemill_lake::{Lake, LakeLocation, MaintenanceRules};
use tidemill_types::{AuditReport, FaultKind, OtherKind, PipelineName, TableName};

use super::end_to_end::{House, PATIENCE, event, events, stream, until};
use crate::{AuditOrder, audit};

/// Five landings of `events`: three of two rows, one with a dead letter and a tombstone, one on the other partition.
async fn landed() -> House {
    let mut house = House::new().await;
    house.limits.dead_share_max = 1.0;
    house.make_topic("events").await;
    let ingest = house.ingest(&["events"]);
    let broken = Some("{\"id\":".to_owned());
    for batch in [
        events(0..2),
        events(2..4),
        events(4..6),
        vec![event(6, 6), broken, None, event(7, 7)],
    ] {
        house.send("events", 0, &batch).await;
        ingest.wait_caught_up(PATIENCE).await.unwrap();
    }
    house.send("events", 1, &events(20..23)).await;
    ingest.wait_caught_up(PATIENCE).await.unwrap();
    ingest.shutdown().await;
    house
}

/// A lake that has not seen what others wrote since the first was opened: as another process would.
async fn lake_of(house: &House) -> Arc<Lake> {
    let location = LakeLocation::folder(&house.folder.path().join("lake")).unwrap();
    Arc::new(Lake::open(location).await.unwrap())
}

async fn audited(house: &House, with_topic: bool) -> AuditReport {
    let lake = lake_of(house).await;
    let admin = Admin::connect(&house.client()).unwrap();
    let order = AuditOrder {
        lake: &lake,
        stream: &stream("events"),
        pipeline: &PipelineName::new("test").unwrap(),
        admin: with_topic.then_some(&admin),
    };
    audit(order).await.unwrap()
}

fn table_folder(house: &House) -> PathBuf {
    house.folder.path().join("lake/events")
}

fn entry(house: &House, version: i64) -> PathBuf {
    table_folder(house).join(format!("_delta_log/{version:020}.json"))
}

/// The files that a version added.
fn files_of(house: &House, version: i64) -> Vec<Value> {
    let text = std::fs::read_to_string(entry(house, version)).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| line.get("add").cloned()).collect()
}

/// Writes the next version as another engine would: these files go, these come.
fn commit_as_another(
    house: &House,
    operation: &str,
    parameters: &Value,
    gone: &[Value],
    come: &[Value],
    data: bool,
) -> i64 {
    let version = (0..=i64::MAX).find(|version| !entry(house, *version).exists()).unwrap();
    let mut lines = vec![json!({ "commitInfo": {
        "timestamp": 1, "operation": operation, "operationParameters": parameters, "engineInfo": "Apache-Spark/4.0.0 Delta-Lake/4.0.0",
    }})];
    lines.extend(gone.iter().map(|add| {
        json!({ "remove": {
            "path": add["path"], "deletionTimestamp": 1, "dataChange": data, "size": add["size"],
            "partitionValues": {}, "extendedFileMetadata": true,
        }})
    }));
    lines.extend(come.iter().map(|add| {
        let mut add = add.clone();
        add["dataChange"] = data.into();
        json!({ "add": add })
    }));
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    std::fs::write(entry(house, version), lines.join("\n")).unwrap();
    version
}

/// The same file under another name, as a rewrite without a change would leave it.
fn copy_of(house: &House, add: &Value) -> Value {
    let path = add["path"].as_str().unwrap();
    let copy = format!("moved-{path}");
    std::fs::copy(table_folder(house).join(path), table_folder(house).join(&copy)).unwrap();
    let mut add = add.clone();
    add["path"] = copy.into();
    add
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_nobody_touched_is_whole() {
    let house = landed().await;
    let report = audited(&house, true).await;
    assert!(report.is_clean(), "{report:#?}");
    assert_eq!((report.commits, report.others.len(), report.topic_read), (5, 0, true));
    let counted: Vec<_> = report
        .partitions
        .iter()
        .map(|p| (p.partition.0, p.fence.0, p.rows, p.dead, p.without))
        .collect();
    assert_eq!(counted, [(0, 10, 8, 1, 1), (1, 3, 3, 0, 0)]);
    // The topic tells a tombstone; without it the commits' counts do.
    let gap = &report.gaps[0];
    assert_eq!(
        (gap.from, gap.to, gap.tombstones, gap.lost, gap.unseen),
        (8, 9, 1, 0, 0)
    );
    let offline = audited(&house, false).await;
    assert!(offline.is_clean(), "{offline:#?}");
    assert_eq!((offline.gaps[0].tombstones, offline.gaps[0].unseen), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_optimize_of_another_writer_changes_nothing() {
    let house = landed().await;
    let old = files_of(&house, 1);
    let new: Vec<Value> = old.iter().map(|add| copy_of(&house, add)).collect();
    let version = commit_as_another(&house, "OPTIMIZE", &json!({}), &old, &new, false);
    let report = audited(&house, true).await;
    assert!(report.is_clean(), "{report:#?}");
    let others: Vec<_> = report.others.iter().map(|other| (other.version, other.kind)).collect();
    assert_eq!(others, [(version, OtherKind::Optimize)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_its_oldest_entries_proves_what_it_did() {
    let house = landed().await;
    let before = audited(&house, true).await;
    let lake = lake_of(&house).await;
    let table = lake.table(&TableName::new("events").unwrap()).await.unwrap().unwrap();
    table.checkpoint().await.unwrap();
    let rules = MaintenanceRules {
        log_keep: Duration::ZERO,
        log_commits: 0,
        ..MaintenanceRules::default()
    };
    assert!(table.clean_log(&rules, &BTreeSet::new()).await.unwrap() > 0);
    assert!(!entry(&house, 1).exists());
    let after = audited(&house, true).await;
    assert!(before.is_clean() && after.is_clean(), "{after:?}");
    assert!(after.commits < before.commits, "{} {}", after.commits, before.commits);
    // The newest commit is there, and ingest goes on behind it.
    let ingest = house.ingest(&["events"]);
    house.send("events", 0, &events(30..32)).await;
    ingest.wait_caught_up(PATIENCE).await.unwrap();
    ingest.shutdown().await;
    let after = audited(&house, true).await;
    assert!(after.is_clean(), "{after:?}");
    let rows = |report: &AuditReport| report.partitions.iter().map(|part| part.rows).sum::<u64>();
    assert_eq!(rows(&after), rows(&before) + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_of_another_writer_is_named_and_ingest_goes_on() {
    let house = landed().await;
    let version = commit_as_another(&house, "DELETE", &json!({}), &files_of(&house, 2), &[], true);
    let report = audited(&house, true).await;
    let missing = report
        .faults
        .iter()
        .find(|fault| fault.kind == FaultKind::Missing)
        .unwrap();
    assert_eq!(
        (missing.rows, missing.message.as_str()),
        (2, "2 rows of commit 2 are gone")
    );
    let causes: Vec<_> = missing.causes.iter().map(|cause| (cause.version, cause.kind)).collect();
    assert_eq!(causes, [(version, OtherKind::Delete)]);
    // The topic still has them.
    let lost = report
        .faults
        .iter()
        .find(|fault| fault.kind == FaultKind::Lost)
        .unwrap();
    assert_eq!(lost.rows, 2);
    assert!(!audited(&house, false).await.is_clean());
    // Taking rows out may be meant: the stream goes on behind its fence.
    let ingest = house.ingest_into(&["events"], &lake_of(&house).await);
    house.send("events", 0, &events(30..31)).await;
    ingest.wait_caught_up(PATIENCE).await.unwrap();
    ingest.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_was_restored_is_told_and_not_written() {
    let house = landed().await;
    // To version 3: the fourth and the fifth landing are gone, their fences stay.
    let gone: Vec<Value> = [4, 5].iter().flat_map(|version| files_of(&house, *version)).collect();
    let version = commit_as_another(&house, "RESTORE", &json!({ "version": 3 }), &gone, &[], true);
    let report = audited(&house, false).await;
    let missing = report
        .faults
        .iter()
        .find(|fault| fault.kind == FaultKind::Missing)
        .unwrap();
    assert_eq!(
        (missing.rows, missing.message.as_str()),
        (5, "5 rows of commits 4 to 5 are gone")
    );
    let causes: Vec<_> = missing
        .causes
        .iter()
        .map(|c| (c.version, c.kind, c.restored_to))
        .collect();
    assert_eq!(causes, [(version, OtherKind::Restore, Some(3))]);
    let ingest = house.ingest_into(&["events"], &lake_of(&house).await);
    let status = until(&ingest, "events", "failed").await;
    let reason = status.state.reason().unwrap();
    assert!(
        reason.contains(
            "was set to an older version by version 6 of its log (Apache-Spark/4.0.0 Delta-Lake/4.0.0): 5 rows"
        ),
        "{reason}"
    );
    ingest.shutdown().await;
    // Set back to where it was, nothing is missing, and the stream goes on.
    commit_as_another(&house, "RESTORE", &json!({ "version": 5 }), &[], &gone, true);
    assert!(audited(&house, true).await.is_clean());
    let ingest = house.ingest_into(&["events"], &lake_of(&house).await);
    house.send("events", 0, &events(30..31)).await;
    ingest.wait_caught_up(PATIENCE).await.unwrap();
    ingest.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_while_a_stream_lands_ends_it() {
    let house = landed().await;
    let ingest = house.ingest(&["events"]);
    until(&ingest, "events", "running").await;
    commit_as_another(
        &house,
        "RESTORE",
        &json!({ "version": 4 }),
        &files_of(&house, 5),
        &[],
        true,
    );
    house.send("events", 0, &events(30..31)).await;
    // Whatever this wait says: what counts is the state that follows.
    drop(ingest.wait_caught_up(PATIENCE).await);
    let status = until(&ingest, "events", "failed").await;
    assert!(status.state.reason().unwrap().contains("3 rows"), "{status:?}");
    ingest.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_stands_twice_is_found() {
    let house = landed().await;
    let twice = copy_of(&house, &files_of(&house, 1)[0]);
    commit_as_another(&house, "WRITE", &json!({ "mode": "Append" }), &[], &[twice], true);
    let report = audited(&house, false).await;
    let doubled = report
        .faults
        .iter()
        .find(|fault| fault.kind == FaultKind::Doubled)
        .unwrap();
    assert_eq!(doubled.rows, 2, "{report:#?}");
    assert_eq!(report.others[0].kind, OtherKind::Append);
}
