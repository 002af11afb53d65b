//! The rows of a tick with their features.

use tidemill_features::{FeatureRowsRequest, FeaturesError, feature_rows};
use tidemill_serve::predictions::ScoreBatch;
use tidemill_types::{Micros, ModelName, TimeRange};

use super::ScoringWiring;
use crate::ControlError;

/// Brings the rows of ticks.
#[derive(Debug, Default)]
pub(super) struct TickRows;

impl TickRows {
    /// The rows of the model's stream in `range`, as known at `at`.
    pub(super) async fn of_tick(
        &mut self,
        wiring: &ScoringWiring,
        model: &ModelName,
        range: TimeRange,
        at: Micros,
    ) -> Result<ScoreBatch, ControlError> {
        let spec = wiring.project.models.get(model);
        let spec = spec.ok_or_else(|| ControlError::UnknownModel { model: model.clone() })?;
        let request = FeatureRowsRequest {
            model: spec,
            range,
            as_of: Some(at),
        };
        let rows = feature_rows(&wiring.engine, &wiring.project, request).await;
        let rows = rows.map_err(|source: FeaturesError| ControlError::Features {
            model: model.clone(),
            at,
            source: Box::new(source),
        })?;
        Ok(ScoreBatch {
            rows: rows.batch,
            time_column: rows.time_column,
            at,
        })
    }
}
