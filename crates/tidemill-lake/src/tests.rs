//! The lake against a folder: fences, stale handles, checkpoints, evolution, and what a crash leaves behind.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::prelude::SessionContext;
use expect_test::{Expect, expect};
use serde_json::json;
use tempfile::TempDir;
use tidemill_types::{Explain, TableName};

use crate::files::write_files;
use crate::{Append, FenceUpdate, Lake, LakeError, LakeLocation, LakeTable, TableSpec, Within};

fn name() -> TableName {
    TableName::new("events").unwrap()
}

fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("ID", DataType::Int64, false),
        Field::new("AT", time, false),
        Field::new("note", DataType::Utf8, true),
    ]))
}

/// Rows `from..to`: the id is the number, the time is that many microseconds after a whole second.
fn rows(from: i64, to: i64) -> RecordBatch {
    let ids = Int64Array::from_iter_values(from..to);
    let times = TimestampMicrosecondArray::from_iter_values(from..to).with_timezone("UTC");
    let notes: StringArray = (from..to)
        .map(|id| (id % 2 == 0).then(|| format!("row {id}")))
        .collect();
    RecordBatch::try_new(schema(), vec![Arc::new(ids), Arc::new(times), Arc::new(notes)]).unwrap()
}

pub(crate) async fn lake_at(folder: &Path) -> Lake {
    Lake::open(LakeLocation::folder(folder).unwrap()).await.unwrap()
}

pub(crate) async fn table_in(lake: &Lake) -> LakeTable {
    let spec = TableSpec {
        name: name(),
        schema: schema(),
        comment: "events of a test".into(),
        partition_columns: Vec::new(),
    };
    lake.create(spec).await.unwrap()
}

/// An append of rows `from..to` that moves the fence `app` from `expected` to `to`.
pub(crate) fn append(app: &str, expected: Option<i64>, from: i64, to: i64) -> Append {
    let info = json!({ "to": to });
    Append {
        batches: vec![rows(from, to)],
        fences: vec![FenceUpdate {
            app_id: app.into(),
            expected,
            next: to,
        }],
        info: info.as_object().unwrap().clone().into(),
    }
}

pub(crate) async fn ids(table: &LakeTable, version: Option<i64>, condition: &str) -> Vec<i64> {
    let context = SessionContext::new();
    context
        .register_table("events", table.provider(version).await.unwrap())
        .unwrap();
    let query = format!("select \"ID\" from events where {condition} order by 1");
    let batches = context.sql(&query).await.unwrap().collect().await.unwrap();
    let columns = batches.iter().map(|batch| {
        let ids = batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap();
        ids.values().to_vec()
    });
    columns.flatten().collect()
}

fn told(result: Result<impl std::fmt::Debug, LakeError>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => error.to_string(),
    }
}

fn check(result: Result<impl std::fmt::Debug, LakeError>, expected: &Expect) {
    expected.assert_eq(&told(result));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_fences_land_together_and_survive_reopening() {
    let folder = TempDir::new().unwrap();
    {
        let table = table_in(&lake_at(folder.path()).await).await;
        let committed = table.commit(append("a/0", None, 0, 3)).await.unwrap();
        assert_eq!((committed.version, committed.rows, committed.files), (1, 3, 1));
        table.commit(append("a/1", None, 10, 12)).await.unwrap();
        table.commit(append("a/0", Some(3), 3, 5)).await.unwrap();
    }
    let lake = lake_at(folder.path()).await;
    assert_eq!(lake.tables().await.unwrap(), [name()]);
    let table = lake.table(&name()).await.unwrap().unwrap();
    assert_eq!(table.version(), 3);
    assert_eq!(table.fence("a/0").await.unwrap(), Some(5));
    assert_eq!(table.fence("a/2").await.unwrap(), None);
    let fences = table.fences("a/").await.unwrap();
    assert_eq!(
        fences.into_iter().collect::<Vec<_>>(),
        [("a/0".into(), 5), ("a/1".into(), 12)]
    );
    assert_eq!(table.rows().await.unwrap(), 7);
    assert_eq!(ids(&table, None, "true").await, [0, 1, 2, 3, 4, 10, 11]);
    assert_eq!(ids(&table, Some(1), "true").await, [0, 1, 2]);
    let within = Within {
        column: "ID",
        from: 2,
        to: 11,
    };
    let mut longs = table.longs("ID", &[within]).await.unwrap();
    longs.sort_unstable();
    assert_eq!(longs, [2, 3, 4, 10]);
    let last = table.last_own_commit(10).await.unwrap().unwrap();
    assert_eq!(last.version, 3);
    assert_eq!(last.info.as_ref().unwrap()["to"], 5);
    assert!(last.commit_id().is_some());
    assert!(lake.table(&TableName::new("nothing").unwrap()).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_is_behind_is_fenced_and_one_beside_it_is_not() {
    let folder = TempDir::new().unwrap();
    let (first, second) = (lake_at(folder.path()).await, lake_at(folder.path()).await);
    let (ours, theirs) = (table_in(&first).await, table_in(&second).await);
    ours.commit(append("a/0", None, 0, 3)).await.unwrap();
    // The second handle has not seen version 1 and puts version 1 itself.
    check(
        theirs.commit(append("a/0", None, 0, 3)).await,
        &expect!["table `events` is fenced: `a/0` was expected at nothing, the table holds 3"],
    );
    let beside = theirs.commit(append("b/0", None, 100, 101)).await.unwrap();
    assert_eq!(beside.version, 2);
    // The first has not seen version 2, which does not touch its fence: it takes the next one.
    let after = ours.commit(append("a/0", Some(3), 3, 4)).await.unwrap();
    assert_eq!((after.version, after.conflicts), (3, 1));
    check(
        theirs.commit(append("a/0", Some(3), 3, 9)).await,
        &expect!["table `events` is fenced: `a/0` was expected at 3, the table holds 4"],
    );
    // What was fenced left no rows.
    assert_eq!(ids(&ours, None, "true").await, [0, 1, 2, 3, 100]);
    let error = theirs.commit(append("a/0", Some(3), 3, 9)).await.unwrap_err();
    assert!(error.problem().hint.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_at_once_lose_nothing() {
    const COMMITS: i64 = 12;
    let folder = TempDir::new().unwrap();
    table_in(&lake_at(folder.path()).await).await;
    let writers = (0..3).map(|writer: i64| {
        let folder = folder.path().to_owned();
        tokio::spawn(async move {
            let table = table_in(&lake_at(&folder).await).await;
            let start = writer * 1_000;
            for step in 0..COMMITS {
                let expected = (step > 0).then_some(start + step);
                let append = append(&format!("w/{writer}"), expected, start + step, start + step + 1);
                table.commit(append).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let table = table_in(&lake_at(folder.path()).await).await;
    let expected: Vec<i64> = (0..3)
        .flat_map(|writer| (0..COMMITS).map(move |step| writer * 1_000 + step))
        .collect();
    assert_eq!(ids(&table, None, "true").await, expected);
    assert_eq!(table.version(), 3 * COMMITS);
}

/// Names in a folder come in no order: a listing that misses a version which is there by now is no gap in the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_read_while_another_process_commits() {
    let dir = TempDir::new().unwrap();
    let writer = table_in(&lake_at(dir.path()).await).await;
    let reader = table_in(&lake_at(dir.path()).await).await;
    let (over, mut is_over) = tokio::sync::watch::channel(false);
    let reading = tokio::spawn(async move {
        let mut reads = 0;
        while !*is_over.borrow_and_update() {
            reader.stats().await.unwrap();
            reads += 1;
        }
        reads
    });
    for commit in 0..200 {
        let expected = (commit > 0).then_some(commit);
        writer
            .commit(append("app", expected, commit, commit + 1))
            .await
            .unwrap();
    }
    over.send_replace(true);
    assert!(reading.await.unwrap() > 0);
}

/// A version that is gone for good is told after a few tries.
#[tokio::test(flavor = "multi_thread")]
async fn a_gap_in_the_log_is_told() {
    let dir = TempDir::new().unwrap();
    let writer = table_in(&lake_at(dir.path()).await).await;
    let reader = table_in(&lake_at(dir.path()).await).await;
    for commit in 0..3 {
        let expected = (commit > 0).then_some(commit);
        writer
            .commit(append("app", expected, commit, commit + 1))
            .await
            .unwrap();
    }
    std::fs::remove_file(dir.path().join("events/_delta_log/00000000000000000002.json")).unwrap();
    let error = reader.stats().await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("gap"), "{error}: {cause}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fences_move_without_rows() {
    let folder = TempDir::new().unwrap();
    let table = table_in(&lake_at(folder.path()).await).await;
    let mut only_fence = append("a/0", None, 0, 7);
    only_fence.batches.clear();
    let committed = table.commit(only_fence).await.unwrap();
    assert_eq!((committed.version, committed.rows, committed.files), (1, 0, 0));
    assert_eq!(table.fence("a/0").await.unwrap(), Some(7));
    assert_eq!(table.stats().await.unwrap().files, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn fences_come_back_from_a_checkpoint() {
    let folder = TempDir::new().unwrap();
    let table = table_in(&lake_at(folder.path()).await).await;
    table.commit(append("once/0", None, 1_000, 1_001)).await.unwrap();
    for step in 0..54 {
        let expected = (step > 0).then_some(step);
        table.commit(append("a/0", expected, step, step + 1)).await.unwrap();
        table.settled().await;
    }
    let log = folder.path().join("events/_delta_log");
    assert!(log.join("00000000000000000050.checkpoint.parquet").exists());
    // With the entries gone that the checkpoint stands for, it is all there is.
    for version in 0..50 {
        std::fs::remove_file(log.join(format!("{version:020}.json"))).unwrap();
    }
    let reopened = table_in(&lake_at(folder.path()).await).await;
    assert_eq!(reopened.version(), 55);
    let fences = reopened.fences("").await.unwrap();
    assert_eq!(
        fences.into_iter().collect::<Vec<_>>(),
        [("a/0".into(), 54), ("once/0".into(), 1_001)]
    );
    assert_eq!(reopened.rows().await.unwrap(), 55);
    let next = reopened.commit(append("a/0", Some(54), 54, 55)).await.unwrap();
    assert_eq!(next.version, 56);
    assert_eq!(reopened.commits(100).await.unwrap().len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_crash_before_the_commit_are_in_no_version() {
    let folder = TempDir::new().unwrap();
    let lake = lake_at(folder.path()).await;
    let table = table_in(&lake).await;
    table.commit(append("a/0", None, 0, 3)).await.unwrap();
    let shape = table.shape_for_tests().await;
    let adds = write_files(
        &crate::background::Background::start().unwrap(),
        &name(),
        &shape,
        vec![rows(3, 9)],
    )
    .await
    .unwrap();
    assert!(folder.path().join("events").join(&adds[0].path).exists());
    drop((table, lake));
    let table = table_in(&lake_at(folder.path()).await).await;
    assert_eq!(table.fence("a/0").await.unwrap(), Some(3));
    assert_eq!(ids(&table, None, "true").await, [0, 1, 2]);
    table.commit(append("a/0", Some(3), 3, 9)).await.unwrap();
    assert_eq!(table.rows().await.unwrap(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_stays_where_it_was_taken() {
    let folder = TempDir::new().unwrap();
    let table = table_in(&lake_at(folder.path()).await).await;
    table.commit(append("a/0", None, 0, 1)).await.unwrap();
    let before = table.snapshot(None).await.unwrap();
    table.commit(append("a/0", Some(1), 1, 2)).await.unwrap();
    assert_eq!(before.version, 1);
    assert_eq!(ids(&table, Some(before.version), "true").await, [0]);
    assert_eq!(ids(&table, None, "true").await, [0, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn file_skipping_by_time_keeps_rows_within_a_millisecond() {
    let folder = TempDir::new().unwrap();
    let table = table_in(&lake_at(folder.path()).await).await;
    // Statistics hold milliseconds: the largest time of this file is told as 1.000 ms.
    table.commit(append("a/0", None, 0, 1_500)).await.unwrap();
    table.commit(append("a/0", Some(1_500), 2_000, 2_010)).await.unwrap();
    let condition = "\"AT\" >= to_timestamp_micros(1498) and \"AT\" < to_timestamp_micros(2002)";
    assert_eq!(ids(&table, None, condition).await, [1_498, 1_499, 2_000, 2_001]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_takes_new_nullable_columns_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let lake = lake_at(folder.path()).await;
    let other = lake_at(folder.path()).await;
    let table = table_in(&lake).await;
    let stale = table_in(&other).await;
    table.commit(append("a/0", None, 0, 2)).await.unwrap();
    let mut fields: Vec<_> = schema().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("extra", DataType::Float64, true)));
    assert!(table.evolve(&Schema::new(fields)).await.unwrap());
    assert_eq!(table.schema().fields().len(), 4);
    // Rows of the old schema still fit, also from a handle that has not heard of the new column.
    table.commit(append("a/0", Some(2), 2, 3)).await.unwrap();
    stale.commit(append("b/0", None, 10, 11)).await.unwrap();
    assert_eq!(ids(&table, None, "extra is null").await, [0, 1, 2, 10]);
    let wrong = Schema::new(vec![Field::new("ID", DataType::Utf8, false)]);
    check(
        table.evolve(&wrong).await,
        &expect!["table `events` cannot take the schema: `ID` is Int64 in the table and Utf8 in the schema"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_whose_fences_expire_is_refused() {
    let folder = TempDir::new().unwrap();
    table_in(&lake_at(folder.path()).await).await;
    let entry = folder.path().join("events/_delta_log/00000000000000000000.json");
    let text = std::fs::read_to_string(&entry).unwrap();
    let configuration = r#""configuration":{"#;
    assert!(text.contains(configuration), "{text}");
    let property = r#""configuration":{"delta.setTransactionRetentionDuration":"interval 1 days","#;
    std::fs::write(&entry, text.replace(configuration, property)).unwrap();
    check(
        lake_at(folder.path()).await.table(&name()).await,
        &expect![
            "table `events` cannot be written: it sets delta.setTransactionRetentionDuration, which makes fences expire"
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_log_is_told() {
    let folder = TempDir::new().unwrap();
    let table = table_in(&lake_at(folder.path()).await).await;
    table.commit(append("a/0", None, 0, 2)).await.unwrap();
    let entry = folder.path().join("events/_delta_log/00000000000000000002.json");
    std::fs::write(&entry, "{\"txn\":").unwrap();
    let error = table.refresh().await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the log of table `events` is damaged at version 2"),
        "{error}"
    );
}

#[test]
fn places_that_cannot_hold_a_lake_are_refused() {
    let told = |text: &str| match LakeLocation::parse(text, [("aws_secret_access_key".into(), "hush".into())].into()) {
        Ok(location) => format!("{location:?}"),
        Err(error) => error.to_string(),
    };
    expect!["`gs://bucket/lake` cannot hold a lake: stores of kind `gs` are not supported, only file and s3"]
        .assert_eq(&told("gs://bucket/lake"));
    expect![[r#"LakeLocation { url: "s3://bucket/lake/", options: ["aws_secret_access_key"] }"#]]
        .assert_eq(&told("s3://bucket/lake"));
}

/// The cost of a commit does not follow the files: it reads nothing of what was committed before.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_needs_neither_the_files_nor_the_entries_before_it() {
    let folder = TempDir::new().unwrap();
    let table = table_in(&lake_at(folder.path()).await).await;
    for step in 0..5 {
        let expected = (step > 0).then_some(step);
        table.commit(append("a/0", expected, step, step + 1)).await.unwrap();
    }
    let root = folder.path().join("events");
    let log = std::fs::read_dir(root.join("_delta_log")).unwrap();
    for file in std::fs::read_dir(&root).unwrap().chain(log).map(Result::unwrap) {
        if file.file_type().unwrap().is_file() {
            std::fs::remove_file(file.path()).unwrap();
        }
    }
    let committed = table.commit(append("a/0", Some(5), 5, 6)).await.unwrap();
    assert_eq!(committed.version, 6);
}
