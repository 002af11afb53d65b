//! Lineage: what a model version was made from, recorded by the system and never by the user.

use serde::{Deserialize, Serialize};

use crate::{KafkaPartition, NextOffset, TableName, TimeRange, TopicName};

/// SHA-256 over the SQL of the feature views a model uses, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FeatureHash(pub String);

/// The version of the binary that trained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CodeVersion(pub String);

/// One Delta table as it was read for a training set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainingInput {
    /// The table.
    pub table: TableName,
    /// Its Delta version.
    pub delta_version: i64,
    /// The event times that were read.
    pub window: TimeRange,
    /// Rows of the table in that window.
    pub rows: u64,
}

/// The Kafka offsets `[start, end)` behind the rows of a table at a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamRange {
    /// The landed table.
    pub table: TableName,
    /// The topic it was read from.
    pub topic: TopicName,
    /// The Kafka partition.
    pub partition: KafkaPartition,
    /// First offset.
    pub start: NextOffset,
    /// First offset after.
    pub end: NextOffset,
}

/// Everything that a model version pins: trained again from these it has the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// The tables that were read.
    pub inputs: Vec<TrainingInput>,
    /// The offsets behind them.
    pub streams: Vec<StreamRange>,
    /// The feature views' SQL.
    pub feature_hash: FeatureHash,
    /// The seed of the fit.
    pub seed: u64,
    /// The binary.
    pub code_version: CodeVersion,
}
