//! Why features or a training set could not be made.

use arrow::error::ArrowError;
use tidemill_engine::{EngineError, nearest};
use tidemill_types::{ColumnName, ErrorCode, Explain, StreamName, ViewName};

/// A failed computation of features.
#[derive(Debug, thiserror::Error)]
pub enum FeaturesError {
    /// The engine could not run what it was asked.
    #[error("failed to {action}")]
    Engine {
        /// What was tried, as in ``compute view `customer_spending` ``.
        action: String,
        /// Why it failed.
        #[source]
        source: Box<EngineError>,
    },
    /// A model names a stream that the project does not have.
    #[error("there is no stream `{0}`")]
    UnknownStream(StreamName),
    /// A model names a view that the project does not have.
    #[error("there is no feature view `{0}`")]
    UnknownView(ViewName),
    /// A view's output lacks a column that its header names.
    #[error("feature view `{view}` has no column `{column}`")]
    MissingColumn {
        /// The view.
        view: ViewName,
        /// The column.
        column: ColumnName,
    },
    /// A model wants a feature that neither its views nor its stream have.
    #[error("no view of the model has the feature `{feature}`")]
    UnknownFeature {
        /// The feature.
        feature: ColumnName,
        /// What there is.
        known: Vec<String>,
    },
    /// Two views of a model give a feature of the same name.
    #[error("feature `{feature}` is given by two views, `{first}` and `{second}`")]
    AmbiguousFeature {
        /// The feature.
        feature: ColumnName,
        /// One view.
        first: ViewName,
        /// The other.
        second: ViewName,
    },
    /// A feature that is no number and no truth.
    #[error("feature `{feature}` is {data_type}, not a number")]
    NotNumeric {
        /// The feature.
        feature: String,
        /// Its Arrow type.
        data_type: String,
    },
    /// Two rows with one key, where a join needs one.
    #[error("`{table}` has {rows} rows with the key {key}")]
    DuplicateKey {
        /// The stream or view.
        table: String,
        /// The key, as `TRANSACTION_ID = 7`.
        key: String,
        /// How many rows have it.
        rows: i64,
    },
    /// An answer has not the shape that was asked for.
    #[error("failed to {action}")]
    Arrow {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: ArrowError,
    },
}

impl FeaturesError {
    /// Wraps an engine error with what was tried.
    pub(crate) fn engine(action: impl Into<String>) -> impl FnOnce(EngineError) -> FeaturesError {
        let action = action.into();
        move |source| FeaturesError::Engine {
            action,
            source: Box::new(source),
        }
    }

    /// Wraps an Arrow error with what was tried.
    pub(crate) fn arrow(action: &'static str) -> impl FnOnce(ArrowError) -> FeaturesError {
        move |source| FeaturesError::Arrow { action, source }
    }
}

impl Explain for FeaturesError {
    fn code(&self) -> ErrorCode {
        match self {
            FeaturesError::Engine { source, .. } => source.code(),
            FeaturesError::UnknownStream(_) | FeaturesError::UnknownView(_) => ErrorCode::NotFound,
            FeaturesError::MissingColumn { .. }
            | FeaturesError::UnknownFeature { .. }
            | FeaturesError::AmbiguousFeature { .. }
            | FeaturesError::NotNumeric { .. } => ErrorCode::InvalidInput,
            FeaturesError::DuplicateKey { .. } => ErrorCode::NotReady,
            FeaturesError::Arrow { .. } => ErrorCode::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            FeaturesError::Engine { source, .. } => source.hint(),
            FeaturesError::MissingColumn { .. } => {
                Some("its header names the key and the event time; the query must give both".to_owned())
            }
            FeaturesError::UnknownFeature { feature, known } => known_features(feature, known),
            FeaturesError::AmbiguousFeature { .. } => Some("rename it in one of them".to_owned()),
            FeaturesError::NotNumeric { .. } => {
                Some("models take numbers: cast it, or name the model's `features` without it".to_owned())
            }
            FeaturesError::DuplicateKey { table, .. } => Some(format!(
                "look with `tidemill sql \"select * from {table} where …\"`; a row that came twice must be one before \
                 features are computed"
            )),
            _ => None,
        }
    }
}

/// The feature that was meant, or else all that there are.
pub(crate) fn known_features(written: &ColumnName, known: &[String]) -> Option<String> {
    if known.is_empty() {
        return None;
    }
    Some(match nearest(written.as_str(), known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("its views give {}", known.join(", ")),
    })
}
