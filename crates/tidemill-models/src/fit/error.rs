//! Why there is no model.

use tidemill_types::{ErrorCode, Explain};

use crate::trees::FlatTreesError;
use crate::{Algorithm, SignatureError};

/// Data that cannot be learned from, or a library that failed on it.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// Nothing to learn from.
    #[error("the training set has no rows")]
    NoRows,
    /// Nothing to tell apart.
    #[error("all {rows} training rows are {label}", label = if *.positive { "positive" } else { "negative" })]
    OneClass {
        /// Number of rows.
        rows: usize,
        /// The class that all rows have.
        positive: bool,
    },
    /// A value that is infinite, or beyond the range of f32.
    #[error("feature `{feature}` is infinite, or beyond ±3.4e38, in training row {row}")]
    Infinite {
        /// The feature's name.
        feature: String,
        /// The row, from 0.
        row: usize,
    },
    /// A missing value where the algorithm needs one.
    #[error("feature `{feature}` is missing in training row {row}, and `{algorithm}` takes no missing values")]
    Missing {
        /// The algorithm.
        algorithm: Algorithm,
        /// The feature's name.
        feature: String,
        /// The row, from 0.
        row: usize,
    },
    /// Hyperparameters that are right by themselves and wrong for this data.
    #[error("`{name}` = {value} does not fit {features} features: {rule}")]
    DoesNotFit {
        /// The hyperparameter.
        name: &'static str,
        /// Its value.
        value: String,
        /// The number of features.
        features: usize,
        /// What would fit.
        rule: &'static str,
    },
    /// The library behind the algorithm failed.
    #[error("`{algorithm}` failed to fit {rows} rows")]
    Library {
        /// The algorithm.
        algorithm: Algorithm,
        /// Number of rows.
        rows: usize,
        /// What it says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The solver ended at weights that are not numbers.
    #[error("`{algorithm}` did not come to finite weights on {rows} rows")]
    Diverged {
        /// The algorithm.
        algorithm: Algorithm,
        /// Number of rows.
        rows: usize,
    },
    /// The trees do not fit the flat form.
    #[error("the fitted trees have no flat form")]
    Flat(#[from] FlatTreesError),
    /// The features cannot be those of a model.
    #[error("the features are unusable")]
    Signature(#[from] SignatureError),
    /// The caller gave up.
    #[error("the fit was given up")]
    GivenUp,
}

impl Explain for FitError {
    fn code(&self) -> ErrorCode {
        match self {
            FitError::NoRows | FitError::OneClass { .. } | FitError::GivenUp => ErrorCode::NotReady,
            FitError::Infinite { .. }
            | FitError::Missing { .. }
            | FitError::DoesNotFit { .. }
            | FitError::Signature(_) => ErrorCode::InvalidInput,
            FitError::Library { .. } | FitError::Diverged { .. } => ErrorCode::Internal,
            FitError::Flat(source) => source.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            FitError::NoRows => "widen the training window, or wait until labels are known",
            FitError::OneClass { .. } => "widen the training window until it holds rows of both classes",
            FitError::Infinite { .. } | FitError::Missing { .. } => {
                "add a row check for the feature, or use `coalesce` in its view; `xgboost` takes missing values"
            }
            FitError::Diverged { .. } => "raise `alpha`",
            FitError::Flat(source) => return source.hint(),
            _ => return None,
        };
        Some(text.to_owned())
    }
}
