//! Batch stages: what sees a decoded batch before it is written and keeps its state with the same commit.
//!
//! Private until more than the late flag needs it.

use arrow::array::{BooleanArray, RecordBatch};
use serde_json::Value;
use tidemill_types::{KafkaPartition, Micros};

/// Rows of one Kafka partition, in the order of their offsets.
pub(crate) struct StagedBatch<'a> {
    /// Their partition.
    pub(crate) partition: KafkaPartition,
    /// The record's own columns.
    pub(crate) rows: &'a RecordBatch,
    /// Event times in UTC microseconds, or known times where the stream names no event time; nulls are no events.
    pub(crate) times: &'a [Option<i64>],
    /// One flag a row, for the stage to set.
    pub(crate) late: &'a mut Option<BooleanArray>,
}

/// Sees every decoded batch once, in order, before the write.
pub(crate) trait BatchStage: Send {
    /// The key of its state in the commit.
    fn name(&self) -> &'static str;

    /// Sees a batch.
    fn see(&mut self, batch: &mut StagedBatch<'_>);

    /// What the next commit keeps.
    fn state(&self) -> Value;

    /// Goes back to what the last commit held: none before the first, or where it cannot be read.
    fn restore(&mut self, held: Option<&Value>);

    /// The newest event time of a partition, from a stage that follows them.
    fn newest_event(&self, partition: KafkaPartition) -> Option<Micros>;
}
