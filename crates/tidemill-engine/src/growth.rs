//! Functions that make much data out of a small number: `repeat('x', 1000000000)` needs no table to take all memory, and what
//! a scalar function makes is not counted by the memory pool. They are wrapped and refuse to make more than
//! [`GENERATED_BYTES_MAX`] for one batch.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use crate::settings::GENERATED_BYTES_MAX;
use crate::size::array_bytes;

/// Bytes that one made list element is counted with.
const ELEMENT_BYTES: u64 = 8;

/// How the size of what a function makes follows from its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Growth {
    /// As many copies of the first argument as the second says.
    Copies,
    /// As many list elements as the argument at this place says.
    Elements(usize),
    /// Every whole number from the first argument to the second (or from 0 to the first), by the third.
    Series,
}

/// Every such function.
const GROWING: [(&str, Growth); 7] = [
    ("repeat", Growth::Copies),
    ("array_repeat", Growth::Copies),
    ("lpad", Growth::Elements(1)),
    ("rpad", Growth::Elements(1)),
    ("array_resize", Growth::Elements(1)),
    ("range", Growth::Series),
    ("generate_series", Growth::Series),
];

/// Puts the wrapped functions in the place of the bare ones.
pub(crate) fn limit_growth(state: &mut SessionState) -> Result<()> {
    for (name, growth) in GROWING {
        if let Ok(bare) = state.udf(name) {
            state.register_udf(Arc::new(ScalarUDF::new_from_impl(Limited { bare, growth })))?;
        }
    }
    Ok(())
}

#[derive(Debug)]
struct Limited {
    bare: Arc<ScalarUDF>,
    growth: Growth,
}

impl PartialEq for Limited {
    fn eq(&self, other: &Limited) -> bool {
        self.growth == other.growth && self.bare == other.bare
    }
}

impl Eq for Limited {}

impl Hash for Limited {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bare.hash(state);
    }
}

impl ScalarUDFImpl for Limited {
    fn name(&self) -> &str {
        self.bare.name()
    }

    fn aliases(&self) -> &[String] {
        self.bare.aliases()
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        self.bare.schema_name(args)
    }

    fn signature(&self) -> &Signature {
        self.bare.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.bare.return_type(arg_types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.bare.return_field_from_args(args)
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        self.bare.coerce_types(arg_types)
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.bare.simplify(args, info)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.bare.documentation()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let bytes = self.growth.bytes(&args)?;
        if bytes > GENERATED_BYTES_MAX {
            return Err(DataFusionError::ResourcesExhausted(format!(
                "`{}` would make {bytes} bytes, the limit is {GENERATED_BYTES_MAX}",
                self.name()
            )));
        }
        self.bare.invoke_with_args(args)
    }
}

impl Growth {
    fn bytes(self, args: &ScalarFunctionArgs) -> Result<u64> {
        let rows = args.number_rows;
        Ok(match self {
            Growth::Copies => {
                let Some(counts) = integers(args, 1)? else { return Ok(0) };
                let copied = column(args, 0)?;
                let size = copied.as_ref().map_or(ELEMENT_BYTES, |copied| {
                    (array_bytes(copied) / copied.len().max(1)) as u64
                });
                counts.sum(rows).saturating_mul(size.max(1))
            }
            Growth::Elements(place) => match integers(args, place)? {
                Some(counts) => counts.sum(rows).saturating_mul(ELEMENT_BYTES),
                None => 0,
            },
            Growth::Series => {
                let (start, stop) = match args.args.len() {
                    0 => return Ok(0),
                    1 => (None, integers(args, 0)?),
                    _ => (integers(args, 0)?, integers(args, 1)?),
                };
                let step = if args.args.len() > 2 { integers(args, 2)? } else { None };
                // Series of dates and times are bounded by their types' range well enough.
                let Some(stop) = stop else { return Ok(0) };
                let mut elements = 0_u64;
                for row in 0..rows {
                    let start = start.as_ref().map_or(0, |start| start.at(row));
                    let step = step.as_ref().map_or(1, |step| step.at(row)).unsigned_abs().max(1);
                    elements = elements.saturating_add(start.abs_diff(stop.at(row)) / step);
                }
                elements.saturating_mul(ELEMENT_BYTES)
            }
        })
    }
}

/// Whole numbers of an argument: one for all rows, or one for each.
enum Integers {
    One(i64),
    Each(ArrayRef),
}

impl Integers {
    fn at(&self, row: usize) -> i64 {
        match self {
            Integers::One(value) => *value,
            Integers::Each(values) => {
                let values = values.as_primitive::<Int64Type>();
                if values.is_null(row) { 0 } else { values.value(row) }
            }
        }
    }

    fn sum(&self, rows: usize) -> u64 {
        (0..rows).fold(0_u64, |sum, row| sum.saturating_add(self.at(row).max(0) as u64))
    }
}

fn integers(args: &ScalarFunctionArgs, place: usize) -> Result<Option<Integers>> {
    let Some(value) = args.args.get(place) else {
        return Ok(None);
    };
    if !value.data_type().is_integer() {
        return Ok(None);
    }
    Ok(Some(match value {
        ColumnarValue::Array(array) => Integers::Each(cast(array, &DataType::Int64)?),
        ColumnarValue::Scalar(scalar) => {
            let scalar = scalar.cast_to(&DataType::Int64)?;
            let value = scalar.to_array()?;
            let value = value.as_primitive::<Int64Type>();
            Integers::One(if value.is_null(0) { 0 } else { value.value(0) })
        }
    }))
}

fn column(args: &ScalarFunctionArgs, place: usize) -> Result<Option<ArrayRef>> {
    match args.args.get(place) {
        None => Ok(None),
        Some(ColumnarValue::Array(array)) => Ok(Some(Arc::clone(array))),
        Some(ColumnarValue::Scalar(scalar)) => scalar.to_array().map(Some),
    }
}
