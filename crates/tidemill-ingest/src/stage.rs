//! Batch stages: what sees a decoded batch before it is written, and keeps its state with the same commit.
//!
//! Invariants: a stage sees every row once, in the order of a partition's offsets, from the commit at which it joined; what
//! it keeps in a commit is its state after exactly the rows of that commit; what was seen and not landed is told as lost,
//! and the stage goes back to what the last commit held. Stages join and leave at commits only.
//!
//! What a stage keeps, it keeps by Kafka partition: partitions move from worker to worker, and their states with them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{BooleanArray, RecordBatch};
use serde_json::{Map, Value};
use tidemill_types::{KafkaPartition, Micros, NextOffset};

/// Stages of one stream.
pub const STAGES_MAX: usize = 32;
/// Bytes of JSON that a stage may keep in a commit.
pub const STAGE_STATE_BYTES_MAX: usize = 1 << 20;

/// Rows of one Kafka partition, in the order of their offsets.
pub struct StagedBatch<'a> {
    /// Their partition.
    pub partition: KafkaPartition,
    /// The record's own columns.
    pub rows: &'a RecordBatch,
    /// Their offsets.
    pub offsets: &'a [i64],
    /// When they were known, in UTC microseconds.
    pub known_micros: &'a [i64],
    /// Event times in UTC microseconds, or known times where the stream names no event time; nulls are no events.
    pub times: &'a [Option<i64>],
    /// What stages say of each row.
    pub masks: &'a mut Masks,
}

/// One flag a row, by name. A stage sets its own and may look at those of stages before it. How many rows each flags
/// stands in the commit.
#[derive(Debug, Default)]
pub struct Masks {
    by_name: BTreeMap<&'static str, BooleanArray>,
}

impl Masks {
    /// Sets a mask. It must have a flag for each row.
    pub fn set(&mut self, name: &'static str, flags: BooleanArray) {
        self.by_name.insert(name, flags);
    }

    /// The mask of that name.
    pub fn get(&self, name: &str) -> Option<&BooleanArray> {
        self.by_name.get(name)
    }

    /// How many rows each flags.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let masks = self.by_name.iter();
        masks.map(|(name, flags)| (*name, flags.true_count() as u64))
    }
}

/// A commit that landed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandedCommit {
    /// The version of the stream's table.
    pub version: i64,
    /// Where each Kafka partition that it moved goes on.
    pub next: BTreeMap<KafkaPartition, NextOffset>,
    /// How far event time has come.
    pub watermark: Option<Micros>,
}

/// What a stage begins a Kafka partition with.
#[derive(Debug, Clone, Copy)]
pub struct HeldState<'a> {
    /// What the last commit of the partition holds of the stage: none where that holds nothing of this name, because the
    /// stage is new or was not there at that commit.
    pub state: Option<&'a Value>,
    /// Where the rows begin that it will see.
    pub next: NextOffset,
}

/// What stages keep of each Kafka partition, by their names.
pub(crate) type PartitionStates = BTreeMap<KafkaPartition, Map<String, Value>>;

/// Sees every decoded batch of a stream, in order, before the write. Called off the async runtime; it must not wait for
/// anything. A stage that panics ends what was taken with it, and after a few times stops the stream.
pub trait BatchStage: Send {
    /// The key of its state in the commit. No two stages of a stream share one.
    fn name(&self) -> &'static str;

    /// Sees a batch.
    fn see(&mut self, batch: &mut StagedBatch<'_>);

    /// What the next commit keeps of a partition, at most [`STAGE_STATE_BYTES_MAX`] bytes of JSON over all partitions.
    fn state(&self, partition: KafkaPartition) -> Value;

    /// Begins with a partition, or goes back to what its last commit held; what the stage has of it is void. Called before
    /// the partition's first batch, and again after every loss.
    fn restore(&mut self, partition: KafkaPartition, held: HeldState<'_>);

    /// Forgets a partition: from now on another worker reads it, with what the last commit held. What was seen of it since
    /// is lost.
    fn release(&mut self, _partition: KafkaPartition) {}

    /// A commit landed. It holds what this stage had seen when it was made; more may have been seen since.
    fn landed(&mut self, _commit: &LandedCommit) {}

    /// What was seen since the last commit that landed is lost, or may be: [`restore`](BatchStage::restore) follows before
    /// the next batch, which can be long after where a broker or store is away.
    fn lost(&mut self) {}
}

/// Why a stage cannot join a stream, or a stream not go on with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StageFault {
    /// There is one of that name.
    #[error("there is a stage `{0}` already")]
    Twice(String),
    /// There are too many.
    #[error("there are {STAGES_MAX} stages already")]
    TooMany,
    /// It keeps too much.
    #[error("stage `{0}` keeps {1} bytes in a commit, more than {STAGE_STATE_BYTES_MAX}")]
    TooLarge(String, usize),
    /// There is none of that name.
    #[error("there is no stage `{0}`")]
    Unknown(String),
}

/// The stages of a stream that its user added. They outlive sessions, and are shared with the thread that decodes.
#[derive(Clone, Default)]
pub(crate) struct Stages {
    added: Arc<Mutex<Vec<Box<dyn BatchStage>>>>,
}

impl Stages {
    /// A stage that panicked leaves the list whole; what it holds itself is set back by a restore.
    fn lock(&self) -> MutexGuard<'_, Vec<Box<dyn BatchStage>>> {
        self.added.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a stage, which has been restored or will be when the stream starts.
    pub(crate) fn add(&self, stage: Box<dyn BatchStage>, reserved: &str) -> Result<(), StageFault> {
        let mut stages = self.lock();
        let name = stage.name();
        if name == reserved || stages.iter().any(|other| other.name() == name) {
            return Err(StageFault::Twice(name.to_owned()));
        }
        if stages.len() >= STAGES_MAX {
            return Err(StageFault::TooMany);
        }
        stages.push(stage);
        Ok(())
    }

    pub(crate) fn remove(&self, name: &str) -> Result<Box<dyn BatchStage>, StageFault> {
        let mut stages = self.lock();
        let place = stages.iter().position(|stage| stage.name() == name);
        let place = place.ok_or_else(|| StageFault::Unknown(name.to_owned()))?;
        Ok(stages.remove(place))
    }

    pub(crate) fn see(&self, batch: &mut StagedBatch<'_>) {
        for stage in self.lock().iter_mut() {
            stage.see(batch);
        }
    }

    /// Begins a partition with what its last commit held.
    pub(crate) fn restore(&self, partition: KafkaPartition, held: Option<&Map<String, Value>>, next: NextOffset) {
        for stage in self.lock().iter_mut() {
            let state = held.and_then(|held| held.get(stage.name()));
            stage.restore(partition, HeldState { state, next });
        }
    }

    pub(crate) fn release(&self, partition: KafkaPartition) {
        for stage in self.lock().iter_mut() {
            stage.release(partition);
        }
    }

    pub(crate) fn landed(&self, commit: &LandedCommit) {
        for stage in self.lock().iter_mut() {
            stage.landed(commit);
        }
    }

    pub(crate) fn lost(&self) {
        for stage in self.lock().iter_mut() {
            stage.lost();
        }
    }

    /// Adds what each keeps of each partition.
    pub(crate) fn keep(&self, states: &mut PartitionStates) -> Result<(), StageFault> {
        for stage in self.lock().iter() {
            let mut bytes = 0;
            for (partition, states) in states.iter_mut() {
                let state = stage.state(*partition);
                bytes += state.to_string().len();
                states.insert(stage.name().to_owned(), state);
            }
            if bytes > STAGE_STATE_BYTES_MAX {
                return Err(StageFault::TooLarge(stage.name().to_owned(), bytes));
            }
        }
        Ok(())
    }
}
