//! `[ingest]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_types::{DurationText, WorkerName};

use super::forms::DurationForm;
use crate::size::ByteSize;

/// The way from Kafka into tables. Rows are held until one of the `flush_…` limits is reached; then one commit writes them with
/// their offsets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct IngestSettings {
    /// Flush at so many rows of a stream.
    #[schemars(range(min = 1))]
    pub flush_rows: u64,
    /// Flush at so many bytes of a stream in memory.
    pub flush_bytes: ByteSize,
    /// Flush rows that have waited for so long.
    #[schemars(with = "DurationForm")]
    pub flush_interval: DurationText,
    /// Flush when the watermark passes the end of a day (UTC) of the events' own time.
    pub flush_each_event_day: bool,
    /// Bytes of all streams that may be held in memory; beyond it reading from Kafka pauses.
    pub buffer_bytes: ByteSize,
    /// The largest value of a record; one beyond it is a dead letter.
    pub message_bytes: ByteSize,
    /// The share of records that cannot be decoded above which a stream pauses.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub dead_share_max: f64,
    /// The newest records over which that share is taken.
    #[schemars(range(min = 1))]
    pub dead_share_rows: u64,
    /// Who says which Kafka partitions this process reads.
    pub assignment: AssignmentMode,
    /// With `assignment = "group"`: this worker's name, which no other has. A worker that comes back under its name within
    /// `session.timeout.ms` (15 s) finds its partitions as it left them; one without a name joins anew.
    #[schemars(with = "Option<String>")]
    pub worker: Option<WorkerName>,
    /// Write a checkpoint of a table's log every so many commits.
    #[schemars(range(min = 1))]
    pub checkpoint_commits: u64,
}

impl Default for IngestSettings {
    fn default() -> IngestSettings {
        IngestSettings {
            flush_rows: 1_000_000,
            flush_bytes: ByteSize::mb(128),
            flush_interval: DurationText::from_secs(10),
            flush_each_event_day: true,
            buffer_bytes: ByteSize::mb(512),
            message_bytes: ByteSize::mb(8),
            dead_share_max: 0.05,
            dead_share_rows: 1_000,
            assignment: AssignmentMode::All,
            worker: None,
            checkpoint_commits: 50,
        }
    }
}

/// Who says which Kafka partitions a process reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum AssignmentMode {
    /// Nobody: it reads all of them.
    All,
    /// A consumer group for each stream: the workers of a pipeline share them.
    Group,
}
