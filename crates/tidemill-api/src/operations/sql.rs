//! A query and its answer.

use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};
use tidemill_types::DurationText;
use utoipa::ToSchema;

/// A read-only query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SqlRequest {
    /// One SQL statement that reads.
    pub query: String,
    /// Most rows of the answer; at most (and by default) what the settings allow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_max: Option<usize>,
    /// Longest run time, as `30s`; at most (and by default) what the settings allow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub timeout: Option<DurationText>,
}

impl SqlRequest {
    /// `query` under the limits of the settings.
    pub fn new(query: impl Into<String>) -> SqlRequest {
        SqlRequest {
            query: query.into(),
            rows_max: None,
            timeout: None,
        }
    }
}

/// A query's answer. Over HTTP it is JSON ([`SqlRows`]) or an Arrow IPC stream.
#[derive(Debug, Clone, PartialEq)]
pub struct SqlAnswer {
    /// The columns, present even when no row is.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
    /// Whether a limit cut rows off the end.
    pub truncated: bool,
    /// How long the query ran.
    pub elapsed: Duration,
}

impl SqlAnswer {
    /// Rows in all batches.
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

/// A query's answer as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SqlRows {
    /// The columns in order.
    pub columns: Vec<SqlColumn>,
    /// The rows in order, each an object by column name. Times are RFC 3339 text, bytes hexadecimal, NaN is null.
    #[schema(value_type = Vec<Object>)]
    pub rows: Vec<serde_json::Map<String, serde_json::Value>>,
    /// How many rows there are.
    pub row_count: usize,
    /// Whether a limit cut rows off the end.
    pub truncated: bool,
    /// How long the query ran, in milliseconds.
    pub elapsed_ms: u64,
}

/// One column of a query's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SqlColumn {
    /// Its name.
    pub name: String,
    /// Its Arrow type, as `Int64`.
    pub data_type: String,
    /// Whether it may hold nulls.
    pub nullable: bool,
}
