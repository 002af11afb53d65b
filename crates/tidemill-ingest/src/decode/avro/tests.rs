//! Binary Avro as a table of cases, with messages made by hand; and held against arrow-avro's writer and reader.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, BinaryArray, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::display::array_value_to_string;
use arrow_avro::reader::ReaderBuilder;
use arrow_avro::schema::{AvroSchema, Fingerprint, FingerprintAlgorithm, FingerprintStrategy, SchemaStore};
use arrow_avro::writer::WriterBuilder;
use arrow_avro::writer::format::AvroSoeFormat;
use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};
use tidemill_project::{Format, StreamSchema};

use super::super::Decoder;
use super::super::fault::FaultCode;
use super::super::tests::{LIMITS, schema};
use super::WriterText;

const ID: u32 = 7;

/// Values as a writer puts them.
fn long(value: i64) -> Vec<u8> {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    let mut bytes = Vec::new();
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

fn text(value: &str) -> Vec<u8> {
    [long(value.len() as i64), value.as_bytes().to_vec()].concat()
}

fn framed(id: u32, body: &[u8]) -> Vec<u8> {
    [&[0], id.to_be_bytes().as_slice(), body].concat()
}

/// The row of one message as `name=value`, or `code: sentence`.
fn told(decoder: &mut Decoder, schema: &StreamSchema, message: &[u8]) -> String {
    if let Err(fault) = decoder.decode(message) {
        return format!("{}: {fault}", fault.code.as_str());
    }
    let (arrays, unknown) = decoder.take();
    let batch = RecordBatch::try_new(schema.arrow(), arrays).unwrap();
    let columns = batch.schema_ref().fields().iter().zip(batch.columns());
    let columns = columns.filter(|(_, column)| column.is_valid(0));
    let mut parts: Vec<String> = columns
        .map(|(field, column)| format!("{}={}", field.name(), array_value_to_string(column, 0).unwrap()))
        .collect();
    if unknown > 0 {
        parts.push(format!("({unknown} unknown)"));
    }
    parts.join(" ")
}

fn plain(message: &[u8], expected: &Expect) {
    let mut decoder = Decoder::new(&schema(), Format::Avro, LIMITS);
    expected.assert_eq(&told(&mut decoder, &schema(), message));
}

/// A message of [`schema`]: every union with its first branch, null, but for `rest`.
fn record(id: i64, at: i64, rest: &[u8]) -> Vec<u8> {
    [long(id), long(at), rest.to_vec()].concat()
}

/// `millis` and what follows, all null, `count` 5.
fn nulls() -> Vec<u8> {
    [vec![0, 0, 0], long(5), vec![0; 5]].concat()
}

#[test]
fn plain_records_become_rows() {
    plain(
        &record(1, 1_532_520_000_000_000, &nulls()),
        &expect!["id=1 at=2018-07-25T12:00:00Z count=5"],
    );
    let all = [
        [long(1), long(1_532_520_000_123)].concat(),
        [long(1), 12.5_f64.to_le_bytes().to_vec()].concat(),
        [long(1), (-100_f32).to_le_bytes().to_vec()].concat(),
        long(0),
        [long(1), vec![1]].concat(),
        [long(1), text("é 😀")].concat(),
        [long(1), long(1)].concat(),
        [long(1), long(2), vec![0, 0xff]].concat(),
        [long(1), long(3)].concat(),
    ];
    plain(
        &record(-5, 0, &all.concat()),
        &expect![
            "id=-5 at=1970-01-01T00:00:00Z millis=2018-07-25T12:00:00.123Z amount=12.5 ratio=-100.0 count=0 flag=true note=é 😀 kind=out raw=00ff day=1970-01-04"
        ],
    );
}

#[test]
fn broken_records_have_a_stable_code() {
    plain(b"", &expect!["empty: nothing at byte 0"]);
    plain(
        &record(1, 0, &[]),
        &expect!["truncated: `millis`: the message ends at byte 2"],
    );
    plain(
        &[record(1, 0, &nulls()), vec![0]].concat(),
        &expect!["trailing_data: more bytes behind the record at byte 11"],
    );
    plain(
        &[0xff; 20],
        &expect!["malformed_avro: `id`: a number of more than 64 bits at byte 9"],
    );
    let with = |rest: &[&[u8]]| record(1, 0, &rest.concat());
    plain(
        &with(&[&long(2)]),
        &expect!["malformed_avro: `millis`: a branch that the union does not have at byte 2"],
    );
    plain(
        &with(&[&long(1), &long(i64::MAX)]),
        &expect!["out_of_range: `millis`: a number that the type cannot hold at byte 3"],
    );
    plain(
        &with(&[&[0], &long(1), &f64::NAN.to_le_bytes()]),
        &expect!["not_finite: `amount`: a number that is not finite at byte 4"],
    );
    plain(
        &with(&[&[0, 0, 0], &long(1 << 40)]),
        &expect!["malformed_avro: `count`: an int of more than 32 bits at byte 5"],
    );
    plain(
        &with(&[&[0, 0, 0, 0], &long(1), &[2]]),
        &expect!["malformed_avro: `flag`: a truth value that is neither 0 nor 1 at byte 7"],
    );
    plain(
        &with(&[&[0, 0, 0, 0, 0], &long(1), &long(2), &[b'a', 0xff]]),
        &expect!["not_utf8: `note`: bytes that are not UTF-8 at byte 10"],
    );
    plain(
        &with(&[&[0, 0, 0, 0, 0], &long(1), &long(i64::MAX)]),
        &expect!["truncated: `note`: the message ends at byte 18"],
    );
    plain(
        &with(&[&[0, 0, 0, 0, 0], &long(1), &long(-1)]),
        &expect!["malformed_avro: `note`: a length below zero at byte 8"],
    );
    plain(
        &with(&[&[0, 0, 0, 0, 0, 0], &long(1), &long(2)]),
        &expect!["malformed_avro: `kind`: a symbol that the enum does not have at byte 9"],
    );
}

fn avsc(fields: &Value) -> String {
    json!({ "type": "record", "name": "other", "namespace": "of.writers", "fields": fields }).to_string()
}

fn reader() -> StreamSchema {
    let fields = json!([
        { "name": "id", "type": "long" },
        { "name": "at", "type": ["null", { "type": "long", "logicalType": "timestamp-micros" }] },
        { "name": "amount", "type": ["null", "double"] },
        { "name": "note", "type": ["null", "string"], "default": null },
        { "name": "kind", "type": { "type": "enum", "name": "k", "symbols": ["in", "out"] }, "default": "in" },
    ]);
    StreamSchema::parse(&avsc(&fields), Path::new("reader.avsc")).unwrap()
}

/// A framed message of a writer with these fields.
fn written(fields: &Value, body: &[&[u8]], expected: &Expect) {
    let mut decoder = Decoder::new(&reader(), Format::ConfluentAvro, LIMITS);
    decoder.learn(ID, &WriterText::Avro(avsc(fields).into()));
    expected.assert_eq(&told(&mut decoder, &reader(), &framed(ID, &body.concat())));
}

#[test]
fn a_writers_schema_is_resolved_against_the_streams() {
    let id = json!({ "name": "id", "type": "long" });
    written(&json!([id]), &[&long(3)], &expect!["id=3 kind=in"]);
    written(
        &json!([{ "name": "amount", "type": "int" }, { "name": "id", "type": "int" }]),
        &[&long(-2), &long(4)],
        &expect!["id=4 amount=-2.0 kind=in"],
    );
    // An int has 32 bits also where the column is wider.
    let too_wide = long(-274_877_918_219);
    written(
        &json!([{ "name": "id", "type": "int" }]),
        &[&too_wide],
        &expect!["malformed_avro: `id`: an int of more than 32 bits at byte 5"],
    );
    written(
        &json!([id, { "name": "amount", "type": "int" }]),
        &[&long(3), &too_wide],
        &expect!["malformed_avro: `amount`: an int of more than 32 bits at byte 6"],
    );
    // The writer counts milliseconds, the stream microseconds: the same instant.
    let millis = json!({ "name": "at", "type": { "type": "long", "logicalType": "timestamp-millis" } });
    written(
        &json!([id, millis]),
        &[&long(3), &long(1_500)],
        &expect!["id=3 at=1970-01-01T00:00:01.500Z kind=in"],
    );
    // Null stands second, and there is a branch that the column cannot take.
    let union = json!({ "name": "note", "type": ["string", "null", "double"] });
    written(
        &json!([id, union]),
        &[&long(3), &long(0), &text("a")],
        &expect!["id=3 note=a kind=in"],
    );
    written(&json!([id, union]), &[&long(3), &long(1)], &expect!["id=3 kind=in"]);
    written(
        &json!([id, union]),
        &[&long(3), &long(2), &[0; 8]],
        &expect!["wrong_type: `note`: a double at byte 7"],
    );
    let kind = json!({ "name": "kind", "type": { "type": "enum", "name": "K", "symbols": ["side", "out"] } });
    written(&json!([id, kind]), &[&long(3), &long(1)], &expect!["id=3 kind=out"]);
    written(
        &json!([id, kind]),
        &[&long(3), &long(0)],
        &expect!["unknown_symbol: `kind`: none of the enum's symbols at byte 6"],
    );
    written(
        &json!([{ "name": "id", "type": ["null", "long"] }]),
        &[&long(0)],
        &expect!["null_value: `id`: null where a value is due at byte 6"],
    );
}

#[test]
fn what_is_no_column_is_passed_over_whatever_it_is() {
    let node = json!({ "type": "record", "name": "node", "fields": [
        { "name": "value", "type": ["null", "bytes", { "type": "fixed", "name": "f", "size": 2 }] },
        { "name": "next", "type": ["null", "node"] },
        { "name": "tags", "type": { "type": "map", "values": { "type": "array", "items": "int" } } },
    ]});
    let fields = json!([{ "name": "tree", "type": node }, { "name": "id", "type": "long" }]);
    // A map in a block of known size: one tag with two numbers.
    let tags = [
        long(-1),
        long(9),
        text("a"),
        long(2),
        long(1),
        long(1 << 20),
        long(0),
        long(0),
    ]
    .concat();
    let inner = [long(2), vec![1, 2], long(0), long(0)].concat();
    let tree = [long(1), text("xy"), long(1), inner, tags].concat();
    written(&fields, &[&tree, &long(3)], &expect!["id=3 kind=in (1 unknown)"]);
    let nothing = json!([
        { "name": "x", "type": { "type": "array", "items": "null" } }, { "name": "id", "type": "long" }
    ]);
    written(
        &nothing,
        &[&long(3), &long(0), &long(3)],
        &expect!["id=3 kind=in (1 unknown)"],
    );
    // Nulls have no bytes: a few bytes must not keep a decoder busy for years.
    written(
        &nothing,
        &[&long(i64::MAX), &long(0), &long(3)],
        &expect!["malformed_avro: more empty values than may be at byte 15"],
    );
    let deep = [[0, 2].repeat(200), vec![0, 0, 0]].concat();
    written(
        &fields,
        &[&deep],
        &expect!["too_deep: values nested too deep at byte 131"],
    );
}

#[test]
fn schemas_that_cannot_be_rows_say_why() {
    let id = json!({ "name": "id", "type": "long" });
    written(
        &json!([{ "name": "amount", "type": "double" }]),
        &[&[0; 8]],
        &expect!["unusable_schema: schema 7, which has no field for column `id`, which must be there, at byte 1"],
    );
    written(
        &json!([id, { "name": "amount", "type": "string" }]),
        &[],
        &expect!["unusable_schema: schema 7, which has text for column `amount`, which is double, at byte 1"],
    );
    written(
        &json!([id, { "name": "at", "type": { "type": "long", "logicalType": "timestamp-nanos" } }]),
        &[],
        &expect![
            "unusable_schema: schema 7, which has a time in nanoseconds for column `at`, which is timestamp-micros, at byte 1"
        ],
    );
    written(
        &json!([{ "name": "id", "type": "missing" }]),
        &[],
        &expect!["unusable_schema: schema 7, which names type `missing`, which is not there, at byte 1"],
    );
}

#[test]
fn frames_and_ids_that_are_not_known() {
    let mut decoder = Decoder::new(&reader(), Format::ConfluentAvro, LIMITS);
    let mut tell = |message: &[u8], expected: Expect| expected.assert_eq(&told(&mut decoder, &reader(), message));
    tell(b"", expect!["empty: nothing at byte 0"]);
    tell(b"{}", expect!["bad_frame: no frame of a schema registry at byte 0"]);
    tell(&[0, 0, 0], expect!["truncated: the message ends at byte 3"]);
    let message = framed(ID, &long(3));
    tell(
        &message,
        expect!["unknown_schema: schema 7, which the registry does not have, at byte 1"],
    );
    let ids = |decoder: &mut Decoder, ids: &[u32]| -> Vec<u32> {
        let messages: Vec<Vec<u8>> = ids.iter().map(|id| framed(*id, &[])).collect();
        let wanted = decoder.unlearned(messages.iter().map(Vec::as_slice));
        wanted.into_iter().collect()
    };
    assert_eq!(ids(&mut decoder, &[ID, ID, 3]), [3, ID]);
    decoder.learn(3, &WriterText::Unknown);
    let only_id = avsc(&json!([{ "name": "id", "type": "long" }]));
    decoder.learn(ID, &WriterText::Avro(only_id.into()));
    assert_eq!(told(&mut decoder, &reader(), &message), "id=3 kind=in");
    // What was unknown may be there by now; what is known stays, until there are too many.
    assert_eq!(ids(&mut decoder, &[ID, 3]), [3]);
    for id in 10..20 {
        decoder.learn(id, &WriterText::Unusable("is of type PROTOBUF".to_owned()));
    }
    assert_eq!(ids(&mut decoder, &[12]), [0_u32; 0]);
    assert_eq!(ids(&mut decoder, &[ID, 12]), [ID]);
}

/// The schema of what arrow-avro writes here, and its Arrow form.
fn theirs() -> (String, Arc<Schema>) {
    let fields = json!([
        { "name": "extra", "type": ["null", "bytes"] },
        { "name": "amount", "type": ["null", "double"] },
        { "name": "id", "type": "int" },
        { "name": "note", "type": ["null", "string"] },
        { "name": "more", "type": "boolean" },
        { "name": "at", "type": ["null", "long"] },
    ]);
    let avsc = avsc(&fields);
    let schema = Schema::new(vec![
        Field::new("extra", DataType::Binary, true),
        Field::new("amount", DataType::Float64, true),
        Field::new("id", DataType::Int32, false),
        Field::new("note", DataType::Utf8, true),
        Field::new("more", DataType::Boolean, false),
        Field::new("at", DataType::Int64, true),
    ]);
    let metadata = [("avro.schema".to_owned(), avsc.clone())].into();
    (avsc, Arc::new(schema.with_metadata(metadata)))
}

type Row = (Option<Vec<u8>>, Option<f64>, i32, Option<String>, bool, Option<i64>);

fn encoded(rows: &[Row]) -> Vec<Vec<u8>> {
    let (_, schema) = theirs();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|row| row.0.as_deref()).collect::<BinaryArray>()),
        Arc::new(rows.iter().map(|row| row.1).collect::<Float64Array>()),
        Arc::new(rows.iter().map(|row| Some(row.2)).collect::<Int32Array>()),
        Arc::new(rows.iter().map(|row| row.3.as_deref()).collect::<StringArray>()),
        Arc::new(rows.iter().map(|row| Some(row.4)).collect::<BooleanArray>()),
        Arc::new(rows.iter().map(|row| row.5).collect::<Int64Array>()),
    ];
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
    let builder = WriterBuilder::new(schema.as_ref().clone()).with_fingerprint_strategy(FingerprintStrategy::Id(ID));
    let mut encoder = builder.build_encoder::<AvroSoeFormat>().unwrap();
    encoder.encode(&batch).unwrap();
    encoder.flush().iter().map(|row| row.to_vec()).collect()
}

/// A stream that reads it; enums are dictionaries in arrow-avro, and so left out.
fn common() -> StreamSchema {
    let mut schema = reader();
    schema.fields.retain(|field| field.name.as_str() != "kind");
    schema
}

fn by_arrow(messages: &[Vec<u8>]) -> Option<RecordBatch> {
    let mut store = SchemaStore::new_with_type(FingerprintAlgorithm::Id);
    store.set(Fingerprint::Id(ID), AvroSchema::new(theirs().0)).unwrap();
    let mut decoder = ReaderBuilder::new()
        .with_batch_size(messages.len() + 1)
        .with_writer_schema_store(store)
        .with_reader_schema(AvroSchema::new(common().to_avsc()))
        .build_decoder()
        .unwrap();
    for message in messages {
        let read = decoder.decode(message).ok()?;
        if read != message.len() {
            return None;
        }
    }
    let batch = decoder.flush().ok()??;
    let wanted = common().arrow();
    let columns = wanted.fields().iter().map(|field| {
        let column = batch.column_by_name(field.name()).unwrap();
        cast(column, field.data_type()).unwrap()
    });
    let columns = columns.collect();
    RecordBatch::try_new(wanted, columns).ok()
}

fn by_us() -> Decoder {
    let mut decoder = Decoder::new(&common(), Format::ConfluentAvro, LIMITS);
    decoder.learn(ID, &WriterText::Avro(theirs().0.into()));
    decoder
}

fn taken(decoder: &mut Decoder) -> RecordBatch {
    RecordBatch::try_new(common().arrow(), decoder.take().0).unwrap()
}

fn any_row() -> impl Strategy<Value = Row> {
    (
        prop::option::of(prop::collection::vec(any::<u8>(), 0..6)),
        prop::option::of(any::<f64>().prop_filter("finite", |value| value.is_finite())),
        any::<i32>(),
        prop::option::of("\\PC{0,8}"),
        any::<bool>(),
        prop::option::of(any::<i64>()),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn rows_that_arrow_avro_wrote_are_read_as_it_reads_them(rows in prop::collection::vec(any_row(), 1..20)) {
        let messages = encoded(&rows);
        let mut decoder = by_us();
        for message in &messages {
            prop_assert_eq!(decoder.decode(message), Ok(()));
        }
        prop_assert_eq!(Some(taken(&mut decoder)), by_arrow(&messages));
    }

    #[test]
    fn broken_ones_are_no_rows_where_arrow_avro_has_none(
        row in any_row(),
        cut in any::<prop::sample::Index>(),
        replacement in prop::collection::vec(any::<u8>(), 0..3),
        width in 0_usize..3,
    ) {
        let mut message = encoded(&[row]).remove(0);
        let at = cut.index(message.len());
        let end = (at + width).min(message.len());
        message.splice(at..end, replacement);
        let mut decoder = by_us();
        match decoder.decode(&message) {
            Ok(()) => prop_assert_eq!(Some(taken(&mut decoder)), by_arrow(&[message])),
            // arrow-avro passes over bytes in a field that is no column, and takes any byte for true, NaN for a number.
            Err(fault) if [FaultCode::NotFinite, FaultCode::MalformedAvro, FaultCode::NotUtf8].contains(&fault.code) => (),
            Err(fault) => prop_assert_eq!(by_arrow(&[message]), None, "{:?}", fault),
        }
        // Whatever it was, it leaves no trace.
        let next = encoded(&[(None, Some(1.5), 4, Some("next".to_owned()), true, None)]);
        prop_assert_eq!(decoder.decode(&next[0]), Ok(()));
        prop_assert_eq!(Some(taken(&mut decoder)), by_arrow(&next));
    }

    #[test]
    fn any_bytes_are_a_row_or_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = by_us().decode(&framed(ID, &bytes));
        let _ = Decoder::new(&schema(), Format::Avro, LIMITS).decode(&bytes);
    }
}
