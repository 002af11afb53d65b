//! The CPU side of a stream by itself, for benches: what is measured is what runs.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use tidemill_kafka::PolledBatch;
use tidemill_project::Stream;
use tidemill_types::NextOffset;

use crate::decode::{DecodeLimits, WriterText};
use crate::intake::Intake;
pub use crate::tables::landed_spec;

use crate::stage::{BatchStage, StageFault, Stages};
use crate::{IngestLimits, late::LATE};

/// Decodes batches and forgets what came of them.
pub struct IntakeBench {
    intake: Intake,
}

impl IntakeBench {
    /// As a session of `stream` with these stages.
    pub fn new(stream: &Stream, stages: Vec<Box<dyn BatchStage>>) -> Result<IntakeBench, StageFault> {
        let added = Stages::default();
        for stage in stages {
            added.add(stage, LATE)?;
        }
        let limits = DecodeLimits {
            message_bytes: IngestLimits::default().message_bytes,
            schemas: 0,
        };
        Ok(IntakeBench {
            intake: Intake::new(stream, limits, added),
        })
    }

    /// Learns the Avro schema behind an id of a schema registry, as a session does that asked for it.
    pub fn learn(&mut self, id: u32, avsc: &str) {
        self.intake.learn(id, &WriterText::Avro(avsc.into()));
    }

    /// Decodes a batch from its beginning: the rows that would be written.
    pub fn rows(&mut self, batch: &PolledBatch) -> Result<Option<RecordBatch>, ArrowError> {
        Ok(self.intake.take(batch, NextOffset::ZERO, &BTreeSet::new())?.rows)
    }

    /// Decodes a batch from its beginning: how many rows and dead letters there were.
    pub fn take(&mut self, batch: &PolledBatch) -> Result<(u64, u64), ArrowError> {
        let taken = self.intake.take(batch, NextOffset::ZERO, &BTreeSet::new())?;
        Ok((taken.counts.rows, taken.counts.dead))
    }
}
