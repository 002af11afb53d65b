//! What can go wrong with a cluster, sorted by what one can do about it.

use std::time::Duration;

use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode};
use tidemill_types::{ErrorCode, Explain, KafkaPartition, Micros, NextOffset, TopicName};

/// An error of librdkafka or of the broker behind it, with its code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct KafkaFault {
    code: Option<RDKafkaErrorCode>,
    text: String,
}

impl KafkaFault {
    /// The code's name as librdkafka spells it, as `UnknownTopicOrPartition`; absent for faults without a code.
    pub fn name(&self) -> Option<String> {
        self.code.map(|code| format!("{code:?}"))
    }
}

/// What failed, on what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KafkaError {
    /// librdkafka does not take the settings.
    #[error("the Kafka client does not take its settings: {reason}")]
    Settings {
        /// Which property, and why.
        reason: String,
    },
    /// There is no such topic.
    #[error("topic `{topic}` does not exist")]
    UnknownTopic {
        /// The topic.
        topic: TopicName,
    },
    /// The topic has fewer partitions.
    #[error("topic `{topic}` has no Kafka partition {partition}")]
    UnknownPartition {
        /// The topic.
        topic: TopicName,
        /// The partition that it does not have.
        partition: KafkaPartition,
    },
    /// The position is not in the log. Nothing is reset: whoever assigned it decides.
    #[error(
        "offset {position} of topic `{topic}`, Kafka partition {partition}, is not in the log, which holds \
         {log_start} to {high_watermark}"
    )]
    OffsetOutOfRange {
        /// The topic.
        topic: TopicName,
        /// The partition.
        partition: KafkaPartition,
        /// What was asked for.
        position: NextOffset,
        /// First offset there.
        log_start: NextOffset,
        /// First offset after the end.
        high_watermark: NextOffset,
    },
    /// Who we are is not known or may not do this.
    #[error("not allowed to {action}")]
    AuthFailed {
        /// What was tried.
        action: String,
        /// What the broker said.
        #[source]
        source: KafkaFault,
    },
    /// No broker answers. The client goes on trying by itself.
    #[error("no broker answers at {bootstrap}: failed to {action}")]
    BrokerDown {
        /// Where one was looked for.
        bootstrap: String,
        /// What was tried.
        action: String,
        /// What the client said.
        #[source]
        source: KafkaFault,
    },
    /// A named time limit was reached.
    #[error("failed to {action} within {} ms", limit.as_millis())]
    TimedOut {
        /// What was tried.
        action: String,
        /// The limit.
        limit: Duration,
    },
    /// The cluster does not make this topic.
    #[error("the cluster refuses to create topic `{topic}`")]
    TopicRefused {
        /// The topic.
        topic: TopicName,
        /// What the broker said.
        #[source]
        source: KafkaFault,
    },
    /// A record's timestamp that Kafka cannot hold.
    #[error("Kafka holds no timestamp before 1970-01-01T00:00:00.001Z: a record for topic `{topic}` has {time}")]
    InvalidTimestamp {
        /// The topic.
        topic: TopicName,
        /// The time.
        time: Micros,
    },
    /// A record was given up: it is not in the topic, and nothing after it should be.
    #[error("a record was not delivered to topic `{topic}`, Kafka partition {partition}")]
    Delivery {
        /// The topic.
        topic: String,
        /// The partition; -1 where none was chosen yet.
        partition: i32,
        /// Why.
        #[source]
        source: KafkaFault,
    },
    /// The client instance is no longer usable and has stopped.
    #[error("the Kafka client stopped for good: failed to {action}")]
    Fatal {
        /// What was tried.
        action: String,
        /// What the client said.
        #[source]
        source: KafkaFault,
    },
    /// A group's member gets nothing more of a partition that has more. A new client has to take its place.
    #[error(
        "nothing more comes of topic `{topic}`, Kafka partition {partition}, from offset {position} on, though more is there"
    )]
    Stalled {
        /// The topic.
        topic: TopicName,
        /// The partition.
        partition: KafkaPartition,
        /// Where it stands still.
        position: NextOffset,
    },
    /// The client's thread is gone.
    #[error("the Kafka client is stopped")]
    Stopped,
    /// Anything else.
    #[error("failed to {action}")]
    Failed {
        /// What was tried.
        action: String,
        /// What the client or the broker said.
        #[source]
        source: KafkaFault,
    },
}

impl KafkaError {
    /// Whether waiting helps: the client goes on trying, and the same call can succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            KafkaError::BrokerDown { .. } | KafkaError::TimedOut { .. } => true,
            KafkaError::Failed { source, .. } | KafkaError::Delivery { source, .. } => {
                source.code.is_some_and(retriable)
            }
            _ => false,
        }
    }

    /// Sorts an error of librdkafka that came of `action` (an infinitive: "read the watermarks of topic `t`").
    pub(crate) fn sort(bootstrap: &str, action: impl Into<String>, limit: Duration, error: &ClientError) -> KafkaError {
        use RDKafkaErrorCode as Code;
        let action = action.into();
        if let ClientError::ClientConfig(_, description, key, _) = error {
            // The value stays out: it may be a secret.
            return KafkaError::Settings {
                reason: format!("{description} (`{key}`)"),
            };
        }
        if let ClientError::ClientCreation(reason) = error {
            return KafkaError::Settings { reason: reason.clone() };
        }
        let source = fault(error);
        let fatal = matches!(error, ClientError::MessageConsumptionFatal(_)) || source.code == Some(Code::Fatal);
        if fatal {
            return KafkaError::Fatal { action, source };
        }
        match source.code {
            Some(Code::OperationTimedOut | Code::RequestTimedOut) => KafkaError::TimedOut { action, limit },
            Some(Code::AllBrokersDown | Code::BrokerTransportFailure | Code::Resolve) => KafkaError::BrokerDown {
                bootstrap: bootstrap.to_owned(),
                action,
                source,
            },
            Some(
                Code::Authentication
                | Code::SaslAuthenticationFailed
                | Code::TopicAuthorizationFailed
                | Code::GroupAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::DelegationTokenAuthorizationFailed
                | Code::TransactionalIdAuthorizationFailed
                | Code::SSL,
            ) => KafkaError::AuthFailed { action, source },
            _ => KafkaError::Failed { action, source },
        }
    }
}

/// The error's text and code.
pub(crate) fn fault(error: &ClientError) -> KafkaFault {
    KafkaFault {
        code: code_of(error),
        text: match code_of(error) {
            Some(code) => code.to_string(),
            None => error.to_string(),
        },
    }
}

/// A fault of a broker's answer that comes without an error of the client.
pub(crate) fn fault_of_code(code: RDKafkaErrorCode) -> KafkaFault {
    KafkaFault {
        code: Some(code),
        text: code.to_string(),
    }
}

/// A fault that the client told of by itself.
pub(crate) fn fault_of_event(code: Option<RDKafkaErrorCode>, reason: &str) -> KafkaFault {
    KafkaFault {
        code,
        text: reason.to_owned(),
    }
}

/// The client library leaves out the code of admin operations.
pub(crate) fn code_of(error: &ClientError) -> Option<RDKafkaErrorCode> {
    match error {
        ClientError::AdminOp(code) => Some(*code),
        other => other.rdkafka_error_code(),
    }
}

/// Codes of brokers and clients that go away by themselves. What is known not to exist has errors of its own.
fn retriable(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::CoordinatorNotAvailable
            | Code::CoordinatorLoadInProgress
            | Code::NotCoordinator
            | Code::NetworkException
            | Code::MessageTimedOut
            | Code::WaitingForCoordinator
            | Code::NotEnoughReplicas
            | Code::NotEnoughReplicasAfterAppend
            | Code::UnknownTopicOrPartition
            | Code::ReplicaNotAvailable
            | Code::OffsetNotAvailable
            | Code::FencedLeaderEpoch
            | Code::UnknownLeaderEpoch
            | Code::KafkaStorageError
    )
}

impl Explain for KafkaError {
    fn code(&self) -> ErrorCode {
        match self {
            KafkaError::Settings { .. } | KafkaError::InvalidTimestamp { .. } | KafkaError::TopicRefused { .. } => {
                ErrorCode::InvalidInput
            }
            KafkaError::UnknownTopic { .. } | KafkaError::UnknownPartition { .. } => ErrorCode::NotFound,
            KafkaError::OffsetOutOfRange { .. } => ErrorCode::Corrupt,
            KafkaError::AuthFailed { .. } => ErrorCode::Refused,
            KafkaError::TimedOut { .. } => ErrorCode::TimedOut,
            KafkaError::BrokerDown { .. }
            | KafkaError::Delivery { .. }
            | KafkaError::Fatal { .. }
            | KafkaError::Stalled { .. }
            | KafkaError::Stopped
            | KafkaError::Failed { .. } => ErrorCode::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            KafkaError::UnknownTopic { topic } => Some(format!(
                "make it with your Kafka tools, or let `tidemill up` make it: it creates the topics of its streams, `{topic}` \
                 is none of them or was deleted"
            )),
            KafkaError::OffsetOutOfRange { .. } => Some(
                "the log was cut, its records expired, or the topic was made again: compare the table with the topic \
                 before anything is read again"
                    .into(),
            ),
            KafkaError::AuthFailed { .. } => Some(
                "look at `[kafka.security]`, at `sasl.*` and `ssl.*` in `kafka.properties`, and at the ACLs".into(),
            ),
            KafkaError::BrokerDown { bootstrap, .. } => Some(format!(
                "is a broker running at {bootstrap}? `kafka.bootstrap` names another one; without it `tidemill up` \
                 starts one in its process"
            )),
            KafkaError::Fatal { source, .. } if source.text.contains("instance") => {
                Some("another worker has the same name: give each its own `ingest.worker`".into())
            }
            KafkaError::Settings { .. } => {
                Some("`[kafka] properties` takes librdkafka's names: see its CONFIGURATION.md".into())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RDKafkaErrorCode as Code;

    fn check(error: &ClientError, expected: ErrorCode, transient: bool) {
        let sorted = KafkaError::sort("host:1", "do it", Duration::from_secs(1), error);
        assert_eq!(
            (sorted.code(), sorted.is_transient()),
            (expected, transient),
            "{sorted:?}"
        );
    }

    #[test]
    fn errors_are_sorted_by_what_one_can_do() {
        check(
            &ClientError::MetadataFetch(Code::BrokerTransportFailure),
            ErrorCode::Unavailable,
            true,
        );
        check(
            &ClientError::MetadataFetch(Code::OperationTimedOut),
            ErrorCode::TimedOut,
            true,
        );
        check(
            &ClientError::AdminOp(Code::TopicAuthorizationFailed),
            ErrorCode::Refused,
            false,
        );
        check(
            &ClientError::MessageConsumptionFatal(Code::Fatal),
            ErrorCode::Unavailable,
            false,
        );
        check(
            &ClientError::OffsetFetch(Code::NotLeaderForPartition),
            ErrorCode::Unavailable,
            true,
        );
        check(
            &ClientError::OffsetFetch(Code::InvalidArgument),
            ErrorCode::Unavailable,
            false,
        );
    }

    #[test]
    fn a_bad_property_is_named_without_its_value() {
        let mut settings = crate::ClientSettings::new("localhost:1", "t");
        settings.properties.insert("sasl.pasword".into(), "hunter2".into());
        let error = settings
            .config(&[], &[])
            .create_native_config()
            .err()
            .map(|error| KafkaError::sort("localhost:1", "start", Duration::ZERO, &error).to_string());
        let text = error.unwrap_or_default();
        assert!(text.contains("sasl.pasword") && !text.contains("hunter2"), "{text}");
    }
}
