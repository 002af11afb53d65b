//! Training: what to fit, and what became of it.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use tidemill_types::{ExperimentName, GateVerdict, Metrics, Micros, ModelName, RunId, TimeRange, VersionNumber};
use utoipa::ToSchema;

use super::{CheckReport, Deployment};
use crate::schema;

/// What to train. Everything that is absent comes from the model's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainRequest {
    /// The model.
    #[schema(value_type = String)]
    pub model: ModelName,
    /// `logistic_regression`, `decision_tree`, `random_forest` or `xgboost`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// Hyperparameters; they replace those of the settings one by one.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schema(value_type = Object)]
    pub params: IndexMap<String, serde_json::Value>,
    /// Seed of the fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Event times to learn from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::TimeRange>)]
    pub train: Option<TimeRange>,
    /// Event times to be judged on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::TimeRange>)]
    pub evaluate: Option<TimeRange>,
    /// Train as it could have been done at this time: the windows follow from it, and only what was known then is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub as_of: Option<Micros>,
    /// The experiment of the run; by default the model's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub experiment: Option<ExperimentName>,
    /// The run's name; by default the algorithm and the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether a model that passes its gate becomes a version; true when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register: Option<bool>,
    /// Whether the new version is deployed at once; false when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy: Option<bool>,
    /// Who asks, as they call themselves; kept in the audit log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}

impl TrainRequest {
    /// `model` as its settings have it.
    pub fn new(model: ModelName) -> TrainRequest {
        TrainRequest {
            model,
            algorithm: None,
            params: IndexMap::new(),
            seed: None,
            train: None,
            evaluate: None,
            as_of: None,
            experiment: None,
            name: None,
            register: None,
            deploy: None,
            actor: None,
        }
    }
}

/// How far a training came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrainStatus {
    /// A check of severity `fail` did not pass: nothing was fitted. The report names the rows.
    StoppedByChecks,
    /// It was fitted and judged, and did not pass its gate: no version.
    RefusedByGate,
    /// It was fitted and judged, and nobody asked for a version.
    Finished,
    /// It is a version of its model.
    Registered,
    /// It is a version of its model, and serves.
    Deployed,
}

/// Rows of a training or evaluation set.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct RowCounts {
    /// All rows.
    pub rows: u64,
    /// Rows whose label is 1.
    pub positives: u64,
}

/// What became of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrainOutcome {
    /// How far it came.
    pub status: TrainStatus,
    /// The run.
    #[schema(value_type = String)]
    pub run: RunId,
    /// The run's name.
    pub run_name: String,
    /// Its experiment.
    #[schema(value_type = String)]
    pub experiment: ExperimentName,
    /// The model.
    #[schema(value_type = String)]
    pub model: ModelName,
    /// The algorithm that was fitted.
    pub algorithm: String,
    /// The hyperparameters in force.
    #[schema(value_type = Object)]
    pub params: IndexMap<String, serde_json::Value>,
    /// The seed in force.
    pub seed: u64,
    /// Event times that were learnt from.
    #[schema(value_type = schema::TimeRange)]
    pub train: TimeRange,
    /// Rows that were learnt from.
    pub train_rows: RowCounts,
    /// Event times that were judged on.
    #[schema(value_type = schema::TimeRange)]
    pub evaluate: TimeRange,
    /// Rows that were judged on, after the evaluation's SQL.
    pub evaluate_rows: RowCounts,
    /// Evaluation figures.
    #[schema(value_type = std::collections::BTreeMap<String, f64>)]
    pub metrics: Metrics,
    /// The gate, rule by rule.
    #[schema(value_type = schema::GateVerdict)]
    pub gate: GateVerdict,
    /// The version, where one was registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub version: Option<VersionNumber>,
    /// The content hash of what was fitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<String>,
    /// The checks over the training window.
    pub checks: CheckReport,
    /// The deployment, where it was deployed at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Deployment>,
    /// How long it all took, in milliseconds.
    pub elapsed_ms: u64,
}
