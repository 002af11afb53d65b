//! Why a training failed. Its run says so too.

use arrow::error::ArrowError;
use tidemill_engine::EngineError;
use tidemill_features::FeaturesError;
use tidemill_models::{ArtifactError, ColumnError, FitError, HyperparameterError, ScoreError, TrainingDataError};
use tidemill_monitor::MonitorError;
use tidemill_registry::RegistryError;
use tidemill_stats::drift::DriftError;
use tidemill_stats::evaluation::EvaluationError;
use tidemill_types::{ErrorCode, Explain, ModelName, TimeRange, VersionNumber};

/// Why a training failed. Its run says so too.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The project has no such model.
    #[error("no model is called `{model}`")]
    UnknownModel {
        /// The name.
        model: ModelName,
        /// The models of tidemill.toml.
        known: Vec<ModelName>,
    },
    /// Without a label there is nothing to learn.
    #[error("no label of `{label}` is known yet")]
    NoLabels {
        /// The label, as `stream.COLUMN`.
        label: String,
    },
    /// A window that was asked for is open or empty.
    #[error("the {which} window `{asked}` needs a beginning and a later end")]
    Window {
        /// Which of the two.
        which: &'static str,
        /// As asked.
        asked: TimeRange,
    },
    /// The windows overlap.
    #[error("the training window ({train}) ends after the evaluation window ({evaluate}) begins")]
    Overlap {
        /// The one.
        train: TimeRange,
        /// The other.
        evaluate: TimeRange,
    },
    /// A window holds no labelled row.
    #[error("the {which} window ({window}) holds no labelled row")]
    Empty {
        /// Which of the two.
        which: &'static str,
        /// The window.
        window: TimeRange,
    },
    /// The hyperparameters are wrong.
    #[error(transparent)]
    Hyperparameters(#[from] HyperparameterError),
    /// The checks could not be run.
    #[error(transparent)]
    Monitor(#[from] MonitorError),
    /// The training set could not be built.
    #[error(transparent)]
    Features(#[from] FeaturesError),
    /// A query of the pipeline failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A column cannot be a feature or a label.
    #[error("the training set of `{model}` cannot be fitted")]
    Column {
        /// The model.
        model: ModelName,
        /// Why.
        #[source]
        source: ColumnError,
    },
    /// The rows cannot be fitted.
    #[error("the training set of `{model}` cannot be fitted")]
    Data {
        /// The model.
        model: ModelName,
        /// Why.
        #[source]
        source: TrainingDataError,
    },
    /// The fit failed.
    #[error("`{model}` could not be fitted")]
    Fit {
        /// The model.
        model: ModelName,
        /// Why.
        #[source]
        source: FitError,
    },
    /// The fitted model could not score.
    #[error("`{model}` could not be scored")]
    Score {
        /// The model.
        model: ModelName,
        /// Why.
        #[source]
        source: ScoreError,
    },
    /// The evaluated rows lack a column.
    #[error("the evaluated rows of `{model}`: column `{column}` {fault}")]
    EvaluationColumn {
        /// The model.
        model: ModelName,
        /// The column.
        column: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The figures cannot be computed.
    #[error("`{model}` could not be evaluated")]
    Evaluation {
        /// The model.
        model: ModelName,
        /// Why.
        #[source]
        source: EvaluationError,
    },
    /// A column of the training set has no profile.
    #[error("column `{column}` of the training set has no profile")]
    Reference {
        /// The column.
        column: String,
        /// Why.
        #[source]
        source: DriftError,
    },
    /// The text of a reference cannot be written or read.
    #[error("the reference of a version cannot be written or read")]
    ReferenceText(#[source] serde_json::Error),
    /// The bytes of a version cannot be read.
    #[error("{version} of `{model}` cannot be read")]
    Artifact {
        /// The model.
        model: ModelName,
        /// The version.
        version: VersionNumber,
        /// Why.
        #[source]
        source: ArtifactError,
    },
    /// The registry refused or failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The artifact's content hash is no SHA-256.
    #[error("the artifact's content hash is no SHA-256")]
    ContentHash,
    /// Columns could not be put together.
    #[error("columns could not be put together")]
    Arrow(#[from] ArrowError),
    /// A step broke off.
    #[error("the training broke off")]
    BrokeOff(#[from] tokio::task::JoinError),
}

impl Explain for TrainError {
    fn code(&self) -> ErrorCode {
        match self {
            TrainError::UnknownModel { .. } => ErrorCode::NotFound,
            TrainError::NoLabels { .. } | TrainError::Empty { .. } | TrainError::Evaluation { .. } => {
                ErrorCode::NotReady
            }
            TrainError::Window { .. } | TrainError::Overlap { .. } | TrainError::EvaluationColumn { .. } => {
                ErrorCode::InvalidInput
            }
            TrainError::Hyperparameters(error) => error.code(),
            TrainError::Monitor(error) => error.code(),
            TrainError::Features(error) => error.code(),
            TrainError::Engine(error) => error.code(),
            TrainError::Column { source, .. } => source.code(),
            TrainError::Data { source, .. } => source.code(),
            TrainError::Fit { source, .. } => source.code(),
            TrainError::Score { source, .. } => source.code(),
            TrainError::Registry(error) => error.code(),
            TrainError::Artifact { .. } | TrainError::ReferenceText(_) => ErrorCode::Corrupt,
            TrainError::ContentHash | TrainError::Arrow(_) | TrainError::BrokeOff(_) | TrainError::Reference { .. } => {
                ErrorCode::Internal
            }
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            TrainError::UnknownModel { known, .. } => {
                let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
                Some(match names.is_empty() {
                    true => "tidemill.toml has no [models.NAME]".to_owned(),
                    false => format!("tidemill.toml has {}", names.join(", ")),
                })
            }
            TrainError::NoLabels { .. } => {
                Some("send labels, or wait until they have landed: tidemill status".to_owned())
            }
            TrainError::Window { .. } => {
                Some("write 2018-07-25..2018-08-01; the end is the first time after".to_owned())
            }
            TrainError::Overlap { .. } => Some("a model is judged on rows later than those it learnt from".to_owned()),
            TrainError::Empty { .. } => {
                Some("look at what has landed: tidemill status; choose windows with --train and --evaluate".to_owned())
            }
            TrainError::Hyperparameters(error) => error.hint(),
            TrainError::Monitor(error) => error.hint(),
            TrainError::Features(error) => error.hint(),
            TrainError::Engine(error) => error.hint(),
            TrainError::Column { source, .. } => source.hint(),
            TrainError::Data { source, .. } => source.hint(),
            TrainError::Fit { source, .. } => source.hint(),
            TrainError::Score { source, .. } => source.hint(),
            TrainError::EvaluationColumn { .. } => {
                Some("the evaluation's SQL must return `score`, `label`, the event time and the entity".to_owned())
            }
            TrainError::Evaluation { .. } => Some("choose an evaluation window that holds both classes".to_owned()),
            TrainError::Registry(error) => error.hint(),
            TrainError::ContentHash
            | TrainError::Arrow(_)
            | TrainError::BrokeOff(_)
            | TrainError::Reference { .. }
            | TrainError::ReferenceText(_)
            | TrainError::Artifact { .. } => None,
        }
    }
}
