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
pub use loss::{PROBABILITY_CLIP, brier_score, log_loss};
pub use precision_recall::average_precision;
pub use roc::roc_auc;
pub use threshold::{Confusion, confusion_at};

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten rows with ties, and what scikit-learn 1.x says of them.
    #[test]
    fn agrees_with_scikit_learn() {
        let scores = [0.1, 0.4, 0.4, 0.35, 0.8, 0.8, 0.2, 0.05, 0.65, 0.4];
        let labels = [0, 1, 0, 0, 1, 0, 0, 0, 1, 1].map(|label| label == 1);
        let figures = [
            (roc_auc(&scores, &labels), 0.8125),
            (average_precision(&scores, &labels), 0.625),
            (log_loss(&scores, &labels), 0.541_735_174_480_710_6),
            (brier_score(&scores, &labels), 0.185_75),
        ];
        for (actual, expected) in figures {
            let actual = actual.unwrap();
            assert!((actual - expected).abs() < 1e-12, "{actual} is not {expected}");
        }
    }
}
