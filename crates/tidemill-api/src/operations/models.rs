//! Registered models, their versions and the aliases that point at them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidemill_types::{
    AliasName, DeploymentName, ExperimentName, Lineage, Metrics, Micros, ModelName, RunId, VersionNumber,
};
use utoipa::ToSchema;

use crate::schema;

/// A registered model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Model {
    /// Its name.
    #[schema(value_type = String)]
    pub name: ModelName,
    /// When its first version was registered.
    #[schema(value_type = String)]
    pub created_at: Micros,
    /// How many versions it has.
    pub versions: u64,
    /// The newest one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub latest: Option<VersionNumber>,
    /// Where its aliases point now.
    #[schema(value_type = BTreeMap<String, u32>)]
    pub aliases: BTreeMap<AliasName, VersionNumber>,
    /// The deployments that serve it now, and the version each serves.
    #[schema(value_type = BTreeMap<String, u32>)]
    pub deployments: BTreeMap<DeploymentName, VersionNumber>,
}

/// One version of a model; it never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelVersion {
    /// The model.
    #[schema(value_type = String)]
    pub model: ModelName,
    /// The version.
    #[schema(value_type = u32)]
    pub version: VersionNumber,
    /// The run that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub run: Option<RunId>,
    /// The algorithm.
    pub algorithm: String,
    /// SHA-256 over what the model is, in hexadecimal: not over when or by which run it was made.
    pub content_hash: String,
    /// When it was registered.
    #[schema(value_type = String)]
    pub created_at: Micros,
    /// Evaluation figures of its run.
    #[schema(value_type = BTreeMap<String, f64>)]
    pub metrics: Metrics,
    /// The aliases that point at it now.
    #[schema(value_type = Vec<String>)]
    pub aliases: Vec<AliasName>,
    /// The deployments that serve it now.
    #[schema(value_type = Vec<String>)]
    pub deployments: Vec<DeploymentName>,
}

/// What a version was made from, and where it serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VersionLineage {
    /// The model.
    #[schema(value_type = String)]
    pub model: ModelName,
    /// The version.
    #[schema(value_type = u32)]
    pub version: VersionNumber,
    /// SHA-256 over what the model is, in hexadecimal.
    pub content_hash: String,
    /// The run that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub run: Option<RunId>,
    /// Its experiment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub experiment: Option<ExperimentName>,
    /// Tables at their versions, offsets behind them, the SQL's hash, seed and binary.
    #[schema(value_type = schema::Lineage)]
    pub lineage: Lineage,
    /// The deployments that serve it now.
    #[schema(value_type = Vec<String>)]
    pub deployments: Vec<DeploymentName>,
}

/// A pointer to one version of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Alias {
    /// The model.
    #[schema(value_type = String)]
    pub model: ModelName,
    /// The alias.
    #[schema(value_type = String)]
    pub alias: AliasName,
    /// Where it points.
    #[schema(value_type = u32)]
    pub version: VersionNumber,
    /// Since when.
    #[schema(value_type = String)]
    pub since: Micros,
}

/// Where an alias shall point. The deployments that follow the alias swap in the same step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetAlias {
    /// The version.
    #[schema(value_type = u32)]
    pub version: VersionNumber,
    /// Why, for the audit log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who asks, as they call themselves; kept in the audit log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}

/// One move of an alias.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AliasEvent {
    /// The alias.
    #[schema(value_type = String)]
    pub alias: AliasName,
    /// Where it pointed from then on; absent when it was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub version: Option<VersionNumber>,
    /// From when.
    #[schema(value_type = String)]
    pub from: Micros,
    /// Until when; absent for the move that holds now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub to: Option<Micros>,
    /// Who moved it.
    pub actor: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
