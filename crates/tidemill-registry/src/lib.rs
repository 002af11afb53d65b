//! Experiments, runs, metrics, models, versions, aliases, deployments, artifacts, lineage, firings of triggers, the event
//! clock and the audit log, in one database and one folder of blobs.
//!
//! Invariants:
//! - A change is one transaction, with its audit entry in it; a caller is answered after the commit.
//! - A ready model version never changes. The same content registered twice is one version.
//! - Aliases and deployments are events: nothing is updated, the present and "as of" are views over the past.
//! - Bytes are stored by their hash, once, and are hashed again by every read. No text of a caller becomes a file name.
//! - Nothing here reads the clock: times come from the one that was injected.
//!
//! Absent on purpose: Arrow and DataFusion (tables leave as plain rows), serving (the registry records what is live,
//! it swaps nothing), deletion.

mod alias;
mod artifact;
mod audit;
mod blob;
mod check;
mod db;
mod deploy;
mod deployment;
mod error;
mod event_clock;
mod experiment;
mod export;
mod firing;
mod hash;
mod ids;
pub mod limits;
mod lineage;
mod location;
mod metric;
mod model;
mod register;
mod registry;
mod run;
mod run_query;
#[cfg(test)]
mod tests;

pub use alias::{Alias, AliasEvent};
pub use artifact::ArtifactEntry;
pub use audit::{AuditChain, AuditEntry};
pub use deploy::{NewDeployment, NewMove};
pub use deployment::{Deployment, DeploymentKind, ReleasePins, forward_target, rollback_target};
pub use error::RegistryError;
pub use event_clock::ClockState;
pub use experiment::Experiment;
pub use export::{ColumnType, ExportedTable, RegistryTable, Value};
pub use firing::{Firing, FiringFilter, FiringOutcome, FiringState, FiringStep, NewFiring, RecordedFiring};
pub use hash::{InvalidHash, Sha256Hash};
pub use ids::{CountedIds, IdSource, RandomIds};
pub use location::RegistryLocation;
pub use metric::MetricPoint;
pub use model::{Approval, Model, ModelVersion, VersionDetails, VersionRef};
pub use register::{NewVersion, Registered};
pub use registry::Registry;
pub use run::{NewRun, Run, RunEnd, RunStatus};
pub use run_query::{ProducedVersion, RunDetails, RunFilter, RunOrder};
