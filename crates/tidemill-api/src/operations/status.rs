//! What the house is doing right now: streams, offsets, slots.

use serde::{Deserialize, Serialize};
use tidemill_types::{
    DeploymentName, KafkaPartition, Micros, ModelName, NextOffset, Problem, StreamName, TopicName, VersionNumber,
};
use utoipa::ToSchema;

use super::EventClock;
use crate::schema;

/// The house at a moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The project's name.
    pub project: String,
    /// The version of the binary that answers.
    pub code_version: String,
    /// Whether a server holds the project. Without one the figures are those of the last commit.
    pub running: bool,
    /// When the server started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub started_at: Option<Micros>,
    /// Where its events come from.
    pub kafka: KafkaStatus,
    /// One entry per stream, in the order of the project.
    pub streams: Vec<StreamStatus>,
    /// One entry per deployment, by name.
    pub slots: Vec<SlotStatus>,
    /// The event clock; absent where it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<EventClock>,
    /// How requests are recorded; absent where they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predictions: Option<PredictionsStatus>,
}

/// The record of what requests were answered, since the server started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PredictionsStatus {
    /// Predictions that are in their topic.
    pub recorded: u64,
    /// Predictions that were dropped: there was no place in the queue in time, or the broker did not take them.
    pub dropped: u64,
    /// Predictions that wait to be sent.
    pub queued: u64,
    /// The most that may wait.
    pub queue: u64,
}

/// The Kafka that the streams are read from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KafkaStatus {
    /// `host:port`, several with commas between them.
    pub bootstrap: String,
    /// Whether it is the in-process broker.
    pub embedded: bool,
    /// The id of the cluster, once it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<String>,
}

/// What a stream's ingest is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StreamState {
    /// It reads and commits.
    Running,
    /// It waits for something that is expected to come back: a broker, a store.
    Paused,
    /// It stopped and needs a person: too many dead letters, a fence that does not fit the log.
    Failed,
    /// Nothing reads it: no server runs.
    Stopped,
}

/// One stream between Kafka and its table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StreamStatus {
    /// The stream, and its table.
    #[schema(value_type = String)]
    pub stream: StreamName,
    /// The topic it is read from.
    #[schema(value_type = String)]
    pub topic: TopicName,
    /// What its ingest does.
    pub state: StreamState,
    /// Why it is paused or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Problem>)]
    pub problem: Option<Problem>,
    /// Rows in the table.
    pub rows: u64,
    /// Records in the dead-letter table.
    pub dead_letters: u64,
    /// Records in the log that are not committed yet, over all Kafka partitions.
    pub lag_rows: u64,
    /// How long the oldest of them can have waited, in seconds: since when something is left to commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag_seconds: Option<f64>,
    /// The event time below which no more rows are expected; absent before the first row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub watermark: Option<Micros>,
    /// The Delta version of the newest commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table_version: Option<i64>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub committed_at: Option<Micros>,
    /// How long it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit_ms: Option<u64>,
    /// Bytes of the files that it has committed since the server started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed_bytes: Option<u64>,
    /// Positions, by Kafka partition.
    pub partitions: Vec<PartitionStatus>,
}

/// A stream's position in one Kafka partition.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PartitionStatus {
    /// The Kafka partition.
    #[schema(value_type = i32)]
    pub partition: KafkaPartition,
    /// The first offset that is not in the table.
    #[schema(value_type = i64)]
    pub next: NextOffset,
    /// The end of the log, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub end: Option<NextOffset>,
}

/// What the registry wants a deployment to serve, and what its slot serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SlotStatus {
    /// The deployment.
    #[schema(value_type = String)]
    pub deployment: DeploymentName,
    /// The model, once something was deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub model: Option<ModelName>,
    /// The version that the registry names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub wanted: Option<VersionNumber>,
    /// The version that answers requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub serving: Option<VersionNumber>,
    /// The content hash of what answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<String>,
    /// Since when it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub deployed_at: Option<Micros>,
    /// Why the wanted version does not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Problem>)]
    pub problem: Option<Problem>,
}

impl Status {
    /// Why the house is not ready for traffic, one sentence each; empty when it is.
    ///
    /// Ready means: a server runs, no stream has failed, every slot serves what the registry wants.
    pub fn unready_reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if !self.running {
            reasons.push("no server runs".to_owned());
        }
        for stream in &self.streams {
            if stream.state == StreamState::Failed {
                let name = &stream.stream;
                match &stream.problem {
                    Some(problem) => reasons.push(format!("ingest of `{name}` failed: {problem}")),
                    None => reasons.push(format!("ingest of `{name}` failed")),
                }
            }
        }
        for slot in &self.slots {
            if slot.wanted != slot.serving {
                let shown = |version: Option<VersionNumber>| version.map_or("nothing".to_owned(), |v| v.to_string());
                let (wanted, serving) = (shown(slot.wanted), shown(slot.serving));
                let name = &slot.deployment;
                reasons.push(format!(
                    "deployment `{name}` serves {serving} and should serve {wanted}"
                ));
            }
        }
        reasons
    }
}
