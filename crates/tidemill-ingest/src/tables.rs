//! The two tables of a stream: its rows, and its dead letters.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use tidemill_lake::TableSpec;
use tidemill_project::{Stream, time_type};
use tidemill_types::{InvalidName, KafkaColumn, StreamName, TableName};

/// What the dead-letter table of a stream is called, behind the stream's name.
const DEAD_LETTERS_SUFFIX: &str = "_dead_letters";

/// The table that holds the dead letters of a stream. Errors for a stream whose name leaves no room for it.
pub fn dead_letters_table(stream: &StreamName) -> Result<TableName, InvalidName> {
    TableName::new(format!("{stream}{DEAD_LETTERS_SUFFIX}"))
}

/// The landed table of a stream.
pub fn landed_spec(stream: &Stream) -> TableSpec {
    let doc = stream.schema.doc.clone();
    TableSpec {
        name: stream.name.clone().into(),
        schema: stream.schema.landed_arrow(),
        comment: doc.unwrap_or_else(|| format!("records of topic {}", stream.topic)),
        partition_columns: Vec::new(),
    }
}

/// The dead-letter table of a stream.
pub(crate) fn dead_letters_spec(stream: &Stream) -> Result<TableSpec, InvalidName> {
    Ok(TableSpec {
        name: dead_letters_table(&stream.name)?,
        schema: dead_letters_schema(),
        comment: format!(
            "records of topic {} that could not be landed, with the reason",
            stream.topic
        ),
        partition_columns: Vec::new(),
    })
}

/// Columns of every dead-letter table: where the record stands, its raw bytes, and why it is here.
pub(crate) fn dead_letters_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new(KafkaColumn::Topic.name(), DataType::Utf8, false),
        Field::new(KafkaColumn::Partition.name(), DataType::Int32, false),
        Field::new(KafkaColumn::Offset.name(), DataType::Int64, false),
        Field::new(KafkaColumn::KnownTime.name(), time_type(), false),
        Field::new("key", DataType::Binary, true),
        Field::new("value", DataType::Binary, true),
        Field::new("headers", DataType::Utf8, true),
        Field::new("stage", DataType::Utf8, false),
        Field::new("code", DataType::Utf8, false),
        Field::new("error", DataType::Utf8, false),
    ]))
}
