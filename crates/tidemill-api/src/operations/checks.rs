//! Validation checks, run over a window.

use serde::{Deserialize, Serialize};
use tidemill_types::{CheckKind, CheckName, Micros, Severity, TableName, TimeRange};
use utoipa::ToSchema;

use crate::schema;

/// Which checks to run, over which event times.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CheckRequest {
    /// The checks; all of them when empty.
    #[schema(value_type = Vec<String>)]
    pub names: Vec<CheckName>,
    /// First event time inside, RFC 3339 or a date.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub from: Option<Micros>,
    /// First event time after.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub to: Option<Micros>,
}

impl CheckRequest {
    /// The event times as a range.
    pub fn range(&self) -> TimeRange {
        TimeRange {
            from: self.from,
            to: self.to,
        }
    }
}

/// How a set of checks came out over one window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckReport {
    /// The event times that were looked at.
    #[schema(value_type = schema::TimeRange)]
    pub window: TimeRange,
    /// Whether every check passed.
    pub passed: bool,
    /// Whether one of severity `fail` did not: then nothing is trained on this window.
    pub stops_training: bool,
    /// One entry per check, by name.
    pub outcomes: Vec<CheckOutcome>,
}

impl CheckReport {
    /// The checks that did not pass.
    pub fn failures(&self) -> impl Iterator<Item = &CheckOutcome> {
        self.outcomes.iter().filter(|outcome| !outcome.passed)
    }
}

/// How one check came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckOutcome {
    /// The check.
    #[schema(value_type = String)]
    pub check: CheckName,
    /// How it is written.
    #[schema(value_type = schema::CheckKind)]
    pub kind: CheckKind,
    /// The table it looks at.
    #[schema(value_type = String)]
    pub on: TableName,
    /// What its failing does.
    #[schema(value_type = schema::Severity)]
    pub severity: Severity,
    /// Its SQL file, from the project's folder.
    pub file: String,
    /// Rows that were looked at.
    pub rows: u64,
    /// Rows that break it.
    pub broken: u64,
    /// Rows that keep it by all rows, from 0 to 1; 1 when there are none.
    pub share: f64,
    /// The share that lets it pass; absent means every row must.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mostly: Option<f64>,
    /// Whether it passed.
    pub passed: bool,
    /// The first rows that break it, with their keys and offsets.
    #[schema(value_type = Vec<Object>)]
    pub sample: Vec<serde_json::Map<String, serde_json::Value>>,
}
