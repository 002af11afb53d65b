//! Checkpoints: finding the newest whole one in a log, and making one apart from the commits.

use std::collections::BTreeMap;

use deltalake::DeltaTable;
use deltalake::checkpoints::create_checkpoint;
use object_store::path::Path as StorePath;
use tidemill_types::TableName;
use tokio::runtime::Handle;

use crate::LakeError;

/// Commits between two checkpoints, unless the lake is told otherwise.
pub(crate) const COMMITS_PER_CHECKPOINT: u32 = 50;

/// A file that is a checkpoint, or one of its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CheckpointFile {
    pub(crate) version: i64,
    /// Which of how many, both 1 for a checkpoint in one file.
    part: (u32, u32),
    pub(crate) path: StorePath,
}

impl CheckpointFile {
    /// Reads `<20 digits>.checkpoint.parquet` and `<20 digits>.checkpoint.<part>.<parts>.parquet`.
    /// Checkpoints named by a UUID belong to a table feature that is not written to, so they are passed over.
    pub(crate) fn parse(name: &str, path: StorePath) -> Option<CheckpointFile> {
        let (version, rest) = name.split_once(".checkpoint.")?;
        let version = (version.len() == 20).then(|| version.parse().ok())??;
        let part = match rest.strip_suffix(".parquet") {
            None if rest == "parquet" => (1, 1),
            None => return None,
            Some(parts) => {
                let (part, parts) = parts.split_once('.')?;
                (part.parse().ok()?, parts.parse().ok()?)
            }
        };
        Some(CheckpointFile { version, part, path })
    }

    /// The files of the newest checkpoint that has all its parts.
    pub(crate) fn newest_whole(files: Vec<CheckpointFile>) -> Option<Vec<CheckpointFile>> {
        let mut sets: BTreeMap<(i64, u32), BTreeMap<u32, CheckpointFile>> = BTreeMap::new();
        for file in files {
            let set = sets.entry((file.version, file.part.1)).or_default();
            set.insert(file.part.0, file);
        }
        let whole = |(key, set): (&(i64, u32), &BTreeMap<u32, CheckpointFile>)| {
            (set.len() == key.1 as usize).then(|| set.values().cloned().collect())
        };
        sets.iter().rev().find_map(whole)
    }
}

/// Whether a table at `version` is due for a checkpoint, with one every `commits`.
pub(crate) fn is_due(version: i64, checkpoint: Option<i64>, commits: u32) -> bool {
    version - checkpoint.unwrap_or(0) >= i64::from(commits.max(1))
}

/// Writes the checkpoint of the version at which `table` is opened. Reads the whole log tail: off the async runtime.
pub(crate) async fn write_checkpoint(name: &TableName, table: DeltaTable) -> Result<(), LakeError> {
    let runtime = Handle::current();
    let written = tokio::task::spawn_blocking(move || runtime.block_on(create_checkpoint(&table, None))).await;
    written
        .map_err(|source| LakeError::CutOff {
            table: name.clone(),
            source,
        })?
        .map_err(LakeError::delta("write the checkpoint of", name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(names: &[&str]) -> Option<(i64, usize)> {
        let files = names
            .iter()
            .filter_map(|name| CheckpointFile::parse(name, StorePath::from(*name)));
        let whole = CheckpointFile::newest_whole(files.collect())?;
        Some((whole[0].version, whole.len()))
    }

    #[test]
    fn the_newest_whole_checkpoint_counts() {
        let one = "00000000000000000050.checkpoint.parquet";
        let first = "00000000000000000060.checkpoint.0000000001.0000000002.parquet";
        let second = "00000000000000000060.checkpoint.0000000002.0000000002.parquet";
        let named = "00000000000000000070.checkpoint.80a083e8-7026.parquet";
        for (names, expected) in [
            (&[][..], None),
            (&[one], Some((50, 1))),
            (&[one, first], Some((50, 1))),
            (&[one, second, first], Some((60, 2))),
            (&[one, named], Some((50, 1))),
            (&["00000000000000000050.json"], None),
        ] {
            assert_eq!(newest(names), expected, "{names:?}");
        }
    }

    #[test]
    fn a_checkpoint_is_due_after_fifty_commits() {
        assert!(!is_due(49, None, COMMITS_PER_CHECKPOINT));
        assert!(is_due(50, None, COMMITS_PER_CHECKPOINT));
        assert!(!is_due(99, Some(50), COMMITS_PER_CHECKPOINT));
        assert!(is_due(100, Some(50), COMMITS_PER_CHECKPOINT));
        assert!(is_due(52, Some(50), 2));
    }
}
