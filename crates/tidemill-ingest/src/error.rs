//! Why a stream stops or has to wait.

use tidemill_kafka::KafkaError;
use tidemill_lake::LakeError;
use tidemill_types::{
    ErrorCode, Explain, FenceFault, InvalidName, KafkaPartition, LastOffset, NextOffset, StreamName, TopicName,
};

use crate::{SchemaRegistryError, StageFault};

/// What went wrong with a stream.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The broker.
    #[error("failed to read topic `{topic}`")]
    Kafka {
        /// The topic.
        topic: TopicName,
        /// What the client says.
        #[source]
        source: Box<KafkaError>,
    },
    /// No client can be made of the Kafka settings.
    #[error("failed to make a Kafka client")]
    Client(#[source] Box<KafkaError>),
    /// The lake.
    #[error("failed to land stream `{stream}`")]
    Lake {
        /// The stream.
        stream: StreamName,
        /// What the lake says.
        #[source]
        source: Box<LakeError>,
    },
    /// The schema registry does not say what a record is written with.
    #[error("failed to look up schema {id}, which records of topic `{topic}` name")]
    Schema {
        /// The topic.
        topic: TopicName,
        /// The schema's id.
        id: u32,
        /// What the registry, or what stands in its place, says.
        #[source]
        source: Box<SchemaRegistryError>,
    },
    /// A batch stage cannot join, leave, or keep what it wants to keep.
    #[error("stream `{stream}` cannot do that with its batch stages")]
    Stage {
        /// The stream.
        stream: StreamName,
        /// What is wrong.
        #[source]
        source: StageFault,
    },
    /// A stream's records name schemas of a registry, and there is none.
    #[error("stream `{0}` needs a schema registry, and none is set")]
    NoSchemaRegistry(StreamName),
    /// The broker has no cluster id, and the settings name none.
    #[error("the Kafka cluster has no id, so that its offsets cannot be told from those of another")]
    NoClusterId,
    /// The log is not the one that the table was filled from, or has lost records. Nothing is skipped or reset.
    #[error("topic `{topic}`, Kafka partition {partition}, does not continue what table `{stream}` holds")]
    Fence {
        /// The stream.
        stream: StreamName,
        /// The topic.
        topic: TopicName,
        /// The Kafka partition.
        partition: KafkaPartition,
        /// How they differ.
        #[source]
        source: FenceFault,
    },
    /// Below the fence stands another record than the one that was landed: the log was cut and filled again.
    #[error(
        "topic `{topic}`, Kafka partition {partition}, holds another record at offset {offset} than the one that \
         table `{stream}` was filled with"
    )]
    Refilled {
        /// The stream.
        stream: StreamName,
        /// The topic.
        topic: TopicName,
        /// The Kafka partition.
        partition: KafkaPartition,
        /// Where the record differs.
        offset: LastOffset,
    },
    /// Commits say that the table went further than its fence: it was restored to an older version.
    #[error(
        "table `{stream}` was set back: its commits went up to offset {landed} of Kafka partition {partition}, its fence says {fence}"
    )]
    SetBack {
        /// The stream.
        stream: StreamName,
        /// The Kafka partition.
        partition: KafkaPartition,
        /// What the newest commit of ours says.
        landed: NextOffset,
        /// What the fence says.
        fence: NextOffset,
    },
    /// Another writer set the table to an older version: rows are gone, and the fence says that they have landed.
    #[error(
        "table `{stream}` was set to an older version by version {version} of its log{}: {rows} rows that have landed are \
         not in it",
        by.as_ref().map(|by| format!(" ({by})")).unwrap_or_default()
    )]
    Restored {
        /// The stream.
        stream: StreamName,
        /// The version that did it.
        version: i64,
        /// Who wrote it, where it says so.
        by: Option<String>,
        /// Rows that are missing.
        rows: u64,
    },
    /// The stream's name leaves no room for its dead-letter table's.
    #[error("stream `{stream}` cannot have a dead-letter table")]
    Name {
        /// The stream.
        stream: StreamName,
        /// Which rule the name breaks.
        #[source]
        source: InvalidName,
    },
    /// A column could not be built, or a task of ours ended in the middle.
    #[error("stream `{stream}` stumbled over itself: {reason}")]
    Internal {
        /// The stream.
        stream: StreamName,
        /// What happened.
        reason: String,
    },
    /// There is no such stream.
    #[error("no stream is called `{0}`")]
    UnknownStream(StreamName),
    /// A stream that is waited for does not run.
    #[error("stream `{stream}` does not run: {reason}")]
    NotRunning {
        /// The stream.
        stream: StreamName,
        /// Its state, in words.
        reason: String,
    },
    /// Records that were there have not landed in time.
    #[error("stream `{stream}` has not landed all records within {} s", limit.as_secs_f64())]
    TimedOut {
        /// The stream.
        stream: StreamName,
        /// The limit.
        limit: std::time::Duration,
    },
}

/// What a stream does about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cure {
    /// Wait and start again, as long as it takes: what is needed does not answer.
    Wait,
    /// Start again from what the tables hold, a limited number of times.
    Restart,
    /// Stop: starting again would find the same.
    Stop,
}

impl IngestError {
    /// What to do about it.
    pub(crate) fn cure(&self) -> Cure {
        match self {
            IngestError::Kafka { source, .. } => cure_of_kafka(source),
            IngestError::Lake { source, .. } => cure_of_lake(source),
            IngestError::Schema { source, .. } if source.is_transient() => Cure::Wait,
            IngestError::Internal { .. } => Cure::Restart,
            _ => Cure::Stop,
        }
    }
}

fn cure_of_kafka(error: &KafkaError) -> Cure {
    match error {
        // Topics are made by whoever produces, and that may be later. A client that stands still is no fault of the stream,
        // and is noticed too late to turn quickly.
        KafkaError::UnknownTopic { .. } | KafkaError::Stalled { .. } => Cure::Wait,
        KafkaError::OffsetOutOfRange { .. } | KafkaError::Settings { .. } => Cure::Stop,
        error if error.is_transient() => Cure::Wait,
        _ => Cure::Restart,
    }
}

fn cure_of_lake(error: &LakeError) -> Cure {
    match error {
        LakeError::Threads(_) | LakeError::Store { .. } | LakeError::Unknown { .. } | LakeError::CutOff { .. } => {
            Cure::Wait
        }
        // A table that was set back is judged when the stream starts again.
        LakeError::Fenced { .. } | LakeError::Conflict { .. } | LakeError::SetBack { .. } | LakeError::Delta { .. } => {
            Cure::Restart
        }
        LakeError::Location { .. }
        | LakeError::Schema { .. }
        | LakeError::Unsupported { .. }
        | LakeError::Corrupt { .. } => Cure::Stop,
    }
}

impl Explain for IngestError {
    fn code(&self) -> ErrorCode {
        match self {
            IngestError::Kafka { source, .. } | IngestError::Client(source) => source.code(),
            IngestError::Lake { source, .. } => source.code(),
            IngestError::Schema { source, .. } => source.code(),
            IngestError::NoClusterId | IngestError::NoSchemaRegistry(_) | IngestError::Name { .. } => {
                ErrorCode::InvalidInput
            }
            IngestError::Fence { .. }
            | IngestError::Refilled { .. }
            | IngestError::SetBack { .. }
            | IngestError::Restored { .. } => ErrorCode::Corrupt,
            IngestError::Internal { .. } | IngestError::Stage { .. } => ErrorCode::Internal,
            IngestError::UnknownStream(_) => ErrorCode::NotFound,
            IngestError::NotRunning { .. } => ErrorCode::NotReady,
            IngestError::TimedOut { .. } => ErrorCode::TimedOut,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            IngestError::Kafka { source, .. } | IngestError::Client(source) => return source.hint(),
            IngestError::Lake { source, .. } => return source.hint(),
            IngestError::Schema { source, .. } => return source.hint(),
            IngestError::NoSchemaRegistry(_) => "set kafka.schema_registry.url",
            IngestError::NoClusterId => "set kafka.cluster_id to a name that no other cluster of yours has",
            IngestError::Fence { .. } | IngestError::Refilled { .. } => {
                "bring back the topic that was landed, or land it under another stream or pipeline name"
            }
            IngestError::Restored { .. } => {
                "`tidemill ingest audit` says which rows; restore the table to the version before that one, or land \
                 the topic under another stream name"
            }
            IngestError::SetBack { .. } => {
                "restore the table to its newest version; rows after the restored one would be missing for good"
            }
            IngestError::Name { .. } => "give the stream a shorter name",
            IngestError::NotRunning { .. } => "`tidemill status` says why",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_pass_is_waited_for() {
        let topic = TopicName::new("t").unwrap();
        let kafka = |source: KafkaError| IngestError::Kafka {
            topic: topic.clone(),
            source: Box::new(source),
        };
        let stream = StreamName::new("s").unwrap();
        let lake = |source: LakeError| IngestError::Lake {
            stream: stream.clone(),
            source: Box::new(source),
        };
        let limit = std::time::Duration::from_secs(1);
        let (table, app_id) = (stream.clone().into(), "a".to_owned());
        let fenced = LakeError::Fenced {
            table,
            app_id,
            expected: None,
            found: Some(1),
        };
        let stalled = KafkaError::Stalled {
            topic: topic.clone(),
            partition: KafkaPartition(0),
            position: NextOffset(1),
        };
        let action = "read".to_owned();
        for (error, cure) in [
            (kafka(KafkaError::TimedOut { action, limit }), Cure::Wait),
            (kafka(KafkaError::UnknownTopic { topic: topic.clone() }), Cure::Wait),
            (kafka(stalled), Cure::Wait),
            (kafka(KafkaError::Settings { reason: String::new() }), Cure::Stop),
            (kafka(KafkaError::Stopped), Cure::Restart),
            (lake(fenced), Cure::Restart),
            (IngestError::NoClusterId, Cure::Stop),
        ] {
            assert_eq!(error.cure(), cure, "{error}");
        }
    }
}
