//! The house: every crate wired to every other, opened over one project folder.
//!
//! Invariant: whoever holds a [`House`] holds the project's lock. What it can do stands in [`tidemill_api::Operations`],
//! which it implements; the server offers that over HTTP, so that a command does the same beside a server as alone.

mod audit;
mod clock;
mod convert;
mod dead_letters;
mod features;
mod kafka;
mod lifecycle;
mod maintenance;
mod models;
mod monitor_runs;
mod monitoring;
mod open;
mod operations;
mod predictions;
mod recording;
mod replay;
mod rows;
mod runs;
mod scoring;
mod server;
mod status;
mod training;
mod triggers;

use std::path::PathBuf;
use std::sync::Arc;

use tidemill_control::{EventClock, Lifecycle, Retraining, Scoring, Triggers, WallSchedules};
use tidemill_engine::Engine;
use tidemill_lake::Lake;
use tidemill_project::Project;
use tidemill_registry::Registry;
use tidemill_serve::predictions::PREDICTION_LOG_CLOSE_LIMIT;
use tidemill_training::{TrainStep, Trainer};
use tidemill_types::{Clock, Micros};

pub use kafka::{KafkaSide, client_settings, start_broker};
pub use open::{Parts, engine_settings};
pub use scoring::infer_request;
pub use server::server_settings;

/// Hears how far a training is.
pub type OnTrainStep = Arc<dyn Fn(TrainStep) + Send + Sync>;

/// Everything of one project, wired.
pub struct House {
    project: Arc<Project>,
    clock: Arc<dyn Clock>,
    lake: Arc<Lake>,
    registry: Registry,
    engine: Engine,
    lifecycle: Arc<Lifecycle>,
    trainer: Trainer,
    kafka: Option<KafkaSide>,
    scoring: Option<Scoring>,
    triggers: Triggers,
    retraining: Retraining,
    event_clock: Option<EventClock>,
    schedules: Option<WallSchedules>,
    maintenance: Option<maintenance::Maintenance>,
    on_train_step: Option<OnTrainStep>,
    started_at: Option<Micros>,
    /// Where its state lies.
    state_dir: PathBuf,
}

impl House {
    /// The project it was opened over.
    pub fn project(&self) -> &Arc<Project> {
        &self.project
    }

    /// The lake.
    pub fn lake(&self) -> &Arc<Lake> {
        &self.lake
    }

    /// The SQL engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The registry.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Kafka and ingest, where they were opened.
    pub fn kafka(&self) -> Option<&KafkaSide> {
        self.kafka.as_ref()
    }

    /// What scores the events of a tick, where ingest runs.
    pub fn scoring(&self) -> Option<&Scoring> {
        self.scoring.as_ref()
    }

    /// The folder of its state.
    pub fn state_dir(&self) -> &PathBuf {
        &self.state_dir
    }

    /// From now on `hear` is told how far a training is.
    pub fn on_train_step(&mut self, hear: OnTrainStep) {
        self.on_train_step = Some(hear);
    }

    /// The event clock, where it runs.
    pub fn event_clock(&self) -> Option<&EventClock> {
        self.event_clock.as_ref()
    }

    /// Stops the event clock and the schedules, the record of requests, then ingest and broker; what was recorded is in its topic, what was read is committed,
    /// what was acknowledged is on disk.
    ///
    /// Whoever still works in the house, as a training that outlived the server's patience, finds its registry closed.
    pub async fn close(&self) -> Result<(), tidemill_types::Problem> {
        if let Some(clock) = &self.event_clock {
            clock.shutdown().await;
        }
        if let Some(schedules) = &self.schedules {
            schedules.shutdown().await;
        }
        if let Some(log) = self.lifecycle.slots().log() {
            log.close(PREDICTION_LOG_CLOSE_LIMIT).await;
        }
        if let Some(maintenance) = &self.maintenance {
            maintenance.stop().await;
        }
        let closed = match &self.kafka {
            Some(kafka) => kafka.close().await,
            None => Ok(()),
        };
        self.registry.close().await;
        closed
    }
}
