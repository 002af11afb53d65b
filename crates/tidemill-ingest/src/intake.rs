//! One polled batch to what is landed of it: rows, dead letters, tombstones. CPU only; runs off the async runtime.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use serde_json::{Map, Value};
use tidemill_kafka::PolledBatch;
use tidemill_project::Stream;
use tidemill_types::{KafkaPartition, NextOffset};

use crate::dead_letters::DeadLetters;
use crate::decode::{DecodeLimits, Decoder, WriterText};
use crate::fences::{Take, take};
use crate::last_record::LastRecord;
use crate::late::{LATE, LateStage};
use crate::stage::{BatchStage as _, HeldState, Masks, PartitionStates, StageFault, StagedBatch, Stages};

/// The CPU side of a stream: its decoder and its stages.
pub(crate) struct Intake {
    topic: String,
    decoder: Decoder,
    record_schema: SchemaRef,
    landed_schema: SchemaRef,
    /// Which of the record's columns holds event times; none where the known time does.
    time_column: Option<usize>,
    late: LateStage,
    stages: Stages,
}

/// What became of a polled batch.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) partition: KafkaPartition,
    /// Where the partition goes on.
    pub(crate) next: NextOffset,
    /// Rows for the landed table; none where there are none.
    pub(crate) rows: Option<RecordBatch>,
    /// Rows for the dead-letter table.
    pub(crate) dead: Option<RecordBatch>,
    /// The last record that was taken or skipped.
    pub(crate) last: Option<LastRecord>,
    pub(crate) counts: Counts,
    /// How many rows each mask flags.
    pub(crate) masked: BTreeMap<String, u64>,
}

/// What was counted on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Counts {
    /// Records that moved the fence, of any kind.
    pub(crate) records: u64,
    /// Rows landed.
    pub(crate) rows: u64,
    /// Dead letters.
    pub(crate) dead: u64,
    /// Records without a value.
    pub(crate) tombstones: u64,
    /// Rows that were late.
    pub(crate) late: u64,
    /// Fields that are no columns.
    pub(crate) unknown_fields: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Counts) {
        self.records += other.records;
        self.rows += other.rows;
        self.dead += other.dead;
        self.tombstones += other.tombstones;
        self.late += other.late;
        self.unknown_fields += other.unknown_fields;
    }
}

impl Intake {
    pub(crate) fn new(stream: &Stream, limits: DecodeLimits, stages: Stages) -> Intake {
        let event_time = stream.event_time.as_ref();
        let fields = stream.schema.fields.iter();
        Intake {
            topic: stream.topic.as_str().to_owned(),
            decoder: Decoder::new(&stream.schema, stream.format, limits),
            record_schema: stream.schema.arrow(),
            landed_schema: stream.schema.landed_arrow(),
            time_column: event_time.and_then(|name| fields.clone().position(|field| field.name == *name)),
            late: LateStage::new(stream.lateness.as_micros()),
            stages,
        }
    }

    /// Begins a partition with what its last commit held; `next` is where it goes on.
    pub(crate) fn restore(&mut self, partition: KafkaPartition, states: Option<&Map<String, Value>>, next: NextOffset) {
        let state = states.and_then(|states| states.get(self.late.name()));
        self.late.restore(partition, HeldState { state, next });
        self.stages.restore(partition, states, next);
    }

    /// Forgets a partition.
    pub(crate) fn release(&mut self, partition: KafkaPartition) {
        self.late.release(partition);
        self.stages.release(partition);
    }

    /// What the next commit keeps of the stages for these partitions.
    pub(crate) fn stage_states(
        &self,
        partitions: impl Iterator<Item = KafkaPartition>,
    ) -> Result<PartitionStates, StageFault> {
        let own = |partition| {
            let state = (self.late.name().to_owned(), self.late.state(partition));
            (partition, Map::from_iter([state]))
        };
        let mut states: PartitionStates = partitions.map(own).collect();
        self.stages.keep(&mut states)?;
        Ok(states)
    }

    /// The newest event of a partition.
    pub(crate) fn newest_event(&self, partition: KafkaPartition) -> Option<tidemill_types::Micros> {
        self.late.newest_event(partition)
    }

    /// The schemas that records of the batch name and that must be learned before it is decoded.
    pub(crate) fn unlearned(&mut self, batch: &PolledBatch) -> BTreeSet<u32> {
        self.decoder
            .unlearned((0..batch.len()).filter_map(|place| batch.value(place)))
    }

    /// Takes in what the registry says of a schema.
    pub(crate) fn learn(&mut self, id: u32, text: &WriterText) {
        self.decoder.learn(id, text);
    }

    /// Decodes a batch that continues its partition at `position`.
    pub(crate) fn take(
        &mut self,
        batch: &PolledBatch,
        position: NextOffset,
        dead_known: &BTreeSet<i64>,
    ) -> Result<Taken, ArrowError> {
        let mut counts = Counts::default();
        let mut dead = DeadLetters::default();
        let mut offsets = Vec::with_capacity(batch.len());
        let mut known_micros = Vec::with_capacity(batch.len());
        let mut last = None;
        self.decoder.reserve(batch.len());
        for (place, record) in batch.iter().enumerate() {
            match take(position, dead_known, record.offset) {
                Take::Skip => continue,
                Take::AlreadyDead => {
                    counts.records += 1;
                    last = Some(place);
                    continue;
                }
                Take::Decode => (),
            }
            counts.records += 1;
            last = Some(place);
            let Some(value) = record.value else {
                counts.tombstones += 1;
                continue;
            };
            match self.decoder.decode(value) {
                Ok(()) => {
                    offsets.push(record.offset.0);
                    known_micros.push(record.kafka_time.0);
                }
                Err(fault) => dead.push(&record, &fault),
            }
        }
        counts.rows = self.decoder.rows() as u64;
        counts.dead = dead.len() as u64;
        let (columns, unknown_fields) = self.decoder.take();
        counts.unknown_fields = unknown_fields;
        let mut masks = Masks::default();
        let rows = if offsets.is_empty() {
            None
        } else {
            Some(self.landed(batch.partition, columns, offsets, known_micros, &mut counts, &mut masks)?)
        };
        Ok(Taken {
            partition: batch.partition,
            next: batch.next_offset().map_or(position, |next| next.max(position)),
            rows,
            dead: dead.finish(&self.topic, batch.partition.0)?,
            last: last.map(|place| LastRecord::of(&batch.record(place))),
            counts,
            masked: masks.counts().map(|(name, rows)| (name.to_owned(), rows)).collect(),
        })
    }

    /// Puts the columns of ingest behind those of the record.
    fn landed(
        &mut self,
        partition: KafkaPartition,
        mut columns: Vec<ArrayRef>,
        offsets: Vec<i64>,
        known_micros: Vec<i64>,
        counts: &mut Counts,
        masks: &mut Masks,
    ) -> Result<RecordBatch, ArrowError> {
        let row_count = offsets.len();
        let times: Vec<Option<i64>> = match self.time_column {
            Some(place) => columns[place]
                .as_primitive::<TimestampMicrosecondType>()
                .iter()
                .collect(),
            None => known_micros.iter().copied().map(Some).collect(),
        };
        let own = RecordBatch::try_new(Arc::clone(&self.record_schema), columns.clone())?;
        let mut staged = StagedBatch {
            partition,
            rows: &own,
            offsets: &offsets,
            known_micros: &known_micros,
            times: &times,
            masks,
        };
        self.late.see(&mut staged);
        self.stages.see(&mut staged);
        let late = masks.get(LATE).cloned();
        let late = late.unwrap_or_else(|| vec![false; row_count].into());
        counts.late = late.true_count() as u64;
        let topic = StringArray::from_iter_values(std::iter::repeat_n(self.topic.as_str(), row_count));
        columns.push(Arc::new(topic));
        columns.push(Arc::new(Int32Array::from(vec![partition.0; row_count])));
        columns.push(Arc::new(Int64Array::from(offsets)));
        columns.push(Arc::new(
            TimestampMicrosecondArray::from(known_micros).with_timezone("UTC"),
        ));
        columns.push(Arc::new(late) as Arc<dyn Array>);
        RecordBatch::try_new(Arc::clone(&self.landed_schema), columns)
    }
}
