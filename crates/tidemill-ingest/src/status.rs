//! How a stream is doing, for status displays, readiness and whoever waits for it.

use serde::Serialize;
use tidemill_types::{KafkaPartition, Micros, NextOffset, Problem, StreamName, TopicName};

/// What a stream is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum StreamState {
    /// It looks up where its tables and the log stand.
    Starting,
    /// It reads and lands.
    Running,
    /// Something it needs does not answer; it tries again by itself.
    Waiting {
        /// What.
        problem: Problem,
    },
    /// Somebody has to look at it, then resume it.
    Paused {
        /// Why.
        reason: String,
    },
    /// It has given up; starting the process again, or resuming it, tries once more.
    Failed {
        /// Why.
        problem: Problem,
    },
    /// It was shut down; everything it had taken has landed.
    Stopped,
}

impl StreamState {
    /// In one word.
    pub fn as_str(&self) -> &'static str {
        match self {
            StreamState::Starting => "starting",
            StreamState::Running => "running",
            StreamState::Waiting { .. } => "waiting",
            StreamState::Paused { .. } => "paused",
            StreamState::Failed { .. } => "failed",
            StreamState::Stopped => "stopped",
        }
    }

    /// Why it is not running, where there is a reason.
    pub fn reason(&self) -> Option<String> {
        match self {
            StreamState::Waiting { problem } | StreamState::Failed { problem } => Some(problem.message.clone()),
            StreamState::Paused { reason } => Some(reason.clone()),
            StreamState::Starting | StreamState::Running | StreamState::Stopped => None,
        }
    }
}

/// Where one Kafka partition stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PartitionProgress {
    /// The partition.
    pub partition: KafkaPartition,
    /// Everything below has landed.
    pub landed: NextOffset,
    /// Everything below has been taken.
    pub taken: NextOffset,
    /// The end of the log, as of the last look.
    pub end: Option<NextOffset>,
    /// Records between `landed` and the end.
    pub lag: Option<u64>,
}

/// How a stream is doing. Counts are since the stream first landed, over all restarts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StreamStatus {
    /// The stream.
    pub stream: StreamName,
    /// Its topic.
    pub topic: TopicName,
    /// What it is doing.
    #[serde(flatten)]
    pub state: StreamState,
    /// Rows landed.
    pub rows: u64,
    /// Dead letters landed.
    pub dead: u64,
    /// Records without a value.
    pub tombstones: u64,
    /// Rows that came late.
    pub late: u64,
    /// Fields that were passed over, since they are no columns.
    pub unknown_fields: u64,
    /// Rows taken and not yet landed.
    pub buffered_rows: u64,
    /// Its Kafka partitions, ascending.
    pub partitions: Vec<PartitionProgress>,
    /// Records that have not landed; none as long as it is not known.
    pub lag_rows: Option<u64>,
    /// How far event time has come in what has landed.
    pub watermark: Option<Micros>,
    /// Whether all of its partitions have stood at their ends for long: nothing is to be expected of it.
    pub idle: bool,
    /// The table's newest version of ours.
    pub version: Option<i64>,
    /// When it last landed something, since this process started.
    pub committed_at: Option<Micros>,
    /// How long the newest landing took, files and both commits, in milliseconds.
    pub commit_ms: Option<u64>,
    /// Bytes of the files that it has landed, since this process started.
    pub landed_bytes: u64,
    /// When nothing was left to land the last time. What has come since then waits at most since then.
    pub level_at: Option<Micros>,
    /// Times that it started again since it last landed something.
    pub restarts: u32,
}

impl StreamStatus {
    pub(crate) fn new(stream: StreamName, topic: TopicName) -> StreamStatus {
        StreamStatus {
            stream,
            topic,
            state: StreamState::Starting,
            rows: 0,
            dead: 0,
            tombstones: 0,
            late: 0,
            unknown_fields: 0,
            buffered_rows: 0,
            partitions: Vec::new(),
            lag_rows: None,
            watermark: None,
            idle: false,
            version: None,
            committed_at: None,
            commit_ms: None,
            landed_bytes: 0,
            level_at: None,
            restarts: 0,
        }
    }
}
