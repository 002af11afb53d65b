//! Why a metric has no value.

/// Input of which a metric is not defined.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EvaluationError {
    /// No rows at all.
    #[error("an evaluation needs at least one row")]
    Empty,
    /// Scores and labels are not of the same rows.
    #[error("{scores} scores do not match {labels} labels")]
    LengthMismatch {
        /// Number of scores.
        scores: usize,
        /// Number of labels.
        labels: usize,
    },
    /// A score is NaN or infinite.
    #[error("the score of row {row} is {score}")]
    NotFinite {
        /// Position in the slices, from 0.
        row: usize,
        /// The score as given.
        score: f64,
    },
    /// A score that has to be a probability is outside 0..=1.
    #[error("the score of row {row} is {score}, not a probability")]
    NotProbability {
        /// Position in the slices, from 0.
        row: usize,
        /// The score as given.
        score: f64,
    },
    /// A ranking metric compares positives with negatives, and one side is missing.
    #[error("all {rows} rows are {label}: a ranking needs both classes", label = if *.positive { "positive" } else { "negative" })]
    OneClass {
        /// Number of rows.
        rows: usize,
        /// The class that all rows have.
        positive: bool,
    },
    /// Precision among the first zero entries.
    #[error("precision at k needs a k of at least 1")]
    ZeroK,
    /// A decision threshold that is NaN.
    #[error("a decision threshold cannot be NaN")]
    NotAThreshold,
}
