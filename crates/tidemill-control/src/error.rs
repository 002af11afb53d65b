//! Why an order was not carried out. Nothing has changed then.

use tidemill_features::FeaturesError;
use tidemill_ingest::IngestError;
use tidemill_kafka::KafkaError;
use tidemill_registry::RegistryError;
use tidemill_serve::InstallError;
use tidemill_serve::predictions::PredictionError;
use tidemill_types::{DeploymentName, ErrorCode, Explain, Micros, ModelName};

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
    /// Predictions were not made or not sent.
    #[error(transparent)]
    Predictions(Box<PredictionError>),
    /// The broker.
    #[error("failed to send predictions")]
    Kafka(#[from] KafkaError),
    /// Predictions did not land.
    #[error("predictions did not land")]
    Landing(#[from] IngestError),
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

impl Explain for ControlError {
    fn code(&self) -> ErrorCode {
        match self {
            ControlError::UnknownDeployment { .. } | ControlError::UnknownModel { .. } => ErrorCode::NotFound,
            ControlError::OtherModel { .. } => ErrorCode::InvalidInput,
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
            ControlError::Registry(error) => error.hint(),
            ControlError::Install(error) => error.hint(),
            ControlError::Features { source, .. } => source.hint(),
            ControlError::Predictions(error) => error.hint(),
            ControlError::Kafka(error) => error.hint(),
            ControlError::Landing(error) => error.hint(),
            ControlError::UnknownModel { .. }
            | ControlError::BrokeOff { .. }
            | ControlError::ScoringBrokeOff { .. } => None,
        }
    }
}
