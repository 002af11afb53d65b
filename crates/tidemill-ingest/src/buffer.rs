//! What a stream has taken and not yet landed, by Kafka partition: a partition can be given up alone.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use tidemill_types::{KafkaPartition, NextOffset};

use crate::intake::{Counts, Taken};

/// Rows, dead letters and how far each partition came.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    parts: BTreeMap<KafkaPartition, BufferedPart>,
}

/// What was taken of one partition.
#[derive(Debug)]
pub(crate) struct BufferedPart {
    pub(crate) rows: Vec<RecordBatch>,
    pub(crate) dead: Vec<RecordBatch>,
    pub(crate) counts: Counts,
    /// Arrow memory of all of it.
    bytes: usize,
    /// How many rows each mask flags.
    masked: BTreeMap<String, u64>,
    /// Where the partition goes on.
    pub(crate) next: NextOffset,
    since: Instant,
}

impl Buffer {
    /// Adds what became of a batch. Returns the Arrow bytes that it weighs.
    pub(crate) fn add(&mut self, taken: Taken, now: Instant) -> usize {
        if taken.counts.records == 0 {
            return 0;
        }
        let batches = taken.rows.iter().chain(&taken.dead);
        let bytes = batches.map(RecordBatch::get_array_memory_size).sum();
        let part = self.parts.entry(taken.partition).or_insert_with(|| BufferedPart {
            rows: Vec::new(),
            dead: Vec::new(),
            counts: Counts::default(),
            bytes: 0,
            masked: BTreeMap::new(),
            next: taken.next,
            since: now,
        });
        part.bytes += bytes;
        part.rows.extend(taken.rows);
        part.dead.extend(taken.dead);
        part.counts.add(&taken.counts);
        for (name, rows) in taken.masked {
            *part.masked.entry(name).or_default() += rows;
        }
        part.next = taken.next;
        bytes
    }

    /// Drops what was taken of a partition. Returns the Arrow bytes that it weighed.
    pub(crate) fn forget(&mut self, partition: KafkaPartition) -> usize {
        self.parts.remove(&partition).map_or(0, |part| part.bytes)
    }

    /// What was taken of each partition.
    pub(crate) fn parts(&self) -> &BTreeMap<KafkaPartition, BufferedPart> {
        &self.parts
    }

    /// The same, to be landed.
    pub(crate) fn into_parts(self) -> BTreeMap<KafkaPartition, BufferedPart> {
        self.parts
    }

    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for part in self.parts.values() {
            counts.add(&part.counts);
        }
        counts
    }

    /// Arrow memory of all of it.
    pub(crate) fn bytes(&self) -> usize {
        self.parts.values().map(|part| part.bytes).sum()
    }

    /// How many rows each mask flags.
    pub(crate) fn masked(&self) -> BTreeMap<String, u64> {
        let mut masked = BTreeMap::new();
        for (name, rows) in self.parts.values().flat_map(|part| &part.masked) {
            *masked.entry(name.clone()).or_default() += rows;
        }
        masked
    }

    /// How long the first record has waited.
    pub(crate) fn waited(&self, now: Instant) -> Duration {
        let since = self.parts.values().map(|part| part.since).min();
        since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }
}
