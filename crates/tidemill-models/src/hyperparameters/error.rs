//! Why hyperparameters are not usable, and the wording of suggestions.

use tidemill_types::{ErrorCode, Explain};

use crate::Algorithm;

/// Names closer than this (Jaro–Winkler, 0 to 1) to a valid one are taken for a typo of it.
const TYPO_SIMILARITY_MIN: f64 = 0.8;

/// Settings that are no hyperparameters of their algorithm.
#[derive(Debug, thiserror::Error)]
pub enum HyperparameterError {
    /// A name that the algorithm does not have.
    #[error("`{algorithm}` has no hyperparameter `{name}`")]
    Unknown {
        /// The algorithm.
        algorithm: Algorithm,
        /// The name as given.
        name: String,
        /// The names it has.
        valid: &'static [&'static str],
    },
    /// A name that the original of the algorithm has and the library behind ours cannot honour.
    #[error("`{algorithm}` cannot honour `{name}` = {value} here")]
    Unsupported {
        /// The algorithm.
        algorithm: Algorithm,
        /// The name as given.
        name: String,
        /// The value as given, as JSON.
        value: String,
        /// What to do instead.
        instead: &'static str,
    },
    /// One setting under two spellings.
    #[error("`{first}` and `{second}` are the same hyperparameter of `{algorithm}`")]
    Duplicate {
        /// The algorithm.
        algorithm: Algorithm,
        /// One spelling.
        first: String,
        /// The other.
        second: String,
    },
    /// A value of another type.
    #[error("`{name}` of `{algorithm}` cannot be {value}")]
    Type {
        /// The algorithm.
        algorithm: Algorithm,
        /// The name.
        name: String,
        /// The value as given, as JSON.
        value: String,
        /// What was expected.
        #[source]
        source: serde_json::Error,
    },
    /// A value out of bounds.
    #[error("`{name}` of `{algorithm}` is {value} and must be {rule}")]
    OutOfBounds {
        /// The algorithm.
        algorithm: Algorithm,
        /// The name.
        name: &'static str,
        /// The value as given.
        value: String,
        /// The bounds, in words.
        rule: &'static str,
    },
}

impl Explain for HyperparameterError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidInput
    }

    fn hint(&self) -> Option<String> {
        match self {
            HyperparameterError::Unknown { name, valid, .. } => Some(suggest(name, valid)),
            HyperparameterError::Unsupported { instead, .. } => Some((*instead).to_owned()),
            HyperparameterError::Duplicate { first, second, .. } => Some(format!("leave out `{first}` or `{second}`")),
            HyperparameterError::Type { .. } | HyperparameterError::OutOfBounds { .. } => None,
        }
    }
}

/// The closest valid name, where one is close, and all valid names.
pub(crate) fn suggest(name: &str, valid: &[&str]) -> String {
    let closest = valid
        .iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= TYPO_SIMILARITY_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let all = valid
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    match closest {
        Some((_, candidate)) => format!("did you mean `{candidate}`? valid: {all}"),
        None => format!("valid: {all}"),
    }
}
