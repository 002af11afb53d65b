//! What can be ordered, as data.

use tidemill_registry::{ReleasePins, VersionRef};
use tidemill_types::{AliasName, DeploymentName, ModelName, VersionNumber};

/// Which model a deployment serves and which alias follows it: the project's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The deployment.
    pub deployment: DeploymentName,
    /// The model it serves.
    pub model: ModelName,
    /// The alias that points at what it serves.
    pub alias: AliasName,
}

/// Serve this version there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployOrder {
    /// Where.
    pub deployment: DeploymentName,
    /// The version, or an alias that points at it now.
    pub version: VersionRef,
    /// What goes live with it.
    pub pins: ReleasePins,
    /// Who orders it.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// Go back to what was served before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveOrder {
    /// Where.
    pub deployment: DeploymentName,
    /// Who orders it.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// Point an alias at a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasOrder {
    /// The model.
    pub model: ModelName,
    /// The alias.
    pub alias: AliasName,
    /// The version it shall point at.
    pub version: VersionNumber,
    /// Who orders it.
    pub actor: String,
    /// Why.
    pub reason: String,
}
