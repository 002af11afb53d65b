//! What an internal session sees of the tables: some rows of them, at some version, as they were known at some time.

use std::collections::BTreeMap;

use datafusion::common::ScalarValue;
use tidemill_types::{ColumnName, Micros, TableName, TimeRange};

use crate::Rows;

/// The bounds of an internal session. The default one sees everything, at the newest version.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Tables and views of which only the rows inside a range are seen.
    pub bounds: BTreeMap<TableName, TableBounds>,
    /// Of every landed table only the rows that were known at this time are seen: `_tm_kafka_time <= t`.
    pub known_before: Option<Micros>,
    /// Delta versions to read instead of the newest.
    pub versions: BTreeMap<TableName, i64>,
    /// Tables that the session brings along. One with the name of a table of the catalog hides it.
    pub tables: BTreeMap<TableName, Rows>,
    /// Values for `$name` in the SQL.
    pub parameters: BTreeMap<String, Parameter>,
}

/// The rows of a table or view that a session sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableBounds {
    /// A column of instants.
    pub column: ColumnName,
    /// The instants that are inside. A null never is, unless the range is all of time.
    pub range: TimeRange,
}

/// The value of a `$name` in SQL.
#[derive(Debug, Clone, PartialEq)]
pub enum Parameter {
    /// An instant, `Timestamp(µs, "UTC")`.
    Time(Micros),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

impl Parameter {
    pub(crate) fn scalar(&self) -> ScalarValue {
        match self {
            Parameter::Time(time) => time_scalar(*time),
            Parameter::Integer(value) => ScalarValue::Int64(Some(*value)),
            Parameter::Number(value) => ScalarValue::Float64(Some(*value)),
            Parameter::Text(value) => ScalarValue::Utf8(Some(value.clone())),
        }
    }
}

/// An instant as the landed tables hold it.
pub(crate) fn time_scalar(time: Micros) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(Some(time.0), Some("UTC".into()))
}
