//! How good the predictions were that were made, once their labels are known: a series of figures per monitor, metric and
//! segment.

use serde::{Deserialize, Serialize};
use tidemill_types::{Micros, ModelName, MonitorName, TimeRange, VersionNumber};
use utoipa::{IntoParams, ToSchema};

use crate::schema;

/// Which performance to show.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PerformanceRequest {
    /// Only what this monitor measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub monitor: Option<MonitorName>,
    /// Only this model's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub model: Option<ModelName>,
    /// Only this metric, as `auc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// Only this segment; without it figures of all rows and of every segment come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
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

/// One metric of a model's predictions, over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PerformanceSeries {
    /// The monitor.
    #[schema(value_type = String)]
    pub monitor: MonitorName,
    /// The model.
    #[schema(value_type = String)]
    pub model: ModelName,
    /// The segment; absent for all rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// The metric, as `average_precision`.
    pub metric: String,
    /// The oldest first.
    pub points: Vec<PerformancePoint>,
}

/// One figure of performance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PerformancePoint {
    /// The tick of the event clock.
    #[schema(value_type = String)]
    pub at: Micros,
    /// The event times that were looked at.
    #[schema(value_type = schema::TimeRange)]
    pub window: TimeRange,
    /// The version that served at the tick; predictions of the window may be of earlier ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub version: Option<VersionNumber>,
    /// The metric's value; absent where the labels do not allow one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// How it reads, as `ok` or `too_few`.
    pub status: String,
    /// Predictions of the window.
    pub rows: u64,
    /// Those whose label was known.
    pub labelled: u64,
    /// Known labels by predictions, from 0 to 1; absent without predictions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maturity: Option<f64>,
    /// Positive labels.
    pub positives: u64,
}

impl PerformanceRequest {
    /// The ticks as a range.
    pub fn range(&self) -> TimeRange {
        TimeRange {
            from: self.from,
            to: self.to,
        }
    }
}
