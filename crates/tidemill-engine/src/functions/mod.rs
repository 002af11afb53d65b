//! Drift and evaluation as SQL functions: aggregates over any rows, and scalars over what aggregates kept.
//!
//! The measures themselves are those of `tidemill_stats`; here they meet Arrow. Invariants: an answer does not depend on the
//! order of rows or on how they were split among threads; a side without rows is an error that says what to do, never a zero.

mod arguments;
mod bin_counts;
mod comparing;
mod counting;
mod drift;
mod evaluation;
mod measure;
mod of_counts;
mod references;
mod top_k;

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{AggregateUDF, Expr, LogicalPlan, ScalarUDF, WindowFunctionDefinition};

use self::bin_counts::{BinCountsOf, MergeBinCounts};
use self::drift::DriftFunction;
use self::evaluation::{EvaluationFunction, Figure};
use self::measure::Measure;
use self::of_counts::OfCounts;
use self::top_k::TopKPrecision;

pub use self::counting::count_column;
pub(crate) use self::references::ReferenceName;
pub use self::references::{REFERENCES_MAX, References};

/// Makes the functions known to every session.
pub(crate) fn register(state: &mut SessionState, references: &Arc<References>) -> Result<()> {
    for measure in Measure::ALL {
        let function = DriftFunction::new(measure, Arc::clone(references));
        state.register_udaf(Arc::new(AggregateUDF::new_from_impl(function)))?;
        let of_counts = OfCounts::new(measure, Arc::clone(references));
        state.register_udf(Arc::new(ScalarUDF::new_from_impl(of_counts)))?;
    }
    let counts = BinCountsOf::new(Arc::clone(references));
    state.register_udaf(Arc::new(AggregateUDF::new_from_impl(counts)))?;
    state.register_udaf(Arc::new(AggregateUDF::new_from_impl(MergeBinCounts::new())))?;
    for figure in Figure::ALL {
        let function = EvaluationFunction::new(figure);
        state.register_udaf(Arc::new(AggregateUDF::new_from_impl(function)))?;
    }
    state.register_udaf(Arc::new(AggregateUDF::new_from_impl(TopKPrecision::new())))?;
    Ok(())
}

/// The references that a plan names as constants: what must be known before it runs.
pub(crate) fn references_named(plan: &LogicalPlan) -> Result<Vec<String>> {
    let mut named = Vec::new();
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                named.extend(reference_named(part));
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    named.sort();
    named.dedup();
    Ok(named)
}

fn reference_named(expression: &Expr) -> Option<String> {
    let (name, arguments) = match expression {
        Expr::AggregateFunction(call) => (call.func.name(), &call.params.args),
        Expr::ScalarFunction(call) => (call.func.name(), &call.args),
        Expr::WindowFunction(call) => match &call.fun {
            WindowFunctionDefinition::AggregateUDF(function) => (function.name(), &call.params.args),
            WindowFunctionDefinition::WindowUDF(_) => return None,
        },
        _ => return None,
    };
    let takes_reference =
        name == bin_counts::NAME || Measure::named(name.strip_suffix("_of").unwrap_or(name)).is_some();
    match arguments.get(1) {
        Some(Expr::Literal(value, _)) if takes_reference => value.try_as_str().flatten().map(ToOwned::to_owned),
        _ => None,
    }
}
