//! The data's columns as columns of a schema, as far as a schema can have them.

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, TimeUnit};
use tidemill_project::{Field, FieldType, UnionForm};
use tidemill_types::{ColumnName, Micros};

use crate::encode::fits;

/// Bytes of `2018-04-01`.
const DATE_BYTES: usize = 10;

/// A column that a schema can have.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Candidate {
    pub place: usize,
    pub field: Field,
    pub nulls: u64,
    pub loss: Option<String>,
}

pub(super) struct Candidates {
    pub found: Vec<Candidate>,
    /// Names and reasons of the others.
    pub left_out: Vec<(String, String)>,
}

pub(super) fn candidates(sample: &RecordBatch, nulls: &[u64]) -> Candidates {
    let (mut found, mut left_out) = (Vec::new(), Vec::new());
    for (place, field) in sample.schema().fields().iter().enumerate() {
        let kind = kind_of(sample.column(place));
        match (ColumnName::new(field.name()), kind) {
            (Ok(name), Ok(kind)) => found.push(Candidate {
                place,
                field: Field {
                    name,
                    kind,
                    nullable: nulls[place] > 0,
                    union: UnionForm::of(nulls[place] > 0),
                    default: None,
                    doc: None,
                },
                nulls: nulls[place],
                loss: loss_of(field.data_type()),
            }),
            (Err(invalid), _) => left_out.push((field.name().clone(), format!("its name must be {}", invalid.rule))),
            (Ok(_), Err(reason)) => left_out.push((field.name().clone(), reason)),
        }
    }
    Candidates { found, left_out }
}

/// The schema's type for a column, or why it has none.
fn kind_of(column: &ArrayRef) -> Result<FieldType, String> {
    let found = column.data_type();
    let kind = match found {
        DataType::Dictionary(_, values) if values.is_integer() => FieldType::Long,
        DataType::Dictionary(..) | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => text_kind(column),
        DataType::Null => return Err("it holds no value".into()),
        DataType::Boolean => FieldType::Boolean,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => FieldType::Int,
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => FieldType::Long,
        DataType::Float16 | DataType::Float32 => FieldType::Float,
        DataType::Float64 | DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) => {
            FieldType::Double
        }
        DataType::Timestamp(TimeUnit::Second | TimeUnit::Millisecond, _) => FieldType::TimestampMillis,
        DataType::Timestamp(..) => FieldType::TimestampMicros,
        DataType::Date32 | DataType::Date64 => FieldType::Date,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            FieldType::Bytes
        }
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(..)
        | DataType::ListView(_)
        | DataType::LargeListView(_) => return Err("it holds lists, and a column holds single values".into()),
        DataType::Struct(_) | DataType::Map(..) | DataType::Union(..) => {
            return Err("it is nested: write what is needed of it into columns of its own".into());
        }
        other => return Err(unsupported(other)),
    };
    if fits(found, &kind) {
        Ok(kind)
    } else {
        Err(unsupported(found))
    }
}

fn unsupported(found: &DataType) -> String {
    format!("a schema has no type for {found}")
}

/// What becomes of a column's values on their way into the schema's type, where they may lose something.
fn loss_of(found: &DataType) -> Option<String> {
    match found {
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) => {
            Some(format!("{found} becomes double, which keeps 15 digits"))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Some("nanoseconds are cut to microseconds".into()),
        DataType::Dictionary(_, values) => loss_of(values),
        _ => None,
    }
}

/// Text that is a time in every row is a time.
fn text_kind(column: &ArrayRef) -> FieldType {
    let Ok(texts) = arrow::compute::cast(column, &DataType::Utf8) else {
        return FieldType::String;
    };
    let texts = texts.as_string::<i32>();
    let some = || texts.iter().flatten();
    let all_times = texts.null_count() < texts.len()
        && some().all(|text| text.len() >= DATE_BYTES && text.parse::<Micros>().is_ok());
    let all_dates = all_times && some().all(|text| text.len() == DATE_BYTES);
    match (all_dates, all_times) {
        (true, _) => FieldType::Date,
        (false, true) => FieldType::TimestampMicros,
        (false, false) => FieldType::String,
    }
}
