//! A Kafka record: owned, for the few that are looked at one by one, and borrowed from a batch.

use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Headers as _, Message as _};
use tidemill_types::{KafkaPartition, LastOffset, Micros, TopicName};

/// The name of a header whose own name is not UTF-8, which Kafka's protocol forbids. Its value is not kept.
pub(crate) const UNREADABLE_HEADER: &str = "\u{fffd}";
/// What librdkafka says where a record carries no timestamp, in milliseconds.
const NO_TIMESTAMP_MILLIS: i64 = -1;

/// One record, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its Kafka partition.
    pub partition: KafkaPartition,
    /// Its offset.
    pub offset: LastOffset,
    /// Its Kafka timestamp; one millisecond before the epoch where it has none.
    pub kafka_time: Micros,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; absent in a tombstone.
    pub value: Option<Vec<u8>>,
    /// Its headers in order. A header without a value has an empty one here.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The epoch of the leader that took it. Absent with the present client: librdkafka tells it only through its
    /// unsafe interface.
    pub leader_epoch: Option<i32>,
}

impl Record {
    /// The value of the first header called `name`.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_slice())
    }

    pub(crate) fn from_message(message: &BorrowedMessage<'_>) -> Record {
        let mut headers = Vec::new();
        each_header(message.headers(), |name, value| {
            headers.push((name.to_owned(), value.unwrap_or_default().to_vec()));
        });
        Record {
            partition: KafkaPartition(message.partition()),
            offset: LastOffset(message.offset()),
            kafka_time: Micros::from_millis(kafka_millis(message)),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers,
            leader_epoch: None,
        }
    }
}

/// A record's timestamp in milliseconds, -1 where it has none.
pub(crate) fn kafka_millis(message: &BorrowedMessage<'_>) -> i64 {
    message.timestamp().to_millis().unwrap_or(NO_TIMESTAMP_MILLIS)
}

/// Visits headers in order.
pub(crate) fn each_header(headers: Option<&BorrowedHeaders>, mut visit: impl FnMut(&str, Option<&[u8]>)) {
    let Some(headers) = headers else { return };
    for place in 0..headers.count() {
        // The client library panics over a name that is not UTF-8; a producer must not be able to stop us that way.
        let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| headers.try_get(place)));
        match read {
            Ok(Some(header)) => visit(header.key, header.value),
            Ok(None) => {}
            Err(_) => visit(UNREADABLE_HEADER, None),
        }
    }
}

/// One record of a [`PolledBatch`](crate::PolledBatch).
#[derive(Debug, Clone, Copy)]
pub struct RecordRef<'a> {
    /// Its topic.
    pub topic: &'a TopicName,
    /// Its Kafka partition.
    pub partition: KafkaPartition,
    /// Its offset.
    pub offset: LastOffset,
    /// Its Kafka timestamp; one millisecond before the epoch where it has none.
    pub kafka_time: Micros,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value; absent in a tombstone.
    pub value: Option<&'a [u8]>,
    /// Its headers.
    pub headers: HeadersRef<'a>,
    /// As in [`Record::leader_epoch`].
    pub leader_epoch: Option<i32>,
}

/// The headers of one record of a batch, in order.
#[derive(Debug, Clone, Copy)]
pub struct HeadersRef<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) spans: &'a [HeaderSpan],
}

/// Where a header's name and value lie in the batch's arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeaderSpan {
    pub start: usize,
    pub name_end: usize,
    /// Absent for a header without a value.
    pub value_end: Option<usize>,
}

impl<'a> HeadersRef<'a> {
    /// Names and values; a header without a value has none.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, Option<&'a [u8]>)> {
        self.spans.iter().map(move |span| {
            // Names are copied from `&str`, so they read back as such.
            let name = std::str::from_utf8(&self.bytes[span.start..span.name_end]).unwrap_or(UNREADABLE_HEADER);
            (name, span.value_end.map(|end| &self.bytes[span.name_end..end]))
        })
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.spans.is_empty()
    }

    /// The value of the first header called `name`.
    pub fn get(self, name: &str) -> Option<&'a [u8]> {
        self.iter()
            .find(|(header, _)| *header == name)
            .and_then(|(_, value)| value)
    }
}

impl RecordRef<'_> {
    /// A copy that outlives the batch.
    pub fn to_owned(&self) -> Record {
        let headers = self.headers.iter();
        Record {
            partition: self.partition,
            offset: self.offset,
            kafka_time: self.kafka_time,
            key: self.key.map(<[u8]>::to_vec),
            value: self.value.map(<[u8]>::to_vec),
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.unwrap_or_default().to_vec()))
                .collect(),
            leader_epoch: self.leader_epoch,
        }
    }
}
