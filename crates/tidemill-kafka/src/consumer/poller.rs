//! The thread: poll, fill batches, hand them over, obey the handle.

use std::sync::mpsc as std_mpsc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode};
use tidemill_types::{NextOffset, TopicName};
use tokio::sync::mpsc;

use super::partitions::Partitions;
use super::{Assignment, Command, ConsumerFactory, ConsumerLimits, Polled, SharedStatus};
use crate::client::{Change, Listener, log_ends};
use crate::error::code_of;
use crate::{ClientSettings, KafkaError};

/// How long a poll waits when nothing is being filled: the handle is heard that late at most.
const IDLE_POLL: Duration = Duration::from_millis(50);
/// Records between two looks at the handle and the clock.
const RECORDS_PER_TURN: usize = 1_024;
/// How long the log's ends are asked for when a position turned out not to be in it.
const WATERMARK_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct Poller {
    pub(super) consumer: BaseConsumer<Listener>,
    pub(super) factory: ConsumerFactory,
    bootstrap: String,
    pub(super) limits: ConsumerLimits,
    commands: std_mpsc::Receiver<Command>,
    pub(super) output: mpsc::Sender<Result<Polled, KafkaError>>,
    status: SharedStatus,
    pub(super) partitions: Partitions,
    /// The group says what is read.
    pub(super) is_member: bool,
    /// When the ends of partitions were last asked for of which nothing came.
    pub(super) asked_at: Instant,
    /// Questions for ends of single partitions so far: the next round begins behind them.
    pub(super) asked_singly: usize,
    /// The last decision of the group, as long as it waits for the answer to it.
    pub(super) owed: Option<Change>,
    /// No broker answered, and it was said once.
    outage_told: bool,
}

/// Whether the thread goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    GoOn,
    End,
}

impl Poller {
    pub(super) fn new(
        factory: ConsumerFactory,
        settings: &ClientSettings,
        limits: ConsumerLimits,
        commands: std_mpsc::Receiver<Command>,
        output: mpsc::Sender<Result<Polled, KafkaError>>,
        status: SharedStatus,
    ) -> Result<Poller, KafkaError> {
        Ok(Poller {
            consumer: factory()?,
            factory,
            bootstrap: settings.bootstrap.clone(),
            limits,
            commands,
            output,
            status,
            partitions: Partitions::default(),
            is_member: false,
            asked_at: Instant::now(),
            asked_singly: 0,
            owed: None,
            outage_told: false,
        })
    }

    /// Joins the client's group for `topic`.
    pub(super) fn subscribe(&mut self, topic: &TopicName) -> Result<(), KafkaError> {
        self.is_member = true;
        self.partitions = Partitions::of_member(topic.clone());
        let subscribed = self.consumer.subscribe(&[topic.as_str()]);
        subscribed.map_err(|error| self.sort("join the consumer group", &error))
    }

    /// Reads `assignments` and nothing else; what was being filled is dropped.
    pub(super) fn assign(&mut self, generation: u64, assignments: Vec<Assignment>) -> Result<(), KafkaError> {
        self.partitions = Partitions::new(generation, assignments, Instant::now());
        self.assign_positions()
    }

    /// Tells librdkafka the positions. It is never told to seek: a seek after an assignment can be lost.
    pub(super) fn assign_positions(&mut self) -> Result<(), KafkaError> {
        self.show();
        let assigned = self.partitions.list().and_then(|list| {
            if self.partitions.is_empty() {
                self.consumer.unassign()
            } else {
                self.consumer.assign(&list)
            }
        });
        assigned.map_err(|error| self.sort("assign partitions", &error))
    }

    /// Until the handle says stop, the receiver is gone, or the client is dead.
    pub(super) fn run(mut self) {
        while self.turn() == Turn::GoOn {}
    }

    fn turn(&mut self) -> Turn {
        if self.obey() == Turn::End {
            return Turn::End;
        }
        let mut wait = match self.partitions.next_overdue(self.limits.batch_wait) {
            Some(overdue) => overdue.saturating_duration_since(Instant::now()).min(IDLE_POLL),
            None => IDLE_POLL,
        };
        let mut now = None;
        for _ in 0..RECORDS_PER_TURN {
            let polled = self.consumer.poll(wait);
            let (ready, fault) = match polled {
                Some(Ok(message)) => {
                    self.outage_told = false;
                    // The clock is looked at once a turn: it costs as much as a tenth of all that is done for a record.
                    let now = *now.get_or_insert_with(Instant::now);
                    (self.partitions.push(&message, &self.limits, now), None)
                }
                Some(Err(error)) => (None, Some(error)),
                None => break,
            };
            if let Some(batch) = ready
                && self.hand_over(Ok(Polled::Batch(batch))) == Turn::End
            {
                return Turn::End;
            }
            if let Some(error) = fault
                && self.take_error(&error) == Turn::End
            {
                return Turn::End;
            }
            wait = Duration::ZERO;
        }
        self.look_around()
    }

    /// What comes round once a turn: overdue batches, statistics, a client that stands still.
    fn look_around(&mut self) -> Turn {
        for change in self.consumer.context().take_changes() {
            if self.take_change(change) == Turn::End {
                return Turn::End;
            }
        }
        let now = Instant::now();
        for batch in self.partitions.take_overdue(Some(self.limits.batch_wait), now) {
            if self.hand_over(Ok(Polled::Batch(batch))) == Turn::End {
                return Turn::End;
            }
        }
        if let Some(heard) = self.consumer.context().take_partitions() {
            self.partitions.hear(&heard, Instant::now());
            let turn = self.watch();
            self.show();
            return turn;
        }
        Turn::GoOn
    }

    /// Obeys what the handle asked for since the last look.
    fn obey(&mut self) -> Turn {
        loop {
            match self.commands.try_recv() {
                Err(std_mpsc::TryRecvError::Empty) => return Turn::GoOn,
                Err(std_mpsc::TryRecvError::Disconnected) => return Turn::End,
                Ok(command) => {
                    if self.obey_one(command) == Turn::End {
                        return Turn::End;
                    }
                }
            }
        }
    }

    pub(super) fn obey_one(&mut self, command: Command) -> Turn {
        let obeyed = match command {
            Command::Stop => return Turn::End,
            Command::Assign {
                generation,
                assignments,
            } => self.assign(generation, assignments),
            Command::Add { assignments } if self.is_member => self.take_granted(assignments),
            Command::Add { assignments } => {
                self.partitions.add(assignments, Instant::now());
                self.assign_positions()
            }
            Command::Release { partitions } => self.give_back(&partitions),
            Command::Commit { positions } => {
                self.commit(&positions);
                Ok(())
            }
        };
        match obeyed {
            Ok(()) => Turn::GoOn,
            Err(error) => self.hand_over(Err(error)),
        }
    }

    /// An error or the end of a partition.
    pub(super) fn take_error(&mut self, error: &ClientError) -> Turn {
        if let ClientError::PartitionEOF(partition) = error {
            self.outage_told = false;
            let end = self.consumer.context().take_end_reached().map(NextOffset);
            for batch in self.partitions.end_reached(*partition, end) {
                if self.hand_over(Ok(Polled::Batch(batch))) == Turn::End {
                    return Turn::End;
                }
            }
            self.show();
            return Turn::GoOn;
        }
        match code_of(error) {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                self.tell_out_of_range(error)
            }
            // One connection of several, or an idle one that was closed: librdkafka connects again by itself.
            Some(RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::OperationTimedOut) => Turn::GoOn,
            Some(RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::Resolve) if self.outage_told => Turn::GoOn,
            Some(RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::Resolve) => {
                self.outage_told = true;
                let sorted = self.sort("read records", error);
                self.hand_over(Err(sorted))
            }
            // The last is said of a partition that was read and is gone from the metadata.
            Some(
                RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition,
            ) => match self.unknown() {
                Some(told) => self.hand_over(Err(told)),
                None => Turn::GoOn,
            },
            _ => {
                let reason = self.consumer.context().take_reason();
                let action = reason.map_or_else(|| "read records".to_owned(), |text| format!("read records ({text})"));
                let sorted = self.sort(action, error);
                let fatal = matches!(sorted, KafkaError::Fatal { .. });
                let handed_over = self.hand_over(Err(sorted));
                if fatal { Turn::End } else { handed_over }
            }
        }
    }

    /// librdkafka says neither topic nor partition in a way that could be read, so every log is asked for its ends.
    fn tell_out_of_range(&mut self, error: &ClientError) -> Turn {
        let mut told = Vec::new();
        for (topic, partition, position) in self.partitions.positions() {
            let ends = log_ends(&self.consumer, topic.as_str(), partition.0, WATERMARK_TIMEOUT);
            let Ok((log_start, high_watermark)) = ends else {
                continue;
            };
            if position.0 < log_start || position.0 > high_watermark {
                told.push(KafkaError::OffsetOutOfRange {
                    topic: topic.clone(),
                    partition,
                    position,
                    log_start: NextOffset(log_start),
                    high_watermark: NextOffset(high_watermark),
                });
            }
        }
        if told.is_empty() {
            let reason = self.consumer.context().take_reason().unwrap_or_default();
            told.push(self.sort(format!("read from an assigned offset ({reason})"), error));
        }
        for error in told {
            if self.hand_over(Err(error)) == Turn::End {
                return Turn::End;
            }
        }
        Turn::GoOn
    }

    /// Which topic or partition it is that does not exist; none where all are there at a second look. Then the client
    /// goes on by itself: brokers do not learn of a topic all at once.
    fn unknown(&self) -> Option<KafkaError> {
        for (topic, partition, _) in self.partitions.positions() {
            let metadata = match self.consumer.fetch_metadata(Some(topic.as_str()), WATERMARK_TIMEOUT) {
                Ok(metadata) => metadata,
                Err(error) => return Some(self.sort(format!("look up topic `{topic}`"), &error)),
            };
            let of_it = metadata.topics().iter().find(|found| found.name() == topic.as_str());
            let Some(of_it) = of_it.filter(|found| found.error().is_none()) else {
                return Some(KafkaError::UnknownTopic { topic: topic.clone() });
            };
            if !of_it.partitions().iter().any(|found| found.id() == partition.0) {
                return Some(KafkaError::UnknownPartition {
                    topic: topic.clone(),
                    partition,
                });
            }
        }
        None
    }

    /// Hands over, and waits where the receiver is slow.
    pub(super) fn hand_over(&mut self, item: Result<Polled, KafkaError>) -> Turn {
        let turn = match self.output.try_send(item) {
            Ok(()) => Turn::GoOn,
            Err(mpsc::error::TrySendError::Closed(_)) => Turn::End,
            Err(mpsc::error::TrySendError::Full(item)) => self.wait_for_room(item),
        };
        self.show();
        turn
    }

    pub(super) fn sort(&self, action: impl Into<String>, error: &ClientError) -> KafkaError {
        KafkaError::sort(&self.bootstrap, action, WATERMARK_TIMEOUT, error)
    }

    /// Shows where the partitions stand.
    pub(super) fn show(&self) {
        *self.status.lock() = self.partitions.status();
    }

    /// What the handle asks for.
    pub(super) fn commands(&self) -> &std_mpsc::Receiver<Command> {
        &self.commands
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.answer_what_is_owed();
    }
}
