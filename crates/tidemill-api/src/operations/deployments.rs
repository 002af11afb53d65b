//! Deployments: which version serves where, since when, and the way back.

use serde::{Deserialize, Serialize};
use tidemill_types::{AliasName, DeploymentName, Micros, ModelName, VersionNumber};
use utoipa::ToSchema;

/// A named place that serves one version of one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Deployment {
    /// Its name, which is also the model's name of the inference protocol.
    #[schema(value_type = String)]
    pub name: DeploymentName,
    /// The model.
    #[schema(value_type = String)]
    pub model: ModelName,
    /// The version.
    #[schema(value_type = u32)]
    pub version: VersionNumber,
    /// The alias it follows, if it follows one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub alias: Option<AliasName>,
    /// SHA-256 over what the model is, in hexadecimal.
    pub content_hash: String,
    /// Since when it serves this version.
    #[schema(value_type = String)]
    pub since: Micros,
    /// The version that a rollback would bring back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub previous: Option<VersionNumber>,
}

/// What to deploy: a version, or where an alias points. Exactly one of the two.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeployRequest {
    /// The model.
    #[schema(value_type = String)]
    pub model: ModelName,
    /// This version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub version: Option<VersionNumber>,
    /// The version that this alias points at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub alias: Option<AliasName>,
    /// Where; by default the deployment of the model's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub deployment: Option<DeploymentName>,
    /// Why, for the audit log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who asks, as they call themselves; kept in the audit log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}

/// What to take a deployment back to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RollbackRequest {
    /// Why, for the audit log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who asks, as they call themselves; kept in the audit log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}

/// How a deployment came to serve a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentAction {
    /// It was deployed.
    Deploy,
    /// It was gone back to.
    Rollback,
    /// A rollback was undone.
    Forward,
}

/// One version that a deployment served.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeploymentEvent {
    /// The deployment.
    #[schema(value_type = String)]
    pub deployment: DeploymentName,
    /// The model.
    #[schema(value_type = String)]
    pub model: ModelName,
    /// The version.
    #[schema(value_type = u32)]
    pub version: VersionNumber,
    /// How it came to serve it.
    pub action: DeploymentAction,
    /// From when.
    #[schema(value_type = String)]
    pub from: Micros,
    /// Until when; absent for what serves now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub to: Option<Micros>,
    /// Who asked.
    pub actor: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
