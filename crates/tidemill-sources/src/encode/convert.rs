//! The data's types into the schema's: which of them go without loss, and how.

use arrow::array::{Array as _, ArrayRef, AsArray as _, TimestampMicrosecondArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use tidemill_project::{FieldType, time_type};
use tidemill_types::ColumnName;

use crate::SourceError;

/// A value that does not fit is an error and never a null.
const STRICT: CastOptions<'static> = CastOptions {
    safe: false,
    format_options: arrow::util::display::FormatOptions::new(),
};

/// Whether every value of `found` that `wanted` can hold goes over unchanged. Values that it cannot hold are errors later.
pub(crate) fn fits(found: &DataType, wanted: &FieldType) -> bool {
    use FieldType as To;
    match found {
        DataType::Dictionary(_, values) => fits(values, wanted),
        DataType::Null => true,
        DataType::Boolean => matches!(wanted, To::Boolean | To::Int | To::Long | To::String),
        integer if integer.is_integer() => !matches!(wanted, To::Boolean | To::Bytes | To::Enum(_) | To::Date),
        DataType::Float16 | DataType::Float32 => matches!(wanted, To::Float | To::Double),
        DataType::Float64 | DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) => {
            *wanted == To::Double
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => matches!(
            wanted,
            To::String | To::Enum(_) | To::TimestampMillis | To::TimestampMicros | To::Date
        ),
        DataType::Timestamp(..) => wanted.is_time(),
        DataType::Date32 | DataType::Date64 => wanted.is_time() || *wanted == To::Date,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            *wanted == To::Bytes
        }
        _ => false,
    }
}

/// Microseconds that one unit of a number stands for, where the schema says that numbers are times.
pub(crate) fn int_unit_micros(wanted: &FieldType) -> i64 {
    if *wanted == FieldType::TimestampMillis {
        1_000
    } else {
        1
    }
}

/// The array as the Arrow type of `wanted`.
pub(super) fn convert(array: &ArrayRef, wanted: &FieldType) -> Result<ArrayRef, ArrowError> {
    if wanted.is_time() {
        return to_times(array, int_unit_micros(wanted)).map(|times| std::sync::Arc::new(times) as ArrayRef);
    }
    cast_with_options(array, &wanted.arrow(), &STRICT)
}

/// The array as instants. Times without a zone are UTC; numbers count units of `unit_micros`.
fn to_times(array: &ArrayRef, unit_micros: i64) -> Result<TimestampMicrosecondArray, ArrowError> {
    if array.data_type().is_integer() {
        let numbers = cast_with_options(array, &DataType::Int64, &STRICT)?;
        let numbers = numbers.as_primitive::<Int64Type>();
        let micros = numbers.try_unary(|number| {
            number
                .checked_mul(unit_micros)
                .ok_or_else(|| ArrowError::ComputeError(format!("{number} is no time that can be represented")))
        })?;
        return Ok(micros.with_timezone("UTC"));
    }
    // Within its own zone, or none, an instant only changes its unit; a cast between zones would go through the calendar.
    let target = match array.data_type() {
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        _ => time_type(),
    };
    let cast = cast_with_options(array, &target, &STRICT)?;
    Ok(cast
        .as_primitive::<TimestampMicrosecondType>()
        .clone()
        .with_timezone("UTC"))
}

/// The times of a column, of which none may be missing. `first_row` is the number of its first row.
pub(crate) fn times_of(
    array: &ArrayRef,
    column: &ColumnName,
    unit_micros: i64,
    first_row: u64,
) -> Result<TimestampMicrosecondArray, SourceError> {
    let times = to_times(array, unit_micros).map_err(|source| SourceError::Convert {
        column: column.clone(),
        wanted: FieldType::TimestampMicros.as_str(),
        first_row,
        last_row: first_row + (array.len() as u64).saturating_sub(1),
        source,
    })?;
    match (0..times.len()).find(|place| times.is_null(*place)) {
        None => Ok(times),
        Some(place) => Err(SourceError::BadValue {
            column: column.clone(),
            row: first_row + place as u64,
            fault: "has no time, so nothing says when it was known",
        }),
    }
}
