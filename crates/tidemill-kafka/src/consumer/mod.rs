//! The polled consumer: a thread of its own that polls librdkafka and hands over batches through a bounded channel.
//!
//! Invariants: a partition is read from the offset that it was assigned at and from nowhere else; an offset outside the
//! log is an error and never a reset; nothing is committed by itself. When the receiver is slow the thread first waits,
//! then pauses the partitions and goes on polling, so that memory stays within [`ConsumerLimits`] and errors are still seen.
//!
//! What is read is said by the caller, or by a consumer group: then the group's decisions come through the channel, in
//! order with the batches, and the caller answers them with [`ConsumerHandle::add`] and [`ConsumerHandle::release`].

mod member;
mod partitions;
mod poller;
mod stall;
mod watchdog;

use std::sync::mpsc as std_mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::consumer::BaseConsumer;
use tidemill_types::{KafkaPartition, NextOffset, TopicName};
use tokio::sync::mpsc;

use crate::client::Listener;
use crate::settings::Role;
use crate::{ClientSettings, KafkaError, PolledBatch};
use poller::Poller;

/// A partition and where to read it from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The topic.
    pub topic: TopicName,
    /// The partition.
    pub partition: KafkaPartition,
    /// The first offset to hand over. It must lie in the log or at its end.
    pub start: NextOffset,
}

/// What bounds a consumer's memory and latency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerLimits {
    /// Records in a batch, at most.
    pub records_per_batch: usize,
    /// Bytes in a batch; the record that passes it is the last.
    pub bytes_per_batch: usize,
    /// How long the first record of a batch waits for others. The end of a partition ends its batch at once.
    pub batch_wait: Duration,
    /// Batches in the channel.
    pub batches_in_flight: usize,
    /// Kibibytes that librdkafka fetches ahead, over all partitions.
    pub fetch_ahead_kib: u32,
    /// How long a full channel holds the thread before it pauses the partitions. Pausing throws away what was fetched
    /// ahead, so a short wait is cheaper.
    pub pause_after: Duration,
    /// How long a position may stand still below the end before the client is replaced; twice as long after each that was
    /// replaced in vain, up to 64 times. A partition that was quiet for as long has its leader asked for the end, at most
    /// once in that time: a stall that fetches do not show is first seen after at most three times this. A member of a
    /// group is not replaced but told [`KafkaError::Stalled`].
    pub stall_after: Duration,
}

impl Default for ConsumerLimits {
    fn default() -> Self {
        ConsumerLimits {
            records_per_batch: 16_384,
            bytes_per_batch: 4 << 20,
            batch_wait: Duration::from_millis(50),
            batches_in_flight: 8,
            fetch_ahead_kib: 32 << 10,
            pause_after: Duration::from_millis(500),
            stall_after: Duration::from_mins(1),
        }
    }
}

/// Where a partition stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionStatus {
    /// The topic.
    pub topic: TopicName,
    /// The partition.
    pub partition: KafkaPartition,
    /// The next record to be handed over.
    pub position: NextOffset,
    /// The first offset in the log, as of the client's last statistics (every second).
    pub log_start: Option<NextOffset>,
    /// The end of the log for readers of committed records, as of then; or as its leader says, where the client has not
    /// heard of that.
    pub end: Option<NextOffset>,
    /// Whether everything that was there at the last look has been handed over. Transaction markers take offsets, so a
    /// position can stay below the end for good; this does not, unless another topic is read whose partition has the same
    /// number.
    pub at_end: bool,
}

impl PartitionStatus {
    /// Records between position and end, as far as is known.
    pub fn lag(&self) -> Option<u64> {
        if self.at_end {
            return Some(0);
        }
        self.end.map(|end| self.position.lag(end))
    }
}

/// A consumer group that one wants to be a member of, for one topic.
///
/// The assignor is cooperative-sticky: a rebalance moves what has to move and lets the rest go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The group. All of its members must read the same topic, or each rebalance of one is one of all.
    pub group: String,
    /// The topic.
    pub topic: TopicName,
    /// The member's name in the group. With one, a member that comes back within `session.timeout.ms` gets its
    /// partitions back without a rebalance; no two members may share one.
    pub instance: Option<String>,
}

/// What the thread hands over.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all of them are batches, and a box would cost each an allocation"
)]
pub enum Polled {
    /// Records of one partition.
    Batch(PolledBatch),
    /// The group lets this member read these partitions; nothing of them comes before [`ConsumerHandle::add`] has said
    /// from where.
    Granted(Vec<KafkaPartition>),
    /// The group wants these back and waits for [`ConsumerHandle::release`]. Nothing of them comes after this.
    Revoked {
        /// The partitions.
        partitions: Vec<KafkaPartition>,
        /// Others may be reading them already.
        lost: bool,
    },
}

impl Polled {
    /// The records, if it is a batch.
    pub fn batch(self) -> Option<PolledBatch> {
        match self {
            Polled::Batch(batch) => Some(batch),
            Polled::Granted(_) | Polled::Revoked { .. } => None,
        }
    }
}

/// Where it comes out. Errors do not end the thread unless they are [`KafkaError::Fatal`].
pub type PolledBatches = mpsc::Receiver<Result<Polled, KafkaError>>;

/// Starts consumers.
#[derive(Debug)]
pub struct PolledConsumer;

/// The caller's side of a polled consumer. Dropped, it stops the thread without waiting for it.
#[derive(Debug)]
pub struct ConsumerHandle {
    commands: std_mpsc::Sender<Command>,
    status: SharedStatus,
    thread: Option<JoinHandle<()>>,
    next_generation: Mutex<u64>,
}

/// What the handle asks of the thread.
#[derive(Debug)]
enum Command {
    /// Read these and nothing else.
    Assign {
        generation: u64,
        assignments: Vec<Assignment>,
    },
    /// Read these too.
    Add { assignments: Vec<Assignment> },
    /// Give these back to the group.
    Release { partitions: Vec<KafkaPartition> },
    /// Tell the group how far one is.
    Commit {
        positions: Vec<(TopicName, KafkaPartition, NextOffset)>,
    },
    /// End.
    Stop,
}

/// Written by the thread, read by the handle.
#[derive(Debug, Clone, Default)]
struct SharedStatus(Arc<Mutex<Vec<PartitionStatus>>>);

impl SharedStatus {
    fn lock(&self) -> MutexGuard<'_, Vec<PartitionStatus>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a member's client has beside: how long it may be away before others get its partitions, how often it says that
/// it lives, and how often it looks for new partitions, in milliseconds.
const MEMBER: [(&str, &str); 3] = [
    ("session.timeout.ms", "15000"),
    ("heartbeat.interval.ms", "1000"),
    ("topic.metadata.refresh.interval.ms", "30000"),
];

/// How a client of librdkafka is made, again and again if need be.
type ConsumerFactory = Box<dyn Fn() -> Result<BaseConsumer<Listener>, KafkaError> + Send>;

impl PolledConsumer {
    /// Starts a thread that reads `assignments`. The client needs no runtime; errors here are of settings or of a thread
    /// that the system does not give.
    ///
    /// One consumer may read several topics, but librdkafka does not say which topic an end of partition belongs to:
    /// with one topic each, `at_end` is exact.
    pub fn spawn(
        settings: &ClientSettings,
        assignments: Vec<Assignment>,
        limits: ConsumerLimits,
    ) -> Result<(ConsumerHandle, PolledBatches), KafkaError> {
        start(settings, None, limits, |poller| poller.assign(0, assignments))
    }

    /// Starts a thread that reads what the group lets it read. Errors as of [`spawn`](PolledConsumer::spawn); that the
    /// group cannot be joined comes through the channel.
    pub fn join(
        settings: &ClientSettings,
        membership: &Membership,
        limits: ConsumerLimits,
    ) -> Result<(ConsumerHandle, PolledBatches), KafkaError> {
        start(settings, Some(membership), limits, |poller| {
            poller.subscribe(&membership.topic)
        })
    }
}

fn start(
    settings: &ClientSettings,
    membership: Option<&Membership>,
    limits: ConsumerLimits,
    begin: impl FnOnce(&mut Poller) -> Result<(), KafkaError>,
) -> Result<(ConsumerHandle, PolledBatches), KafkaError> {
    let (commands, command_queue) = std_mpsc::channel();
    let (batches, receiver) = mpsc::channel(limits.batches_in_flight.max(1));
    let status = SharedStatus::default();
    let factory = consumer_factory(settings, membership, &limits);
    let mut poller = Poller::new(factory, settings, limits, command_queue, batches, status.clone())?;
    begin(&mut poller)?;
    let thread = std::thread::Builder::new()
        .name("tidemill-kafka-poll".into())
        .spawn(move || poller.run())
        .map_err(|error| KafkaError::Settings {
            reason: format!("no thread for the consumer: {error}"),
        })?;
    let handle = ConsumerHandle {
        commands,
        status,
        thread: Some(thread),
        next_generation: Mutex::new(1),
    };
    Ok((handle, receiver))
}

impl ConsumerHandle {
    /// Reads `assignments` from now on and nothing else. Batches that were read before may still arrive; the returned
    /// generation is that of the new ones.
    pub fn assign(&self, assignments: Vec<Assignment>) -> Result<u64, KafkaError> {
        let mut next = self.next_generation.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = *next;
        *next += 1;
        self.send(Command::Assign {
            generation,
            assignments,
        })?;
        Ok(generation)
    }

    /// Reads `assignments` too; the others go on where they are. A partition that is already read keeps its position.
    pub fn add(&self, assignments: Vec<Assignment>) -> Result<(), KafkaError> {
        self.send(Command::Add { assignments })
    }

    /// Gives partitions back to the group that wants them. Those that are not read are passed over.
    pub fn release(&self, partitions: Vec<KafkaPartition>) -> Result<(), KafkaError> {
        self.send(Command::Release { partitions })
    }

    /// Commits positions to the group as its member, for lag displays. Whether it worked is only logged.
    pub fn commit(&self, positions: Vec<(TopicName, KafkaPartition, NextOffset)>) -> Result<(), KafkaError> {
        self.send(Command::Commit { positions })
    }

    /// Where every assigned partition stands.
    pub fn status(&self) -> Vec<PartitionStatus> {
        self.status.lock().clone()
    }

    /// Stops the thread and waits until the client is closed.
    pub async fn stop(mut self) {
        // A thread that has ended by itself no longer listens; it is joined all the same.
        let _ = self.commands.send(Command::Stop);
        let Some(thread) = self.thread.take() else { return };
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!("the Kafka consumer's thread ended by a panic");
        }
    }

    fn send(&self, command: Command) -> Result<(), KafkaError> {
        self.commands.send(command).map_err(|_| KafkaError::Stopped)
    }
}

impl Drop for ConsumerHandle {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.commands.send(Command::Stop);
    }
}

fn consumer_factory(
    settings: &ClientSettings,
    membership: Option<&Membership>,
    limits: &ConsumerLimits,
) -> ConsumerFactory {
    let settings = settings.without_role_properties(Role::Consumer);
    let group = membership.map_or_else(|| settings.group().to_owned(), |membership| membership.group.clone());
    let is_member = membership.is_some();
    let instance = membership.and_then(|membership| membership.instance.clone());
    let fetch_ahead_kib = limits.fetch_ahead_kib.max(1).to_string();
    Box::new(move || {
        let mut fast = vec![
            ("fetch.wait.max.ms", "100"),
            ("fetch.queue.backoff.ms", "10"),
            ("fetch.message.max.bytes", "4194304"),
            ("queued.min.messages", "1000000"),
            ("queued.max.messages.kbytes", fetch_ahead_kib.as_str()),
        ];
        let mut fixed = vec![
            ("group.id", group.as_str()),
            ("auto.offset.reset", "error"),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("enable.partition.eof", "true"),
            ("isolation.level", "read_committed"),
            ("statistics.interval.ms", "1000"),
            ("allow.auto.create.topics", "false"),
        ];
        if is_member {
            fast.extend(MEMBER);
            fixed.push(("partition.assignment.strategy", "cooperative-sticky"));
        }
        if let Some(instance) = &instance {
            fixed.push(("group.instance.id", instance));
        }
        let config = settings.config(&fast, &fixed);
        config
            .create_with_context(Listener::default())
            .map_err(|error| KafkaError::sort(&settings.bootstrap, "start a consumer", Duration::ZERO, &error))
    })
}

#[cfg(test)]
mod member_tests;
#[cfg(test)]
mod mock_cluster;
#[cfg(test)]
mod power_cut;
#[cfg(test)]
mod stall_tests;
#[cfg(test)]
mod tests;
