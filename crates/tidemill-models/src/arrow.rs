//! From Arrow batches to the matrices and labels of this crate.
//!
//! Absent on purpose: casts of text, dates or nested values. A feature is a number or a boolean; turning something else
//! into one is a decision for the feature view.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrowPrimitiveType, RecordBatch};
use arrow_schema::{DataType, Schema};
use tidemill_types::{ErrorCode, Explain};

use crate::{FeatureKind, FeatureSpec, Matrix};

/// A column that cannot be a feature or a label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColumnError {
    /// The batch does not have it.
    #[error("there is no column `{column}`")]
    NotFound {
        /// The column.
        column: String,
        /// The columns that are there.
        available: Vec<String>,
    },
    /// It is no number.
    #[error("column `{column}` is {data_type}, not a number or a boolean")]
    Type {
        /// The column.
        column: String,
        /// Its Arrow type.
        data_type: DataType,
    },
    /// A label that is NULL or neither 0 nor 1.
    #[error("label `{column}` of row {row} is {value}, neither 0 nor 1")]
    Label {
        /// The column.
        column: String,
        /// The row over all batches, from 0.
        row: usize,
        /// The value.
        value: String,
    },
}

impl Explain for ColumnError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidInput
    }

    fn hint(&self) -> Option<String> {
        match self {
            ColumnError::NotFound { column, available } => {
                let names: Vec<&str> = available.iter().map(String::as_str).collect();
                Some(crate::hyperparameters::suggest(column, &names))
            }
            ColumnError::Type { column, .. } => Some(format!("cast `{column}` to a number in the feature view")),
            ColumnError::Label { .. } => Some("leave rows out whose label is not known yet".to_owned()),
        }
    }
}

/// The features that columns of a schema make, in the order of `columns`. Integers narrower than 32 bits are `Int32`,
/// other unsigned ones `Int64`. Errors where a column is missing or no number.
pub fn feature_specs(schema: &Schema, columns: &[String]) -> Result<Vec<FeatureSpec>, ColumnError> {
    columns
        .iter()
        .map(|column| {
            let field = schema.field_with_name(column).map_err(|_| not_found(schema, column))?;
            let kind = match field.data_type() {
                DataType::Float64 => FeatureKind::Float64,
                DataType::Float32 => FeatureKind::Float32,
                DataType::Int64 | DataType::UInt32 | DataType::UInt64 => FeatureKind::Int64,
                DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => {
                    FeatureKind::Int32
                }
                DataType::Boolean => FeatureKind::Boolean,
                other => {
                    return Err(ColumnError::Type {
                        column: column.clone(),
                        data_type: other.clone(),
                    });
                }
            };
            Ok(FeatureSpec::new(column, kind))
        })
        .collect()
}

/// The rows of all batches, one column per name, rounded to f32; NULL is NaN.
///
/// Columns are found by name. Errors where a batch lacks one, or has it as no number.
pub fn matrix_from_batches<'a, N: AsRef<str> + 'a>(
    batches: &[RecordBatch],
    columns: impl IntoIterator<Item = &'a N>,
) -> Result<Matrix, ColumnError> {
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    let mut matrix = Matrix::with_rows(rows);
    for column in columns {
        let column = column.as_ref();
        let mut values: Vec<f32> = Vec::with_capacity(rows);
        for batch in batches {
            push_values(find(batch, column)?, column, &mut values)?;
        }
        // One value a row was pushed, so the lengths agree.
        let pushed = matrix.push_column(values);
        debug_assert!(pushed.is_ok(), "{pushed:?}");
    }
    Ok(matrix)
}

/// The labels of all batches: booleans, or numbers that are 0 or 1. Errors on NULL and on any other number.
pub fn labels_from_batches(batches: &[RecordBatch], column: &str) -> Result<Vec<bool>, ColumnError> {
    let mut values: Vec<f32> = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for batch in batches {
        push_values(find(batch, column)?, column, &mut values)?;
    }
    values
        .into_iter()
        .enumerate()
        .map(|(row, value)| match value {
            0.0 => Ok(false),
            1.0 => Ok(true),
            _ => Err(ColumnError::Label {
                column: column.to_owned(),
                row,
                value: if value.is_nan() {
                    "NULL".to_owned()
                } else {
                    value.to_string()
                },
            }),
        })
        .collect()
}

fn find<'a>(batch: &'a RecordBatch, column: &str) -> Result<&'a dyn Array, ColumnError> {
    match batch.column_by_name(column) {
        Some(array) => Ok(array.as_ref()),
        None => Err(not_found(batch.schema_ref(), column)),
    }
}

fn not_found(schema: &Schema, column: &str) -> ColumnError {
    ColumnError::NotFound {
        column: column.to_owned(),
        available: schema.fields().iter().map(|field| field.name().clone()).collect(),
    }
}

fn push_values(array: &dyn Array, column: &str, values: &mut Vec<f32>) -> Result<(), ColumnError> {
    match array.data_type() {
        DataType::Float64 => push::<Float64Type>(array, values, |value| value as f32),
        DataType::Float32 => push::<Float32Type>(array, values, |value| value),
        DataType::Int64 => push::<Int64Type>(array, values, |value| value as f32),
        DataType::Int32 => push::<Int32Type>(array, values, |value| value as f32),
        DataType::Int16 => push::<Int16Type>(array, values, f32::from),
        DataType::Int8 => push::<Int8Type>(array, values, f32::from),
        DataType::UInt64 => push::<UInt64Type>(array, values, |value| value as f32),
        DataType::UInt32 => push::<UInt32Type>(array, values, |value| value as f32),
        DataType::UInt16 => push::<UInt16Type>(array, values, f32::from),
        DataType::UInt8 => push::<UInt8Type>(array, values, f32::from),
        DataType::Boolean => {
            let flags = array.as_boolean().iter();
            values.extend(flags.map(|flag| flag.map_or(f32::NAN, |flag| f32::from(u8::from(flag)))));
        }
        other => {
            return Err(ColumnError::Type {
                column: column.to_owned(),
                data_type: other.clone(),
            });
        }
    }
    Ok(())
}

fn push<T: ArrowPrimitiveType>(array: &dyn Array, values: &mut Vec<f32>, round: impl Fn(T::Native) -> f32) {
    let array = array.as_primitive::<T>();
    if array.null_count() == 0 {
        values.extend(array.values().iter().map(|value| round(*value)));
    } else {
        values.extend(array.iter().map(|value| value.map_or(f32::NAN, &round)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};

    use super::*;

    fn batch() -> RecordBatch {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("amount", Arc::new(Float64Array::from(vec![Some(0.1), None, Some(3.0)]))),
            ("count", Arc::new(Int64Array::from(vec![1, 2, 3]))),
            ("night", Arc::new(BooleanArray::from(vec![true, false, true]))),
            ("card", Arc::new(StringArray::from(vec!["a", "b", "c"]))),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
    }

    #[test]
    fn batches_become_one_matrix_in_the_order_asked_for() {
        let matrix = matrix_from_batches(&[batch(), batch()], &["night", "amount", "count"]).unwrap();
        assert_eq!((matrix.rows(), matrix.columns()), (6, 3));
        assert_eq!(matrix.row(0), [1.0, 0.1_f32, 1.0]);
        assert_eq!(matrix.row(5), [1.0, 3.0, 3.0]);
        assert!(matrix.column(1)[4].is_nan());
    }

    #[test]
    fn specs_keep_the_types() {
        let columns = ["count", "night"].map(str::to_owned);
        let specs = feature_specs(batch().schema_ref(), &columns).unwrap();
        assert_eq!(
            specs,
            [
                FeatureSpec::new("count", FeatureKind::Int64),
                FeatureSpec::new("night", FeatureKind::Boolean)
            ]
        );
    }

    #[test]
    fn labels_are_zero_or_one() {
        assert_eq!(labels_from_batches(&[batch()], "night"), Ok(vec![true, false, true]));
        let error = labels_from_batches(&[batch()], "count").unwrap_err();
        assert_eq!(error.to_string(), "label `count` of row 1 is 2, neither 0 nor 1");
        let error = labels_from_batches(&[batch()], "amount").unwrap_err();
        assert_eq!(error.to_string(), "label `amount` of row 0 is 0.1, neither 0 nor 1");
    }

    #[test]
    fn what_is_no_number_is_refused_by_name() {
        let error = matrix_from_batches(&[batch()], &["card"]).unwrap_err();
        assert_eq!(error.to_string(), "column `card` is Utf8, not a number or a boolean");
        let error = matrix_from_batches(&[batch()], &["amuont"]).unwrap_err();
        assert_eq!(
            error.hint().unwrap(),
            "did you mean `amount`? valid: `amount`, `count`, `night`, `card`"
        );
    }
}
