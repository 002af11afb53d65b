//! `psi_of(counts, reference)` and its like: measures of states that were kept.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

use super::References;
use super::arguments::{check_count, drift_fault, is_text, ours, refuse};
use super::bin_counts::{check_counts, states};
use super::measure::Measure;

/// A measure as a function of counts and the reference they are of.
#[derive(Debug)]
pub(crate) struct OfCounts {
    measure: Measure,
    name: String,
    references: Arc<References>,
    signature: Signature,
}

impl OfCounts {
    pub(crate) fn new(measure: Measure, references: Arc<References>) -> OfCounts {
        OfCounts {
            measure,
            name: measure.name_of_counts(),
            references,
            signature: Signature::user_defined(Volatility::Stable),
        }
    }
}

impl PartialEq for OfCounts {
    fn eq(&self, other: &OfCounts) -> bool {
        self.measure == other.measure && Arc::ptr_eq(&self.references, &other.references)
    }
}

impl Eq for OfCounts {}

impl Hash for OfCounts {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for OfCounts {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        check_count(&self.name, arg_types, 2, "counts, reference")?;
        check_counts(&self.name, &arg_types[0])?;
        match is_text(&arg_types[1]) {
            true => Ok(DataType::Float64),
            false => Err(self.no_reference(&arg_types[1].to_string())),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let reference = match &args.args[1] {
            ColumnarValue::Scalar(text) => text.try_as_str().flatten(),
            ColumnarValue::Array(_) => None,
        };
        let reference = reference.ok_or_else(|| self.no_reference("not a constant"))?;
        let profile = self.references.profile(reference).map_err(ours)?;
        let counts = args.args[0].to_array(args.number_rows)?;
        let values = states(&self.name, &counts)?.into_iter().map(|counts| match counts {
            None => Ok(None),
            Some(counts) => {
                let value = self.measure.of_counts(&profile, &counts);
                value.map_err(|error| drift_fault(&self.name, &error))
            }
        });
        let values: ArrayRef = Arc::new(values.collect::<Result<Float64Array>>()?);
        Ok(ColumnarValue::Array(values))
    }
}

impl OfCounts {
    fn no_reference(&self, what: &str) -> datafusion::error::DataFusionError {
        refuse(
            &self.name,
            format!("the reference is {what}"),
            "name the profile that the counts are of, as 'MODEL/VERSION/COLUMN'",
        )
    }
}
