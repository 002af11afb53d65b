//! Why predictions were not made or not sent.

use std::time::Duration;

use arrow::error::ArrowError;
use tidemill_kafka::KafkaError;
use tidemill_sources::SourceError;
use tidemill_types::{
    ColumnName, DeploymentName, ErrorCode, Explain, KafkaPartition, NextOffset, StreamName, TopicName,
};

use super::ContractFault;
use crate::InputError;

/// Why predictions were not made or not sent. What was sent before stays in the topic.
#[derive(Debug, thiserror::Error)]
pub enum PredictionError {
    /// The stream cannot hold them.
    #[error(transparent)]
    Contract(#[from] ContractFault),
    /// The version wants a feature that the rows do not have.
    #[error("`{deployment}` serves a version that needs the feature `{feature}`, and the rows do not have it")]
    MissingFeature {
        /// The deployment.
        deployment: DeploymentName,
        /// The feature.
        feature: String,
    },
    /// The rows lack a column that says where they come from.
    #[error("the rows that `{deployment}` shall score have no usable column `{column}`")]
    MissingColumn {
        /// The deployment.
        deployment: DeploymentName,
        /// The column.
        column: String,
    },
    /// A column of the rows does not go into the predictions stream.
    #[error("column `{column}` does not go into stream `{stream}`")]
    Carry {
        /// The column.
        column: ColumnName,
        /// The predictions stream.
        stream: StreamName,
        /// Why.
        #[source]
        source: ArrowError,
    },
    /// The model refuses the rows.
    #[error("`{deployment}` cannot score the rows")]
    Score {
        /// The deployment.
        deployment: DeploymentName,
        /// Why.
        #[source]
        source: InputError,
    },
    /// A record cannot be written.
    #[error("failed to write a record of stream `{stream}`")]
    Encode {
        /// The predictions stream.
        stream: StreamName,
        /// Why.
        #[source]
        source: Box<SourceError>,
    },
    /// Kafka.
    #[error("failed to {action} topic `{topic}`")]
    Kafka {
        /// What was tried, as `send predictions to`.
        action: &'static str,
        /// The topic.
        topic: TopicName,
        /// Why.
        #[source]
        source: Box<KafkaError>,
    },
    /// The topic lost records that may be of the tick in progress.
    #[error(
        "topic `{topic}`, Kafka partition {partition}, was cut to offset {log_start}, above {from}, where the last finished tick ended"
    )]
    TailCut {
        /// The topic.
        topic: TopicName,
        /// The Kafka partition.
        partition: KafkaPartition,
        /// Where the last finished tick ended.
        from: NextOffset,
        /// The first offset that is left.
        log_start: NextOffset,
    },
    /// The topic holds fewer records than were noted: it is another one.
    #[error(
        "topic `{topic}`, Kafka partition {partition}, ends at offset {end}, below {from}, where the last finished tick ended"
    )]
    TailShort {
        /// The topic.
        topic: TopicName,
        /// The Kafka partition.
        partition: KafkaPartition,
        /// Where the last finished tick ended.
        from: NextOffset,
        /// Where the log ends.
        end: NextOffset,
    },
    /// More predictions of one tick than are kept in memory.
    #[error("topic `{topic}` holds more than {limit} predictions of one tick")]
    TailTooLong {
        /// The topic.
        topic: TopicName,
        /// The limit.
        limit: usize,
    },
    /// The topic was not read to its end in time.
    #[error("topic `{topic}` was not read to its end within {} s", limit.as_secs())]
    TimedOut {
        /// The topic.
        topic: TopicName,
        /// The limit.
        limit: Duration,
    },
    /// The thread that scored is gone.
    #[error("scoring of `{deployment}` broke off")]
    BrokeOff {
        /// The deployment.
        deployment: DeploymentName,
        /// How it went.
        #[source]
        source: tokio::task::JoinError,
    },
}

impl PredictionError {
    /// Wraps what Kafka said with what was tried.
    pub(super) fn kafka(action: &'static str, topic: &TopicName) -> impl FnOnce(KafkaError) -> PredictionError {
        let topic = topic.clone();
        move |source| PredictionError::Kafka {
            action,
            topic,
            source: Box::new(source),
        }
    }
}

impl Explain for PredictionError {
    fn code(&self) -> ErrorCode {
        match self {
            PredictionError::Contract(fault) => fault.code(),
            PredictionError::MissingFeature { .. } => ErrorCode::NotReady,
            PredictionError::MissingColumn { .. }
            | PredictionError::Carry { .. }
            | PredictionError::BrokeOff { .. } => ErrorCode::Internal,
            PredictionError::Score { source, .. } => source.code(),
            PredictionError::Encode { source, .. } => source.code(),
            PredictionError::Kafka { source, .. } => source.code(),
            PredictionError::TailCut { .. } | PredictionError::TailShort { .. } => ErrorCode::Corrupt,
            PredictionError::TailTooLong { .. } => ErrorCode::LimitReached,
            PredictionError::TimedOut { .. } => ErrorCode::TimedOut,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            PredictionError::Contract(fault) => return fault.hint(),
            PredictionError::MissingFeature { deployment, .. } => format!(
                "the model's views have changed since it was trained: train again, or `tidemill rollback {deployment}`"
            ),
            PredictionError::Score { source, .. } => return source.hint(),
            PredictionError::Encode { source, .. } => return source.hint(),
            PredictionError::Kafka { source, .. } => return source.hint(),
            PredictionError::TailCut { topic, .. } => format!(
                "which predictions of the tick in progress were sent is not known any more: let `{topic}` keep its records \
                 longer than a tick takes"
            ),
            PredictionError::TailShort { topic, .. } => {
                format!("bring back the topic `{topic}` that was written before, or name another one for the stream")
            }
            PredictionError::TailTooLong { .. } => "make clock.tick shorter".to_owned(),
            PredictionError::TimedOut { .. } => "the next attempt starts again from the same place".to_owned(),
            PredictionError::MissingColumn { .. }
            | PredictionError::Carry { .. }
            | PredictionError::BrokeOff { .. } => return None,
        })
    }
}
