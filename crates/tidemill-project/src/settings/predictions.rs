//! `[predictions]`: how predictions are recorded.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_types::DurationText;

use super::forms::DurationForm;

/// How predictions are recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct PredictionSettings {
    /// Predictions for requests from outside that may wait to be written.
    pub queue: usize,
    /// How long a request waits for room when that many do; then its predictions are dropped, and counted.
    #[schemars(with = "DurationForm")]
    pub wait: DurationText,
    /// What is kept of the features, where the stream has a column for it.
    pub features: RecordedFeatures,
}

/// What a prediction keeps of its features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum RecordedFeatures {
    /// Their values and their hash.
    Values,
    /// Their hash alone.
    Hash,
}

impl Default for PredictionSettings {
    fn default() -> PredictionSettings {
        PredictionSettings {
            queue: 10_000,
            wait: DurationText::from_millis(50),
            features: RecordedFeatures::Hash,
        }
    }
}
