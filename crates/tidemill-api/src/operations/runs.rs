//! Experiments and runs.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use tidemill_types::{ExperimentName, Lineage, Metrics, Micros, ModelName, RunId, VersionNumber};
use utoipa::{IntoParams, ToSchema};

use crate::schema;

/// A named group of runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Experiment {
    /// Its name.
    #[schema(value_type = String)]
    pub name: ExperimentName,
    /// When it was made.
    #[schema(value_type = String)]
    pub created_at: Micros,
    /// Its runs.
    pub runs: u64,
}

/// What a run is doing, or how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It has not ended.
    Running,
    /// It ended well.
    Finished,
    /// It ended by an error, a failing check or a gate.
    Failed,
    /// It was ended on purpose before it was through: a failing check, a gate that was not passed.
    Stopped,
    /// The process that ran it went away.
    Killed,
}

/// Which runs to list, and in which order.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RunsRequest {
    /// Only this experiment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub experiment: Option<ExperimentName>,
    /// Only this model's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub model: Option<ModelName>,
    /// Only those in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub status: Option<RunStatus>,
    /// Order by this metric; by default the newest come first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_by: Option<String>,
    /// Smallest first instead of largest first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ascending: bool,
    /// At most this many; 100 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Runs in a list when nobody says how many.
pub const RUNS_LISTED: u32 = 100;
/// Most runs in a list.
pub const RUNS_LISTED_MAX: u32 = 10_000;

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunSummary {
    /// Its public id.
    #[schema(value_type = String)]
    pub id: RunId,
    /// Its name.
    pub name: String,
    /// Its experiment.
    #[schema(value_type = String)]
    pub experiment: ExperimentName,
    /// The model it trained, if it trained one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub model: Option<ModelName>,
    /// The algorithm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// How it ended.
    pub status: RunStatus,
    /// When it started.
    #[schema(value_type = String)]
    pub started_at: Micros,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub finished_at: Option<Micros>,
    /// Its newest figures.
    #[schema(value_type = std::collections::BTreeMap<String, f64>)]
    pub metrics: Metrics,
    /// The version that it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub version: Option<VersionNumber>,
}

/// A run in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Run {
    /// What a list shows.
    #[serde(flatten)]
    pub summary: RunSummary,
    /// Its parameters.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub params: IndexMap<String, String>,
    /// Its tags.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub tags: IndexMap<String, String>,
    /// What it read, once it read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Lineage>)]
    pub lineage: Option<Lineage>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What it stored, by path.
    pub artifacts: Vec<RunArtifact>,
}

/// A file that a run stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunArtifact {
    /// Its path among the run's artifacts.
    pub path: String,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
}

/// Most runs side by side.
pub const RUNS_COMPARED_MAX: usize = 32;

/// Runs side by side. Every list of values is in the order of `runs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunComparison {
    /// The runs as they were named.
    pub runs: Vec<RunSummary>,
    /// Parameters by name.
    pub params: Vec<ComparedParam>,
    /// Figures by name.
    pub metrics: Vec<ComparedMetric>,
}

/// One parameter over several runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ComparedParam {
    /// The parameter.
    pub name: String,
    /// Its value in each run, null where the run has none.
    pub values: Vec<Option<String>>,
    /// Whether the runs disagree.
    pub differs: bool,
}

/// One figure over several runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ComparedMetric {
    /// The figure.
    pub name: String,
    /// Its value in each run, null where the run has none.
    pub values: Vec<Option<f64>>,
}
