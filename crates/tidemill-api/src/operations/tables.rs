//! The catalog: what can be asked by SQL.

use serde::{Deserialize, Serialize};
use tidemill_types::TableName;
use utoipa::ToSchema;

/// What a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TableKind {
    /// The landed rows of a stream.
    Stream,
    /// Records of a stream that could not be used, with the reason.
    DeadLetters,
    /// A feature view, computed when it is asked.
    FeatureView,
    /// What monitors found.
    Monitoring,
    /// Another table of the lake.
    Lake,
    /// Runs, models, deployments and their history.
    Registry,
}

/// One table of the catalog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TableDescription {
    /// Its name in SQL.
    #[schema(value_type = String)]
    pub name: TableName,
    /// What it is.
    pub kind: TableKind,
    /// What it holds, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Its newest Delta version, where it lies in the lake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// Its rows, where that is known without a scan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Its columns in order.
    pub columns: Vec<ColumnDescription>,
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ColumnDescription {
    /// Its name; it keeps its case.
    pub name: String,
    /// Its Arrow type, as `Int64`.
    pub data_type: String,
    /// Whether it may hold nulls.
    pub nullable: bool,
}
