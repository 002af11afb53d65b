//! The partitions that a poller reads: positions, ends, and the batches that are being filled.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::message::BorrowedMessage;
use rdkafka::{Message as _, Offset, TopicPartitionList};
use tidemill_types::{KafkaPartition, LastOffset, NextOffset, Plan, TopicName, plan};

use super::{Assignment, ConsumerLimits, PartitionStatus};
use crate::client::HeardPartition;
use crate::{BatchBuilder, PolledBatch};

/// Doublings of the time that a position may stand still: with a minute at first, one of a bit more than an hour.
const FRUITLESS_MAX: u32 = 6;
/// Room that a first batch starts with, in records and bytes.
const FIRST_BATCH: (usize, usize) = (64, 16 << 10);

/// One partition that is read.
#[derive(Debug)]
struct Reading {
    topic: TopicName,
    partition: KafkaPartition,
    /// Where the present client began to read it.
    start: NextOffset,
    position: NextOffset,
    log_start: Option<NextOffset>,
    end: Option<NextOffset>,
    /// The furthest end that was reached, in order with the records. Transaction markers take offsets, so it may lie above
    /// the position for good.
    end_reached: Option<NextOffset>,
    /// The same by statistics, which overtake records that wait in the client's queue.
    end_reached_ahead: Option<NextOffset>,
    /// When the position last moved, or the end was found not to be ahead.
    moved_at: Instant,
    /// When a record last came.
    quiet_since: Instant,
    /// An end that the leader named and fetches have not heard of, and when. A client may fetch from a broker that knows
    /// nothing new, or from none, and then its statistics say that all is read.
    unheard: Option<(NextOffset, Instant)>,
    /// Clients that were replaced for its sake since a record last came.
    fruitless: u32,
    filling: Option<(BatchBuilder, Instant)>,
    /// The size of the last batch: the next one is given that much room at once.
    last_batch: (usize, usize),
}

/// All of them, with the place of the one that was found last: records come in runs.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    all: Vec<Reading>,
    found_last: usize,
    generation: u64,
    /// The topic of a group's member.
    member_topic: Option<TopicName>,
    /// Revoked and not given back yet.
    closed: BTreeSet<KafkaPartition>,
}

impl Partitions {
    pub(super) fn new(generation: u64, assignments: Vec<Assignment>, now: Instant) -> Partitions {
        let mut partitions = Partitions {
            generation,
            ..Partitions::default()
        };
        partitions.add(assignments, now);
        partitions
    }

    /// None yet, of a member that reads this topic.
    pub(super) fn of_member(topic: TopicName) -> Partitions {
        Partitions {
            member_topic: Some(topic),
            ..Partitions::default()
        }
    }

    /// The topic that a group's member reads.
    pub(super) fn member_topic(&self) -> Option<&TopicName> {
        self.member_topic.as_ref()
    }

    /// Reads no more of these. Returns what was being filled.
    pub(super) fn close(&mut self, partitions: &[KafkaPartition]) -> Vec<PolledBatch> {
        let closing = |p: &mut Reading| partitions.contains(&p.partition);
        let batches = self.all.extract_if(.., closing).filter_map(|mut p| p.finish());
        let batches = batches.collect();
        self.closed.extend(partitions);
        batches
    }

    /// Whether it was revoked and not given back yet.
    pub(super) fn is_closed(&self, partition: KafkaPartition) -> bool {
        self.closed.contains(&partition)
    }

    /// Those of `partitions` that were revoked, which are so no longer.
    pub(super) fn take_closed(&mut self, partitions: &[KafkaPartition]) -> Vec<KafkaPartition> {
        let known = partitions.iter().filter(|partition| self.closed.remove(partition));
        known.copied().collect()
    }

    /// Adds those that are not there.
    pub(super) fn add(&mut self, assignments: Vec<Assignment>, now: Instant) {
        for assignment in assignments {
            let known = self
                .all
                .iter()
                .any(|p| p.topic == assignment.topic && p.partition == assignment.partition);
            if !known {
                self.all.push(Reading {
                    topic: assignment.topic,
                    partition: assignment.partition,
                    start: assignment.start,
                    position: assignment.start,
                    log_start: None,
                    end: None,
                    end_reached: None,
                    end_reached_ahead: None,
                    moved_at: now,
                    quiet_since: now,
                    unheard: None,
                    fruitless: 0,
                    filling: None,
                    last_batch: FIRST_BATCH,
                });
            }
        }
    }

    /// All of them at their positions, for librdkafka. An offset that it cannot represent is none of Kafka's: it is left
    /// out with the error.
    pub(super) fn list(&self) -> Result<TopicPartitionList, rdkafka::error::KafkaError> {
        let mut list = TopicPartitionList::with_capacity(self.all.len());
        for p in &self.all {
            list.add_partition_offset(p.topic.as_str(), p.partition.0, Offset::Offset(p.position.0))?;
        }
        Ok(list)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    fn find(&mut self, topic: &str, partition: i32) -> Option<&mut Reading> {
        let is_it = |p: &Reading| p.partition.0 == partition && p.topic.as_str() == topic;
        if !self.all.get(self.found_last).is_some_and(is_it) {
            self.found_last = self.all.iter().position(is_it)?;
        }
        self.all.get_mut(self.found_last)
    }

    /// Takes a record; the batch that it fills up, if it does. Records of other partitions and records below the
    /// position are left out: they are leftovers of an assignment before.
    pub(super) fn push(
        &mut self,
        message: &BorrowedMessage<'_>,
        limits: &ConsumerLimits,
        now: Instant,
    ) -> Option<PolledBatch> {
        let generation = self.generation;
        let partition = self.find(message.topic(), message.partition())?;
        let offset = LastOffset(message.offset());
        if plan(partition.position, offset) == Plan::Skip {
            return None;
        }
        let (builder, _) = partition.filling.get_or_insert_with(|| {
            let (records, bytes) = partition.last_batch;
            let topic = partition.topic.clone();
            (
                BatchBuilder::new(topic, partition.partition, generation, records, bytes),
                now,
            )
        });
        builder.push_message(message);
        let batch_full = builder.len() >= limits.records_per_batch || builder.bytes() >= limits.bytes_per_batch;
        partition.position = offset.next();
        partition.moved_at = now;
        partition.quiet_since = now;
        partition.fruitless = 0;
        if batch_full { partition.finish() } else { None }
    }

    /// The batches whose first record has waited long enough, or all of them where `wait` is none.
    pub(super) fn take_overdue(&mut self, wait: Option<Duration>, now: Instant) -> Vec<PolledBatch> {
        let overdue = |since: Instant| wait.is_none_or(|wait| now.duration_since(since) >= wait);
        let due = self
            .all
            .iter_mut()
            .filter(|p| p.filling.as_ref().is_some_and(|(_, since)| overdue(*since)));
        due.filter_map(Reading::finish).collect()
    }

    /// When the next batch is overdue.
    pub(super) fn next_overdue(&self, wait: Duration) -> Option<Instant> {
        let since = self
            .all
            .iter()
            .filter_map(|p| p.filling.as_ref().map(|(_, since)| *since));
        since.min().map(|since| since + wait)
    }

    /// A partition of this number has nothing more for now and ends at `end`. Its batch goes out at once. Where several
    /// topics are read it is not said of which: all batches of that number go out, and those have nothing more that stand
    /// there.
    pub(super) fn end_reached(&mut self, partition: i32, end: Option<NextOffset>) -> Vec<PolledBatch> {
        let is_it = |p: &&mut Reading| p.partition.0 == partition;
        let is_only = self.all.iter_mut().filter(is_it).count() == 1;
        let mut batches = Vec::new();
        for p in self.all.iter_mut().filter(is_it) {
            if is_only || end == Some(p.position) {
                p.end_reached = p.end_reached.max(end.or(Some(p.position)));
            }
            batches.extend(p.finish());
        }
        batches
    }

    /// Takes the client's statistics.
    pub(super) fn hear(&mut self, heard: &[HeardPartition], now: Instant) {
        for p in &mut self.all {
            let of_it = heard
                .iter()
                .find(|heard| heard.partition == p.partition.0 && heard.topic == p.topic.as_str());
            let Some(of_it) = of_it else { continue };
            let known = |offset: i64| (offset >= 0).then_some(NextOffset(offset));
            p.log_start = known(of_it.log_start).or(p.log_start);
            p.end = known(of_it.end).or(p.end);
            p.end_reached_ahead = p.end_reached_ahead.max(known(of_it.end_reached));
            if p.unheard.take_if(|(unheard, _)| p.end >= Some(*unheard)).is_some() {
                p.fruitless = 0;
            }
            if !p.is_behind() {
                p.moved_at = now;
            }
        }
    }

    /// Partitions of which nothing has come for `quiet_for`.
    pub(super) fn quiet(
        &self,
        quiet_for: Duration,
        now: Instant,
    ) -> impl Iterator<Item = (&TopicName, KafkaPartition)> {
        let quiet = self.all.iter();
        let quiet = quiet.filter(move |p| now.duration_since(p.quiet_since) >= quiet_for);
        quiet.map(|p| (&p.topic, p.partition))
    }

    /// Takes what the leaders say of the ends of partitions.
    pub(super) fn take_ends(&mut self, ends: &[(TopicName, KafkaPartition, NextOffset)], now: Instant) {
        for (topic, partition, end) in ends {
            let Some(p) = self.find(topic.as_str(), partition.0) else {
                continue;
            };
            let known = p.end.map_or(p.position, |heard| heard.max(p.position));
            let since = p.unheard.map_or(now, |(_, since)| since);
            p.unheard = (*end > known).then_some((*end, since));
        }
    }

    /// The first partition whose position has stood still below its end for too long, be it that fetches tell the end or
    /// that they did not hear of it all that time. Each client that was replaced in vain doubles that time for those that
    /// stood still.
    pub(super) fn stalled(&self, stall_after: Duration, now: Instant) -> Option<PartitionStatus> {
        let stalled = self.all.iter().find(|p| {
            let for_long = |since: Instant| now.duration_since(since) >= stall_after * (1 << p.fruitless);
            let unheard = p.unheard.filter(|(_, since)| p.quiet_since <= *since);
            unheard.is_some_and(|(_, since)| for_long(since)) || (p.is_behind() && for_long(p.moved_at))
        });
        stalled.map(Reading::status)
    }

    /// A new client reads on from the positions, because some stood still.
    pub(super) fn restart(&mut self, now: Instant) {
        self.pardon(now);
        for p in &mut self.all {
            if p.is_behind() || p.unheard.is_some() {
                p.fruitless = (p.fruitless + 1).min(FRUITLESS_MAX);
            }
            // Said by the client before.
            (p.start, p.end_reached, p.end_reached_ahead) = (p.position, None, None);
        }
    }

    /// What stands still does so since now: the client was not to read, or another does from now on.
    pub(super) fn pardon(&mut self, now: Instant) {
        self.set_clocks(|_| now);
    }

    /// For `waited` until now the thread itself was the one that stood still.
    pub(super) fn wait(&mut self, waited: Duration, now: Instant) {
        self.set_clocks(|since| (since + waited).min(now));
    }

    fn set_clocks(&mut self, set: impl Fn(Instant) -> Instant) {
        for p in &mut self.all {
            p.moved_at = set(p.moved_at);
            p.quiet_since = set(p.quiet_since);
            p.unheard = p.unheard.map(|(end, since)| (end, set(since)));
        }
    }

    pub(super) fn status(&self) -> Vec<PartitionStatus> {
        self.all.iter().map(Reading::status).collect()
    }

    /// Each partition with its position.
    pub(super) fn positions(&self) -> impl Iterator<Item = (&TopicName, KafkaPartition, NextOffset)> {
        self.all.iter().map(|p| (&p.topic, p.partition, p.position))
    }
}

impl Reading {
    fn finish(&mut self) -> Option<PolledBatch> {
        let (builder, _) = self.filling.take()?;
        self.last_batch = (builder.len(), builder.bytes());
        Some(builder.finish())
    }

    fn status(&self) -> PartitionStatus {
        PartitionStatus {
            topic: self.topic.clone(),
            partition: self.partition,
            position: self.position,
            log_start: self.log_start,
            end: self.end.max(self.unheard.map(|(end, _)| end)),
            at_end: self.at_end(),
        }
    }

    /// Whether all was handed over that is known of. What a client says of the end before it has fetched anything is of an
    /// assignment before.
    fn at_end(&self) -> bool {
        let has_fetched = self.start < self.position || self.end_reached.is_some();
        let is_read = match self.end {
            Some(end) => end <= self.position || self.end_reached >= Some(end),
            None => self.end_reached >= Some(self.position),
        };
        self.unheard.is_none() && has_fetched && is_read
    }

    /// Whether fetches tell of an end that the client has not reached.
    fn is_behind(&self) -> bool {
        let reached = self.end_reached.max(self.end_reached_ahead);
        self.end > Some(self.position) && self.end > reached
    }
}
