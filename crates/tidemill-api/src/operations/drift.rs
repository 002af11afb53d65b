//! How far what comes in has moved from what a model learnt from: a series of figures per monitor and column.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use tidemill_types::{ColumnName, Micros, ModelName, MonitorName, TimeRange, VersionNumber};
use utoipa::{IntoParams, ToSchema};

use crate::schema;

/// Points of one series when nobody says how many: a year of days, and a month.
pub const POINTS_LISTED: u32 = 400;
/// Most points of one series.
pub const POINTS_LISTED_MAX: u32 = 10_000;
/// Most points of all series of an answer; what has more is refused, and narrowed by whoever asks.
pub const POINTS_ANSWERED_MAX: usize = 200_000;

/// Which drift to show.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DriftRequest {
    /// Only what this monitor measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub monitor: Option<MonitorName>,
    /// Only this model's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub model: Option<ModelName>,
    /// Only this column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub column: Option<ColumnName>,
    /// First tick inside, RFC 3339 or a date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub from: Option<Micros>,
    /// First tick after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub to: Option<Micros>,
    /// At most this many of the newest points of each series; 400 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<u32>,
}

/// How a figure of drift reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DriftStatus {
    /// There were too few rows to say.
    TooFew,
    /// Below the first threshold.
    Stable,
    /// From the first threshold on.
    Warn,
    /// From the second threshold on.
    Drift,
}

/// What a monitor measured of one column, over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DriftSeries {
    /// The monitor.
    #[schema(value_type = String)]
    pub monitor: MonitorName,
    /// The model whose reference it was held against.
    #[schema(value_type = String)]
    pub model: ModelName,
    /// The column.
    #[schema(value_type = String)]
    pub column: ColumnName,
    /// What is measured, as `psi`.
    pub measure: String,
    /// From this value on it is a warning; absent where the project has no such monitor any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warn: Option<f64>,
    /// From this value on it is drift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<f64>,
    /// The oldest first.
    pub points: Vec<DriftPoint>,
}

/// One figure of drift.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DriftPoint {
    /// The tick of the event clock.
    #[schema(value_type = String)]
    pub at: Micros,
    /// The event times that were looked at.
    #[schema(value_type = schema::TimeRange)]
    pub window: TimeRange,
    /// The version whose training rows are the reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub reference_version: Option<VersionNumber>,
    /// The measure's value; absent where there were too few rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// How it reads.
    pub status: DriftStatus,
    /// Rows of the reference.
    pub reference_rows: u64,
    /// Rows of the window.
    pub rows: u64,
    /// Every other figure of the same rows by name, as `ks_lower`, `null_share` or `mean_current`.
    pub figures: BTreeMap<String, f64>,
}

impl DriftRequest {
    /// The ticks as a range.
    pub fn range(&self) -> TimeRange {
        TimeRange {
            from: self.from,
            to: self.to,
        }
    }
}

impl fmt::Display for DriftStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            DriftStatus::TooFew => "too few rows",
            DriftStatus::Stable => "stable",
            DriftStatus::Warn => "warn",
            DriftStatus::Drift => "drift",
        })
    }
}
