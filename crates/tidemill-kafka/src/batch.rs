//! Records of one Kafka partition as a struct of arrays: one allocation per column and batch, none per record.

use rdkafka::message::{BorrowedMessage, Message as _};
use tidemill_types::{KafkaPartition, LastOffset, Micros, NextOffset, TopicName};

use crate::record::{HeaderSpan, HeadersRef, RecordRef, each_header, kafka_millis};

/// Consecutive records of one partition, in the order of their offsets.
#[derive(Debug, Clone)]
pub struct PolledBatch {
    /// Their topic.
    pub topic: TopicName,
    /// Their Kafka partition.
    pub partition: KafkaPartition,
    /// Which assignment they were read under: [`ConsumerHandle::assign`](crate::ConsumerHandle::assign) returned it.
    pub generation: u64,
    offsets: Vec<i64>,
    kafka_millis: Vec<i64>,
    values: Arena,
    keys: Arena,
    headers: HeaderArena,
}

/// Byte strings one behind the other, some of them absent.
#[derive(Debug, Clone, Default)]
struct Arena {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Places of the absent ones, ascending: there are few or none.
    absent: Vec<usize>,
}

#[derive(Debug, Clone, Default)]
struct HeaderArena {
    bytes: Vec<u8>,
    spans: Vec<HeaderSpan>,
    /// Per record, the number of spans up to and with its own; empty while no record had a header.
    ends: Vec<usize>,
}

impl Arena {
    fn with_capacity(records: usize, bytes: usize) -> Arena {
        Arena {
            bytes: Vec::with_capacity(bytes),
            ends: Vec::with_capacity(records),
            absent: Vec::new(),
        }
    }

    fn push(&mut self, item: Option<&[u8]>) {
        match item {
            Some(bytes) => self.bytes.extend_from_slice(bytes),
            None => self.absent.push(self.ends.len()),
        }
        self.ends.push(self.bytes.len());
    }

    fn get(&self, place: usize) -> Option<&[u8]> {
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        let absent = !self.absent.is_empty() && self.absent.binary_search(&place).is_ok();
        (!absent).then(|| &self.bytes[start..self.ends[place]])
    }
}

impl HeaderArena {
    fn push(&mut self, name: &str, value: Option<&[u8]>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name.as_bytes());
        let name_end = self.bytes.len();
        let value_end = value.map(|value| {
            self.bytes.extend_from_slice(value);
            self.bytes.len()
        });
        self.spans.push(HeaderSpan {
            start,
            name_end,
            value_end,
        });
    }

    /// Ends the record at `place`; records before the first with headers get their ends here.
    fn end_record(&mut self, place: usize, spans_before: usize) {
        let had_headers = self.spans.len() > spans_before;
        if self.ends.is_empty() && !had_headers {
            return;
        }
        self.ends.resize(place, spans_before);
        self.ends.push(self.spans.len());
    }

    fn get(&self, place: usize) -> HeadersRef<'_> {
        let end_of = |place: usize| self.ends.get(place).copied().unwrap_or(self.spans.len());
        let start = if place == 0 || self.ends.is_empty() {
            0
        } else {
            end_of(place - 1)
        };
        HeadersRef {
            bytes: &self.bytes,
            spans: &self.spans[start..end_of(place)],
        }
    }
}

impl PolledBatch {
    /// Number of records; never 0 in a batch that was received.
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// Offsets, ascending.
    pub fn offsets(&self) -> &[i64] {
        &self.offsets
    }

    /// Kafka timestamps in milliseconds since the epoch, -1 where a record has none.
    pub fn kafka_millis(&self) -> &[i64] {
        &self.kafka_millis
    }

    /// The value of the record at `place` (below [`len`](Self::len)); absent in a tombstone.
    pub fn value(&self, place: usize) -> Option<&[u8]> {
        self.values.get(place)
    }

    /// The key of the record at `place`.
    pub fn key(&self, place: usize) -> Option<&[u8]> {
        self.keys.get(place)
    }

    /// The record at `place`.
    pub fn record(&self, place: usize) -> RecordRef<'_> {
        RecordRef {
            topic: &self.topic,
            partition: self.partition,
            offset: LastOffset(self.offsets[place]),
            kafka_time: Micros::from_millis(self.kafka_millis[place]),
            key: self.keys.get(place),
            value: self.values.get(place),
            headers: self.headers.get(place),
            leader_epoch: None,
        }
    }

    /// All records in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = RecordRef<'_>> {
        (0..self.len()).map(|place| self.record(place))
    }

    /// Where to go on after the last record; absent in an empty batch.
    pub fn next_offset(&self) -> Option<NextOffset> {
        self.offsets.last().map(|offset| LastOffset(*offset).next())
    }

    /// Bytes of values, keys and headers: what the batch weighs in memory, near enough.
    pub fn bytes(&self) -> usize {
        self.values.bytes.len() + self.keys.bytes.len() + self.headers.bytes.len()
    }
}

/// Fills a [`PolledBatch`], record by record. Public so that tests of whoever takes batches can make them.
#[derive(Debug)]
pub struct BatchBuilder {
    batch: PolledBatch,
}

impl BatchBuilder {
    /// An empty batch with room for `records` records and `bytes` bytes of values.
    pub fn new(topic: TopicName, partition: KafkaPartition, generation: u64, records: usize, bytes: usize) -> Self {
        BatchBuilder {
            batch: PolledBatch {
                topic,
                partition,
                generation,
                offsets: Vec::with_capacity(records),
                kafka_millis: Vec::with_capacity(records),
                values: Arena::with_capacity(records, bytes),
                keys: Arena::with_capacity(records, 0),
                headers: HeaderArena::default(),
            },
        }
    }

    /// Adds a record. Offsets must ascend.
    pub fn push(
        &mut self,
        offset: LastOffset,
        kafka_millis: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, Option<&[u8]>)],
    ) {
        self.push_columns(offset, kafka_millis, key, value);
        let place = self.batch.len() - 1;
        let spans_before = self.batch.headers.spans.len();
        for (name, value) in headers {
            self.batch.headers.push(name, *value);
        }
        self.batch.headers.end_record(place, spans_before);
    }

    pub(crate) fn push_message(&mut self, message: &BorrowedMessage<'_>) {
        self.push_columns(
            LastOffset(message.offset()),
            kafka_millis(message),
            message.key(),
            message.payload(),
        );
        let place = self.batch.len() - 1;
        let headers = &mut self.batch.headers;
        let spans_before = headers.spans.len();
        each_header(message.headers(), |name, value| headers.push(name, value));
        headers.end_record(place, spans_before);
    }

    fn push_columns(&mut self, offset: LastOffset, kafka_millis: i64, key: Option<&[u8]>, value: Option<&[u8]>) {
        debug_assert!(self.batch.offsets.last().is_none_or(|last| *last < offset.0));
        self.batch.offsets.push(offset.0);
        self.batch.kafka_millis.push(kafka_millis);
        self.batch.values.push(value);
        self.batch.keys.push(key);
    }

    /// Records so far.
    pub fn len(&self) -> usize {
        self.batch.len()
    }

    /// Whether there are none so far.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Bytes so far.
    pub fn bytes(&self) -> usize {
        self.batch.bytes()
    }

    /// The batch.
    pub fn finish(self) -> PolledBatch {
        self.batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row<'a> = (Option<&'a str>, Option<&'a str>, &'a [(&'a str, Option<&'a str>)]);

    /// What goes in comes out, whichever parts are absent.
    fn check(rows: &[Row<'_>]) {
        let topic = TopicName::new("t").unwrap();
        let mut builder = BatchBuilder::new(topic, KafkaPartition(2), 7, 0, 0);
        for (place, (key, value, headers)) in rows.iter().enumerate() {
            let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.map(str::as_bytes))).collect();
            let offset = LastOffset(10 + 2 * place as i64);
            builder.push(
                offset,
                place as i64,
                key.map(str::as_bytes),
                value.map(str::as_bytes),
                &headers,
            );
        }
        let batch = builder.finish();
        assert_eq!(batch.iter().len(), rows.len());
        for (place, (record, (key, value, headers))) in batch.iter().zip(rows).enumerate() {
            assert_eq!(record.offset, LastOffset(10 + 2 * place as i64));
            assert_eq!(record.kafka_time, Micros::from_millis(place as i64));
            assert_eq!(record.key, key.map(str::as_bytes), "key of {place}");
            assert_eq!(record.value, value.map(str::as_bytes), "value of {place}");
            let read: Vec<_> = record.headers.iter().collect();
            let expected: Vec<_> = headers.iter().map(|(n, v)| (*n, v.map(str::as_bytes))).collect();
            assert_eq!(read, expected, "headers of {place}");
        }
        assert_eq!(
            batch.next_offset(),
            rows.len().checked_sub(1).map(|last| NextOffset(11 + 2 * last as i64))
        );
    }

    #[test]
    fn a_batch_gives_back_what_it_was_given() {
        check(&[]);
        check(&[(None, None, &[])]);
        check(&[
            (Some("k"), Some("v"), &[]),
            (None, Some(""), &[]),
            (Some(""), None, &[]),
        ]);
        check(&[
            (None, Some("a"), &[]),
            (None, Some("b"), &[("x", Some("1")), ("y", None)]),
            (None, Some("c"), &[]),
            (None, Some("d"), &[("x", Some(""))]),
        ]);
        check(&[
            (None, Some("a"), &[("h", Some("1"))]),
            (None, Some("b"), &[("h", Some("2"))]),
        ]);
    }
}
