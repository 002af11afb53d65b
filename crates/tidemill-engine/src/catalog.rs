//! What the catalog holds before anything landed: the streams' tables with their columns, and the views with their SQL.

use std::collections::BTreeMap;

use arrow::datatypes::{Schema, SchemaRef};
use serde::Serialize;
use tidemill_project::Project;
use tidemill_types::{ColumnName, KafkaColumn, TableName, TimeRange};

use crate::TableBounds;

/// The name of the catalog, as in `tidemill.public.transactions`.
pub const CATALOG: &str = "tidemill";
/// The one schema of the catalog.
pub const SCHEMA: &str = "public";

/// The table that one stream lands in.
#[derive(Debug, Clone)]
pub struct StreamTable {
    /// Its name, the stream's.
    pub name: TableName,
    /// The stream's own columns and the five that ingest adds. It is what an empty table has; a landed one has its own.
    pub schema: SchemaRef,
    /// The column that holds the event time; without one the known time takes its place.
    pub event_time: Option<ColumnName>,
    /// What it is, for whoever lists the tables.
    pub comment: String,
}

impl StreamTable {
    /// The column that places the rows in time: the event time, else the known time.
    pub fn time_column(&self) -> ColumnName {
        match &self.event_time {
            Some(column) => column.clone(),
            None => ColumnName::new(KafkaColumn::KnownTime.name()).expect("the name obeys the rule for columns"),
        }
    }
}

/// A feature view as a table of the catalog.
#[derive(Debug, Clone)]
pub struct View {
    /// Its name.
    pub name: TableName,
    /// One select statement.
    pub sql: String,
    /// What it is, for whoever lists the tables.
    pub comment: String,
}

/// The streams and views of a project.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// In the order of the project.
    pub streams: Vec<StreamTable>,
    /// In the order of the project.
    pub views: Vec<View>,
}

impl Catalog {
    /// The catalog of a project: its streams and feature views.
    pub fn of(project: &Project) -> Catalog {
        let streams = project.streams.values().map(|stream| StreamTable {
            name: TableName::from(stream.name.clone()),
            schema: stream.schema.landed_arrow(),
            event_time: stream.event_time.clone(),
            comment: (stream.schema.doc.clone()).unwrap_or_else(|| format!("rows of topic `{}`", stream.topic)),
        });
        let views = project.views.values().map(|view| View {
            name: TableName::from(view.name.clone()),
            sql: view.sql.clone(),
            comment: (view.description.clone()).unwrap_or_else(|| format!("feature view of entity `{}`", view.entity)),
        });
        Catalog {
            streams: streams.collect(),
            views: views.collect(),
        }
    }

    /// The part of every stream that a computation over `range` reads: the range and `lookback_micros` before it.
    ///
    /// A stream without event time has no end there: what it says about an event is known after the event happened, so that
    /// the event times of a range do not bound it from above. What was known when is for [`crate::Scope::known_before`].
    pub fn bounds(&self, range: TimeRange, lookback_micros: i64) -> BTreeMap<TableName, TableBounds> {
        let read = range.with_lookback(lookback_micros);
        let bounds = self.streams.iter().map(|stream| {
            let range = match stream.event_time {
                Some(_) => read,
                None => TimeRange {
                    from: read.from,
                    to: None,
                },
            };
            let column = stream.time_column();
            (stream.name.clone(), TableBounds { column, range })
        });
        bounds.collect()
    }

    /// The stream that lands in the table called `name`.
    pub fn stream(&self, name: &str) -> Option<&StreamTable> {
        self.streams.iter().find(|stream| stream.name.as_str() == name)
    }

    /// The view called `name`.
    pub fn view(&self, name: &str) -> Option<&View> {
        self.views.iter().find(|view| view.name.as_str() == name)
    }
}

/// What kind of table it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TableKind {
    /// Landed rows of a stream.
    Stream,
    /// A feature view.
    View,
    /// What ingest could not decode.
    DeadLetters,
    /// What monitors found.
    Monitoring,
    /// Another table of the lake.
    Lake,
    /// A table of the registry: runs, models, deployments and what goes with them.
    Registry,
}

/// A table and its columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableDescription {
    /// The table.
    pub name: String,
    /// Its kind.
    pub kind: TableKind,
    /// Its columns, in order.
    pub columns: Vec<ColumnDescription>,
    /// What it is.
    pub comment: String,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnDescription {
    /// Its name.
    pub name: String,
    /// Its Arrow type, as `Int64` or `Timestamp(µs, "UTC")`.
    pub data_type: String,
    /// Whether it may be null.
    pub nullable: bool,
}

impl ColumnDescription {
    pub(crate) fn all(schema: &Schema) -> Vec<ColumnDescription> {
        let columns = schema.fields().iter().map(|field| ColumnDescription {
            name: field.name().clone(),
            data_type: field.data_type().to_string(),
            nullable: field.is_nullable(),
        });
        columns.collect()
    }
}
