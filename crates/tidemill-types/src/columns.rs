//! The columns that ingest adds to every landed row: where it came from, when it was known, whether it was late.

/// A column that ingest adds beside the record's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KafkaColumn {
    /// The topic, text.
    Topic,
    /// The Kafka partition, int32.
    Partition,
    /// The offset in it, int64.
    Offset,
    /// The Kafka timestamp: when the row was known, UTC microseconds.
    KnownTime,
    /// Whether the event time lay below the watermark when the row came.
    Late,
}

/// All of them, in the order in which they stand behind a stream's own columns.
pub const LANDED_COLUMNS: [KafkaColumn; 5] = [
    KafkaColumn::Topic,
    KafkaColumn::Partition,
    KafkaColumn::Offset,
    KafkaColumn::KnownTime,
    KafkaColumn::Late,
];

impl KafkaColumn {
    /// The column's name in the table.
    pub const fn name(self) -> &'static str {
        match self {
            KafkaColumn::Topic => "_tm_topic",
            KafkaColumn::Partition => "_tm_partition",
            KafkaColumn::Offset => "_tm_offset",
            KafkaColumn::KnownTime => "_tm_kafka_time",
            KafkaColumn::Late => "_tm_late",
        }
    }
}
