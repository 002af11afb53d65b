//! Single records: the one at an offset, the last of a partition, the first few.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError as ClientError;
use rdkafka::{Message as _, Offset, TopicPartitionList};
use tidemill_types::{KafkaPartition, LastOffset, TopicName};

use super::topics::watermarks;
use super::{Inner, Survey, Watermarks};
use crate::client::Listener;
use crate::{KafkaError, Record};

/// How long one read may take.
const READ_TIMEOUT: Duration = Duration::from_secs(15);
/// How long one poll of a read waits.
const POLL: Duration = Duration::from_millis(100);

pub(super) fn read_at(
    inner: &Inner,
    topic: &TopicName,
    partition: KafkaPartition,
    offset: LastOffset,
) -> Result<Option<Record>, KafkaError> {
    let ends = watermarks(inner, topic, partition)?;
    if offset.0 < ends.log_start.0 || offset.next() > ends.high_watermark {
        return Ok(None);
    }
    let mut found = None;
    read_from(inner, topic, partition, offset.0, |record| {
        found = Some(record);
        false
    })?;
    // The first record from there on may be a later one.
    Ok(found.filter(|record| record.offset == offset))
}

pub(super) fn first_records(
    inner: &Inner,
    topic: &TopicName,
    partition: KafkaPartition,
    records_max: usize,
) -> Result<Vec<Record>, KafkaError> {
    let ends = watermarks(inner, topic, partition)?;
    let mut records = Vec::new();
    if records_max == 0 || ends.is_empty() {
        return Ok(records);
    }
    read_from(inner, topic, partition, ends.log_start.0, |record| {
        records.push(record);
        records.len() < records_max
    })?;
    Ok(records)
}

/// Counts what stands at offsets `[from, to)`, as far as the log reaches.
pub(super) fn survey(
    inner: &Inner,
    topic: &TopicName,
    partition: KafkaPartition,
    from: i64,
    to: i64,
    records_max: usize,
) -> Result<Survey, KafkaError> {
    let ends = watermarks(inner, topic, partition)?;
    let from = from.max(ends.log_start.0);
    let mut seen = Survey {
        from,
        to: to.min(ends.high_watermark.0).max(from),
        records: 0,
        tombstones: 0,
    };
    if seen.from == seen.to || records_max == 0 {
        seen.to = seen.from;
        return Ok(seen);
    }
    let end = seen.to;
    let mut count = 0;
    read_from(inner, topic, partition, from, |record| {
        if record.offset.0 >= end {
            return false;
        }
        match record.value {
            Some(_) => seen.records += 1,
            None => seen.tombstones += 1,
        }
        count += 1;
        let full = count >= records_max;
        if full {
            seen.to = record.offset.next().0;
        }
        !full && record.offset.next().0 < end
    })?;
    Ok(seen)
}

/// Reads the last record. Transaction markers and compaction leave offsets without one, so the steps back double.
pub(super) fn last_record(
    inner: &Inner,
    topic: &TopicName,
    partition: KafkaPartition,
) -> Result<Option<Record>, KafkaError> {
    let ends = watermarks(inner, topic, partition)?;
    let mut step = 1;
    while !ends.is_empty() {
        let start = (ends.high_watermark.0 - step).max(ends.log_start.0);
        let mut last = None;
        read_from(inner, topic, partition, start, |record| {
            let reached_end = record.offset.next() >= ends.high_watermark;
            last = Some(record);
            !reached_end
        })?;
        if last.is_some() || start == ends.log_start.0 {
            return Ok(last);
        }
        step *= 2;
    }
    Ok(None)
}

impl Watermarks {
    fn is_empty(&self) -> bool {
        self.high_watermark <= self.log_start
    }
}

/// Gives records from `start` on to `take` until it says false or the partition ends.
fn read_from(
    inner: &Inner,
    topic: &TopicName,
    partition: KafkaPartition,
    start: i64,
    mut take: impl FnMut(Record) -> bool,
) -> Result<(), KafkaError> {
    let action = format!("read topic `{topic}`, Kafka partition {partition}, at offset {start}");
    let sort = |error: &ClientError| inner.sort(action.clone(), READ_TIMEOUT, error);
    let mut reader = inner.reader.lock().unwrap_or_else(PoisonError::into_inner);
    if reader.is_none() {
        *reader = Some(new_reader(inner)?);
    }
    let Some(consumer) = reader.as_ref() else {
        return Err(KafkaError::Stopped);
    };
    let mut list = TopicPartitionList::with_capacity(1);
    list.add_partition_offset(topic.as_str(), partition.0, Offset::Offset(start))
        .and_then(|()| consumer.assign(&list))
        .map_err(|error| sort(&error))?;
    let since = Instant::now();
    let read = loop {
        match consumer.poll(POLL) {
            Some(Ok(message)) => {
                let asked_for = message.topic() == topic.as_str() && message.partition() == partition.0;
                if asked_for && !take(Record::from_message(&message)) {
                    break Ok(());
                }
            }
            Some(Err(ClientError::PartitionEOF(_))) => break Ok(()),
            Some(Err(error)) => {
                let sorted = sort(&error);
                if !sorted.is_transient() {
                    break Err(sorted);
                }
            }
            None => {}
        }
        if since.elapsed() >= READ_TIMEOUT {
            break Err(KafkaError::TimedOut {
                action: action.clone(),
                limit: READ_TIMEOUT,
            });
        }
    };
    if read.is_err() || consumer.unassign().is_err() {
        // What state it is in is not known; the next read makes a new one.
        *reader = None;
    }
    read
}

fn new_reader(inner: &Inner) -> Result<BaseConsumer<Listener>, KafkaError> {
    let fast = [
        ("fetch.wait.max.ms", "50"),
        // A pause of a second between two fetches is the default.
        ("fetch.queue.backoff.ms", "10"),
        ("queued.min.messages", "1"),
        ("queued.max.messages.kbytes", "4096"),
    ];
    let fixed = [
        ("group.id", inner.settings.group()),
        ("auto.offset.reset", "error"),
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        ("enable.partition.eof", "true"),
        ("isolation.level", "read_committed"),
        ("allow.auto.create.topics", "false"),
    ];
    let config = inner.settings.config(&fast, &fixed);
    config
        .create_with_context(Listener::default())
        .map_err(|error| inner.sort("start a reader", READ_TIMEOUT, &error))
}
