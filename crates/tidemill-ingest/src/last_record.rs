//! The last record of a partition that landed, by which a log that was cut and filled again is told from the one that was
//! read: below the same offset another record stands.

use serde::{Deserialize, Serialize};
use tidemill_kafka::{Record, RecordRef};
use tidemill_types::LastOffset;

/// What is kept of a record to know it again. The leader's epoch is not among it: the Kafka client does not tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastRecord {
    /// Its offset.
    pub(crate) offset: LastOffset,
    /// Its Kafka timestamp in microseconds.
    pub(crate) time_micros: i64,
    /// CRC-32C of its value; none for a tombstone.
    pub(crate) value_crc32c: Option<u32>,
}

/// What a look at the log says of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is there.
    Same,
    /// Retention or compaction took it: nothing can be said.
    Gone,
    /// Another one is there.
    Another,
}

impl LastRecord {
    pub(crate) fn of(record: &RecordRef<'_>) -> LastRecord {
        LastRecord {
            offset: record.offset,
            time_micros: record.kafka_time.0,
            value_crc32c: record.value.map(crc32c::crc32c),
        }
    }

    /// Compares with the record that the log holds at the offset now.
    pub(crate) fn verdict(&self, found: Option<&Record>) -> Verdict {
        match found {
            None => Verdict::Gone,
            Some(record) => {
                let found = LastRecord {
                    offset: record.offset,
                    time_micros: record.kafka_time.0,
                    value_crc32c: record.value.as_deref().map(crc32c::crc32c),
                };
                if found == *self {
                    Verdict::Same
                } else {
                    Verdict::Another
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tidemill_types::{KafkaPartition, Micros};

    use super::*;

    fn record(offset: i64, time_micros: i64, value: Option<&str>) -> Record {
        Record {
            partition: KafkaPartition(0),
            offset: LastOffset(offset),
            kafka_time: Micros(time_micros),
            key: None,
            value: value.map(|value| value.as_bytes().to_vec()),
            headers: Vec::new(),
            leader_epoch: None,
        }
    }

    #[test]
    fn another_record_at_the_offset_is_told() {
        let kept = LastRecord {
            offset: LastOffset(7),
            time_micros: 5,
            value_crc32c: Some(crc32c::crc32c(b"v")),
        };
        for (found, expected) in [
            (None, Verdict::Gone),
            (Some(record(7, 5, Some("v"))), Verdict::Same),
            (Some(record(7, 6, Some("v"))), Verdict::Another),
            (Some(record(7, 5, Some("w"))), Verdict::Another),
            (Some(record(7, 5, None)), Verdict::Another),
        ] {
            assert_eq!(kept.verdict(found.as_ref()), expected, "{found:?}");
        }
    }
}
