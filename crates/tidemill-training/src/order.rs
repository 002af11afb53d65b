//! What can be ordered of a trainer, what it tells on the way, and what comes of it.

use serde_json::{Map, Value};
use tidemill_models::{Algorithm, FitProgress, FitSummary};
use tidemill_monitor::CheckReport;
use tidemill_types::{ExperimentName, GateVerdict, Metrics, Micros, ModelName, RunId, TimeRange, VersionNumber};

use crate::{Champion, Comparison, SetCounts, Windows};

/// Train this model. Everything that is absent comes from the model's settings.
#[derive(Debug, Clone)]
pub struct TrainOrder {
    /// The model.
    pub model: ModelName,
    /// What is fitted. Another algorithm than the settings' starts from its own defaults, not from their `params`.
    pub algorithm: Option<Algorithm>,
    /// Hyperparameters, over those of the settings one by one.
    pub params: Map<String, Value>,
    /// The seed.
    pub seed: Option<u64>,
    /// Event times to learn from.
    pub train: Option<TimeRange>,
    /// Event times to be judged on.
    pub evaluate: Option<TimeRange>,
    /// The experiment of the run.
    pub experiment: Option<ExperimentName>,
    /// The run's name.
    pub name: Option<String>,
    /// Train as it could have been done at this time: the windows follow from it, and only what was known then is read.
    pub as_of: Option<Micros>,
    /// Whom it is held against.
    pub opponent: Opponent,
    /// Whether a model that passes its gate becomes a version.
    pub register: bool,
    /// Who orders it.
    pub actor: String,
}

impl TrainOrder {
    /// `model` as its settings have it, registered when it passes its gate.
    pub fn new(model: ModelName, actor: impl Into<String>) -> TrainOrder {
        TrainOrder {
            model,
            algorithm: None,
            params: Map::new(),
            seed: None,
            train: None,
            evaluate: None,
            experiment: None,
            name: None,
            as_of: None,
            opponent: Opponent::Nobody,
            register: true,
            actor: actor.into(),
        }
    }
}

/// Whom a new model is held against, on the labelled rows of the evaluation window.
#[derive(Debug, Clone)]
pub enum Opponent {
    /// Nobody: the model is not compared.
    Nobody,
    /// Whoever serves, and that is nobody yet.
    NoChampion,
    /// The version that serves.
    Champion(Box<Champion>),
}

impl Opponent {
    /// The champion, where there is one.
    pub fn champion(&self) -> Option<&Champion> {
        match self {
            Opponent::Champion(champion) => Some(champion),
            Opponent::Nobody | Opponent::NoChampion => None,
        }
    }
}

/// How far a training is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrainStep {
    /// The checks run over the training window.
    Checks,
    /// The features and labels of the training window are computed.
    TrainingSet,
    /// Those of the evaluation window.
    EvaluationSet,
    /// The model is fitted.
    Fit(FitProgress),
    /// The evaluated rows are scored and counted.
    Evaluate,
    /// The version is registered.
    Register,
}

/// Where a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrainEnd {
    /// A check of severity `fail` did not pass; nothing was fitted.
    StoppedByChecks,
    /// The gate was not passed; nothing was registered.
    RefusedByGate,
    /// Nobody asked for a version.
    Unregistered,
    /// It is a version.
    Registered {
        /// Its number.
        version: VersionNumber,
        /// Whether the very same model was a version already.
        existing: bool,
    },
}

/// What came of a training.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// Where it ended.
    pub end: TrainEnd,
    /// The run.
    pub run: RunId,
    /// Its name.
    pub run_name: String,
    /// Its experiment.
    pub experiment: ExperimentName,
    /// What was fitted.
    pub algorithm: Algorithm,
    /// The hyperparameters in force, defaults included.
    pub params: Map<String, Value>,
    /// The seed in force.
    pub seed: u64,
    /// What it learnt from and was judged on.
    pub windows: Windows,
    /// Rows of the training set.
    pub train_rows: SetCounts,
    /// Rows that were judged on.
    pub evaluate_rows: SetCounts,
    /// The figures; empty where nothing was fitted.
    pub metrics: Metrics,
    /// The gate, rule by rule; empty where nothing was fitted.
    pub gate: GateVerdict,
    /// The comparison with the champion, where the order asked for one.
    pub comparison: Option<Comparison>,
    /// The content hash of the artifact, where one was made.
    pub content_hash: Option<String>,
    /// How the fit went, where there was one.
    pub fit: Option<FitSummary>,
    /// The checks over the training window.
    pub checks: CheckReport,
}
