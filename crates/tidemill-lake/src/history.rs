//! The log of a table from its beginning, with what each commit did to files and rows: for those who prove something
//! about a table. Commits do not need it, and it costs a read of every entry.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::log::LogReader;
use crate::{CommitRecord, LakeError, LakeTable};

/// One commit of a table: who made it, and what it changed.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryStep {
    /// What the commit says of itself.
    pub record: CommitRecord,
    /// Delta's `operationParameters`, as its writer put them.
    pub parameters: Map<String, Value>,
    /// App ids and the versions that their `txn` actions set.
    pub fences: Vec<(String, i64)>,
    /// Files that it added.
    pub added: FileSum,
    /// Files that it removed.
    pub removed: FileSum,
    /// Whether any of its files says that the table's rows change; false for a commit that only moves them.
    pub changes_rows: bool,
}

/// Files and the rows in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileSum {
    /// Files.
    pub files: u64,
    /// Rows, by the files' statistics. Files without count nothing.
    pub rows: u64,
}

impl FileSum {
    fn add(&mut self, rows: u64) {
        self.files += 1;
        self.rows += rows;
    }
}

impl HistoryStep {
    /// Rows that the commit took from the table, less those that it brought.
    pub fn rows_lost(&self) -> u64 {
        self.removed.rows.saturating_sub(self.added.rows)
    }

    /// Whether it set the table to an older version.
    pub fn is_restore(&self) -> bool {
        is_restore(self.record.operation.as_deref())
    }
}

/// Whether Delta's name for an operation says that the table was set to an older version.
pub(crate) fn is_restore(operation: Option<&str>) -> bool {
    operation.is_some_and(|operation| operation.eq_ignore_ascii_case("RESTORE"))
}

/// One line of an entry, with its files.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    add: Option<File>,
    remove: Option<File>,
    txn: Option<Txn>,
    commit_info: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    path: String,
    #[serde(default = "yes")]
    data_change: bool,
    stats: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    num_records: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Txn {
    app_id: String,
    version: i64,
}

fn yes() -> bool {
    true
}

impl File {
    fn rows(&self) -> Option<u64> {
        let stats: Stats = serde_json::from_str(self.stats.as_deref()?).ok()?;
        stats.num_records
    }
}

/// Reads an entry. `rows_of` knows the rows of every file that an entry before has added: a removal does not tell them.
fn parse(version: i64, bytes: &[u8], rows_of: &mut HashMap<String, u64>) -> Result<HistoryStep, serde_json::Error> {
    let mut info = Map::new();
    let mut fences = Vec::new();
    let (mut added, mut removed) = (FileSum::default(), FileSum::default());
    let mut changes_rows = false;
    for line in bytes.split(|byte| *byte == b'\n') {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let line: Line = serde_json::from_slice(line)?;
        if let Some(file) = line.add {
            let rows = file.rows().unwrap_or(0);
            added.add(rows);
            changes_rows |= file.data_change;
            // Files stay known after their removal: a restore brings them back.
            rows_of.insert(file.path, rows);
        }
        if let Some(file) = line.remove {
            removed.add(rows_of.get(&file.path).copied().or_else(|| file.rows()).unwrap_or(0));
            changes_rows |= file.data_change;
        }
        fences.extend(line.txn.map(|txn| (txn.app_id, txn.version)));
        if let Some(told) = line.commit_info {
            info = told;
        }
    }
    let parameters = match info.get("operationParameters") {
        Some(Value::Object(parameters)) => parameters.clone(),
        _ => Map::new(),
    };
    Ok(HistoryStep {
        record: CommitRecord::read(version, info),
        parameters,
        fences,
        added,
        removed,
        changes_rows,
    })
}

impl LogReader {
    /// Every entry up to `version` that is still there, oldest first.
    pub(crate) async fn history(&self, version: i64, mut see: impl FnMut(HistoryStep)) -> Result<(), LakeError> {
        let mut rows_of = HashMap::new();
        for version in self.oldest().await?.unwrap_or(0)..=version {
            let bytes = self.store.read_commit_entry(version as u64).await;
            let Some(bytes) = bytes.map_err(LakeError::delta("read the log of", &self.name))? else {
                return Err(self.corrupt(version, &"the entry is missing"));
            };
            see(parse(version, &bytes, &mut rows_of).map_err(|e| self.corrupt(version, &e))?);
        }
        Ok(())
    }
}

impl LakeTable {
    /// Gives every commit up to `version` to `see`, oldest first, as far back as the log goes.
    pub async fn history(&self, version: i64, see: impl FnMut(HistoryStep)) -> Result<(), LakeError> {
        self.log().history(version, see).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removal_counts_the_rows_of_the_file_that_it_removes() {
        let mut rows_of = HashMap::new();
        let add = r#"{"add":{"path":"a","dataChange":true,"stats":"{\"numRecords\":7}"}}"#;
        let txn = r#"{"txn":{"appId":"x/0","version":7}}"#;
        let first = parse(1, format!("{add}\n{txn}").as_bytes(), &mut rows_of).unwrap();
        assert_eq!((first.added.rows, first.rows_lost(), first.changes_rows), (7, 0, true));
        assert_eq!(first.fences, [("x/0".to_owned(), 7)]);
        let text = concat!(
            r#"{"commitInfo":{"operation":"RESTORE","operationParameters":{"version":0}}}"#,
            "\n",
            r#"{"remove":{"path":"a","dataChange":true}}"#
        );
        let second = parse(2, text.as_bytes(), &mut rows_of).unwrap();
        assert_eq!((second.rows_lost(), second.is_restore()), (7, true));
        assert_eq!(second.parameters["version"], 0);
        let moved = r#"{"remove":{"path":"a","dataChange":false}}"#;
        assert!(!parse(3, moved.as_bytes(), &mut rows_of).unwrap().changes_rows);
        assert!(parse(4, b"{\"add\":", &mut rows_of).is_err());
    }
}
