//! `partition.json`: what of a partition is not in its segments: where the log starts, and its leader epochs.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::epochs::EpochHistory;
use crate::error::BrokerError;
use crate::files::{read_json, write_json};

/// The file's name in a partition's folder.
const FILE: &str = "partition.json";

/// What the file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartitionState {
    /// The first offset that may be read: raised by DeleteRecords and retention, never lowered.
    pub log_start: i64,
    pub epochs: EpochHistory,
}

impl PartitionState {
    /// Reads it from a partition's folder; a folder without one is a new partition.
    pub(crate) fn read(dir: &Path) -> Result<PartitionState, BrokerError> {
        Ok(read_json(&dir.join(FILE))?.unwrap_or_default())
    }

    /// Replaces the file as a whole.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), BrokerError> {
        write_json(&dir.join(FILE), self)
    }
}
