//! Avro schemas: what is read, what is refused, what is written.

use std::path::Path;

use expect_test::{Expect, expect};

use crate::StreamSchema;

fn parse(fields: &str) -> Result<StreamSchema, String> {
    let text = format!("{{ \"type\": \"record\", \"name\": \"r\", \"doc\": \"Rows.\", \"fields\": [\n{fields}\n] }}");
    StreamSchema::parse(&text, Path::new("schemas/r.avsc")).map_err(|faults| super::listed(&faults))
}

fn check_faults(fields: &str, expected: &Expect) {
    expected.assert_eq(&parse(fields).unwrap_err());
}

const EVERY_TYPE: &str = r#"{ "name": "A", "type": "boolean" },
{ "name": "B", "type": ["null", "int"], "default": null },
{ "name": "C", "type": { "type": "long" }, "default": 3, "doc": "Counts \"things\"." },
{ "name": "D", "type": ["float", "null"] },
{ "name": "E", "type": "double" },
{ "name": "F", "type": { "type": "string", "logicalType": "uuid" } },
{ "name": "G", "type": { "type": "enum", "name": "g", "symbols": ["x", "y"] }, "default": "x" },
{ "name": "H", "type": "bytes" },
{ "name": "I", "type": { "type": "long", "logicalType": "timestamp-millis" } },
{ "name": "J", "type": ["null", { "type": "long", "logicalType": "timestamp-micros" }] },
{ "name": "K", "type": "int", "logicalType": "date" }"#;

#[test]
fn every_type_becomes_arrow() {
    let schema = parse(EVERY_TYPE).unwrap();
    let columns = schema.landed_arrow();
    let columns = columns.fields().iter().map(|field| {
        let null = if field.is_nullable() { " or null" } else { "" };
        format!("{}: {}{null}\n", field.name(), field.data_type())
    });
    expect![[r#"
        A: Boolean
        B: Int32 or null
        C: Int64
        D: Float32 or null
        E: Float64
        F: Utf8
        G: Utf8
        H: Binary
        I: Timestamp(µs, "UTC")
        J: Timestamp(µs, "UTC") or null
        K: Date32
        _tm_topic: Utf8
        _tm_partition: Int32
        _tm_offset: Int64
        _tm_kafka_time: Timestamp(µs, "UTC")
        _tm_late: Boolean
    "#]]
    .assert_eq(&columns.collect::<String>());
    assert_eq!(schema.arrow().fields().len(), 11);
}

#[test]
fn a_written_schema_reads_back() {
    let schema = parse(EVERY_TYPE).unwrap();
    let text = schema.to_avsc();
    assert_eq!(StreamSchema::parse(&text, Path::new("x.avsc")), Ok(schema), "{text}");
}

#[test]
fn what_is_not_supported_says_what_to_do() {
    check_faults(
        r#"{ "name": "A", "type": { "type": "bytes", "logicalType": "decimal", "precision": 9 } },
{ "name": "B", "type": { "type": "array", "items": "int" } },
{ "name": "C", "type": ["int", "string"] },
{ "name": "D", "type": { "type": "int", "logicalType": "timestamp-millis" } },
{ "name": "E", "type": "lon" },
{ "name": "F", "type": "null" },
{ "name": "G", "type": { "type": "record", "name": "x", "fields": [] } },
{ "name": "H", "type": { "type": "enum", "name": "g" } },
{ "name": "I", "type": { "type": "long", "logicalType": "time-micros" } }"#,
        &expect![[r#"
            error: field `A` is a decimal, which is not supported
            hint: write long in the smallest unit (cents), or double; see schemas/r.avsc:2
            error: field `B` is nested (array), which is not supported
            hint: lift what you need into fields of the record, or keep it as text in a string field; see schemas/r.avsc:3
            error: field `C` is a union of several types, which is not supported
            hint: write ["null", T] with one T; see schemas/r.avsc:4
            error: field `D` is timestamp-millis on int
            hint: write { "type": "long", "logicalType": "timestamp-millis" }; see schemas/r.avsc:5
            error: field `E` has the unknown type `lon`
            hint: did you mean `long`? see schemas/r.avsc:6
            error: field `F` is always null
            hint: write ["null", T]; see schemas/r.avsc:7
            error: field `G` is nested (record), which is not supported
            hint: lift what you need into fields of the record, or keep it as text in a string field; see schemas/r.avsc:8
            error: field `H` is an enum without symbols
            hint: see schemas/r.avsc:9
            error: field `I` has the logical type `time-micros`, which is not supported
            hint: there is `timestamp-micros`, `timestamp-millis`, `date`, `uuid`; see schemas/r.avsc:10
        "#]],
    );
    check_faults(
        r#"{ "name": "A", "type": "int", "default": "x" },
{ "name": "B", "type": "int", "default": 3000000000 },
{ "name": "C", "type": "int" },
{ "name": "C", "type": "int" },
{ "name": "_tm_offset", "type": "long" },
{ "name": "a-b", "type": "long" },
{ "type": "long" },
{ "name": "G" }"#,
        &expect![[r"
            error: field `A` has a default that is no int
            hint: see schemas/r.avsc:2
            error: field `B` has a default that is no int
            hint: see schemas/r.avsc:3
            error: field `C` stands twice
            hint: see schemas/r.avsc:4
            error: field `_tm_offset` takes a name that tidemill keeps for its own columns
            hint: ingest adds _tm_topic, _tm_partition, _tm_offset, _tm_kafka_time, _tm_late; see schemas/r.avsc:6
            error: `a-b` is no column name: a letter or `_`, then letters, digits or `_`
            hint: see schemas/r.avsc:7
            error: a field has no name
            hint: see schemas/r.avsc:1
            error: field `G` has no type
            hint: see schemas/r.avsc:9
        "]],
    );
}

#[test]
fn what_is_no_record_is_refused() {
    for text in [
        "",
        "[]",
        "{ \"type\": \"int\" }",
        "{ \"type\": \"record\", \"name\": \"r\", \"fields\": [] }",
        "{ \"type\": \"record\" }",
    ] {
        assert!(StreamSchema::parse(text, Path::new("x.avsc")).is_err(), "{text}");
    }
}
