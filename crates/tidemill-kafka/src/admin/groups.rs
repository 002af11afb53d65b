//! A consumer group's committed offsets, written and read without being a member.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};
use tidemill_types::{KafkaPartition, NextOffset, TopicName};

use super::Inner;
use crate::KafkaError;
use crate::client::Listener;

/// How long a coordinator may take to answer.
const GROUP_TIMEOUT: Duration = Duration::from_secs(10);
/// Groups whose clients are kept. A process has one or two; more than these are made anew each time.
const GROUPS_MAX: usize = 16;

pub(super) fn commit(
    inner: &Inner,
    group: &str,
    positions: &[(TopicName, KafkaPartition, NextOffset)],
) -> Result<(), KafkaError> {
    if positions.is_empty() {
        return Ok(());
    }
    let sort = |error| inner.sort(format!("commit offsets of group `{group}`"), GROUP_TIMEOUT, &error);
    let consumer = member(inner, group)?;
    let mut list = TopicPartitionList::with_capacity(positions.len());
    for (topic, partition, next) in positions {
        list.add_partition_offset(topic.as_str(), partition.0, Offset::Offset(next.0))
            .map_err(sort)?;
    }
    consumer.commit(&list, CommitMode::Sync).map_err(sort)
}

pub(super) fn committed(
    inner: &Inner,
    group: &str,
    partitions: &[(TopicName, KafkaPartition)],
) -> Result<Vec<Option<NextOffset>>, KafkaError> {
    if partitions.is_empty() {
        return Ok(Vec::new());
    }
    let sort = |error| inner.sort(format!("read the offsets of group `{group}`"), GROUP_TIMEOUT, &error);
    let consumer = member(inner, group)?;
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for (topic, partition) in partitions {
        list.add_partition(topic.as_str(), partition.0);
    }
    let answer = consumer.committed_offsets(list, GROUP_TIMEOUT).map_err(sort)?;
    let of = |topic: &TopicName, partition: KafkaPartition| {
        let found = answer.find_partition(topic.as_str(), partition.0)?;
        match found.offset() {
            Offset::Offset(next) => Some(NextOffset(next)),
            _ => None,
        }
    };
    Ok(partitions
        .iter()
        .map(|(topic, partition)| of(topic, *partition))
        .collect())
}

/// A client that knows the group's coordinator and reads nothing.
fn member(inner: &Inner, group: &str) -> Result<Arc<BaseConsumer<Listener>>, KafkaError> {
    let mut groups = inner.groups.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = groups.get(group) {
        // Nothing else polls it: its events would pile up.
        while known.poll(Duration::ZERO).is_some() {}
        return Ok(Arc::clone(known));
    }
    let fixed = [
        ("group.id", group),
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        ("allow.auto.create.topics", "false"),
    ];
    let made: BaseConsumer<Listener> = inner
        .settings
        .config(&[], &fixed)
        .create_with_context(Listener::default())
        .map_err(|error| inner.sort(format!("start a client of group `{group}`"), GROUP_TIMEOUT, &error))?;
    let made = Arc::new(made);
    if groups.len() < GROUPS_MAX {
        groups.insert(group.to_owned(), Arc::clone(&made));
    }
    Ok(made)
}
