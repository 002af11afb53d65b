//! What can go wrong between a file and a topic.

use std::path::PathBuf;

use tidemill_kafka::KafkaError;
use tidemill_types::{ColumnName, ErrorCode, Explain, KafkaPartition, StreamName, TopicName};

use crate::simulator::InvalidSimulator;

/// What failed, on what.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be read.
    #[error("failed to read `{}`", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not what its name says.
    #[error("`{}` is not a readable {format} file", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What it should be.
        format: &'static str,
        /// Why it is not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file's name ends in nothing that is known.
    #[error("`{}` is of no kind that can be read", file.display())]
    UnknownKind {
        /// The file.
        file: PathBuf,
    },
    /// There is nothing in it.
    #[error("{what} holds no rows")]
    Empty {
        /// The file or topic.
        what: String,
    },
    /// The project has no such stream.
    #[error("there is no stream `{stream}`")]
    UnknownStream {
        /// The name that was given.
        stream: StreamName,
        /// Those that there are.
        known: Vec<StreamName>,
    },
    /// Records of the stream need a frame, and with it a schema in a registry, which is for producers to make.
    #[error("stream `{0}` is confluent-avro, which is not produced here")]
    Framed(StreamName),
    /// A column is not in the data.
    #[error("{what} has no column `{column}`, which stream `{stream}` needs")]
    MissingColumn {
        /// The file, or the simulator.
        what: String,
        /// The stream.
        stream: StreamName,
        /// The column.
        column: ColumnName,
        /// The columns that there are.
        present: Vec<String>,
    },
    /// A column is not in the stream's schema.
    #[error("stream `{stream}` has no column `{column}`")]
    UnknownColumn {
        /// The stream.
        stream: StreamName,
        /// The column.
        column: ColumnName,
        /// The columns that it has.
        known: Vec<ColumnName>,
    },
    /// A column is sent to another stream, and its own needs it.
    #[error("column `{column}` goes to stream `{to}`, and stream `{stream}` cannot do without it")]
    ColumnTaken {
        /// The stream that it is taken from.
        stream: StreamName,
        /// The stream that it goes to.
        to: StreamName,
        /// The column.
        column: ColumnName,
    },
    /// A stream is named twice.
    #[error("stream `{stream}` gets rows twice")]
    StreamTwice {
        /// The stream.
        stream: StreamName,
    },
    /// The data's type cannot become the schema's without loss.
    #[error("column `{column}` is {found} in the data and {wanted} in the schema of stream `{stream}`")]
    WrongType {
        /// The stream.
        stream: StreamName,
        /// The column.
        column: ColumnName,
        /// The type in the data.
        found: String,
        /// The type in the schema.
        wanted: &'static str,
    },
    /// Nothing says when a row was known.
    #[error("nothing says when the rows of stream `{stream}` happened")]
    NoTime {
        /// The stream.
        stream: StreamName,
    },
    /// A value cannot be written as the schema's type.
    #[error("row {row} of column `{column}` {fault}")]
    BadValue {
        /// The column.
        column: ColumnName,
        /// The row, from 0, in the order in which rows are sent.
        row: u64,
        /// What is wrong, as a verb with its object.
        fault: &'static str,
    },
    /// A column's values cannot be converted.
    #[error("column `{column}` cannot be written as {wanted}, somewhere in rows {first_row} to {last_row}")]
    Convert {
        /// The column.
        column: ColumnName,
        /// The type in the schema.
        wanted: &'static str,
        /// First row of the batch in which it failed.
        first_row: u64,
        /// Last row of it.
        last_row: u64,
        /// Why.
        #[source]
        source: arrow::error::ArrowError,
    },
    /// Rows that are not in the order of time do not fit into memory to be sorted.
    #[error("{what} is not in the order of `{column}`, and with {bytes} bytes too large to be sorted in memory")]
    TooLargeToSort {
        /// The file.
        what: String,
        /// The column.
        column: ColumnName,
        /// Its size in memory, as far as it was read.
        bytes: usize,
    },
    /// The topic holds records that this replay did not write.
    #[error("topic `{topic}`, Kafka partition {partition}, holds records of another source")]
    ForeignRecords {
        /// The topic.
        topic: TopicName,
        /// The partition.
        partition: KafkaPartition,
        /// What its last record says of its source; none where it says nothing.
        source_mark: Option<String>,
    },
    /// The simulator cannot be set up like this.
    #[error("failed to set up the simulator")]
    Simulator(#[from] InvalidSimulator),
    /// A JSON text could not be made or read.
    #[error("failed to handle the JSON of row {row}")]
    Json {
        /// The row or record.
        row: u64,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Columns could not be put together.
    #[error("failed to put together {what}")]
    Arrow {
        /// What.
        what: String,
        /// Why.
        #[source]
        source: arrow::error::ArrowError,
    },
    /// A topic's first records cannot be read.
    #[error("failed to look at topic `{topic}`")]
    Look {
        /// The topic.
        topic: TopicName,
        /// Why.
        #[source]
        source: KafkaError,
    },
    /// The cluster.
    #[error("failed to replay into Kafka")]
    Kafka(#[from] KafkaError),
    /// The thread that did the work is gone.
    #[error("the replay's thread ended before its work")]
    Ended,
}

fn listed(names: impl IntoIterator<Item = impl ToString>) -> String {
    let names: Vec<_> = names
        .into_iter()
        .map(|name| format!("`{}`", name.to_string()))
        .collect();
    names.join(", ")
}

impl Explain for SourceError {
    fn code(&self) -> ErrorCode {
        match self {
            SourceError::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound => ErrorCode::NotFound,
            SourceError::Read { .. } => ErrorCode::Unavailable,
            SourceError::UnknownStream { .. } => ErrorCode::NotFound,
            SourceError::TooLargeToSort { .. } => ErrorCode::LimitReached,
            SourceError::ForeignRecords { .. } => ErrorCode::Conflict,
            SourceError::Kafka(error) | SourceError::Look { source: error, .. } => error.code(),
            SourceError::Arrow { .. } | SourceError::Ended => ErrorCode::Internal,
            _ => ErrorCode::InvalidInput,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            SourceError::UnknownKind { .. } => {
                Some("files end in .parquet, .csv, .ndjson or .jsonl; anything else is taken for a topic's name by `init --from`".into())
            }
            SourceError::UnknownStream { known, .. } => Some(format!("the project has {}", listed(known))),
            SourceError::Framed(stream) => Some(format!(
                "set `streams.{stream}.format` to json or avro, or send the records with a producer of your own"
            )),
            SourceError::MissingColumn { present, .. } => Some(format!(
                "it has {}; a column that may be absent is nullable in the schema",
                listed(present)
            )),
            SourceError::UnknownColumn { stream, known, .. } => {
                Some(format!("it has {}; see schemas/{stream}.avsc", listed(known)))
            }
            SourceError::ColumnTaken { stream, column, .. } => Some(format!(
                "take `{column}` out of schemas/{stream}.avsc or make it nullable there"
            )),
            SourceError::NoTime { .. } => {
                Some("set `event_time` of the stream, or name a column of the data with --time".into())
            }
            SourceError::TooLargeToSort { column, .. } => Some(format!("write it in the order of `{column}` first")),
            SourceError::ForeignRecords { topic, .. } => Some(format!(
                "send to another stream or from a project folder of its own, or add --again to send every row behind what \
                 is in `{topic}`"
            )),
            SourceError::Kafka(error) | SourceError::Look { source: error, .. } => error.hint(),
            _ => None,
        }
    }
}
