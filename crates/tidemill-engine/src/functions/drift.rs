//! `psi(value, reference)` and its like.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};
use tidemill_stats::drift::ReferenceProfile;

use super::References;
use super::arguments::{check_count, constant, is_number, is_text, list_of, ours, plain, refuse};
use super::comparing::{ComparingLevels, ComparingNumbers};
use super::counting::Counting;
use super::measure::Measure;

const USAGE: &str = "value, reference";
const REFERENCE_HINT: &str =
    "a reference is a text 'MODEL/VERSION/COLUMN', or a condition that is true for the rows of the reference side";

/// A measure as an aggregate of a value and its reference.
#[derive(Debug)]
pub(crate) struct DriftFunction {
    measure: Measure,
    references: Arc<References>,
    signature: Signature,
    aliases: Vec<String>,
}

impl DriftFunction {
    pub(crate) fn new(measure: Measure, references: Arc<References>) -> DriftFunction {
        DriftFunction {
            measure,
            references,
            signature: Signature::user_defined(Volatility::Stable),
            aliases: measure.aliases(),
        }
    }
}

impl PartialEq for DriftFunction {
    fn eq(&self, other: &DriftFunction) -> bool {
        self.measure == other.measure && Arc::ptr_eq(&self.references, &other.references)
    }
}

impl Eq for DriftFunction {}

impl Hash for DriftFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.measure.hash(state);
    }
}

impl AggregateUDFImpl for DriftFunction {
    fn name(&self) -> &str {
        self.measure.name()
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// As they are: each kind of reference has its own way with a type, and an error here would lose its words.
    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        let name = self.measure.name();
        check_count(name, arg_types, 2, USAGE)?;
        check_value(name, &arg_types[0])?;
        let reference = &arg_types[1];
        if !is_text(reference) && !matches!(reference, DataType::Boolean) {
            return Err(refuse(name, format!("the reference is {reference}"), REFERENCE_HINT));
        }
        if matches!(reference, DataType::Boolean) && self.measure.needs_order() && is_text(&arg_types[0]) {
            return Err(of_levels(name));
        }
        Ok(DataType::Float64)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let field = |name: &str, values: DataType| {
            Arc::new(Field::new(format!("{}[{name}]", args.name), list_of(values), true))
        };
        let compares = matches!(args.input_fields[1].data_type(), DataType::Boolean);
        Ok(match (compares, is_text(args.input_fields[0].data_type())) {
            (false, _) => vec![field("counts", DataType::Float64)],
            (true, false) => vec![
                field("reference", DataType::Float64),
                field("current", DataType::Float64),
            ],
            (true, true) => vec![
                field("levels", DataType::Utf8),
                field("reference", DataType::UInt64),
                field("current", DataType::UInt64),
            ],
        })
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let name = self.measure.name();
        refuse_distinct(name, &args)?;
        let value = args.expr_fields[0].data_type();
        if matches!(args.expr_fields[1].data_type(), DataType::Boolean) {
            return Ok(match is_text(value) {
                true => Box::new(ComparingLevels::new(self.measure)),
                false => Box::new(ComparingNumbers::new(self.measure)),
            });
        }
        let profile = named_profile(name, &self.references, &args)?;
        if self.measure.needs_order() && matches!(*profile, ReferenceProfile::Categorical(_)) {
            return Err(of_levels(name));
        }
        Ok(Box::new(Counting::new(name, profile, Some(self.measure))))
    }
}

/// Errors when a value is of a type whose drift nobody measures.
pub(crate) fn check_value(function: &str, value: &DataType) -> Result<()> {
    match is_number(value) || is_text(value) {
        true => Ok(()),
        false => Err(refuse(
            function,
            format!("the value is {}, neither a number nor a text", plain(value)),
            "cast it: `cast(… as double)` or `cast(… as text)`",
        )),
    }
}

/// Errors for `psi(distinct …)`: drift is of all rows.
pub(crate) fn refuse_distinct(function: &str, args: &AccumulatorArgs<'_>) -> Result<()> {
    match args.is_distinct {
        false => Ok(()),
        true => Err(refuse(
            function,
            "has no form with `distinct`",
            "it is of all rows: leave `distinct` out",
        )),
    }
}

/// The profile that the second argument names.
pub(crate) fn named_profile(
    function: &str,
    references: &References,
    args: &AccumulatorArgs<'_>,
) -> Result<Arc<ReferenceProfile>> {
    let text = constant(args, 1);
    let Some(text) = text.as_ref().and_then(|text| text.try_as_str().flatten()) else {
        return Err(refuse(function, "the reference is not a constant", REFERENCE_HINT));
    };
    references.profile(text).map_err(ours)
}

fn of_levels(function: &str) -> datafusion::error::DataFusionError {
    refuse(
        function,
        "is of numbers, and the reference is of levels",
        "levels have no order; take `psi`, `js` or `chi_squared`",
    )
}
