use std::fmt::Write as _;
use std::io::Write as _;

use expect_test::{Expect, expect};
use tidemill_kafka::Record;
use tidemill_types::{KafkaPartition, LastOffset, Micros, TopicName};

use super::*;

fn told(inferred: &Inferred) -> String {
    let mut text = String::new();
    let names = |proposals: &[ColumnProposal]| {
        let names: Vec<_> = proposals.iter().map(|p| p.column.as_str()).collect();
        names.join(" ")
    };
    for field in &inferred.proposal.schema.fields {
        let nullable = if field.nullable { "?" } else { "" };
        writeln!(text, "{}: {}{nullable}", field.name, field.kind.as_str()).unwrap();
    }
    writeln!(text, "stream {}, {} rows", inferred.proposal.stream, inferred.rows).unwrap();
    writeln!(text, "key {}", names(&inferred.proposal.key)).unwrap();
    writeln!(text, "event time {}", names(&inferred.proposal.event_time)).unwrap();
    writeln!(text, "entity {}", names(&inferred.proposal.entity)).unwrap();
    writeln!(text, "label {}", names(&inferred.labels)).unwrap();
    for (name, reason) in &inferred.left_out {
        writeln!(text, "without {name}: {reason}").unwrap();
    }
    text
}

fn check(name: &str, content: &str, expected: &Expect) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::File::create(&path)
        .unwrap()
        .write_all(content.as_bytes())
        .unwrap();
    let text = match infer_file(&path) {
        Ok(inferred) => told(&inferred),
        Err(error) => error.to_string().replace(folder.path().to_str().unwrap(), "."),
    };
    expected.assert_eq(&text);
}

#[test]
fn a_csv_file_becomes_a_stream() {
    let mut content = String::from("order id,id,at,shop_id,price,note,returned\n");
    for n in 0..40 {
        let note = if n % 10 == 0 { "" } else { "ok" };
        writeln!(
            content,
            "{n},{n},2024-01-01T00:{n:02}:00,{},{}.5,{note},{}",
            n % 4,
            n % 3,
            n % 2
        )
        .unwrap();
    }
    check(
        "Orders 2024.csv",
        &content,
        &expect![[r"
            id: long
            at: timestamp-millis
            shop_id: long
            price: double
            note: string?
            returned: long
            stream orders_2024, 40 rows
            key id at
            event time at
            entity shop_id
            label returned
            without order id: its name must be a letter or `_`, then letters, digits or `_`
        "]],
    );
}

#[test]
fn times_in_json_are_text_and_known_as_times() {
    let mut content = String::new();
    for n in 0..20 {
        let tag = if n == 3 {
            "null".to_owned()
        } else {
            format!("\"t{}\"", n % 3)
        };
        writeln!(
            content,
            "{{\"event\": {n}, \"when\": \"2024-01-01T00:00:{:02}Z\", \"day\": \"2024-01-01\", \"tag\": {tag}, \
             \"place\": \"p{}\", \"fraud\": {}, \"nested\": {{\"a\": 1}}}}",
            (n * 7) % 20,
            n % 2,
            n % 2 == 0
        )
        .unwrap();
    }
    check(
        "2024.ndjson",
        &content,
        &expect![[r#"
            event: long
            when: timestamp-micros
            day: date
            tag: string?
            place: string
            fraud: boolean
            stream stream_2024, 20 rows
            key event when
            event time when
            entity place
            label fraud
            without nested: it is nested: write what is needed of it into columns of its own
        "#]],
    );
}

#[test]
fn ids_are_known_by_their_names() {
    let mut content = String::from("customerId,shopID,PAID,zone\n");
    for n in 0..30 {
        writeln!(content, "{},{},{},{}", n % 10, n % 5, n % 2, n % 3).unwrap();
    }
    check(
        "visits.csv",
        &content,
        &expect![[r"
            customerId: long
            shopID: long
            PAID: long
            zone: long
            stream visits, 30 rows
            key 
            event time 
            entity customerId shopID
            label PAID
        "]],
    );
}

#[test]
fn what_is_no_data_is_said_so() {
    check("empty.csv", "a,b\n", &expect!["`empty.csv` holds no rows"]);
    check(
        "x.parquet",
        "PAR1",
        &expect!["`./x.parquet` is not a readable Parquet file"],
    );
    check("x.xlsx", "", &expect!["`./x.xlsx` is of no kind that can be read"]);
}

#[test]
fn what_becomes_of_values_is_said() {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Decimal128Array, Int64Array, ListArray, Time64MicrosecondArray};
    use arrow::array::{TimestampNanosecondArray, types::Int64Type};

    let price = Decimal128Array::from(vec![150, 275])
        .with_precision_and_scale(18, 2)
        .unwrap();
    let columns: [(&str, ArrayRef); 5] = [
        ("id", Arc::new(Int64Array::from(vec![1, 2]))),
        ("price", Arc::new(price)),
        ("at", Arc::new(TimestampNanosecondArray::from(vec![1_001, 2_002]))),
        (
            "tags",
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([
                Some([Some(1)]),
                None,
            ])),
        ),
        ("of_day", Arc::new(Time64MicrosecondArray::from(vec![1, 2]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let schema = batch.schema();
    let inferred = infer("orders", "orders", &schema, Box::new(std::iter::once(Ok(batch)))).unwrap();
    let mut text = told(&inferred);
    for column in &inferred.columns {
        if let Some(loss) = &column.loss {
            writeln!(text, "{}: {loss}", column.field.name).unwrap();
        }
    }
    expect![[r#"
        id: long
        price: double
        at: timestamp-micros
        stream orders, 2 rows
        key id at
        event time at
        entity 
        label 
        without tags: it holds lists, and a column holds single values
        without of_day: a schema has no type for Time64(µs)
        price: Decimal128(18, 2) becomes double, which keeps 15 digits
        at: nanoseconds are cut to microseconds
    "#]]
    .assert_eq(&text);
}

#[test]
fn records_of_a_topic_are_a_sample_too() {
    let record = |offset: i64, value: &str| Record {
        partition: KafkaPartition(0),
        offset: LastOffset(offset),
        kafka_time: Micros::from_millis(offset),
        key: None,
        value: Some(value.as_bytes().to_vec()),
        headers: Vec::new(),
        leader_epoch: None,
    };
    let records = [
        record(0, "{\"id\": 1, \"x\": 1}"),
        record(1, "{\"id\": 2, \"x\": 1.5}"),
        record(2, "not json"),
        record(3, "[1]"),
    ];
    let topic = TopicName::new("a.b").unwrap();
    let inferred = topic::infer_records(&topic, &records).unwrap();
    expect![[r"
        id: long
        x: double
        stream a_b, 2 rows
        key id
        event time 
        entity 
        label 
        without 2 records: no JSON objects
    "]]
    .assert_eq(&told(&inferred));
}
