//! Rows of Arrow columns as a producer would write them, straight from the columns into a buffer that is used again: JSON as
//! one plain object with times as RFC 3339 in UTC, or binary Avro.

mod avro;
mod convert;
mod text;
mod values;

use arrow::array::RecordBatch;
use tidemill_project::Field;

use crate::SourceError;

pub use avro::AvroShape;
pub(crate) use convert::{fits, int_unit_micros, times_of};
pub(crate) use values::Values;

/// A column to write: where it is in the batch and what the schema says of it.
#[derive(Debug, Clone)]
pub struct EncodedColumn {
    /// Its place in the batches.
    pub place: usize,
    /// Its column of the schema.
    pub field: Field,
}

/// Writes the rows of one batch.
pub struct BatchEncoder<'a> {
    columns: Vec<(&'a EncodedColumn, Values)>,
    /// `"name":` of every column.
    names: &'a [Vec<u8>],
    first_row: u64,
}

/// `"name":` of every column, made once for all batches.
pub fn quoted_names(columns: &[EncodedColumn]) -> Vec<Vec<u8>> {
    // Column names are letters, digits and underscores: nothing to escape.
    let names = columns
        .iter()
        .map(|column| format!("\"{}\":", column.field.name).into_bytes());
    names.collect()
}

impl<'a> BatchEncoder<'a> {
    /// Converts the columns of `batch`, whose first row has the number `first_row`.
    pub fn new(
        columns: &'a [EncodedColumn],
        names: &'a [Vec<u8>],
        batch: &RecordBatch,
        first_row: u64,
    ) -> Result<BatchEncoder<'a>, SourceError> {
        let mut converted = Vec::with_capacity(columns.len());
        for column in columns {
            let values = Values::convert(batch.column(column.place), &column.field, first_row)?;
            converted.push((column, values));
        }
        Ok(BatchEncoder {
            columns: converted,
            names,
            first_row,
        })
    }

    /// Appends the object of the row at `place`.
    pub fn write(&self, place: usize, into: &mut Vec<u8>) -> Result<(), SourceError> {
        into.push(b'{');
        let mut first = true;
        for ((column, values), name) in self.columns.iter().zip(self.names) {
            let absent = values.is_absent(place);
            if absent && !column.field.nullable {
                // A reader fills in the default of a column that is not there.
                if column.field.default.is_some() {
                    continue;
                }
                return Err(self.bad(column, place, "is null, which the schema does not allow"));
            }
            if !first {
                into.push(b',');
            }
            first = false;
            into.extend_from_slice(name);
            if absent {
                into.extend_from_slice(b"null");
            } else {
                values
                    .write_json(place, into)
                    .map_err(|fault| self.bad(column, place, fault))?;
            }
        }
        into.push(b'}');
        Ok(())
    }

    /// Appends the plain text of one column's value, as a Kafka key; false where it is null.
    pub fn write_key(&self, column: usize, place: usize, into: &mut Vec<u8>) -> Result<bool, SourceError> {
        let (column, values) = &self.columns[column];
        if values.is_absent(place) {
            return Ok(false);
        }
        let written = values.write_text(place, into);
        written.map_err(|fault| self.bad(column, place, fault))?;
        Ok(true)
    }

    fn bad(&self, column: &EncodedColumn, place: usize, fault: &'static str) -> SourceError {
        SourceError::BadValue {
            column: column.field.name.clone(),
            row: self.first_row + place as u64,
            fault,
        }
    }
}

#[cfg(test)]
mod tests;
