//! Rows counted into the bins of a profile: the state is one list, and merges by addition.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;
use datafusion::logical_expr::Accumulator;
use datafusion::scalar::ScalarValue;
use tidemill_stats::drift::{BinCounts, ReferenceProfile};

use super::arguments::{drift_fault, is_number, is_text, list, lists, plain, refuse};
use super::measure::Measure;

/// The rows of a column in the bins of a profile. Numbers and booleans count against numbers; texts, whole numbers and
/// booleans against levels. Errors, in words that follow the column's name, when the column is of another type.
pub fn count_column(profile: &ReferenceProfile, column: &dyn Array) -> std::result::Result<BinCounts, String> {
    let data_type = column.data_type();
    match profile {
        ReferenceProfile::Numeric(profile) if is_number(data_type) => {
            let numbers = cast(column, &DataType::Float64).map_err(|_| wrong_type(data_type, "numbers"))?;
            let numbers = numbers.as_primitive::<Float64Type>();
            let mut counter = profile.counter();
            if numbers.null_count() == 0 {
                counter.observe(numbers.values());
            } else {
                counter.observe_options(numbers.iter());
            }
            Ok(counter.finish())
        }
        ReferenceProfile::Categorical(profile) if is_level(data_type) => {
            let levels = cast(column, &DataType::Utf8).map_err(|_| wrong_type(data_type, "levels"))?;
            Ok(profile.count(levels.as_string::<i32>().iter()))
        }
        ReferenceProfile::Numeric(_) => Err(wrong_type(data_type, "numbers")),
        ReferenceProfile::Categorical(_) => Err(wrong_type(data_type, "levels")),
    }
}

fn is_level(data_type: &DataType) -> bool {
    let plain = plain(data_type);
    is_text(plain) || plain.is_integer() || matches!(plain, DataType::Boolean | DataType::Null)
}

fn wrong_type(data_type: &DataType, reference: &str) -> String {
    format!("is {data_type}, and the reference is of {reference}")
}

/// Counts, and then measures or hands over the counts.
#[derive(Debug)]
pub(crate) struct Counting {
    pub(crate) function: &'static str,
    pub(crate) profile: Arc<ReferenceProfile>,
    pub(crate) counts: BinCounts,
    /// Without a measure the counts are the answer.
    pub(crate) measure: Option<Measure>,
}

impl Counting {
    pub(crate) fn new(function: &'static str, profile: Arc<ReferenceProfile>, measure: Option<Measure>) -> Counting {
        Counting {
            function,
            counts: profile.empty_counts(),
            profile,
            measure,
        }
    }

    fn count(&self, values: &[ArrayRef]) -> Result<BinCounts> {
        count_column(&self.profile, &values[0]).map_err(|fault| {
            refuse(
                self.function,
                format!("the value {fault}"),
                "name the profile of that column, or cast the value",
            )
        })
    }

    fn fault(&self) -> impl Fn(tidemill_stats::drift::DriftError) -> datafusion::error::DataFusionError {
        let function = self.function;
        move |error| drift_fault(function, &error)
    }
}

impl Accumulator for Counting {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let counts = self.count(values)?;
        self.counts.merge(&counts).map_err(self.fault())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let counts = self.count(values)?;
        self.counts.subtract(&counts).map_err(self.fault())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for state in lists(&states[0]) {
            let counts = BinCounts::from_list(state.as_primitive::<Float64Type>().values()).map_err(self.fault())?;
            self.counts.merge(&counts).map_err(self.fault())?;
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![counts_list(&self.counts)])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        match self.measure {
            None => Ok(counts_list(&self.counts)),
            Some(measure) => {
                let value = measure.of_counts(&self.profile, &self.counts).map_err(self.fault())?;
                Ok(ScalarValue::Float64(value))
            }
        }
    }

    fn size(&self) -> usize {
        size_of_val(self) + size_of_val(self.counts.bins())
    }
}

/// Counts as one list.
pub(crate) fn counts_list(counts: &BinCounts) -> ScalarValue {
    list(Arc::new(Float64Array::from(counts.to_list())))
}
