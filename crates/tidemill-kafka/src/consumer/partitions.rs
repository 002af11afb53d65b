//! The partitions that a poller reads: positions, ends, and the batches that are being filled.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::message::BorrowedMessage;
use rdkafka::{Message as _, Offset, TopicPartitionList};
use tidemill_types::{KafkaPartition, LastOffset, NextOffset, Plan, TopicName, plan};

use super::{Assignment, ConsumerLimits, PartitionStatus};
use crate::client::HeardPartition;
use crate::{BatchBuilder, PolledBatch};

/// Room that a first batch starts with, in records and bytes.
const FIRST_BATCH: (usize, usize) = (64, 16 << 10);

/// One partition that is read.
#[derive(Debug)]
struct Reading {
    topic: TopicName,
    partition: KafkaPartition,
    position: NextOffset,
    log_start: Option<NextOffset>,
    end: Option<NextOffset>,
    /// An end of partition was seen and no record since.
    end_seen: bool,
    /// When the position last moved, or the end was found not to be ahead.
    moved_at: Instant,
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
                    position: assignment.start,
                    log_start: None,
                    end: None,
                    end_seen: false,
                    moved_at: now,
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
        partition.end_seen = false;
        partition.moved_at = now;
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

    /// The partitions of this number have nothing more for now, or one of them has where several topics are read. Their
    /// batches go out at once.
    pub(super) fn end_reached(&mut self, partition: i32) -> Vec<PolledBatch> {
        let mut same = self.all.iter_mut().filter(|p| p.partition.0 == partition);
        let mut batches = Vec::new();
        match (same.next(), same.next()) {
            (Some(only), None) => {
                only.end_seen = true;
                batches.extend(only.finish());
            }
            (Some(first), Some(second)) => {
                batches.extend(first.finish());
                batches.extend(second.finish());
                batches.extend(same.filter_map(Reading::finish));
            }
            (None, _) => {}
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
            let end = known(of_it.end);
            if end != p.end && p.end.is_some() && end > Some(p.position) {
                // There is more than at the last look, so an end that was seen is no longer one.
                p.end_seen = false;
            }
            p.end = end.or(p.end);
            if p.status().at_end {
                p.moved_at = now;
            }
        }
    }

    /// The first partition whose position has stood still below its end for too long.
    pub(super) fn stalled(&self, stall_after: Duration, now: Instant) -> Option<PartitionStatus> {
        let stalled = self.all.iter().find(|p| {
            let behind = p.end.is_some_and(|end| p.position < end) && !p.end_seen;
            behind && now.duration_since(p.moved_at) >= stall_after
        });
        stalled.map(Reading::status)
    }

    /// Forgets how long positions stood still: the thread itself was the one that waited.
    pub(super) fn forgive(&mut self, now: Instant) {
        for p in &mut self.all {
            p.moved_at = now;
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
            end: self.end,
            at_end: self.end_seen || self.end.is_some_and(|end| self.position >= end),
        }
    }
}
