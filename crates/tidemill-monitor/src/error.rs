//! Why checks could not be answered.

use tidemill_engine::EngineError;
use tidemill_types::{CheckName, ErrorCode, Explain, TableName};

/// Checks that could not be run. A check that ran and found broken rows is no error: see [`crate::CheckReport`].
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// A check is asked for that the project does not have.
    #[error("there is no check `{name}`")]
    UnknownCheck {
        /// As asked for.
        name: CheckName,
        /// What there is.
        known: Vec<String>,
    },
    /// A check looks at a table that is neither a stream nor a view of the project.
    #[error("check `{check}` is on `{on}`, which is neither a stream nor a feature view")]
    UnknownTable {
        /// The check.
        check: CheckName,
        /// What it is on.
        on: TableName,
    },
    /// The engine could not answer a check.
    #[error("check `{check}` could not be answered")]
    Check {
        /// The check.
        check: CheckName,
        /// Its file, relative to the project, with the line where it is known.
        place: String,
        /// Why.
        #[source]
        source: Box<EngineError>,
    },
    /// The tables of the checks could not be opened.
    #[error("failed to open the tables of the checks")]
    Open(#[source] Box<EngineError>),
    /// The rows that break a check could not be shown.
    #[error("failed to show the rows that break check `{check}`: {reason}")]
    Sample {
        /// The check.
        check: CheckName,
        /// Why.
        reason: String,
    },
}

impl Explain for MonitorError {
    fn code(&self) -> ErrorCode {
        match self {
            MonitorError::UnknownCheck { .. } => ErrorCode::NotFound,
            MonitorError::UnknownTable { .. } => ErrorCode::InvalidInput,
            MonitorError::Check { source, .. } | MonitorError::Open(source) => source.code(),
            MonitorError::Sample { .. } => ErrorCode::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            MonitorError::UnknownCheck { known, .. } if !known.is_empty() => {
                Some(format!("there is {}", known.join(", ")))
            }
            MonitorError::Check { place, source, .. } => Some(match source.hint() {
                Some(hint) => format!("{hint}; see {place}"),
                None => format!("see {place}"),
            }),
            MonitorError::Open(source) => source.hint(),
            _ => None,
        }
    }
}
