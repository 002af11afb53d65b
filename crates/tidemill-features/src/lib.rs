//! Feature views: computed over a range of event time, joined with labels into training sets, summed up, checked.
//!
//! Invariants: a view's sources are read over the range and its lookback, no further; rows are joined by key, never by
//! position; a training set has one row for each row of its stream whose label was known, in the order (event time, key); all
//! tables of one training set are read at one version each, which its lineage names.
//!
//! Absent on purpose: which algorithm learns from the rows, live features, backfill of views into tables of their own.

mod ahead;
mod assemble;
mod choose;
mod columns;
mod compute;
mod error;
mod evaluation;
mod feature_rows;
mod join;
mod lineage;
mod quote;
mod sources;
mod summary;
#[cfg(test)]
mod tests;
mod training_set;
mod validate;

pub use ahead::FeatureDifference;
pub use assemble::RowCondition;
pub use columns::{ViewColumns, view_columns};
pub use compute::compute;
pub use error::FeaturesError;
pub use evaluation::{EVALUATION_ROWS, EvaluationWindows, SCORE_COLUMN, evaluation_mask};
pub use feature_rows::{FeatureRows, FeatureRowsRequest, feature_rows};
pub use lineage::feature_hash;
pub use sources::view_scope;
pub use summary::{FeatureSummary, summarize};
pub use training_set::{TrainingSet, TrainingSetRequest, training_set, training_set_at};
pub use validate::validate;
