//! What the rest of the house works with: streams, models and deployments with every default filled in and every name known.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tidemill_types::{
    Algorithm, AliasName, CheckName, ColumnName, DeploymentName, DurationText, ExperimentName, Gate, ModelName,
    StreamName, TopicName, ViewName,
};

use crate::schema::StreamSchema;
use crate::settings::{CompareRule, Format, StreamColumn, TopK};

/// A stream: a Kafka topic that lands in the table of its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// Its name, and the name of its table.
    pub name: StreamName,
    /// The topic.
    pub topic: TopicName,
    /// Its columns.
    pub schema: StreamSchema,
    /// The schema's file, relative to the project.
    pub schema_file: PathBuf,
    /// The columns that identify a row; empty where nothing does.
    pub key: Vec<ColumnName>,
    /// The column that says when it happened; absent, the Kafka timestamp does.
    pub event_time: Option<ColumnName>,
    /// The column whose value is the Kafka key of records that we produce; absent, they have none.
    pub partition_by: Option<ColumnName>,
    /// How far behind the newest event an event may lie before it is flagged late.
    pub lateness: DurationText,
    /// The Kafka partitions of the topic where we make it; at least 1.
    pub partitions: i32,
    /// How records are written.
    pub format: Format,
}

/// A model: what it learns from what, over which windows, and when it is good enough.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSpec {
    /// Its name.
    pub name: ModelName,
    /// The stream whose rows are scored; it has a key.
    pub stream: StreamName,
    /// What is predicted; its stream's key columns are columns of `stream` too.
    pub label: StreamColumn,
    /// The feature views, at least one; their key columns are columns of `stream` too.
    pub views: Vec<ViewName>,
    /// The features in their order; absent, all of the views in their order.
    pub features: Option<Vec<ColumnName>>,
    /// What is fitted.
    pub algorithm: Algorithm,
    /// Its hyperparameters by name: numbers, texts and truths. Whether the algorithm knows them is for it to say.
    pub params: BTreeMap<String, serde_json::Value>,
    /// The seed.
    pub seed: u64,
    /// The length of the training window.
    pub train: DurationText,
    /// The time between training and evaluation window.
    pub gap: DurationText,
    /// The length of the evaluation window.
    pub evaluate: DurationText,
    /// Which rows of it count: a key of `Project::evaluations`; absent, all.
    pub evaluation: Option<String>,
    /// Precision among the highest scores of a day, where wanted.
    pub top_k: Option<TopK>,
    /// The checks before training.
    pub checks: Vec<CheckName>,
    /// When its runs are good enough.
    pub gate: Gate,
    /// The stream that its predictions are written to; it has the columns of the contract. Absent, the model's stream is not
    /// scored.
    pub predictions: Option<StreamName>,
    /// From this score on the decision is 1.
    pub threshold: f64,
    /// When a challenger takes the champion's place.
    pub compare: CompareRule,
    /// The experiment that its runs belong to.
    pub experiment: ExperimentName,
}

/// A place that serves one version of a model at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentSpec {
    /// Its name.
    pub name: DeploymentName,
    /// The model.
    pub model: ModelName,
    /// The alias whose version is served.
    pub alias: AliasName,
}
