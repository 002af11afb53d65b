//! Predictions: requests are recorded, and the events of a tick are scored, where ingest lands what comes of it.

use std::sync::Arc;

use tidemill_control::{Scoring, ScoringWiring, model_predictions};
use tidemill_engine::Engine;
use tidemill_project::Project;
use tidemill_serve::Slots;
use tidemill_serve::predictions::{LogLimits, PredictionIds, PredictionLog, PredictionLogWiring};
use tidemill_types::{Clock, Problem};

use super::KafkaSide;
use super::convert::problem;

/// Starts the record of requests and makes the step that scores ticks; neither where ingest does not run, or where no model has
/// a predictions stream.
pub(super) fn start(
    kafka: &KafkaSide,
    project: &Arc<Project>,
    engine: &Engine,
    slots: &Arc<Slots>,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Scoring>, Problem> {
    let Some(ingest) = kafka.ingest() else {
        return Ok(None);
    };
    let models = model_predictions(project).map_err(problem)?;
    if models.is_empty() {
        return Ok(None);
    }
    let configured = &project.settings.predictions;
    let log = PredictionLog::start(PredictionLogWiring {
        client: kafka.client().clone(),
        models,
        limits: LogLimits {
            queue: u32::try_from(configured.queue).unwrap_or(u32::MAX),
            wait: configured.wait.duration(),
        },
        clock: Arc::clone(clock),
        ids: PredictionIds::random(),
    });
    slots.record_in(Arc::new(log.map_err(problem)?));
    let scoring = Scoring::new(ScoringWiring {
        engine: engine.clone(),
        project: Arc::clone(project),
        slots: Arc::clone(slots),
        client: kafka.client().clone(),
        admin: kafka.admin().clone(),
        ingest: Arc::clone(ingest),
    });
    Ok(Some(scoring.map_err(problem)?))
}
