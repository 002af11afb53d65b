//! One lane on its way: the next row, when it was known, which partition it goes to.

use std::io::Write as _;

use arrow::array::TimestampMicrosecondArray;
use tidemill_kafka::{Producer, ProducerRecord, partition_of};
use tidemill_types::{KafkaPartition, Micros};

use super::mark::{ROW_HEADER, SOURCE_HEADER};
use super::{LanePlan, StreamReport};
use crate::SourceError;
use crate::encode::{BatchEncoder, times_of};
use crate::rows::{Batches, RowSource};

/// A lane's reader, with one batch in hand.
pub(super) struct Lane<'a> {
    plan: &'a LanePlan,
    batches: Batches,
    loaded: Option<Loaded<'a>>,
    /// The number of the first row that is not loaded yet.
    next_row: u64,
    /// By partition, the last row that is in the topic.
    after: Vec<Option<u64>>,
    report: StreamReport,
    /// Used again for each record.
    key: Vec<u8>,
    value: Vec<u8>,
    row_text: Vec<u8>,
}

struct Loaded<'a> {
    encoder: BatchEncoder<'a>,
    times: TimestampMicrosecondArray,
    first_row: u64,
    place: usize,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It was there before.
    Skipped,
    /// It is new; its key and value take so many bytes.
    Sent(u64),
}

/// A row that is to be sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Next {
    pub known: Micros,
    row: u64,
    partition: KafkaPartition,
    keyed: bool,
    /// Whether it is in the topic already.
    pub there: bool,
}

impl<'a> Lane<'a> {
    pub(super) fn open(
        plan: &'a LanePlan,
        source: &dyn RowSource,
        after: Vec<Option<u64>>,
    ) -> Result<Lane<'a>, SourceError> {
        Ok(Lane {
            batches: source.open(&plan.reads)?,
            plan,
            loaded: None,
            next_row: 0,
            after,
            report: StreamReport {
                stream: plan.stream.clone(),
                topic: plan.topic.clone(),
                rows: 0,
                skipped: 0,
                bytes: 0,
                first_known: None,
                last_known: None,
            },
            key: Vec::new(),
            value: Vec::new(),
            row_text: Vec::new(),
        })
    }

    /// When the next row was known; none after the last.
    pub(super) fn next_known(&mut self) -> Result<Option<Micros>, SourceError> {
        while self
            .loaded
            .as_ref()
            .is_none_or(|loaded| loaded.place == loaded.times.len())
        {
            let Some(batch) = self.batches.next() else {
                return Ok(None);
            };
            let batch = batch?;
            let plan = self.plan;
            let first_row = self.next_row;
            self.next_row += batch.num_rows() as u64;
            self.loaded = Some(Loaded {
                encoder: BatchEncoder::new(&plan.encoded, &plan.names, &batch, first_row)?,
                times: times_of(
                    batch.column(plan.time),
                    &plan.time_column,
                    plan.time_unit_micros,
                    first_row,
                )?,
                first_row,
                place: 0,
            });
        }
        let known = self.loaded.as_ref().map(|loaded| {
            let event_time = Micros(loaded.times.value(loaded.place));
            event_time.plus(self.plan.delay.as_micros())
        });
        Ok(known)
    }

    /// The next row and where it goes. Call it after [`next_known`](Self::next_known) has found one.
    pub(super) fn next(&mut self, known: Micros) -> Result<Option<Next>, SourceError> {
        let Some(loaded) = &self.loaded else { return Ok(None) };
        let row = loaded.first_row + loaded.place as u64;
        self.key.clear();
        let keyed = match self.plan.key {
            Some(column) => loaded.encoder.write_key(column, loaded.place, &mut self.key)?,
            None => false,
        };
        let partitions = self.after.len();
        // Rows without a key go round, each always to the same partition.
        let partition = if keyed {
            partition_of(&self.key, partitions as i32)
        } else {
            KafkaPartition((row % partitions as u64) as i32)
        };
        let last = self.after.get(partition.0 as usize).copied().flatten();
        Ok(Some(Next {
            known,
            row,
            partition,
            keyed,
            there: last.is_some_and(|last| row <= last),
        }))
    }

    /// Sends that row unless it is there, and goes on to the one after.
    pub(super) fn take(&mut self, next: Next, producer: &Producer, mark: &[u8]) -> Result<Taken, SourceError> {
        let Some(loaded) = &mut self.loaded else {
            return Ok(Taken::Skipped);
        };
        let place = loaded.place;
        loaded.place += 1;
        if next.there {
            self.report.skipped += 1;
            return Ok(Taken::Skipped);
        }
        self.value.clear();
        match &self.plan.avro {
            Some(shape) => loaded.encoder.write_avro(shape, place, &mut self.value)?,
            None => loaded.encoder.write(place, &mut self.value)?,
        }
        self.row_text.clear();
        // Writing into a vector does not fail.
        let _ = write!(self.row_text, "{}", next.row);
        producer.send_blocking(ProducerRecord {
            topic: &self.plan.topic,
            partition: Some(next.partition),
            key: next.keyed.then_some(self.key.as_slice()),
            value: Some(&self.value),
            headers: &[(SOURCE_HEADER, mark), (ROW_HEADER, &self.row_text)],
            timestamp: next.known,
        })?;
        let bytes = (self.value.len() + if next.keyed { self.key.len() } else { 0 }) as u64;
        self.report.rows += 1;
        self.report.bytes += bytes;
        self.report.first_known.get_or_insert(next.known);
        self.report.last_known = Some(next.known);
        Ok(Taken::Sent(bytes))
    }

    pub(super) fn report(self) -> StreamReport {
        self.report
    }
}
