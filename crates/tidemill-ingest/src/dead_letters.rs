//! Dead letters while they are gathered: raw bytes, where they stood, and why.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, Int32Array, Int64Array, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::error::ArrowError;
use serde_json::Value;
use tidemill_kafka::{HeadersRef, RecordRef};

use crate::decode::Fault;
use crate::tables::dead_letters_schema;

/// The stage of what cannot be decoded.
const DECODE_STAGE: &str = "decode";

/// Dead letters of one batch.
#[derive(Default)]
pub(crate) struct DeadLetters {
    offsets: Vec<i64>,
    known_micros: Vec<i64>,
    keys: BinaryBuilder,
    values: BinaryBuilder,
    headers: StringBuilder,
    codes: StringBuilder,
    errors: StringBuilder,
}

impl DeadLetters {
    pub(crate) fn push(&mut self, record: &RecordRef<'_>, fault: &Fault) {
        self.offsets.push(record.offset.0);
        self.known_micros.push(record.kafka_time.0);
        self.keys.append_option(record.key);
        self.values.append_option(record.value);
        self.headers.append_option(headers_text(record.headers));
        self.codes.append_value(fault.code.as_str());
        self.errors.append_value(fault.to_string());
    }

    pub(crate) fn len(&self) -> usize {
        self.offsets.len()
    }

    /// The rows of the dead-letter table; none where there are no dead letters.
    pub(crate) fn finish(mut self, topic: &str, partition: i32) -> Result<Option<RecordBatch>, ArrowError> {
        let rows = self.len();
        if rows == 0 {
            return Ok(None);
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(std::iter::repeat_n(topic, rows))),
            Arc::new(Int32Array::from(vec![partition; rows])),
            Arc::new(Int64Array::from(self.offsets)),
            Arc::new(TimestampMicrosecondArray::from(self.known_micros).with_timezone("UTC")),
            Arc::new(self.keys.finish()),
            Arc::new(self.values.finish()),
            Arc::new(self.headers.finish()),
            Arc::new(StringArray::from_iter_values(std::iter::repeat_n(DECODE_STAGE, rows))),
            Arc::new(self.codes.finish()),
            Arc::new(self.errors.finish()),
        ];
        RecordBatch::try_new(dead_letters_schema(), columns).map(Some)
    }
}

/// Headers as a JSON array of `{"name", "value"}`, since names may stand twice. A value that is no UTF-8 is written
/// with replacement characters. None where there are no headers.
fn headers_text(headers: HeadersRef<'_>) -> Option<String> {
    if headers.is_empty() {
        return None;
    }
    let items = headers.iter().map(|(name, value)| {
        let value = value.map(String::from_utf8_lossy);
        serde_json::json!({ "name": name, "value": value })
    });
    Some(Value::Array(items.collect()).to_string())
}
