//! How good the scores of a binary classifier are, given the labels.
//!
//! Scores and labels come as two slices of the same length, row `i` of one belonging to row `i` of the other. A label is
//! `true` for the positive class (fraud). Ranking metrics take any finite score; [`log_loss`] and [`brier_score`] take
//! probabilities. Every metric checks its input and says which row breaks it: a NaN score has no rank, and a metric
//! that silently put it somewhere would be a lie.

mod error;
mod group_precision;
mod input;
mod loss;
mod precision_recall;
mod roc;
mod threshold;

pub use error::EvaluationError;
pub use group_precision::{DayPrecision, GroupPrecision, ScoredRow, group_precision_at_k};
pub use loss::{brier_score, log_loss};
pub use precision_recall::average_precision;
pub use roc::roc_auc;
pub use threshold::{Confusion, confusion_at};
