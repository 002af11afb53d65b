//! The table's log as a committer needs it: version, fences and nothing of the files, so that its cost stays flat.
//!
//! Invariant: a `LogHead` at version `v` has seen every entry up to `v`, in order.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use deltalake::logstore::LogStoreRef;
use futures::TryStreamExt;
use object_store::ObjectStoreExt as _;
use object_store::path::Path as StorePath;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use tidemill_types::TableName;
use uuid::Uuid;

use crate::commit::Patience;
use crate::commit_info::CommitRecord;
use crate::history::is_restore;
use crate::{LakeError, checkpoint::CheckpointFile};

/// The folder of the log, below the table's.
pub(crate) const LOG_FOLDER: &str = "_delta_log";

/// What the committer knows of the log.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct LogHead {
    /// The newest version that was taken in.
    pub(crate) version: i64,
    /// Every app id with its newest `txn` version.
    pub(crate) fences: BTreeMap<String, i64>,
    /// The newest checkpoint known of.
    pub(crate) checkpoint: Option<i64>,
}

/// One log entry, as far as a committer cares.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// App ids and their new versions.
    pub(crate) fences: Vec<(String, i64)>,
    /// Whether schema, properties or protocol changed.
    pub(crate) changes_shape: bool,
    /// What the commit says about itself.
    pub(crate) info: Map<String, Value>,
}

impl Entry {
    /// Whether it sets the table to an older version.
    pub(crate) fn restores(&self) -> bool {
        is_restore(self.info.get("operation").and_then(Value::as_str))
    }
}

/// One line of an entry. Files are skipped without being looked at: they are most of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    txn: Option<Txn>,
    commit_info: Option<Map<String, Value>>,
    meta_data: Option<IgnoredAny>,
    protocol: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Txn {
    app_id: String,
    version: i64,
}

impl Entry {
    /// Reads the JSON lines of an entry.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Entry, serde_json::Error> {
        let mut entry = Entry {
            fences: Vec::new(),
            changes_shape: false,
            info: Map::new(),
        };
        for line in bytes.split(|byte| *byte == b'\n') {
            if line.trim_ascii().is_empty() {
                continue;
            }
            let line: Line = serde_json::from_slice(line)?;
            entry.fences.extend(line.txn.map(|txn| (txn.app_id, txn.version)));
            entry.changes_shape |= line.meta_data.is_some() || line.protocol.is_some();
            if let Some(info) = line.commit_info {
                entry.info = info;
            }
        }
        Ok(entry)
    }

    /// The id of a commit of ours.
    pub(crate) fn commit_id(&self) -> Option<Uuid> {
        CommitRecord::read(0, self.info.clone()).commit_id()
    }
}

impl LogHead {
    /// Takes in the entry of the next version.
    pub(crate) fn apply(&mut self, entry: &Entry) {
        self.version += 1;
        for (app_id, version) in &entry.fences {
            self.fences.insert(app_id.clone(), *version);
        }
    }
}

/// Reads entries of one table's log.
#[derive(Clone)]
pub(crate) struct LogReader {
    pub(crate) name: TableName,
    pub(crate) store: LogStoreRef,
    pub(crate) patience: Patience,
}

impl LogReader {
    /// The entry of `version`, if there is one.
    pub(crate) async fn entry(&self, version: i64) -> Result<Option<Entry>, LakeError> {
        let bytes = self.store.read_commit_entry(version as u64).await;
        let Some(bytes) = bytes.map_err(LakeError::delta("read the log of", &self.name))? else {
            return Ok(None);
        };
        Entry::parse(&bytes).map(Some).map_err(|e| self.corrupt(version, &e))
    }

    /// The log's versions from `from` on: the newest entry, and the checkpoints.
    async fn list(&self, from: i64) -> Result<(Option<i64>, Vec<CheckpointFile>), LakeError> {
        let folder = StorePath::from(LOG_FOLDER);
        // Lists what sorts after it, so the offset is just before the first name of `from`.
        let offset = StorePath::from(format!("{LOG_FOLDER}/{:020}", from.max(0)));
        let mut files = self.store.object_store(None).list_with_offset(Some(&folder), &offset);
        let (mut newest, mut checkpoints) = (None, Vec::new());
        let failed = LakeError::store("list the log of", self.name.as_str());
        let listed = async {
            while let Some(file) = files.try_next().await? {
                let Some(name) = file.location.filename() else { continue };
                if let Some(version) = entry_version(name) {
                    newest = newest.max(Some(version));
                } else {
                    checkpoints.extend(CheckpointFile::parse(name, file.location.clone()));
                }
            }
            Ok(())
        };
        listed.await.map_err(failed)?;
        Ok((newest, checkpoints))
    }

    /// The oldest version whose entry is still there.
    pub(crate) async fn oldest(&self) -> Result<Option<i64>, LakeError> {
        let folder = StorePath::from(LOG_FOLDER);
        let store = self.store.object_store(None);
        let mut files = store.list(Some(&folder));
        let mut oldest = None::<i64>;
        let listed = async {
            while let Some(file) = files.try_next().await? {
                if let Some(version) = file.location.filename().and_then(entry_version) {
                    oldest = Some(oldest.map_or(version, |oldest| oldest.min(version)));
                }
            }
            Ok(())
        };
        listed
            .await
            .map_err(LakeError::store("list the log of", self.name.as_str()))?;
        Ok(oldest)
    }

    /// The newest version in the log, by listing it from `from` on.
    pub(crate) async fn newest(&self, from: i64) -> Result<Option<i64>, LakeError> {
        Ok(self.list(from).await?.0)
    }

    /// The head at `version`: the newest whole checkpoint up to it, then every entry after.
    pub(crate) async fn replay(&self, version: i64) -> Result<LogHead, LakeError> {
        let (_, mut checkpoints) = self.list(0).await?;
        checkpoints.retain(|file| file.version <= version);
        let mut head = match CheckpointFile::newest_whole(checkpoints) {
            None => LogHead {
                version: -1,
                ..LogHead::default()
            },
            Some(files) => self.read_checkpoint(files).await?,
        };
        while head.version < version {
            let next = head.version + 1;
            let Some(entry) = self.entry(next).await? else {
                return Err(self.corrupt(next, &"the entry is missing"));
            };
            head.apply(&entry);
        }
        Ok(head)
    }

    async fn read_checkpoint(&self, files: Vec<CheckpointFile>) -> Result<LogHead, LakeError> {
        let version = files.first().map_or(0, |file| file.version);
        let mut head = LogHead {
            version,
            fences: BTreeMap::new(),
            checkpoint: Some(version),
        };
        for file in files {
            let got = async { self.store.object_store(None).get(&file.path).await?.bytes().await };
            let bytes = got
                .await
                .map_err(LakeError::store("read the checkpoint of", self.name.as_str()))?;
            let read = tokio::task::spawn_blocking(move || fences_of_checkpoint(bytes)).await;
            let read = read.map_err(|source| LakeError::CutOff {
                table: self.name.clone(),
                source,
            })?;
            head.fences.extend(read.map_err(|e| self.corrupt(version, &e))?);
        }
        Ok(head)
    }

    /// What `look` says of the first commit for which it says something, from `version` back over at most `limit`
    /// commits, as far as their entries are still there.
    pub(crate) async fn find<T>(
        &self,
        version: i64,
        limit: usize,
        mut look: impl FnMut(CommitRecord) -> Option<T>,
    ) -> Result<Option<T>, LakeError> {
        for version in (0..=version).rev().take(limit) {
            let Some(entry) = self.entry(version).await? else {
                break;
            };
            if let Some(found) = look(CommitRecord::read(version, entry.info)) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The commits `(after, to]`, oldest first, as far as their entries are still there.
    pub(crate) async fn records(&self, after: i64, to: i64) -> Result<Vec<CommitRecord>, LakeError> {
        let mut records = Vec::new();
        for version in after + 1..=to {
            if let Some(entry) = self.entry(version).await? {
                records.push(CommitRecord::read(version, entry.info));
            }
        }
        Ok(records)
    }

    pub(crate) fn corrupt(&self, version: i64, reason: &impl ToString) -> LakeError {
        LakeError::Corrupt {
            table: self.name.clone(),
            version,
            reason: reason.to_string(),
        }
    }
}

/// The version of `00000000000000000007.json`.
fn entry_version(name: &str) -> Option<i64> {
    let digits = name.strip_suffix(".json")?;
    (digits.len() == 20).then(|| digits.parse().ok())?
}

/// The `txn` actions of a checkpoint file. Only that column is decoded.
fn fences_of_checkpoint(bytes: Bytes) -> Result<Vec<(String, i64)>, String> {
    let told = |e: parquet::errors::ParquetError| e.to_string();
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(told)?;
    let roots = builder.schema().fields().iter();
    let Some(column) = roots.clone().position(|field| field.name() == "txn") else {
        return Ok(Vec::new());
    };
    let mask = ProjectionMask::roots(builder.parquet_schema(), [column]);
    let mut fences = Vec::new();
    for batch in builder.with_projection(mask).build().map_err(told)? {
        let batch: RecordBatch = batch.map_err(|e| e.to_string())?;
        let txn = batch.column(0).as_struct_opt().ok_or("`txn` is not a struct")?;
        let app_ids = txn.column_by_name("appId").ok_or("`txn` has no appId")?;
        let app_ids = app_ids.as_string_opt::<i32>().ok_or("`txn.appId` is not text")?;
        let versions = txn.column_by_name("version").ok_or("`txn` has no version")?;
        let versions = versions
            .as_primitive_opt::<Int64Type>()
            .ok_or("`txn.version` is not a long")?;
        for row in (0..batch.num_rows()).filter(|row| txn.is_valid(*row)) {
            fences.push((app_ids.value(row).to_owned(), versions.value(row)));
        }
    }
    Ok(fences)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_read_without_its_files() {
        let text = concat!(
            r#"{"commitInfo":{"operation":"WRITE","tidemill":{"commit_id":"00000000-0000-0000-0000-000000000007"}}}"#,
            "\n",
            r#"{"add":{"path":"x","anything":[1,{"a":null}]}}"#,
            "\n",
            r#"{"txn":{"appId":"a/0","version":5}}"#,
            "\n\n",
            r#"{"txn":{"appId":"a/1","version":9,"lastUpdated":3}}"#,
        );
        let entry = Entry::parse(text.as_bytes()).unwrap();
        assert_eq!(entry.fences, [("a/0".to_owned(), 5), ("a/1".to_owned(), 9)]);
        assert_eq!(entry.commit_id(), Some(Uuid::from_u128(7)));
        assert!(!entry.changes_shape);
        assert!(Entry::parse(br#"{"metaData":{"id":"x"}}"#).unwrap().changes_shape);
        assert!(Entry::parse(b"{\"txn\":").is_err());
    }

    #[test]
    fn only_entries_count_as_versions() {
        for (name, version) in [
            ("00000000000000000007.json", Some(7)),
            ("00000000000000000007.checkpoint.parquet", None),
            ("7.json", None),
            ("_last_checkpoint", None),
            ("00000000000000000007.1f0c.json", None),
        ] {
            assert_eq!(entry_version(name), version, "{name}");
        }
    }
}
