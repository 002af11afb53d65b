//! Arguments of the functions: constants, types, lists; and what is said where they do not fit.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Schema};
use datafusion::common::Result;
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::ColumnarValue;
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::scalar::ScalarValue;
use tidemill_stats::drift::DriftError;
use tidemill_stats::evaluation::EvaluationError;

use crate::EngineError;

/// A function that cannot answer, in our words.
pub(crate) fn refuse(function: &str, message: impl Into<String>, hint: impl Into<String>) -> DataFusionError {
    ours(EngineError::Function {
        function: function.to_owned(),
        message: message.into(),
        hint: hint.into(),
    })
}

pub(crate) fn ours(error: EngineError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

pub(crate) fn drift_fault(function: &str, error: &DriftError) -> DataFusionError {
    let hint = match error {
        DriftError::Empty { .. } => "take a wider window, or ask `count(*)` first whether there are rows",
        DriftError::DifferentBins { .. } => {
            "counts are merged and measured with the reference that they were counted with"
        }
        _ => "docs/sql.md says what the function takes",
    };
    refuse(function, error.to_string(), hint)
}

pub(crate) fn evaluation_fault(function: &str, error: &EvaluationError) -> DataFusionError {
    let hint = match error {
        EvaluationError::NotProbability { .. } => "scores are probabilities, from 0 to 1",
        EvaluationError::NotFinite { .. } => "leave out scores that are not finite, with `where` or `filter`",
        _ => "docs/sql.md says what the function takes",
    };
    refuse(function, error.to_string(), hint)
}

/// Errors unless there are as many arguments as in `usage`, as `psi(value, reference)`.
pub(crate) fn check_count(function: &str, given: &[DataType], expected: usize, usage: &str) -> Result<()> {
    match given.len() == expected {
        true => Ok(()),
        false => Err(refuse(
            function,
            format!("takes {expected} arguments, not {}", given.len()),
            format!("write `{function}({usage})`"),
        )),
    }
}

/// The constant at a place; none where it depends on rows.
pub(crate) fn constant(arguments: &AccumulatorArgs<'_>, place: usize) -> Option<ScalarValue> {
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let one_row = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options).ok()?;
    match arguments.exprs.get(place)?.evaluate(&one_row) {
        Ok(ColumnarValue::Scalar(value)) => Some(value),
        _ => None,
    }
}

/// What a type is beneath a dictionary.
pub(crate) fn plain(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain(values),
        other => other,
    }
}

pub(crate) fn is_text(data_type: &DataType) -> bool {
    matches!(
        plain(data_type),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

/// Whether it can be counted as a number: booleans are 0 and 1.
pub(crate) fn is_number(data_type: &DataType) -> bool {
    let data_type = plain(data_type);
    data_type.is_numeric() || matches!(data_type, DataType::Boolean | DataType::Null)
}

pub(crate) fn numbers(array: &dyn Array) -> Result<Float64Array> {
    Ok(cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}

/// Labels: booleans, or numbers of which those above one half are positive.
pub(crate) fn labels(array: &dyn Array) -> Result<BooleanArray> {
    if let Some(labels) = array.as_boolean_opt() {
        return Ok(labels.clone());
    }
    Ok(numbers(array)?
        .iter()
        .map(|label| label.map(|label| label > 0.5))
        .collect())
}

pub(crate) fn check_number(function: &str, what: &str, data_type: &DataType) -> Result<()> {
    match is_number(data_type) {
        true => Ok(()),
        false => Err(refuse(
            function,
            format!("the {what} is {data_type}, not a number"),
            format!("cast it: `cast(… as double)`; docs/sql.md says what `{function}` takes"),
        )),
    }
}

/// A list of values of a type, as a state or an answer is.
pub(crate) fn list_of(values: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(values, true)))
}

/// One list.
pub(crate) fn list(values: ArrayRef) -> ScalarValue {
    SingleRowListArrayBuilder::new(values).build_list_scalar()
}

/// The lists of a column of states, those that are not null.
pub(crate) fn lists(column: &ArrayRef) -> impl Iterator<Item = ArrayRef> {
    column.as_list::<i32>().iter().flatten()
}
