//! `dead_letters`: what could not be decoded, of all streams in one table.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{LogicalPlanBuilder, cast, lit};
use datafusion::prelude::ident;
use tidemill_types::KafkaColumn;

use crate::catalog::Catalog;

/// The table of all dead letters.
pub(crate) const DEAD_LETTERS: &str = "dead_letters";
/// What the table of one stream's dead letters has behind the stream's name.
const SUFFIX: &str = "_dead_letters";

/// The table of a stream's dead letters.
pub(crate) fn dead_letter_table(stream: &str) -> String {
    format!("{stream}{SUFFIX}")
}

/// Whether it is the dead letter table of a stream of the catalog.
pub(crate) fn is_dead_letter_table(catalog: &Catalog, name: &str) -> bool {
    name.strip_suffix(SUFFIX)
        .is_some_and(|stream| catalog.stream(stream).is_some())
}

/// The columns of a stream's dead letters before there are any.
pub(crate) fn dead_letter_schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new(KafkaColumn::Topic.name(), DataType::Utf8, false),
        Field::new(KafkaColumn::Partition.name(), DataType::Int32, false),
        Field::new(KafkaColumn::Offset.name(), DataType::Int64, false),
        Field::new(KafkaColumn::KnownTime.name(), time, false),
        Field::new("key", DataType::Binary, true),
        Field::new("value", DataType::Binary, true),
        Field::new("headers", DataType::Utf8, true),
        Field::new("stage", DataType::Utf8, false),
        Field::new("code", DataType::Utf8, false),
        Field::new("error", DataType::Utf8, false),
    ]))
}

/// All tables one below the other, with the stream's name in front.
pub(crate) fn union(tables: Vec<(&str, Arc<dyn TableProvider>)>) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    let columns = dead_letter_schema();
    let mut all: Option<LogicalPlanBuilder> = None;
    for (stream, provider) in tables {
        let mut projection = vec![lit(stream).alias("stream")];
        for field in columns.fields() {
            projection.push(cast(ident(field.name()), field.data_type().clone()).alias(field.name()));
        }
        let name = dead_letter_table(stream);
        let part = LogicalPlanBuilder::scan(name, provider_as_source(provider), None)?.project(projection)?;
        all = Some(match all {
            None => part,
            Some(before) => before.union(part.build()?)?,
        });
    }
    if let Some(all) = all {
        return Ok(Arc::new(ViewTable::new(all.build()?, None)));
    }
    let mut fields = vec![Arc::new(Field::new("stream", DataType::Utf8, false))];
    fields.extend(columns.fields().iter().cloned());
    Ok(Arc::new(EmptyTable::new(Arc::new(Schema::new(fields)))))
}
