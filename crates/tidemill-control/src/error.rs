//! Why an order was not carried out. Nothing has changed then.

use tidemill_engine::EngineError;
use tidemill_features::FeaturesError;
use tidemill_ingest::IngestError;
use tidemill_kafka::KafkaError;
use tidemill_monitor::MonitorError;
use tidemill_registry::RegistryError;
use tidemill_serve::InstallError;
use tidemill_serve::predictions::PredictionError;
use tidemill_training::TrainError;
use tidemill_types::{
    ColumnName, DeploymentName, ErrorCode, Explain, Micros, ModelName, Problem, TriggerName, ViewName,
};

/// Why an order was not carried out. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The project has no such deployment.
    #[error("no deployment is called `{deployment}`")]
    UnknownDeployment {
        /// The name.
        deployment: DeploymentName,
        /// What is configured.
        known: Vec<DeploymentName>,
    },
    /// A deployment serves one model.
    #[error("deployment `{deployment}` serves `{model}`, not `{asked}`")]
    OtherModel {
        /// The deployment.
        deployment: DeploymentName,
        /// The model it serves.
        model: ModelName,
        /// The model that was asked for.
        asked: ModelName,
    },
    /// The registry refused or failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The version did not pass its own golden rows, or its bytes are damaged.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The check of a version broke off.
    #[error("the check of a version of `{model}` broke off")]
    BrokeOff {
        /// The model.
        model: ModelName,
        /// What happened to the task.
        #[source]
        source: tokio::task::JoinError,
    },
    /// The project has no such model.
    #[error("no model is called `{model}`")]
    UnknownModel {
        /// The name.
        model: ModelName,
    },
    /// The features of a tick could not be made.
    #[error("failed to make the features of `{model}` for the tick {at}")]
    Features {
        /// The model.
        model: ModelName,
        /// The tick.
        at: Micros,
        /// Why.
        #[source]
        source: Box<FeaturesError>,
    },
    /// Several ticks made at once gave other rows than the first of them alone.
    #[error("{} differs by what became known after the tick {at}", differs(view.as_ref(), column.as_ref(), model))]
    Promise {
        /// The model.
        model: ModelName,
        /// The view that broke its promise; none where it is the stream's rows.
        view: Option<ViewName>,
        /// The column that differs; none where the rows themselves do.
        column: Option<ColumnName>,
        /// The tick.
        at: Micros,
    },
    /// Predictions were not made or not sent.
    #[error(transparent)]
    Predictions(Box<PredictionError>),
    /// The broker.
    #[error("failed to send predictions")]
    Kafka(#[from] KafkaError),
    /// Predictions did not land.
    #[error("predictions did not land")]
    Landing(#[from] IngestError),
    /// A question of the clock's own could not be answered.
    #[error("the event clock could not look at the streams")]
    Engine(#[from] EngineError),
    /// A monitor could not be run, or its report not be kept.
    #[error(transparent)]
    Monitor(#[from] MonitorError),
    /// The project has no such trigger.
    #[error("no trigger is called `{trigger}`")]
    UnknownTrigger {
        /// The name.
        trigger: TriggerName,
        /// What there is.
        known: Vec<TriggerName>,
    },
    /// The engine could not answer a trigger.
    #[error("trigger `{trigger}` could not be answered")]
    Trigger {
        /// The trigger.
        trigger: TriggerName,
        /// Its file, relative to the project, with the line where it is known.
        place: String,
        /// Why.
        #[source]
        source: Box<EngineError>,
    },
    /// The labels of a model could not be counted.
    #[error("the new labels of `{model}` could not be counted")]
    Labels {
        /// The model.
        model: ModelName,
        /// Why.
        #[source]
        source: Box<EngineError>,
    },
    /// Another firing of the model is not at its end.
    #[error("`{model}` is being trained for trigger `{trigger}`")]
    ModelIsBusy {
        /// The model.
        model: ModelName,
        /// The trigger that fired before.
        trigger: TriggerName,
    },
    /// There is no such firing.
    #[error("there is no firing {id}")]
    UnknownFiring {
        /// Its number.
        id: i64,
    },
    /// The version that serves could not be read.
    #[error("the champion of `{model}` could not be read")]
    Champion {
        /// The model.
        model: ModelName,
        /// Why.
        #[source]
        source: Box<TrainError>,
    },
    /// A training could not be carried out; it is tried again.
    #[error("`{model}` could not be trained")]
    Retraining {
        /// The model.
        model: ModelName,
        /// Why.
        #[source]
        source: Box<TrainError>,
    },
    /// What a version was made from could not be read.
    #[error("what a version was made from could not be read")]
    MadeFrom(#[from] TrainError),
    /// Where the clock stands cannot be read or written.
    #[error("the state of the event clock cannot be read or written")]
    ClockState(#[source] serde_json::Error),
    /// The clock is not where somebody waited for it to be.
    #[error("the event clock stands at {}, and events have come to {}", told(*.at), told(*.watermark))]
    ClockBehind {
        /// The last finished tick.
        at: Option<Micros>,
        /// How far events have come.
        watermark: Option<Micros>,
        /// What went wrong at its last try.
        problem: Option<Problem>,
    },
    /// The scoring of a tick ended by itself.
    #[error("the scoring of the tick {at} broke off")]
    ScoringBrokeOff {
        /// The tick.
        at: Micros,
        /// What happened to the task.
        #[source]
        source: tokio::task::JoinError,
    },
}

fn told(at: Option<Micros>) -> String {
    at.map_or_else(|| "no tick yet".to_owned(), |at| at.to_string())
}

impl Explain for ControlError {
    fn code(&self) -> ErrorCode {
        match self {
            ControlError::UnknownDeployment { .. }
            | ControlError::UnknownModel { .. }
            | ControlError::UnknownTrigger { .. }
            | ControlError::UnknownFiring { .. } => ErrorCode::NotFound,
            ControlError::ModelIsBusy { .. } => ErrorCode::Conflict,
            ControlError::ClockState(_) => ErrorCode::Corrupt,
            ControlError::ClockBehind { .. } => ErrorCode::TimedOut,
            ControlError::Engine(error) => error.code(),
            ControlError::Monitor(error) => error.code(),
            ControlError::Trigger { source, .. } | ControlError::Labels { source, .. } => source.code(),
            ControlError::Champion { source, .. } | ControlError::Retraining { source, .. } => source.code(),
            ControlError::MadeFrom(source) => source.code(),
            ControlError::OtherModel { .. } | ControlError::Promise { .. } => ErrorCode::InvalidInput,
            ControlError::Registry(error) => error.code(),
            ControlError::Install(error) => error.code(),
            ControlError::Features { source, .. } => source.code(),
            ControlError::Predictions(error) => error.code(),
            ControlError::Kafka(error) => error.code(),
            ControlError::Landing(error) => error.code(),
            ControlError::BrokeOff { .. } | ControlError::ScoringBrokeOff { .. } => ErrorCode::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            ControlError::UnknownDeployment { known, .. } if known.is_empty() => {
                Some("tidemill.toml has no [deployments.NAME]".to_owned())
            }
            ControlError::UnknownDeployment { known, .. } => {
                let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
                Some(format!("tidemill.toml has {}", names.join(", ")))
            }
            ControlError::OtherModel { deployment, .. } => {
                Some(format!("[deployments.{deployment}] in tidemill.toml names its model"))
            }
            ControlError::UnknownTrigger { known, .. } => {
                let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
                Some(match names.is_empty() {
                    true => "sql/triggers holds none".to_owned(),
                    false => format!("sql/triggers holds {}", names.join(", ")),
                })
            }
            ControlError::Trigger { place, source, .. } => Some(match source.hint() {
                Some(hint) => format!("{hint}; see {place}"),
                None => format!("see {place}"),
            }),
            ControlError::ModelIsBusy { .. } => Some("wait until it has ended: `tidemill triggers history`".to_owned()),
            ControlError::ClockBehind { problem, .. } => Some(match problem {
                Some(problem) => format!("its last try failed: {problem}"),
                None => "it goes on; wait longer, or look at `tidemill status`".to_owned(),
            }),
            ControlError::Engine(error) => error.hint(),
            ControlError::Monitor(error) => error.hint(),
            ControlError::Labels { source, .. } => source.hint(),
            ControlError::Champion { source, .. } | ControlError::Retraining { source, .. } => source.hint(),
            ControlError::MadeFrom(source) => source.hint(),
            ControlError::Registry(error) => error.hint(),
            ControlError::Install(error) => error.hint(),
            ControlError::Features { source, .. } => source.hint(),
            ControlError::Promise { view, .. } => Some(match view {
                Some(view) => format!(
                    "take `-- known: by the event` out of sql/features/{view}.sql, or let it look only at what is known when the \
                     row happens"
                ),
                None => "take `-- known: by the event` out of the model's views".to_owned(),
            }),
            ControlError::Predictions(error) => error.hint(),
            ControlError::Kafka(error) => error.hint(),
            ControlError::Landing(error) => error.hint(),
            ControlError::UnknownModel { .. }
            | ControlError::UnknownFiring { .. }
            | ControlError::ClockState(_)
            | ControlError::BrokeOff { .. }
            | ControlError::ScoringBrokeOff { .. } => None,
        }
    }
}

/// What differs, as a sentence begins.
fn differs(view: Option<&ViewName>, column: Option<&ColumnName>, model: &ModelName) -> String {
    match (view, column) {
        (Some(view), Some(column)) => {
            format!("feature view `{view}` promises `known: by the event`, and its column `{column}`")
        }
        (_, Some(column)) => format!("column `{column}` of the rows that `{model}` scores"),
        (_, None) => format!("which rows `{model}` scores"),
    }
}
