//! Predictions that have landed: what was scored, by which version, and how it came out.

use std::fmt;

use serde::{Deserialize, Serialize};
use tidemill_types::{DeploymentName, Micros, ModelName, StreamName, VersionNumber};
use utoipa::{IntoParams, ToSchema};

/// Predictions in a list when nobody says how many.
pub const PREDICTIONS_LISTED: u32 = 50;
/// Most predictions in a list.
pub const PREDICTIONS_LISTED_MAX: u32 = 10_000;
/// Longest id of a prediction, in bytes.
pub const PREDICTION_ID_BYTES_MAX: usize = 256;

/// Which predictions to list, newest first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PredictionsRequest {
    /// Only those in this stream; by default in every stream that a model's predictions go to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub stream: Option<StreamName>,
    /// Only those of this deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub deployment: Option<DeploymentName>,
    /// Only those with this source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub source: Option<PredictionSource>,
    /// At most this many; 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Where the scored row came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PredictionSource {
    /// A row of the model's stream, scored by the event clock.
    Stream,
    /// A request from outside.
    Request,
}

/// One prediction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Prediction {
    /// Its id.
    pub id: String,
    /// The stream that it landed in.
    #[schema(value_type = String)]
    pub stream: StreamName,
    /// The model.
    #[schema(value_type = String)]
    pub model: ModelName,
    /// The version that scored it.
    #[schema(value_type = u32)]
    pub version: VersionNumber,
    /// The deployment that served the version.
    #[schema(value_type = String)]
    pub deployment: DeploymentName,
    /// Where the row came from.
    pub source: PredictionSource,
    /// The probability of the positive class.
    pub score: f64,
    /// Whether the score reaches the model's threshold.
    pub decision: bool,
    /// The row's event time.
    #[schema(value_type = String)]
    pub event_time: Micros,
    /// When it was scored: on the event clock the tick, for a request the wall clock.
    #[schema(value_type = String)]
    pub scored_at: Micros,
    /// Every other column of the stream by name: keys, what stands beside the score, features.
    pub columns: serde_json::Map<String, serde_json::Value>,
}

impl fmt::Display for PredictionSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            PredictionSource::Stream => "stream",
            PredictionSource::Request => "request",
        })
    }
}
