//! The values of one column, typed once a batch.

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BinaryArray, BooleanArray, Date32Array, Float32Array, Float64Array, Int32Array,
    Int64Array, StringArray, TimestampMicrosecondArray,
};
use tidemill_project::{Field, FieldType};

use super::convert::convert;
use super::text::{write_date, write_hex, write_int, write_time};
use crate::SourceError;

/// A column in the type that the schema says.
pub(crate) enum Values {
    Boolean(BooleanArray),
    Int(Int32Array),
    Long(Int64Array),
    Float(Float32Array),
    Double(Float64Array),
    Text(StringArray),
    Bytes(BinaryArray),
    Time(TimestampMicrosecondArray),
    Date(Date32Array),
}

/// What is wrong with a value, as a verb with its object.
pub(crate) type Fault = &'static str;

const YEARS: Fault = "lies outside the years 0 to 9999";
const SYMBOL: Fault = "is none of the symbols that the schema lists";
const JSON: Fault = "cannot be written as JSON";

impl Values {
    /// The column that `field` asks for; `first_row` is the number of its first row.
    pub(crate) fn convert(array: &ArrayRef, field: &Field, first_row: u64) -> Result<Values, SourceError> {
        let converted = convert(array, &field.kind).map_err(|source| SourceError::Convert {
            column: field.name.clone(),
            wanted: field.kind.as_str(),
            first_row,
            last_row: first_row + (array.len() as u64).saturating_sub(1),
            source,
        })?;
        let values = match &field.kind {
            FieldType::Boolean => Values::Boolean(converted.as_boolean().clone()),
            FieldType::Int => Values::Int(converted.as_primitive().clone()),
            FieldType::Long => Values::Long(converted.as_primitive().clone()),
            FieldType::Float => Values::Float(converted.as_primitive().clone()),
            FieldType::Double => Values::Double(converted.as_primitive().clone()),
            FieldType::String | FieldType::Enum(_) => Values::Text(converted.as_string().clone()),
            FieldType::Bytes => Values::Bytes(converted.as_binary().clone()),
            FieldType::TimestampMillis | FieldType::TimestampMicros => Values::Time(converted.as_primitive().clone()),
            FieldType::Date => Values::Date(converted.as_primitive().clone()),
        };
        if let (FieldType::Enum(symbols), Values::Text(texts)) = (&field.kind, &values) {
            let known = |text: Option<&str>| text.is_none_or(|text| symbols.iter().any(|symbol| symbol == text));
            if let Some(place) = texts.iter().position(|text| !known(text)) {
                return Err(SourceError::BadValue {
                    column: field.name.clone(),
                    row: first_row + place as u64,
                    fault: SYMBOL,
                });
            }
        }
        Ok(values)
    }

    /// Whether there is nothing to write: null, or a number that JSON has no word for.
    pub(crate) fn is_absent(&self, place: usize) -> bool {
        match self {
            Values::Boolean(array) => array.is_null(place),
            Values::Int(array) => array.is_null(place),
            Values::Long(array) => array.is_null(place),
            Values::Float(array) => array.is_null(place) || !array.value(place).is_finite(),
            Values::Double(array) => array.is_null(place) || !array.value(place).is_finite(),
            Values::Text(array) => array.is_null(place),
            Values::Bytes(array) => array.is_null(place),
            Values::Time(array) => array.is_null(place),
            Values::Date(array) => array.is_null(place),
        }
    }

    pub(super) fn write_json(&self, place: usize, into: &mut Vec<u8>) -> Result<(), Fault> {
        match self {
            Values::Text(array) => serde_json::to_writer(into, array.value(place)).map_err(|_| JSON),
            Values::Bytes(_) | Values::Time(_) | Values::Date(_) => {
                into.push(b'"');
                self.write_text(place, into)?;
                into.push(b'"');
                Ok(())
            }
            _ => self.write_text(place, into),
        }
    }

    /// The value without quotes and escapes.
    pub(crate) fn write_text(&self, place: usize, into: &mut Vec<u8>) -> Result<(), Fault> {
        match self {
            Values::Boolean(array) => into.extend_from_slice(if array.value(place) { b"true" } else { b"false" }),
            Values::Int(array) => write_int(i64::from(array.value(place)), into),
            Values::Long(array) => write_int(array.value(place), into),
            // The shortest text that reads back as the same number.
            Values::Float(array) => serde_json::to_writer(into, &array.value(place)).map_err(|_| JSON)?,
            Values::Double(array) => serde_json::to_writer(into, &array.value(place)).map_err(|_| JSON)?,
            Values::Text(array) => into.extend_from_slice(array.value(place).as_bytes()),
            Values::Bytes(array) => write_hex(array.value(place), into),
            Values::Time(array) => return write_time(array.value(place), into).ok_or(YEARS),
            Values::Date(array) => return write_date(i64::from(array.value(place)), into).ok_or(YEARS),
        }
        Ok(())
    }
}
