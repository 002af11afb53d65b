//! Ten kinds of malformed messages among good ones: each is a dead letter with its code, and everything else lands.

use std::collections::BTreeSet;
use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use serde_json::json;
use tidemill_kafka::{BatchBuilder, PolledBatch};
use tidemill_project::{Format, Stream, StreamSchema};
use tidemill_types::{ColumnName, DurationText, KafkaPartition, LastOffset, NextOffset, StreamName, TopicName};

use crate::decode::{DecodeLimits, WriterText};
use crate::intake::{Intake, Taken};
use crate::stage::Stages;

const LIMITS: DecodeLimits = DecodeLimits {
    message_bytes: 1_000,
    schemas: 10,
};
const SCHEMA: u32 = 1;

fn avsc() -> String {
    json!({ "type": "record", "name": "event", "fields": [
        { "name": "id", "type": "long" },
        { "name": "amount", "type": "double" },
        { "name": "count", "type": ["null", "int"] },
        { "name": "note", "type": ["null", "string"] },
    ]})
    .to_string()
}

pub(super) fn stream(format: Format) -> Stream {
    Stream {
        name: StreamName::new("events").unwrap(),
        topic: TopicName::new("events").unwrap(),
        schema: StreamSchema::parse(&avsc(), Path::new("event.avsc")).unwrap(),
        schema_file: "event.avsc".into(),
        key: vec![ColumnName::new("id").unwrap()],
        event_time: None,
        partition_by: None,
        lateness: DurationText::from_secs(0),
        partitions: 1,
        format,
    }
}

fn batch(values: &[Vec<u8>]) -> PolledBatch {
    let mut builder = BatchBuilder::new(TopicName::new("events").unwrap(), KafkaPartition(0), 0, 0, 0);
    for (offset, value) in values.iter().enumerate() {
        builder.push(LastOffset(offset as i64), 0, None, Some(value), &[]);
    }
    builder.finish()
}

/// Each of `kinds` between two good messages: what became of them.
fn take(format: Format, good: &[u8], kinds: &[(&str, Vec<u8>)]) -> Taken {
    let mut values = vec![good.to_vec()];
    for (_, value) in kinds {
        values.push(value.clone());
        values.push(good.to_vec());
    }
    let mut intake = Intake::new(&stream(format), LIMITS, Stages::default());
    let batch = batch(&values);
    for id in intake.unlearned(&batch) {
        let text = if id == SCHEMA {
            WriterText::Avro(avsc().into())
        } else {
            WriterText::Unknown
        };
        intake.learn(id, &text);
    }
    intake.take(&batch, NextOffset(0), &BTreeSet::new()).unwrap()
}

fn check(format: Format, good: &[u8], kinds: &[(&str, Vec<u8>)]) {
    let taken = take(format, good, kinds);
    let rows = taken.rows.unwrap();
    let offsets = rows.column_by_name("_tm_offset").unwrap();
    let landed: Vec<i64> = (0..=kinds.len() as i64).map(|place| 2 * place).collect();
    assert_eq!(offsets.as_primitive::<Int64Type>().values().to_vec(), landed);
    let ids = rows.column_by_name("id").unwrap().as_primitive::<Int64Type>();
    assert!(ids.values().iter().all(|id| *id == 7));
    let dead = taken.dead.unwrap();
    let codes = dead.column_by_name("code").unwrap().as_string::<i32>();
    let codes: Vec<&str> = codes.iter().flatten().collect();
    let expected: Vec<&str> = kinds.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, expected);
    // The bytes are there as they came.
    let values = dead.column_by_name("value").unwrap().as_binary::<i32>();
    for (value, (code, expected)) in values.iter().zip(kinds) {
        assert_eq!(value, Some(expected.as_slice()), "{code}");
    }
    assert_eq!(
        (taken.counts.rows, taken.counts.dead),
        (landed.len() as u64, kinds.len() as u64)
    );
}

#[test]
fn of_json() {
    let json = |text: &str| text.as_bytes().to_vec();
    let good = json(r#"{"id":7,"amount":1.5,"count":2,"note":"x"}"#);
    check(
        Format::Json,
        &good,
        &[
            ("truncated", json(r#"{"id":7,"amount":1.5,"cou"#)),
            ("wrong_type", json(r#"{"id":"7","amount":1.5}"#)),
            ("not_utf8", b"{\"id\":7,\"amount\":1.5,\"note\":\"\xc3\x28\"}".to_vec()),
            (
                "too_large",
                json(&format!(r#"{{"id":7,"amount":1.5,"note":"{}"}}"#, "x".repeat(2_000))),
            ),
            // What another format's frame looks like from here.
            ("malformed_json", vec![0, 0, 0, 0, 9, 14]),
            ("empty", Vec::new()),
            ("wrong_type", json(r#"{"id":7,"amount":{"double":null}}"#)),
            ("null_value", json(r#"{"id":null,"amount":1.5}"#)),
            ("duplicate_key", json(r#"{"id":7,"amount":1.5,"id":8}"#)),
            ("malformed_json", json(r#"{"id":7,"amount":NaN}"#)),
            ("out_of_range", json(r#"{"id":7,"amount":1e400}"#)),
            ("out_of_range", json(r#"{"id":99999999999999999999,"amount":1.5}"#)),
        ],
    );
}

#[test]
fn of_framed_avro() {
    let framed = |id: u32, body: &[&[u8]]| [&[0], id.to_be_bytes().as_slice(), &body.concat()].concat();
    let amount = 1.5_f64.to_le_bytes();
    let good = framed(SCHEMA, &[&[14], &amount, &[2, 4], &[2, 2, b'x']]);
    check(
        Format::ConfluentAvro,
        &good,
        &[
            ("truncated", good[..good.len() - 1].to_vec()),
            ("malformed_avro", framed(SCHEMA, &[&[14], &amount, &[6]])),
            ("not_utf8", framed(SCHEMA, &[&[14], &amount, &[0], &[2, 2, 0xff]])),
            ("too_large", framed(SCHEMA, &[&[0; 2_000]])),
            ("unknown_schema", framed(99, &[&[14], &amount, &[0, 0]])),
            ("empty", Vec::new()),
            ("bad_frame", br#"{"id":7,"amount":1.5}"#.to_vec()),
            ("trailing_data", framed(SCHEMA, &[&[14], &amount, &[0, 0, 0]])),
            ("not_finite", framed(SCHEMA, &[&[14], &f64::NAN.to_le_bytes(), &[0, 0]])),
            (
                "malformed_avro",
                framed(SCHEMA, &[&[14], &amount, &[2, 0x80, 0x80, 0x80, 0x80, 0x40], &[0]]),
            ),
        ],
    );
}
