//! The rows of a tick with their features: made alone, or cut from several ticks that were made at once.
//!
//! Invariant: what is cut is what would have been made alone. The views of the model promise it (`known: by the event`), and the
//! first tick of every chunk is made both ways and compared bit by bit.

use std::collections::BTreeMap;

use tidemill_features::{FeatureRows, FeatureRowsRequest, feature_rows};
use tidemill_project::ModelSpec;
use tidemill_serve::predictions::ScoreBatch;
use tidemill_types::{DurationText, ErrorCode, Explain, Micros, ModelName, TimeRange};
use tracing::debug;

use super::ScoringWiring;
use super::lookahead::{ChunkSize, LOOKAHEAD_ROWS_MAX, chunk_ticks, ready_ticks};
use crate::ControlError;

/// Brings the rows of ticks.
#[derive(Debug, Default)]
pub(super) struct TickRows {
    chunks: BTreeMap<ModelName, Chunk>,
    sizes: BTreeMap<ModelName, ChunkSize>,
}

/// Ticks that were made at once.
#[derive(Debug)]
struct Chunk {
    rows: FeatureRows,
    tick: DurationText,
    first: Micros,
    last: Micros,
}

impl Chunk {
    fn covers(&self, at: Micros, tick: DurationText) -> bool {
        self.tick == tick && self.first <= at && at <= self.last
    }
}

impl TickRows {
    /// The rows of the model's stream of tick `at`, as known then.
    pub(super) async fn of_tick(
        &mut self,
        wiring: &ScoringWiring,
        model: &ModelName,
        at: Micros,
        tick: DurationText,
    ) -> Result<ScoreBatch, ControlError> {
        let spec = wiring.project.models.get(model);
        let spec = spec.ok_or_else(|| ControlError::UnknownModel { model: model.clone() })?;
        let range = TimeRange::new(at.plus(-tick.as_micros()), at);
        let covered = self.chunks.get(model).filter(|chunk| chunk.covers(at, tick));
        let rows = match covered {
            Some(chunk) => chunk.rows.cut(range, at).map_err(failed(model, at))?,
            None => {
                self.chunks.remove(model);
                let alone = make(wiring, spec, range, at).await?;
                self.look_ahead(wiring, spec, at, tick, &alone).await?;
                alone
            }
        };
        if self.chunks.get(model).is_some_and(|chunk| at >= chunk.last) {
            self.chunks.remove(model);
        }
        Ok(ScoreBatch {
            rows: rows.batch,
            time_column: rows.time_column,
            at,
        })
    }

    /// Makes the ticks after `at` too, where views and watermark allow it, and holds them against what was made alone.
    async fn look_ahead(
        &mut self,
        wiring: &ScoringWiring,
        model: &ModelSpec,
        at: Micros,
        tick: DurationText,
        alone: &FeatureRows,
    ) -> Result<(), ControlError> {
        let promised = model
            .views
            .iter()
            .all(|name| wiring.project.views.get(name).is_some_and(|view| view.known_by_event));
        let before = self.sizes.get(&model.name).copied();
        let ticks = match promised {
            true => chunk_ticks(ready_ticks(at, tick, watermark(wiring)), before),
            false => 1,
        };
        if ticks == 1 {
            let alone = ChunkSize {
                ticks: 1,
                rows: alone.batch.num_rows() as u64,
            };
            self.sizes.entry(model.name.clone()).or_insert(alone);
            return Ok(());
        }
        let length = tick.as_micros();
        let first = TimeRange::new(at.plus(-length), at);
        let last = at.plus(length.saturating_mul(ticks as i64 - 1));
        let range = TimeRange::new(at.plus(-length), last);
        let ahead = match make(wiring, model, range, last).await {
            Ok(ahead) => ahead,
            // Too much at once: from now on one tick after the other.
            Err(error) if error.code() == ErrorCode::LimitReached => {
                debug!(model = %model.name, "{ticks} ticks of `{}` are too much at once: {}", model.name, error.problem());
                let full = ChunkSize {
                    ticks: 1,
                    rows: LOOKAHEAD_ROWS_MAX,
                };
                self.sizes.insert(model.name.clone(), full);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let cut = ahead.cut(first, at).map_err(failed(&model.name, at))?;
        if let Some(difference) = alone.difference(&cut) {
            return Err(ControlError::Promise {
                model: model.name.clone(),
                view: difference.view,
                column: difference.column,
                at,
            });
        }
        let size = ChunkSize {
            ticks,
            rows: ahead.batch.num_rows() as u64,
        };
        self.sizes.insert(model.name.clone(), size);
        let chunk = Chunk {
            rows: ahead,
            tick,
            first: at.plus(length),
            last,
        };
        self.chunks.insert(model.name.clone(), chunk);
        Ok(())
    }
}

async fn make(
    wiring: &ScoringWiring,
    model: &ModelSpec,
    range: TimeRange,
    as_of: Micros,
) -> Result<FeatureRows, ControlError> {
    let request = FeatureRowsRequest {
        model,
        range,
        as_of: Some(as_of),
    };
    let rows = feature_rows(&wiring.engine, &wiring.project, request).await;
    rows.map_err(failed(&model.name, as_of))
}

fn failed(model: &ModelName, at: Micros) -> impl FnOnce(tidemill_features::FeaturesError) -> ControlError {
    let model = model.clone();
    move |source| ControlError::Features {
        model,
        at,
        source: Box::new(source),
    }
}

/// How far event time has come in every stream but those of predictions; none as long as one of them has shown no event.
fn watermark(wiring: &ScoringWiring) -> Option<Micros> {
    let models = wiring.project.models.values();
    let of_predictions: Vec<_> = models.filter_map(|model| model.predictions.as_ref()).collect();
    let streams = wiring.ingest.status().into_iter();
    let read = streams.filter(|status| !of_predictions.contains(&&status.stream));
    let watermarks: Option<Vec<Micros>> = read.map(|status| status.watermark).collect();
    watermarks?.into_iter().min()
}
