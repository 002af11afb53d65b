//! What a check is and how much its failing matters.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a check is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// One boolean expression per row.
    Row,
    /// A query that returns the rows that break it.
    Query,
}

/// What a failing check does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It is counted and shown.
    Warn,
    /// The rows that break it are left out.
    Quarantine,
    /// Training stops.
    Fail,
}

impl fmt::Display for CheckKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            CheckKind::Row => "row",
            CheckKind::Query => "query",
        })
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::Warn => "warn",
            Severity::Quarantine => "quarantine",
            Severity::Fail => "fail",
        })
    }
}
