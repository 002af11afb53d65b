//! What a stream has taken and not yet landed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use tidemill_types::{KafkaPartition, NextOffset};

use crate::intake::{Counts, Taken};

/// Rows, dead letters and how far each partition came.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    pub(crate) rows: Vec<RecordBatch>,
    pub(crate) dead: Vec<RecordBatch>,
    pub(crate) counts: Counts,
    pub(crate) bytes: usize,
    /// How many rows each mask flags.
    pub(crate) masked: BTreeMap<String, u64>,
    /// Where each partition goes on.
    pub(crate) next: BTreeMap<KafkaPartition, NextOffset>,
    since: Option<Instant>,
}

impl Buffer {
    /// Adds what became of a batch. Returns the Arrow bytes that it weighs.
    pub(crate) fn add(&mut self, taken: Taken, now: Instant) -> usize {
        if taken.counts.records == 0 {
            return 0;
        }
        let batches = taken.rows.iter().chain(&taken.dead);
        let bytes = batches.map(RecordBatch::get_array_memory_size).sum();
        self.bytes += bytes;
        self.rows.extend(taken.rows);
        self.dead.extend(taken.dead);
        self.counts.add(&taken.counts);
        for (name, rows) in taken.masked {
            *self.masked.entry(name).or_default() += rows;
        }
        self.next.insert(taken.partition, taken.next);
        self.since.get_or_insert(now);
        bytes
    }

    /// How long the first record has waited.
    pub(crate) fn waited(&self, now: Instant) -> Duration {
        self.since
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }
}
