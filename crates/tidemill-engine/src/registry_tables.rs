//! The registry's tables: read from it when a query runs, not when it is planned.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use tidemill_registry::{ColumnType, ExportedTable, Registry, RegistryTable, Value};

use crate::EngineError;

/// The names of all of them.
pub(crate) fn registry_table_names() -> impl Iterator<Item = &'static str> {
    RegistryTable::ALL.into_iter().map(RegistryTable::name)
}

fn by_name(name: &str) -> Option<RegistryTable> {
    RegistryTable::ALL.into_iter().find(|table| table.name() == name)
}

/// Whether it is one of the registry's.
pub(crate) fn is_registry_table(name: &str) -> bool {
    by_name(name).is_some()
}

/// What a row of it is.
pub(crate) fn registry_table_comment(name: &str) -> &'static str {
    by_name(name).map_or("", RegistryTable::comment)
}

/// The table of that name; empty where there is no registry.
pub(crate) fn registry_table(registry: Option<&Arc<Registry>>, name: &str) -> Option<Arc<dyn TableProvider>> {
    let table = by_name(name)?;
    let schema = schema(table);
    Some(match registry {
        None => Arc::new(EmptyTable::new(schema)),
        Some(registry) => Arc::new(RegistryProvider {
            registry: Arc::clone(registry),
            table,
            schema,
        }),
    })
}

#[derive(Debug)]
struct RegistryProvider {
    registry: Arc<Registry>,
    table: RegistryTable,
    schema: SchemaRef,
}

#[async_trait]
impl TableProvider for RegistryProvider {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let exported = self.registry.export(self.table).await.map_err(|source| {
            DataFusionError::External(Box::new(EngineError::Registry {
                table: self.table.name().to_owned(),
                source: Box::new(source),
            }))
        })?;
        let batch = batch(&exported, &self.schema)?;
        let rows = MemTable::try_new(Arc::clone(&self.schema), vec![vec![batch]])?;
        rows.scan(state, projection, filters, limit).await
    }
}

fn schema(table: RegistryTable) -> SchemaRef {
    let fields = table.columns().iter().map(|(name, column_type)| {
        let data_type = match column_type {
            ColumnType::Text => DataType::Utf8,
            ColumnType::Int => DataType::Int64,
            ColumnType::Float => DataType::Float64,
            ColumnType::Bool => DataType::Boolean,
            ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        };
        Field::new(*name, data_type, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn batch(exported: &ExportedTable, schema: &SchemaRef) -> Result<RecordBatch, DataFusionError> {
    let columns = exported.columns.iter().enumerate().map(|(place, (_, column_type))| {
        let values = exported.rows.iter().map(|row| row.get(place).unwrap_or(&Value::Null));
        column(values, *column_type)
    });
    Ok(RecordBatch::try_new(Arc::clone(schema), columns.collect())?)
}

fn column<'a>(values: impl Iterator<Item = &'a Value>, column_type: ColumnType) -> ArrayRef {
    match column_type {
        ColumnType::Text => Arc::new(
            values
                .map(|value| match value {
                    Value::Text(text) => Some(text.as_str()),
                    _ => None,
                })
                .collect::<StringArray>(),
        ),
        ColumnType::Int => Arc::new(
            values
                .map(|value| match value {
                    Value::Int(number) => Some(*number),
                    _ => None,
                })
                .collect::<Int64Array>(),
        ),
        ColumnType::Float => Arc::new(
            values
                .map(|value| match value {
                    Value::Float(number) => Some(*number),
                    _ => None,
                })
                .collect::<Float64Array>(),
        ),
        ColumnType::Bool => Arc::new(
            values
                .map(|value| match value {
                    Value::Bool(flag) => Some(*flag),
                    _ => None,
                })
                .collect::<BooleanArray>(),
        ),
        ColumnType::Timestamp => {
            let times = values.map(|value| match value {
                Value::Timestamp(time) => Some(time.0),
                _ => None,
            });
            Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
        }
    }
}
