//! Feature views, computed and summed up.

use serde::{Deserialize, Serialize};
use tidemill_types::{ColumnName, DurationText, EntityName, Micros, TimeRange, ViewName};
use utoipa::{IntoParams, ToSchema};

use crate::schema;

/// Which feature views to compute, over which event times.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FeaturesRequest {
    /// One view; all of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub view: Option<ViewName>,
    /// First event time inside, RFC 3339 or a date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub from: Option<Micros>,
    /// First event time after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub to: Option<Micros>,
}

impl FeaturesRequest {
    /// The event times as a range.
    pub fn range(&self) -> TimeRange {
        TimeRange {
            from: self.from,
            to: self.to,
        }
    }
}

/// One feature view over a range of event times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FeatureViewSummary {
    /// The view.
    #[schema(value_type = String)]
    pub view: ViewName,
    /// What its features describe.
    #[schema(value_type = String)]
    pub entity: EntityName,
    /// The columns that identify a row.
    #[schema(value_type = Vec<String>)]
    pub key: Vec<ColumnName>,
    /// The column that says when a row happened.
    #[schema(value_type = String)]
    pub event_time: ColumnName,
    /// How far back its windows look.
    #[schema(value_type = String)]
    pub lookback: DurationText,
    /// Its SQL file, from the project's folder.
    pub file: String,
    /// The event times that were computed.
    #[schema(value_type = schema::TimeRange)]
    pub range: TimeRange,
    /// Rows in the range.
    pub rows: u64,
    /// Its features in order.
    pub columns: Vec<FeatureSummary>,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
}

/// One feature over a range of event times. The figures are absent where no row has a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FeatureSummary {
    /// The feature.
    pub name: String,
    /// Rows without a value.
    pub nulls: u64,
    /// Mean over the rows that have a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
    /// Standard deviation of the population.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub std: Option<f64>,
    /// The smallest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The median.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median: Option<f64>,
    /// The largest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}
