//! What can go wrong with SQL, in words for whoever wrote it: the place, the nearest name, the limit that was reached.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use tidemill_lake::LakeError;
use tidemill_registry::RegistryError;
use tidemill_types::{ErrorCode, Explain, ModelName, TableName, VersionNumber};

/// A place in an SQL text. Both count from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The text is no SQL, or SQL that means nothing: wrong types, a function that does not exist.
    #[error("{message}")]
    Statement {
        /// What is wrong.
        message: String,
        /// Where, if it is known.
        position: Option<Position>,
        /// What to write instead, if it is known.
        hint: Option<String>,
    },

    /// A table that is not in the catalog.
    #[error("there is no table `{table}`")]
    UnknownTable {
        /// As written.
        table: String,
        /// Where it is named.
        position: Option<Position>,
        /// The nearest table that exists.
        suggestion: Option<String>,
    },

    /// A column that none of the tables in sight has.
    #[error("there is no column `{column}`")]
    UnknownColumn {
        /// As written.
        column: String,
        /// Where it is named.
        position: Option<Position>,
        /// The nearest column in sight.
        suggestion: Option<String>,
        /// All columns in sight.
        valid: Vec<String>,
    },

    /// SQL that would change something, or a session setting.
    #[error("only reading SQL is answered: {what}")]
    Writes {
        /// What it would do.
        what: String,
    },

    /// Several statements at once, or none.
    #[error("one statement is answered at a time, this text holds {found}")]
    StatementCount {
        /// How many there are.
        found: usize,
    },

    /// An SQL text over [`crate::SQL_BYTES_MAX`].
    #[error("an SQL text has at most {limit} bytes, this one has {found}")]
    TooLong {
        /// Its length.
        found: usize,
        /// The limit.
        limit: usize,
    },

    /// The query took longer than it may.
    #[error("the query was stopped after {} s", .limit.as_secs_f64())]
    TimedOut {
        /// The limit.
        limit: Duration,
    },

    /// The query needs more memory, spill space or generated data than it may have.
    #[error("the query needs more than it may have: {message}")]
    Exhausted {
        /// Which limit, and who took how much.
        message: String,
    },

    /// The values do not bear what the query does with them: a division by zero, a text that is no number.
    #[error("the query failed on its data: {message}")]
    Data {
        /// What failed.
        message: String,
    },

    /// A function of drift or evaluation that cannot answer: wrong arguments, a side without rows.
    #[error("`{function}`: {message}")]
    Function {
        /// The function.
        function: String,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },

    /// A reference that is not known.
    #[error("there is no reference `{reference}`")]
    UnknownReference {
        /// As written.
        reference: String,
        /// The nearest that exists.
        suggestion: Option<String>,
        /// What there is of that version.
        known: Vec<String>,
    },

    /// A version that was registered without profiles of what it was trained on.
    #[error("{version} of `{model}` has no reference")]
    NoReference {
        /// The model.
        model: ModelName,
        /// The version.
        version: VersionNumber,
    },

    /// The registry could not say what a reference is.
    #[error("failed to read the reference `{reference}`")]
    Reference {
        /// As written.
        reference: String,
        /// Why.
        #[source]
        source: Box<RegistryError>,
    },

    /// Stored files could not be read.
    #[error("failed to read stored data: {message}")]
    Storage {
        /// What failed.
        message: String,
    },

    /// A view that the query reads is itself wrong.
    #[error("view `{view}` cannot be planned")]
    View {
        /// The view.
        view: String,
        /// What is wrong with it.
        #[source]
        source: Box<EngineError>,
    },

    /// Views that read each other in a circle, or in a chain over [`crate::VIEW_DEPTH_MAX`].
    #[error("view `{view}` reads itself: {}", .chain.join(" → "))]
    ViewCycle {
        /// The view that comes back.
        view: String,
        /// From the first view to the one that closes the circle.
        chain: Vec<String>,
    },

    /// A table of the lake could not be opened.
    #[error("failed to open table `{table}`")]
    Lake {
        /// The table.
        table: TableName,
        /// Why.
        #[source]
        source: Box<LakeError>,
    },

    /// The tables of the lake could not be listed.
    #[error("failed to list the tables of the lake")]
    LakeList(#[source] Box<LakeError>),

    /// A table of the registry could not be read.
    #[error("failed to read registry table `{table}`")]
    Registry {
        /// The table.
        table: String,
        /// Why.
        #[source]
        source: Box<RegistryError>,
    },

    /// Two tables of the project have the same name.
    #[error("two tables are called `{0}`")]
    DuplicateTable(String),

    /// The engine's threads or its spill folder could not be set up.
    #[error("failed to start the query engine")]
    Start(#[source] std::io::Error),

    /// The engine stopped while the query ran.
    #[error("the query engine is shutting down")]
    Stopped,

    /// A fault of the engine itself.
    #[error("the query engine failed: {message}")]
    Internal {
        /// What it says.
        message: String,
    },
}

impl EngineError {
    /// Where in the SQL text it is, if that is known. Of an error inside a view: the place in the view's text.
    pub fn position(&self) -> Option<Position> {
        match self {
            EngineError::Statement { position, .. }
            | EngineError::UnknownTable { position, .. }
            | EngineError::UnknownColumn { position, .. } => *position,
            EngineError::View { source, .. } => source.position(),
            _ => None,
        }
    }
}

impl Explain for EngineError {
    fn code(&self) -> ErrorCode {
        match self {
            EngineError::Statement { .. }
            | EngineError::UnknownTable { .. }
            | EngineError::UnknownColumn { .. }
            | EngineError::Writes { .. }
            | EngineError::StatementCount { .. }
            | EngineError::Data { .. }
            | EngineError::Function { .. }
            | EngineError::UnknownReference { .. }
            | EngineError::NoReference { .. }
            | EngineError::ViewCycle { .. }
            | EngineError::DuplicateTable(_) => ErrorCode::InvalidInput,
            EngineError::View { source, .. } => source.code(),
            EngineError::TooLong { .. } | EngineError::Exhausted { .. } => ErrorCode::LimitReached,
            EngineError::TimedOut { .. } => ErrorCode::TimedOut,
            EngineError::Storage { .. } | EngineError::Start(_) | EngineError::Stopped => ErrorCode::Unavailable,
            EngineError::Lake { source, .. } | EngineError::LakeList(source) => source.code(),
            EngineError::Registry { source, .. } | EngineError::Reference { source, .. } => source.code(),
            EngineError::Internal { .. } => ErrorCode::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            EngineError::Statement { hint, .. } => hint.clone(),
            EngineError::UnknownTable { suggestion, .. } => Some(match suggestion {
                Some(suggestion) => format!("did you mean `{suggestion}`?"),
                None => "`show tables` lists the tables".to_owned(),
            }),
            EngineError::UnknownColumn {
                column,
                suggestion,
                valid,
                ..
            } => match suggestion {
                Some(near) if near.eq_ignore_ascii_case(column) => {
                    Some(format!("did you mean `{near}`? column names keep their case"))
                }
                Some(near) => Some(format!("did you mean `{near}`?")),
                None if valid.is_empty() => None,
                None => Some(format!("there are {}", valid.join(", "))),
            },
            EngineError::Writes { .. } => {
                Some("tables are written by ingest alone; write a `select`, `show tables` or `explain`".to_owned())
            }
            EngineError::StatementCount { .. } => Some("send the statements one by one".to_owned()),
            EngineError::TimedOut { .. } => {
                Some("read less: bound the event time with `where`, or raise `engine.query_timeout`".to_owned())
            }
            EngineError::Exhausted { .. } => {
                Some("read less: bound the event time with `where`, or raise `engine.memory`".to_owned())
            }
            EngineError::View { source, .. } => source.hint(),
            EngineError::ViewCycle { .. } => Some("let one of them read the stream itself".to_owned()),
            EngineError::Lake { source, .. } | EngineError::LakeList(source) => source.hint(),
            EngineError::Registry { source, .. } | EngineError::Reference { source, .. } => source.hint(),
            EngineError::Function { hint, .. } => Some(hint.clone()),
            EngineError::UnknownReference { suggestion, known, .. } => Some(match suggestion {
                Some(suggestion) => format!("did you mean `{suggestion}`?"),
                None if known.is_empty() => {
                    "a reference is 'MODEL/VERSION/COLUMN', as 'fraud/3/score'; `model_versions` has the versions"
                        .to_owned()
                }
                None => format!("there is {}", known.join(", ")),
            }),
            EngineError::NoReference { .. } => Some("train it again: every new version keeps its reference".to_owned()),
            _ => None,
        }
    }
}
