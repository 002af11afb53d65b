//! A replay: rows of a source into the topics of one or several streams, in the order in which they were known.
//!
//! Each stream that gets rows is a *lane*: its own columns, read by its own reader, each row known at its event time plus
//! the lane's delay. Lanes are merged by that time, so memory does not grow with a delay. Within a Kafka partition a lane's
//! rows stand in ascending order and carry their number, so the last record of each partition says where to go on.

mod also;
mod lane;
mod mark;
mod plan;
mod report;
mod resume;
mod run;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tidemill_kafka::ProducerLimits;
use tidemill_types::{ColumnName, DurationText, StreamName, TopicName};

use crate::Speed;
use crate::encode::{AvroShape, EncodedColumn};
use crate::rows::RowSource;

pub use also::{Also, InvalidAlso};
pub use report::{Progress, ReplayReport, StreamReport};

/// What to replay where, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplayOptions {
    /// The stream that gets the rows.
    pub stream: StreamName,
    /// Columns that go to other streams, later. They are then not in the first, except those that it cannot be without:
    /// its key, its event time and what its partition is chosen by.
    pub also: Vec<Also>,
    /// The column that says when a row was known to the first stream; absent, its event time.
    pub time: Option<ColumnName>,
    /// How fast.
    pub speed: Speed,
    /// Whether all rows are sent once more behind what is in the topics.
    pub again: bool,
}

/// A replay that was checked against the streams' schemas and can be run.
pub struct Replay {
    source: Arc<dyn RowSource>,
    source_name: String,
    lanes: Vec<LanePlan>,
    left_out: Vec<String>,
    rows: Option<u64>,
    speed: Speed,
    again: bool,
}

/// What one stream gets.
#[derive(Debug, Clone)]
pub struct LanePlan {
    /// The stream.
    pub stream: StreamName,
    /// Its topic.
    pub topic: TopicName,
    /// How many Kafka partitions the topic gets where it has to be made.
    pub partitions: i32,
    /// How long after its event time a row is known here.
    pub delay: DurationText,
    /// The columns that are sent, in the order of the schema.
    pub columns: Vec<ColumnName>,
    encoded: Vec<EncodedColumn>,
    names: Vec<Vec<u8>>,
    /// For a stream of binary Avro.
    avro: Option<AvroShape>,
    /// The place among the columns of the one that is the Kafka key.
    key: Option<usize>,
    /// What the lane's reader reads: places in the source's schema.
    reads: Vec<usize>,
    /// The place among those of the time.
    time: usize,
    time_column: ColumnName,
    time_unit_micros: i64,
}

impl Replay {
    /// What each stream gets, the first stream first.
    pub fn lanes(&self) -> &[LanePlan] {
        &self.lanes
    }

    /// Columns of a file that no stream has; of the simulator's own none is named.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Rows of the data, where their number is known.
    pub fn rows(&self) -> Option<u64> {
        self.rows
    }

    /// How people call the data.
    pub fn source_name(&self) -> &str {
        &self.source_name
    }
}

impl std::fmt::Debug for Replay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replay")
            .field("source", &self.source_name)
            .field("lanes", &self.lanes)
            .field("speed", &self.speed)
            .finish_non_exhaustive()
    }
}

/// Limits of a producer for replays: many records in flight, and none in the topic behind one that was given up.
pub fn producer_limits() -> ProducerLimits {
    ProducerLimits {
        linger: Duration::from_millis(5),
        gapless: true,
        ..ProducerLimits::default()
    }
}

/// Settings of topics that hold records as old as their events: retention by time would delete them at once, and a log
/// that rolls every seven days of record time would be cut into many segments.
pub fn topic_configs() -> BTreeMap<String, String> {
    let configs = [("retention.ms", "-1"), ("segment.ms", "3153600000000")];
    configs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

#[cfg(test)]
mod tests;
