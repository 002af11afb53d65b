//! What can go wrong in the registry, and what to do about it.

use std::path::PathBuf;
use std::sync::Arc;

use tidemill_types::{DeploymentName, ErrorCode, Explain, Micros, ModelName, RunId, TriggerName, VersionNumber};

use crate::limits::{EXPORT_ROWS_MAX, RUN_PREFIX_CHARS_MIN};
use crate::{RunStatus, Sha256Hash};

/// Everything that a registry answers instead of a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The URL names a store that this build cannot open.
    #[error("no registry can be opened at a `{scheme}:` location")]
    UnsupportedLocation {
        /// What stands before the colon.
        scheme: String,
    },
    /// The database could not be opened.
    #[error("failed to open the registry `{location}`")]
    Open {
        /// The file.
        location: String,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// The schema could not be brought up to date.
    #[error("failed to migrate the registry `{location}`")]
    Migrate {
        /// The file.
        location: String,
        /// What the migrator said.
        #[source]
        source: Box<sqlx::migrate::MigrateError>,
    },
    /// A statement failed.
    #[error("failed to run the registry's statement `{statement}`")]
    Database {
        /// The statement's file.
        statement: &'static str,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// A stored value is not what its column holds.
    #[error("column `{column}` of the registry's statement `{statement}` cannot be read")]
    Decode {
        /// The statement's file.
        statement: &'static str,
        /// The column.
        column: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The transaction that held the change did not reach the disk.
    #[error("failed to commit a change of the registry")]
    Commit {
        /// What the driver said; shared by all changes of the transaction.
        #[source]
        source: Arc<sqlx::Error>,
    },
    /// The registry is closed, or its writer has died.
    #[error("the registry is closed")]
    Closed,
    /// A blob could not be read or written.
    #[error("failed to {action} `{path}`")]
    Blob {
        /// `read`, `write` …
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No blob of this hash was stored.
    #[error("no blob {hash} in the registry")]
    BlobNotFound {
        /// The hash that was asked for.
        hash: Sha256Hash,
    },
    /// The bytes on disk are not those that were stored.
    #[error("blob {hash} is damaged: its bytes hash to {found}")]
    BlobDamaged {
        /// What was stored.
        hash: Sha256Hash,
        /// What is there.
        found: Sha256Hash,
    },
    /// What was named is not there.
    #[error("no {kind} `{name}` in the registry")]
    NotFound {
        /// `experiment`, `run`, `model` …
        kind: &'static str,
        /// As it was asked for.
        name: String,
    },
    /// A run's id was cut so short that several match.
    #[error("`{prefix}` is the start of more than one run: {first}, {second}")]
    AmbiguousRun {
        /// As it was asked for.
        prefix: String,
        /// One that matches.
        first: RunId,
        /// Another one.
        second: RunId,
    },
    /// A text is too long, empty or otherwise unfit for its place.
    #[error("{field} {rule}")]
    Invalid {
        /// Which input, as a person would call it.
        field: String,
        /// The rule that it breaks, in words.
        rule: String,
    },
    /// A call brings more than its limit.
    #[error("{count} {what} in one call; the limit is {max}")]
    TooMany {
        /// `metrics`, `params` …
        what: &'static str,
        /// How many came.
        count: usize,
        /// How many may.
        max: usize,
    },
    /// A table has outgrown what is handed to SQL.
    #[error("table `{table}` has more than {EXPORT_ROWS_MAX} rows")]
    ExportTooLarge {
        /// Its name in SQL.
        table: &'static str,
    },
    /// A parameter has another value already.
    #[error("parameter `{name}` of run {run} is `{old}` and cannot become `{new}`")]
    ParamChanged {
        /// The run.
        run: RunId,
        /// The parameter.
        name: String,
        /// Its value.
        old: String,
        /// The value that was refused.
        new: String,
    },
    /// A run that has ended cannot end otherwise.
    #[error("run {run} has ended already: it is {status}")]
    RunEnded {
        /// The run.
        run: RunId,
        /// How it ended.
        status: RunStatus,
    },
    /// The lineage of a run was recorded before, and was another.
    #[error("run {run} has another lineage already")]
    LineageChanged {
        /// The run.
        run: RunId,
    },
    /// Somebody deployed between the look at the history and the move.
    #[error("deployment `{deployment}` would now move to {found}, not to {expected}")]
    DeploymentMoved {
        /// The deployment.
        deployment: DeploymentName,
        /// Where the caller wanted it.
        expected: VersionNumber,
        /// Where its history leads now.
        found: VersionNumber,
    },
    /// A firing only goes on.
    #[error("the firing of trigger `{trigger}` at {at} is {state} and cannot become {to}")]
    FiringMove {
        /// The trigger.
        trigger: TriggerName,
        /// The time that it fired for.
        at: Micros,
        /// How far it is.
        state: &'static str,
        /// Where it was to go.
        to: &'static str,
    },
    /// A version that was rejected does not go live.
    #[error("{version} of model `{model}` is rejected and cannot go live")]
    VersionRejected {
        /// The model.
        model: ModelName,
        /// The version.
        version: VersionNumber,
    },
    /// A deployment serves one model for life.
    #[error("deployment `{deployment}` serves model `{model}`, not `{other}`")]
    DeploymentOfAnotherModel {
        /// The deployment.
        deployment: DeploymentName,
        /// The model that it serves.
        model: ModelName,
        /// The model that was to go live.
        other: ModelName,
    },
    /// There is no version before the live one.
    #[error("deployment `{deployment}` has no version to roll back to")]
    NothingToRollBackTo {
        /// The deployment.
        deployment: DeploymentName,
        /// The newest version that was live there and was rolled back; none where only one was ever live.
        rolled_back: Option<VersionNumber>,
    },
    /// The last move was not a rollback.
    #[error("deployment `{deployment}` has no rollback to undo")]
    NothingToUndo {
        /// The deployment.
        deployment: DeploymentName,
    },
    /// An entry of the audit log does not follow from the one before it.
    #[error("the audit log is broken at entry {sequence}: {fault}")]
    AuditBroken {
        /// The first entry that does not hold.
        sequence: i64,
        /// What is wrong with it.
        fault: &'static str,
    },
}

impl RegistryError {
    pub(crate) fn not_found(kind: &'static str, name: &(impl ToString + ?Sized)) -> RegistryError {
        RegistryError::NotFound {
            kind,
            name: name.to_string(),
        }
    }

    pub(crate) fn invalid(field: impl Into<String>, rule: impl Into<String>) -> RegistryError {
        RegistryError::Invalid {
            field: field.into(),
            rule: rule.into(),
        }
    }
}

impl Explain for RegistryError {
    fn code(&self) -> ErrorCode {
        match self {
            RegistryError::UnsupportedLocation { .. }
            | RegistryError::Invalid { .. }
            | RegistryError::AmbiguousRun { .. } => ErrorCode::InvalidInput,
            RegistryError::NotFound { .. } | RegistryError::BlobNotFound { .. } => ErrorCode::NotFound,
            RegistryError::ParamChanged { .. }
            | RegistryError::RunEnded { .. }
            | RegistryError::LineageChanged { .. }
            | RegistryError::DeploymentMoved { .. }
            | RegistryError::FiringMove { .. }
            | RegistryError::DeploymentOfAnotherModel { .. } => ErrorCode::Conflict,
            RegistryError::NothingToRollBackTo { .. }
            | RegistryError::NothingToUndo { .. }
            | RegistryError::VersionRejected { .. } => ErrorCode::NotReady,
            RegistryError::TooMany { .. } | RegistryError::ExportTooLarge { .. } => ErrorCode::LimitReached,
            RegistryError::Open { .. }
            | RegistryError::Commit { .. }
            | RegistryError::Closed
            | RegistryError::Blob { .. } => ErrorCode::Unavailable,
            RegistryError::BlobDamaged { .. }
            | RegistryError::Decode { .. }
            | RegistryError::AuditBroken { .. }
            | RegistryError::Migrate { .. } => ErrorCode::Corrupt,
            RegistryError::Database { .. } => ErrorCode::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            RegistryError::UnsupportedLocation { .. } => "write `sqlite:PATH` with the path of a file",
            RegistryError::Migrate { .. } => {
                "the file may have been written by a newer version of tidemill: use that version, or another file"
            }
            RegistryError::Commit { .. } => {
                "another process may be writing to the registry's file, or the disk is full"
            }
            RegistryError::NotFound { kind: "run", .. } | RegistryError::AmbiguousRun { .. } => {
                return Some(format!(
                    "`tidemill runs list` shows the ids; {RUN_PREFIX_CHARS_MIN} digits are enough where they are unique"
                ));
            }
            RegistryError::NotFound {
                kind: "model" | "version" | "alias",
                ..
            } => "`tidemill models list` shows models, versions and aliases",
            RegistryError::NotFound { kind: "deployment", .. } => {
                "deploy a version first: `tidemill deploy DEPLOYMENT VERSION`"
            }
            RegistryError::BlobDamaged { .. } | RegistryError::BlobNotFound { .. } => {
                "restore the registry's artifacts folder from a backup, or train the version again: the same data and seed give the same bytes"
            }
            RegistryError::ParamChanged { .. } => "parameters of a run never change: use a tag, or another run",
            RegistryError::FiringMove { .. } => "`tidemill triggers history` shows what came of it",
            RegistryError::DeploymentMoved { .. } => {
                "somebody else deployed: look at `tidemill status` and decide again"
            }
            RegistryError::NothingToRollBackTo {
                deployment,
                rolled_back: Some(VersionNumber(version)),
            } => {
                return Some(format!(
                    "nothing was live before that was not rolled back; `tidemill deploy {deployment} {version}` serves \
                     version {version} again"
                ));
            }
            RegistryError::NothingToRollBackTo { rolled_back: None, .. } => {
                "only a second deployment makes a rollback possible"
            }
            RegistryError::NothingToUndo { deployment } => {
                return Some(format!(
                    "the last move was no rollback; `tidemill deploy {deployment} VERSION` serves any version"
                ));
            }
            RegistryError::ExportTooLarge { .. } => "ask the API for the runs that are needed",
            RegistryError::AuditBroken { .. } => {
                "somebody changed the registry's file by hand: compare it with a backup from before"
            }
            _ => return None,
        };
        Some(hint.into())
    }
}
