use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::{Int32Type, TimeUnit};
use expect_test::{Expect, expect};
use tidemill_project::{FieldType, UnionForm};
use tidemill_types::ColumnName;

use super::*;

fn field(kind: FieldType, nullable: bool) -> Field {
    Field {
        name: ColumnName::new("x").unwrap(),
        kind,
        nullable,
        union: UnionForm::of(nullable),
        default: None,
        doc: None,
    }
}

/// The rows of one column, one a line, or the first error.
fn encode(array: ArrayRef, field: Field) -> Result<String, SourceError> {
    assert!(
        fits(array.data_type(), &field.kind),
        "{} as {:?}",
        array.data_type(),
        field.kind
    );
    let columns = [EncodedColumn { place: 0, field }];
    let names = quoted_names(&columns);
    let batch = RecordBatch::try_from_iter([("x", array)]).unwrap();
    let encoder = BatchEncoder::new(&columns, &names, &batch, 100)?;
    let mut into = Vec::new();
    for place in 0..batch.num_rows() {
        encoder.write(place, &mut into)?;
        into.push(b'\n');
    }
    for line in into.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        serde_json::from_slice::<serde_json::Value>(line).unwrap();
    }
    Ok(String::from_utf8(into).unwrap())
}

fn check(array: impl Array + 'static, kind: FieldType, expected: &Expect) {
    let told = match encode(Arc::new(array), field(kind, true)) {
        Ok(text) => text,
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&told);
}

#[test]
fn every_type_is_written_as_a_producer_would() {
    check(
        BooleanArray::from(vec![Some(true), None]),
        FieldType::Boolean,
        &expect![[r#"
            {"x":true}
            {"x":null}
        "#]],
    );
    check(
        Int8Array::from(vec![1, -1]),
        FieldType::Int,
        &expect![[r#"
            {"x":1}
            {"x":-1}
        "#]],
    );
    check(
        Float64Array::from(vec![57.16, 146.0, 0.1 + 0.2, 1e-7, f64::NAN]),
        FieldType::Double,
        &expect![[r#"
            {"x":57.16}
            {"x":146.0}
            {"x":0.30000000000000004}
            {"x":1e-7}
            {"x":null}
        "#]],
    );
    check(
        StringArray::from(vec!["a\"b\\c\n", "ä"]),
        FieldType::String,
        &expect![[r#"
            {"x":"a\"b\\c\n"}
            {"x":"ä"}
        "#]],
    );
    check(
        BinaryArray::from(vec![b"\x00\xff".as_slice()]),
        FieldType::Bytes,
        &expect![[r#"
            {"x":"00ff"}
        "#]],
    );
    check(
        Date32Array::from(vec![17_622]),
        FieldType::Date,
        &expect![[r#"
            {"x":"2018-04-01"}
        "#]],
    );
    check(
        vec!["red", "blue", "red"]
            .into_iter()
            .collect::<DictionaryArray<Int32Type>>(),
        FieldType::Enum(vec!["red".into(), "blue".into()]),
        &expect![[r#"
            {"x":"red"}
            {"x":"blue"}
            {"x":"red"}
        "#]],
    );
}

#[test]
fn times_of_every_kind_become_text_in_utc() {
    let first = 1_522_540_831_i64;
    check(
        TimestampSecondArray::from(vec![first]),
        FieldType::TimestampMicros,
        &expect![[r#"
            {"x":"2018-04-01T00:00:31Z"}
        "#]],
    );
    check(
        TimestampNanosecondArray::from(vec![first * 1_000_000_000 + 123_456_789]).with_timezone("+02:00"),
        FieldType::TimestampMicros,
        &expect![[r#"
            {"x":"2018-04-01T00:00:31.123456Z"}
        "#]],
    );
    check(
        Int64Array::from(vec![first * 1_000 + 5]),
        FieldType::TimestampMillis,
        &expect![[r#"
            {"x":"2018-04-01T00:00:31.005Z"}
        "#]],
    );
    check(
        StringArray::from(vec!["2018-04-01 00:00:31", "2018-04-01T02:00:31+02:00"]),
        FieldType::TimestampMicros,
        &expect![[r#"
            {"x":"2018-04-01T00:00:31Z"}
            {"x":"2018-04-01T00:00:31Z"}
        "#]],
    );
    check(
        Date32Array::from(vec![17_622]),
        FieldType::TimestampMicros,
        &expect![[r#"
            {"x":"2018-04-01T00:00:00Z"}
        "#]],
    );
}

#[test]
fn values_that_do_not_fit_are_errors_with_their_row() {
    check(
        Int64Array::from(vec![1, i64::MAX]),
        FieldType::Int,
        &expect!["column `x` cannot be written as int, somewhere in rows 100 to 101"],
    );
    check(
        StringArray::from(vec!["red", "green"]),
        FieldType::Enum(vec!["red".into()]),
        &expect!["row 101 of column `x` is none of the symbols that the schema lists"],
    );
    check(
        TimestampMicrosecondArray::from(vec![i64::MAX]),
        FieldType::TimestampMicros,
        &expect!["row 100 of column `x` lies outside the years 0 to 9999"],
    );
}

#[test]
fn a_null_needs_a_column_that_allows_it_or_a_default() {
    let array: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None]));
    let error = encode(array.clone(), field(FieldType::Int, false)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "row 101 of column `x` is null, which the schema does not allow"
    );
    let with_default = Field {
        default: Some(0.into()),
        ..field(FieldType::Int, false)
    };
    assert_eq!(encode(array, with_default).unwrap(), "{\"x\":1}\n{}\n");
}

#[test]
fn lossy_conversions_are_refused_before_the_first_row() {
    for (found, wanted) in [
        (arrow::datatypes::DataType::Float64, FieldType::Long),
        (arrow::datatypes::DataType::Float64, FieldType::Float),
        (arrow::datatypes::DataType::Utf8, FieldType::Long),
        (arrow::datatypes::DataType::Int64, FieldType::Boolean),
        (
            arrow::datatypes::DataType::Timestamp(TimeUnit::Second, None),
            FieldType::Long,
        ),
        (arrow::datatypes::DataType::Binary, FieldType::String),
    ] {
        assert!(!fits(&found, &wanted), "{found} as {wanted:?}");
    }
}
