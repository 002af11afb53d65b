//! `[streams.<name>]`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_types::{ColumnName, DurationText, TopicName};

use super::forms::{ColumnForm, DurationForm, TopicForm};

/// Kafka partitions of a topic that tidemill makes.
const PARTITIONS: i32 = 3;
/// How late events may come without being flagged.
const LATENESS: DurationText = DurationText::from_secs(3_600);

/// A stream: a Kafka topic that lands in a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct StreamSettings {
    /// The Kafka topic; by default the stream's name.
    #[schemars(with = "Option<TopicForm>")]
    pub topic: Option<TopicName>,
    /// The Avro schema that describes the records, relative to the project; by default `schemas/<stream>.avsc`.
    pub schema: Option<PathBuf>,
    /// The columns that together identify a row. A stream whose rows are scored or joined needs them.
    #[schemars(with = "Vec<ColumnForm>")]
    pub key: Vec<ColumnName>,
    /// The column that says when it happened; by default the Kafka timestamp.
    #[schemars(with = "Option<ColumnForm>")]
    pub event_time: Option<ColumnName>,
    /// The column whose value is the Kafka key of records that tidemill produces, so that equal values keep their order; by
    /// default the first column of `key`.
    #[schemars(with = "Option<ColumnForm>")]
    pub partition_by: Option<ColumnName>,
    /// How far behind the newest event an event may lie before it is flagged late. Late rows are never dropped.
    #[schemars(with = "DurationForm")]
    pub lateness: DurationText,
    /// The Kafka partitions of the topic where tidemill makes it.
    #[schemars(range(min = 1))]
    pub partitions: i32,
    /// How records are written.
    pub format: Format,
}

impl Default for StreamSettings {
    fn default() -> StreamSettings {
        StreamSettings {
            topic: None,
            schema: None,
            key: Vec::new(),
            event_time: None,
            partition_by: None,
            lateness: LATENESS,
            partitions: PARTITIONS,
            format: Format::Json,
        }
    }
}

/// How records of a topic are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Format {
    /// One JSON object a record, plain as producers write it; the Avro schema describes it.
    #[default]
    Json,
    /// One Avro record in binary, without a frame, written with the stream's own schema.
    Avro,
    /// One Avro record in binary behind Confluent's frame (a zero and the id of the writer's schema in the schema registry).
    ConfluentAvro,
}

impl Format {
    /// As in the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Avro => "avro",
            Format::ConfluentAvro => "confluent-avro",
        }
    }
}
