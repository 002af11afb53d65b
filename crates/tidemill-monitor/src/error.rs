//! Why checks and monitors could not be answered.

use tidemill_engine::EngineError;
use tidemill_lake::LakeError;
use tidemill_stats::drift::DriftError;
use tidemill_stats::evaluation::EvaluationError;
use tidemill_types::{CheckName, ErrorCode, Explain, ModelName, MonitorName, TableName};

/// Checks and monitors that could not be run. A check that ran and found broken rows is no error: see [`crate::CheckReport`].
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
    /// A monitor is about a model that the project does not have.
    #[error("monitor `{monitor}` is about the unknown model `{model}`")]
    UnknownModel {
        /// The monitor.
        monitor: MonitorName,
        /// The model.
        model: ModelName,
    },
    /// The engine could not answer a monitor.
    #[error("monitor `{monitor}` could not be answered")]
    Monitor {
        /// The monitor.
        monitor: MonitorName,
        /// Its file, relative to the project, with the line where it is known.
        place: String,
        /// Why.
        #[source]
        source: Box<EngineError>,
    },
    /// A monitor's query lacks a column, or has it of a wrong type.
    #[error("monitor `{monitor}`: column `{column}` {fault}")]
    MonitorColumn {
        /// The monitor.
        monitor: MonitorName,
        /// Its file, relative to the project.
        place: String,
        /// The column.
        column: String,
        /// What is wrong with it.
        fault: String,
    },
    /// A column could not be measured.
    #[error("monitor `{monitor}` could not measure the drift of `{column}`")]
    Drift {
        /// The monitor.
        monitor: MonitorName,
        /// The column.
        column: String,
        /// Why.
        #[source]
        source: DriftError,
    },
    /// The figures could not be computed.
    #[error("monitor `{monitor}` could not compute its figures")]
    Performance {
        /// The monitor.
        monitor: MonitorName,
        /// Why.
        #[source]
        source: EvaluationError,
    },
    /// The work broke off.
    #[error("monitor `{monitor}` broke off")]
    BrokeOff {
        /// The monitor.
        monitor: MonitorName,
        /// What happened to the task.
        #[source]
        source: tokio::task::JoinError,
    },
    /// A table of reports could not be opened.
    #[error("failed to open the table `{table}`")]
    OpenTable {
        /// The table.
        table: &'static str,
        /// Why.
        #[source]
        source: Box<LakeError>,
    },
    /// A report could not be kept.
    #[error("failed to keep the report of monitor `{monitor}` in `{table}`")]
    Keep {
        /// The monitor.
        monitor: MonitorName,
        /// The table.
        table: &'static str,
        /// Why.
        #[source]
        source: Box<LakeError>,
    },
    /// The rows of a monitor could not be put in order.
    #[error("failed to put the rows of monitor `{monitor}` in order")]
    Order {
        /// The monitor.
        monitor: MonitorName,
        /// Why.
        #[source]
        source: arrow::error::ArrowError,
    },
    /// The rows of a report do not fit its table.
    #[error("the report of monitor `{monitor}` does not fit its table")]
    Batch {
        /// The monitor.
        monitor: MonitorName,
        /// Why.
        #[source]
        source: arrow::error::ArrowError,
    },
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
            MonitorError::UnknownTable { .. }
            | MonitorError::UnknownModel { .. }
            | MonitorError::MonitorColumn { .. }
            | MonitorError::Performance { .. } => ErrorCode::InvalidInput,
            MonitorError::Check { source, .. } | MonitorError::Monitor { source, .. } | MonitorError::Open(source) => {
                source.code()
            }
            MonitorError::OpenTable { source, .. } | MonitorError::Keep { source, .. } => source.code(),
            MonitorError::Sample { .. }
            | MonitorError::Drift { .. }
            | MonitorError::Batch { .. }
            | MonitorError::Order { .. }
            | MonitorError::BrokeOff { .. } => ErrorCode::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            MonitorError::UnknownCheck { known, .. } if !known.is_empty() => {
                Some(format!("there is {}", known.join(", ")))
            }
            MonitorError::Check { place, source, .. } | MonitorError::Monitor { place, source, .. } => {
                Some(match source.hint() {
                    Some(hint) => format!("{hint}; see {place}"),
                    None => format!("see {place}"),
                })
            }
            MonitorError::MonitorColumn { place, .. } => {
                Some(format!("see {place}; docs/sql-files.md says what it gives"))
            }
            MonitorError::Performance { .. } => Some("scores are probabilities, from 0 to 1".to_owned()),
            MonitorError::OpenTable { source, .. } | MonitorError::Keep { source, .. } => source.hint(),
            MonitorError::Open(source) => source.hint(),
            _ => None,
        }
    }
}
