//! What can go wrong with a table, and what to do about it.

use deltalake::DeltaTableError;
use tidemill_types::{ErrorCode, Explain, TableName};
use uuid::Uuid;

/// A failed operation on the lake or on one of its tables.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The lake's place cannot be used.
    #[error("`{location}` cannot hold a lake: {reason}")]
    Location {
        /// As given, without options.
        location: String,
        /// Why not.
        reason: String,
    },
    /// The system gives no threads.
    #[error("the lake cannot start its threads")]
    Threads(#[source] std::io::Error),
    /// The store that holds the tables failed.
    #[error("failed to {action} `{name}`")]
    Store {
        /// What was tried, as in `list the log of`.
        action: &'static str,
        /// The table, or the lake's place.
        name: String,
        /// The store's error.
        #[source]
        source: object_store::Error,
    },
    /// Delta could not read or write a table.
    #[error("failed to {action} table `{table}`")]
    Delta {
        /// What was tried, as in `open`.
        action: &'static str,
        /// The table.
        table: TableName,
        /// Delta's error.
        #[source]
        source: Box<DeltaTableError>,
    },
    /// Rows do not fit the table, or a schema cannot become the table's.
    #[error("table `{table}` cannot take the schema: {reason}")]
    Schema {
        /// The table.
        table: TableName,
        /// Which column, and why.
        reason: String,
    },
    /// The table uses a feature of Delta that tidemill must not write to.
    #[error("table `{table}` cannot be written: {reason}")]
    Unsupported {
        /// The table.
        table: TableName,
        /// The feature or property.
        reason: String,
    },
    /// The table's log is not what a Delta log must be.
    #[error("the log of table `{table}` is damaged at version {version}: {reason}")]
    Corrupt {
        /// The table.
        table: TableName,
        /// The version at which it shows.
        version: i64,
        /// What is wrong.
        reason: String,
    },
    /// Somebody else has committed under the same fence. Nothing was committed.
    #[error(
        "table `{table}` is fenced: `{app_id}` was expected at {}, the table holds {}",
        shown(*.expected),
        shown(*.found)
    )]
    Fenced {
        /// The table.
        table: TableName,
        /// Whose fence.
        app_id: String,
        /// What the writer had read.
        expected: Option<i64>,
        /// What the table holds.
        found: Option<i64>,
    },
    /// Another writer has set the table to an older version while it was written. Nothing was committed.
    #[error("table `{table}` was set to an older version by version {version} of its log")]
    SetBack {
        /// The table.
        table: TableName,
        /// The version that did it.
        version: i64,
    },
    /// Other writers were faster each time. Nothing was committed.
    #[error("gave up to commit to table `{table}` after losing {conflicts} versions to other writers")]
    Conflict {
        /// The table.
        table: TableName,
        /// How many versions others wrote meanwhile.
        conflicts: u32,
    },
    /// Whether the commit landed could not be found out: the store failed to write and to read. It may still land.
    #[error("whether commit {commit_id} landed in table `{table}` as version {version} is unknown: {reason}")]
    Unknown {
        /// The table.
        table: TableName,
        /// The version it would have.
        version: i64,
        /// What to look for in the log.
        commit_id: Uuid,
        /// The store's last words.
        reason: String,
    },
    /// A task of ours was cut off: the process is stopping, or it panicked.
    #[error("writing files of table `{table}` was cut off")]
    CutOff {
        /// The table.
        table: TableName,
        /// What the runtime says.
        #[source]
        source: tokio::task::JoinError,
    },
}

/// A fence as people read it.
fn shown(fence: Option<i64>) -> String {
    fence.map_or_else(|| "nothing".to_owned(), |offset| offset.to_string())
}

impl LakeError {
    /// Wraps an error of Delta.
    pub(crate) fn delta(action: &'static str, table: &TableName) -> impl FnOnce(DeltaTableError) -> LakeError {
        let table = table.clone();
        move |source| LakeError::Delta {
            action,
            table,
            source: Box::new(source),
        }
    }

    /// Wraps an error of the object store.
    pub(crate) fn store(
        action: &'static str,
        name: impl Into<String>,
    ) -> impl FnOnce(object_store::Error) -> LakeError {
        let name = name.into();
        move |source| LakeError::Store { action, name, source }
    }
}

impl Explain for LakeError {
    fn code(&self) -> ErrorCode {
        match self {
            LakeError::Location { .. } | LakeError::Schema { .. } => ErrorCode::InvalidInput,
            LakeError::Threads(_) | LakeError::Store { .. } | LakeError::Unknown { .. } | LakeError::CutOff { .. } => {
                ErrorCode::Unavailable
            }
            LakeError::Delta { .. } => ErrorCode::Internal,
            LakeError::Unsupported { .. } => ErrorCode::NotReady,
            LakeError::Corrupt { .. } | LakeError::SetBack { .. } => ErrorCode::Corrupt,
            LakeError::Fenced { .. } | LakeError::Conflict { .. } => ErrorCode::Conflict,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            LakeError::Fenced { .. } => "another process lands the same stream under the same pipeline name; stop one",
            LakeError::Conflict { .. } => "many writers share this table; write less often or give each its own table",
            LakeError::Unknown { .. } => "nothing is lost: the stream starts again from what the table holds",
            LakeError::Threads(_) => {
                "the system's limit of threads or memory is reached: raise it, or stop other processes"
            }
            LakeError::Schema { .. } => {
                "only new columns that may be null can be added; use a new stream name otherwise"
            }
            LakeError::Unsupported { .. } => "take the property off the table, or land the stream in a new table",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
