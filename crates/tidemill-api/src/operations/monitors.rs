//! Monitors: what is measured, how often, and a look at what one would say now.

use serde::{Deserialize, Serialize};
use tidemill_types::{DurationText, Micros, ModelName, MonitorKind, MonitorName, TimeRange, VersionNumber};
use utoipa::ToSchema;

use super::{DriftSeries, PerformanceSeries};
use crate::schema;

/// A monitor of the project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Monitor {
    /// Its name.
    #[schema(value_type = String)]
    pub name: MonitorName,
    /// What it measures.
    #[schema(value_type = schema::MonitorKind)]
    pub kind: MonitorKind,
    /// The model that it watches.
    #[schema(value_type = String)]
    pub model: ModelName,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How often it runs, on the event clock.
    #[schema(value_type = String)]
    pub every: DurationText,
    /// How long its window is.
    #[schema(value_type = String)]
    pub window: DurationText,
    /// How long before the tick its window ends.
    #[schema(value_type = String)]
    pub delay: DurationText,
    /// What is held against the thresholds, for drift: `psi` or `ks`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<String>,
    /// From this value on it is a warning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warn: Option<f64>,
    /// From this value on it is drift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<f64>,
    /// Fewest rows that say something.
    pub rows_min: u64,
    /// Its SQL file, from the project's folder.
    pub file: String,
    /// The newest tick that it ran at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub last_at: Option<Micros>,
    /// What it found there, the worst of its columns, as `drift`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_status: Option<String>,
}

/// When to run a monitor.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MonitorRunRequest {
    /// The instant, RFC 3339 or a date: everything is as it was known then. By default the last tick of the event clock,
    /// or the newest event where it has not ticked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub at: Option<Micros>,
}

/// What a monitor said. It is shown and not kept: the tables hold what the event clock ran, once per tick.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorRun {
    /// The monitor.
    #[schema(value_type = String)]
    pub monitor: MonitorName,
    /// What it measures.
    #[schema(value_type = schema::MonitorKind)]
    pub kind: MonitorKind,
    /// The model.
    #[schema(value_type = String)]
    pub model: ModelName,
    /// The instant.
    #[schema(value_type = String)]
    pub at: Micros,
    /// The event times that were looked at.
    #[schema(value_type = schema::TimeRange)]
    pub window: TimeRange,
    /// The version whose training rows are the reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub reference_version: Option<VersionNumber>,
    /// One point per column, for a monitor of drift.
    pub drift: Vec<DriftSeries>,
    /// One point per metric and segment, for a monitor of performance.
    pub performance: Vec<PerformanceSeries>,
}
