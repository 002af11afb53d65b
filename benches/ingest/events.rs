//! The records of the benches: 12 columns, 240 bytes of JSON, the same in every run.

use std::path::Path;

use serde_json::json;
use tidemill_project::{Format, Stream, StreamSchema};
use tidemill_types::{ColumnName, DurationText, StreamName, TopicName};

/// One message in so many is broken, where some are.
pub const BROKEN_EVERY: u64 = 100;

/// The stream that lands them.
pub fn stream(topic: &str, format: Format) -> Stream {
    let time = json!({ "type": "long", "logicalType": "timestamp-micros" });
    let fields = [
        ("transaction_id", json!("long")),
        ("at", time),
        ("customer_id", json!("long")),
        ("terminal_id", json!("long")),
        ("amount", json!("double")),
        ("currency", json!("string")),
        ("country", json!("string")),
        ("channel", json!("string")),
        ("latitude", json!("double")),
        ("longitude", json!("double")),
        ("attempts", json!("int")),
        ("is_online", json!("boolean")),
    ];
    let fields = fields.map(|(name, kind)| json!({ "name": name, "type": kind }));
    let avsc = json!({ "type": "record", "name": "payment", "fields": fields });
    let name = |text: &str| ColumnName::new(text).expect("a literal");
    Stream {
        name: StreamName::new("payments").expect("a literal"),
        topic: TopicName::new(topic).expect("a literal"),
        schema: StreamSchema::parse(&avsc.to_string(), Path::new("payments.avsc")).expect("a literal"),
        schema_file: "payments.avsc".into(),
        key: vec![name("transaction_id")],
        event_time: Some(name("at")),
        partition_by: None,
        lateness: DurationText::from_secs(3_600),
        partitions: 4,
        format,
    }
}

/// The record of a number, as JSON.
pub fn payment(number: u64) -> String {
    let second = number % 86_400;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let (customer, terminal) = (number * 7_919 % 5_000, number * 104_729 % 10_000);
    let cents = number * 31 % 100_000;
    let (latitude, longitude) = (number * 13 % 90_000, number * 17 % 180_000);
    let (country, channel) = (
        ["DE", "FR", "BE"][(number % 3) as usize],
        ["web", "pos"][(number % 2) as usize],
    );
    format!(
        "{{\"transaction_id\":{number},\"at\":\"2018-04-01T{hour:02}:{minute:02}:{second:02}.123456Z\",\
         \"customer_id\":{customer},\"terminal_id\":{terminal},\"amount\":{}.{:02},\"currency\":\"EUR\",\
         \"country\":\"{country}\",\"channel\":\"{channel}\",\"latitude\":{}.{:03},\"longitude\":{}.{:03},\
         \"attempts\":{},\"is_online\":{}}}",
        cents / 100,
        cents % 100,
        latitude / 1_000,
        latitude % 1_000,
        longitude / 1_000,
        longitude % 1_000,
        number % 4,
        number.is_multiple_of(2),
    )
}

/// The same payment in binary Avro.
pub fn avro(number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let long = |value: i64, bytes: &mut Vec<u8>| {
        let mut rest = ((value << 1) ^ (value >> 63)) as u64;
        while rest >= 0x80 {
            bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
    };
    let number = number as i64;
    for value in [
        number,
        1_522_540_800_123_456 + number * 1_000_000,
        number * 7_919 % 5_000,
        number * 104_729 % 10_000,
    ] {
        long(value, &mut bytes);
    }
    bytes.extend_from_slice(&((number * 31 % 100_000) as f64 / 100.0).to_le_bytes());
    for text in [
        "EUR",
        ["DE", "FR", "BE"][(number % 3) as usize],
        ["web", "pos"][(number % 2) as usize],
    ] {
        long(text.len() as i64, &mut bytes);
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes.extend_from_slice(&((number * 13 % 90_000) as f64 / 1_000.0).to_le_bytes());
    bytes.extend_from_slice(&((number * 17 % 180_000) as f64 / 1_000.0).to_le_bytes());
    long(number % 4, &mut bytes);
    bytes.push(u8::from(number % 2 == 0));
    bytes
}

/// What becomes of every hundredth message: truncated, of a wrong type, not UTF-8, in turn.
pub fn broken(number: u64, message: &[u8]) -> Vec<u8> {
    match number / BROKEN_EVERY % 3 {
        0 => message[..message.len() / 2].to_vec(),
        1 => String::from_utf8_lossy(message).replace("\"EUR\"", "978").into_bytes(),
        _ => [&message[..message.len() - 2], b"\xff}"].concat(),
    }
}
