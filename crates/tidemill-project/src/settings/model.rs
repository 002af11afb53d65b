//! `[models.<name>]` and `[deployments.<name>]`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_types::{
    Algorithm, AliasName, CheckName, ColumnName, DurationText, ExperimentName, Gate, InvalidName, ModelName,
    StreamName, ViewName,
};

use super::forms::{
    AlgorithmForm, ColumnForm, DurationForm, GateRuleForm, IdentifierForm, LabelForm, ParamForm, StreamColumnForm,
};

/// The length of the training and evaluation windows where none is set.
const WINDOW: DurationText = DurationText::from_secs(7 * 86_400);
/// The seed of every fit that sets none.
const SEED: u64 = 42;
/// The alias that a deployment follows where none is set.
const ALIAS: &str = "champion";

/// A model: what it learns from what, over which windows, and when it is good enough.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct ModelSettings {
    /// The stream whose rows are scored. Needed.
    #[schemars(with = "Option<IdentifierForm>")]
    pub stream: Option<StreamName>,
    /// What is predicted: a column of a stream that shares the key columns, as `labels.TX_FRAUD`. Needed.
    #[schemars(with = "Option<StreamColumnForm>")]
    pub label: Option<StreamColumn>,
    /// The feature views; by default all of the project.
    #[schemars(with = "Option<Vec<IdentifierForm>>")]
    pub views: Option<Vec<ViewName>>,
    /// The features, in this order; by default all of the views in their order.
    #[schemars(with = "Option<Vec<ColumnForm>>")]
    pub features: Option<Vec<ColumnName>>,
    /// What is fitted.
    #[schemars(with = "AlgorithmForm")]
    pub algorithm: Algorithm,
    /// Its hyperparameters by name, as `{ max_depth = 6 }`; docs/models.md lists them.
    #[schemars(with = "BTreeMap<String, ParamForm>")]
    pub params: BTreeMap<String, serde_json::Value>,
    /// The seed. The same seed over the same rows gives the same bytes.
    pub seed: u64,
    /// The length of the training window.
    #[schemars(with = "DurationForm")]
    pub train: DurationText,
    /// The time between the training and the evaluation window: how long labels take to be known.
    #[schemars(with = "DurationForm")]
    pub gap: DurationText,
    /// The length of the evaluation window, which ends where labels are complete.
    #[schemars(with = "DurationForm")]
    pub evaluate: DurationText,
    /// Which of its rows count, by a file of `sql/evaluation`; by default all.
    #[schemars(with = "Option<IdentifierForm>")]
    pub evaluation: Option<String>,
    /// Also measure how many of the `k` highest-scored entities of a day are positive, as `{ entity = "CUSTOMER_ID", k = 100 }`.
    pub top_k: Option<TopK>,
    /// The checks before training; by default all on the streams and views that the model reads.
    #[schemars(with = "Option<Vec<IdentifierForm>>")]
    pub checks: Option<Vec<CheckName>>,
    /// What the figures of a run must be for its model to be registered, as `[{ metric = "auc", at_least = 0.7 }]`.
    #[schemars(with = "Vec<GateRuleForm>")]
    pub gate: Gate,
    /// The stream that its predictions are written to; by default the stream called `predictions`, where there is one. A
    /// model without one is not scored on its stream.
    #[schemars(with = "Option<IdentifierForm>")]
    pub predictions: Option<StreamName>,
    /// From this score on the decision is 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: f64,
    /// When a challenger takes the champion's place, as `{ metric = "average_precision", min_rows = 1000, min_gain = 0.01 }`.
    pub compare: CompareRule,
    /// The experiment that its runs belong to; by default the project's name.
    #[schemars(with = "Option<LabelForm>")]
    pub experiment: Option<ExperimentName>,
}

impl Default for ModelSettings {
    fn default() -> ModelSettings {
        ModelSettings {
            stream: None,
            label: None,
            views: None,
            features: None,
            algorithm: Algorithm::Xgboost,
            params: BTreeMap::new(),
            seed: SEED,
            train: WINDOW,
            gap: DurationText::from_secs(0),
            evaluate: WINDOW,
            evaluation: None,
            top_k: None,
            checks: None,
            gate: Gate::default(),
            predictions: None,
            threshold: 0.5,
            compare: CompareRule::default(),
            experiment: None,
        }
    }
}

/// When a challenger is better than the champion. Both score the same labelled rows, later than both training windows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct CompareRule {
    /// The figure that decides: auc, average_precision, cp_at_100, log_loss, brier.
    pub metric: String,
    /// Labelled rows below which nothing is decided.
    pub min_rows: u64,
    /// Positive labels below which nothing is decided.
    pub min_positives: u64,
    /// By how much the challenger must be better.
    pub min_gain: f64,
}

impl Default for CompareRule {
    fn default() -> CompareRule {
        CompareRule {
            metric: "average_precision".to_owned(),
            min_rows: 1_000,
            min_positives: 20,
            min_gain: 0.0,
        }
    }
}

impl CompareRule {
    /// Whether a smaller figure is a better one.
    pub fn lower_is_better(&self) -> bool {
        matches!(self.metric.as_str(), "log_loss" | "brier")
    }
}

/// A column of a stream, written `stream.COLUMN`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamColumn {
    /// The stream.
    pub stream: StreamName,
    /// The column of its schema.
    pub column: ColumnName,
}

/// A text that names no column of a stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStreamColumn {
    /// The dot is missing.
    #[error("`{0}` is not a column of a stream: write `stream.COLUMN`")]
    NoDot(String),
    /// One of the two names is none.
    #[error(transparent)]
    Name(#[from] InvalidName),
}

impl fmt::Display for StreamColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{}", self.stream, self.column))
    }
}

impl FromStr for StreamColumn {
    type Err = InvalidStreamColumn;
    fn from_str(text: &str) -> Result<StreamColumn, InvalidStreamColumn> {
        let (stream, column) = text
            .split_once('.')
            .ok_or_else(|| InvalidStreamColumn::NoDot(text.chars().take(80).collect()))?;
        Ok(StreamColumn {
            stream: stream.parse()?,
            column: column.parse()?,
        })
    }
}

impl TryFrom<String> for StreamColumn {
    type Error = InvalidStreamColumn;
    fn try_from(text: String) -> Result<StreamColumn, InvalidStreamColumn> {
        text.parse()
    }
}

impl From<StreamColumn> for String {
    fn from(column: StreamColumn) -> String {
        column.to_string()
    }
}

/// Precision among the highest scores of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct TopK {
    /// The column of what is looked into: one score and one label an entity and day, the highest.
    #[schemars(with = "ColumnForm")]
    pub entity: ColumnName,
    /// How many a day can be looked into.
    #[serde(default = "TopK::default_k")]
    #[schemars(range(min = 1))]
    pub k: u32,
}

impl TopK {
    const fn default_k() -> u32 {
        100
    }
}

/// A place that serves one version of a model at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct DeploymentSettings {
    /// The model; by default the one of the deployment's name.
    #[schemars(with = "Option<IdentifierForm>")]
    pub model: Option<ModelName>,
    /// The alias whose version is served.
    #[schemars(with = "LabelForm")]
    pub alias: AliasName,
}

impl Default for DeploymentSettings {
    fn default() -> DeploymentSettings {
        DeploymentSettings {
            model: None,
            alias: AliasName::new(ALIAS).expect("the literal obeys the rule of its type"),
        }
    }
}
