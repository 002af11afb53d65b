//! What a commit holds beside rows and fences: enough to go on from it as if nothing had happened.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidemill_types::{KafkaPartition, Micros, NextOffset, PipelineName, TopicName};

use crate::intake::Counts;
use crate::last_record::LastRecord;

/// Our part of `commitInfo`, in both tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CommitState {
    pub(crate) pipeline: PipelineName,
    pub(crate) cluster: String,
    pub(crate) topic: TopicName,
    /// Counts of this commit.
    pub(crate) counts: Counts,
    /// Counts since the stream first landed, this commit included.
    #[serde(default)]
    pub(crate) totals: Counts,
    /// How far event time has come.
    #[serde(default)]
    pub(crate) watermark: Option<Micros>,
    /// Every Kafka partition that the stream reads, also those that this commit does not touch.
    pub(crate) partitions: Vec<PartitionCommit>,
    /// What the batch stages keep, by their names.
    #[serde(default)]
    pub(crate) stages: Map<String, Value>,
    /// How many rows of this commit each mask of a stage flags.
    #[serde(default)]
    pub(crate) masked: BTreeMap<String, u64>,
}

/// The offsets `[start, next)` of a Kafka partition in a commit; equal where it holds none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartitionCommit {
    pub(crate) partition: KafkaPartition,
    pub(crate) start: NextOffset,
    pub(crate) next: NextOffset,
    /// The last record that was taken, in this commit or before.
    #[serde(default)]
    pub(crate) last: Option<LastRecord>,
}

impl CommitState {
    /// As it goes into the commit.
    pub(crate) fn to_info(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(map)) => map,
            _ => Map::new(),
        }
    }

    /// Reads it back. None where the commit is of another pipeline, cluster or topic, or of an unknown shape.
    pub(crate) fn from_info(
        info: &Map<String, Value>,
        pipeline: &PipelineName,
        cluster: &str,
        topic: &TopicName,
    ) -> Option<CommitState> {
        let state: CommitState = serde_json::from_value(Value::Object(info.clone())).ok()?;
        let same = state.pipeline == *pipeline && state.cluster == cluster && state.topic == *topic;
        same.then_some(state)
    }

    /// What it says of a partition.
    pub(crate) fn partition(&self, partition: KafkaPartition) -> Option<&PartitionCommit> {
        self.partitions.iter().find(|held| held.partition == partition)
    }
}
