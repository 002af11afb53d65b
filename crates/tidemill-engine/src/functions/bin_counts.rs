//! `bin_counts(value, reference)` and `merge_bin_counts(counts)`: states as columns.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};
use datafusion::scalar::ScalarValue;
use tidemill_stats::drift::BinCounts;

use super::References;
use super::arguments::{check_count, drift_fault, is_number, is_text, list_of, refuse};
use super::counting::{Counting, counts_list};
use super::drift::{check_value, named_profile, refuse_distinct};

pub(crate) const NAME: &str = "bin_counts";
const MERGE_NAME: &str = "merge_bin_counts";

/// The state of rows against a named profile.
#[derive(Debug)]
pub(crate) struct BinCountsOf {
    references: Arc<References>,
    signature: Signature,
}

impl BinCountsOf {
    pub(crate) fn new(references: Arc<References>) -> BinCountsOf {
        BinCountsOf {
            references,
            signature: Signature::user_defined(Volatility::Stable),
        }
    }
}

impl PartialEq for BinCountsOf {
    fn eq(&self, other: &BinCountsOf) -> bool {
        Arc::ptr_eq(&self.references, &other.references)
    }
}

impl Eq for BinCountsOf {}

impl Hash for BinCountsOf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        NAME.hash(state);
    }
}

impl AggregateUDFImpl for BinCountsOf {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        check_count(NAME, arg_types, 2, "value, reference")?;
        check_value(NAME, &arg_types[0])?;
        match is_text(&arg_types[1]) {
            true => Ok(list_of(DataType::Float64)),
            false => Err(refuse(
                NAME,
                format!("the reference is {}", arg_types[1]),
                "counts are of the bins of a profile: name it, as 'MODEL/VERSION/COLUMN'",
            )),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(counts_state(&args))
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        refuse_distinct(NAME, &args)?;
        let profile = named_profile(NAME, &self.references, &args)?;
        Ok(Box::new(Counting::new(NAME, profile, None)))
    }
}

fn counts_state(args: &StateFieldsArgs<'_>) -> Vec<FieldRef> {
    let name = format!("{}[counts]", args.name);
    vec![Arc::new(Field::new(name, list_of(DataType::Float64), true))]
}

/// The sum of states that were counted against one profile.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct MergeBinCounts {
    signature: Signature,
}

impl MergeBinCounts {
    pub(crate) fn new() -> MergeBinCounts {
        MergeBinCounts {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl AggregateUDFImpl for MergeBinCounts {
    fn name(&self) -> &str {
        MERGE_NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        check_count(MERGE_NAME, arg_types, 1, "counts")?;
        check_counts(MERGE_NAME, &arg_types[0])?;
        Ok(list_of(DataType::Float64))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(counts_state(&args))
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        refuse_distinct(MERGE_NAME, &args)?;
        Ok(Box::new(Merging { sum: None }))
    }
}

/// Errors when it is no list of numbers.
pub(crate) fn check_counts(function: &str, data_type: &DataType) -> Result<()> {
    match data_type {
        DataType::List(values) | DataType::LargeList(values) if is_number(values.data_type()) => Ok(()),
        other => Err(refuse(
            function,
            format!("the counts are {other}, not a list of numbers"),
            "counts are what `bin_counts(value, reference)` gave",
        )),
    }
}

/// The states of a column, null where it is null.
pub(crate) fn states(function: &str, column: &ArrayRef) -> Result<Vec<Option<BinCounts>>> {
    let column = cast(column, &list_of(DataType::Float64))?;
    let states = column.as_list::<i32>().iter().map(|state| {
        let Some(state) = state else { return Ok(None) };
        let list = state.as_primitive::<Float64Type>();
        let list: Vec<f64> = list.iter().map(|figure| figure.unwrap_or(f64::NAN)).collect();
        BinCounts::from_list(&list)
            .map(Some)
            .map_err(|error| drift_fault(function, &error))
    });
    states.collect()
}

#[derive(Debug)]
struct Merging {
    sum: Option<BinCounts>,
}

impl Merging {
    fn add(&mut self, counts: BinCounts) -> Result<()> {
        match &mut self.sum {
            Some(sum) => sum.merge(&counts).map_err(|error| drift_fault(MERGE_NAME, &error)),
            None => {
                self.sum = Some(counts);
                Ok(())
            }
        }
    }

    fn answer(&self) -> Result<ScalarValue> {
        match &self.sum {
            Some(sum) => Ok(counts_list(sum)),
            None => ScalarValue::try_from(&list_of(DataType::Float64)),
        }
    }
}

impl Accumulator for Merging {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for counts in states(MERGE_NAME, &values[0])?.into_iter().flatten() {
            self.add(counts)?;
        }
        Ok(())
    }

    fn merge_batch(&mut self, partial: &[ArrayRef]) -> Result<()> {
        self.update_batch(partial)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.answer()?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.answer()
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.sum.as_ref().map_or(0, |sum| size_of_val(sum.bins()))
    }
}
