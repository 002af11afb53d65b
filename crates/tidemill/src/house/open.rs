//! Opening a house: every part in the order in which they need each other.

use std::path::PathBuf;
use std::sync::Arc;

use tidemill_control::{Binding, EventClock, EventClockWiring, Lifecycle, Retraining, Triggers, WallSchedules};
use tidemill_engine::{Catalog, Engine, EngineSettings};
use tidemill_lake::{Lake, LakeLocation};
use tidemill_monitor::MonitorTables;
use tidemill_project::Project;
use tidemill_registry::{RandomIds, Registry, RegistryLocation};
use tidemill_serve::{InferenceObserver, NoObserver, Slots};
use tidemill_training::Trainer;
use tidemill_types::{Clock, CodeVersion, Problem, SystemClock};

use super::convert::problem;
use super::maintenance::Maintenance;
use super::{House, KafkaSide};

/// What a house is opened with, beside lake, registry, engine and slots, which it always has.
#[derive(Clone)]
pub struct Parts {
    /// The broker: started in this process, or connected to.
    pub kafka: bool,
    /// Ingest; needs the broker.
    pub ingest: bool,
    /// The event clock and the schedules on the machine's clock, as the settings allow. The former needs ingest.
    pub clocks: bool,
    /// Hears of every inference request.
    pub observer: Arc<dyn InferenceObserver>,
    /// Where the present comes from.
    pub clock: Arc<dyn Clock>,
}

impl Default for Parts {
    fn default() -> Parts {
        Parts {
            kafka: false,
            ingest: false,
            clocks: false,
            observer: Arc::new(NoObserver),
            clock: Arc::new(SystemClock),
        }
    }
}

impl Parts {
    /// Broker and ingest too.
    pub fn all() -> Parts {
        Parts {
            kafka: true,
            ingest: true,
            ..Parts::default()
        }
    }

    /// Everything that runs by itself: the loop too.
    pub fn running() -> Parts {
        Parts {
            clocks: true,
            ..Parts::all()
        }
    }
}

/// The owner of runs in the registry. One process holds a project at a time, so it needs no number.
const RUN_OWNER: &str = "tidemill";

impl House {
    /// Opens the house of a project. The caller holds the project's lock.
    pub async fn open(project: Arc<Project>, parts: Parts) -> Result<House, Problem> {
        let state_dir = project.state_dir();
        let clock = Arc::clone(&parts.clock);
        let options = project.settings.storage.options.expose().clone();
        let mut location = LakeLocation::parse(project.lake().expose(), options).map_err(problem)?;
        if project.settings.storage.durable {
            location = location.durable();
        }
        let lake = Arc::new(
            Lake::open_with_clock(location, Arc::clone(&clock))
                .await
                .map_err(problem)?
                .with_checkpoint_commits(project.settings.ingest.checkpoint_commits as u32),
        );
        let registry = open_registry(&project, &clock).await?;
        let engine_settings = engine_settings(&project);
        let engine = Engine::new(
            engine_settings,
            Arc::clone(&lake),
            Arc::new(registry.clone()),
            Catalog::of(&project),
        )
        .map_err(problem)?;

        let slots = Arc::new(Slots::new(Arc::clone(&parts.observer)));
        let bindings = project.deployments.values().map(|deployment| Binding {
            deployment: deployment.name.clone(),
            model: deployment.model.clone(),
            alias: deployment.alias.clone(),
        });
        let lifecycle = Lifecycle::new(
            registry.clone(),
            slots,
            Arc::clone(&clock),
            bindings.collect::<Vec<_>>(),
        );
        lifecycle.reconcile().await.map_err(problem)?;
        let code_version = CodeVersion(env!("CARGO_PKG_VERSION").to_owned());
        let trainer = Trainer::new(
            Arc::clone(&project),
            engine.clone(),
            registry.clone(),
            RUN_OWNER,
            code_version,
        );

        let kafka = match parts.kafka {
            true => Some(KafkaSide::open(&project, &state_dir, &lake, &clock, parts.ingest).await?),
            false => None,
        };
        let scoring = match &kafka {
            Some(kafka) => super::recording::start(kafka, &project, &engine, lifecycle.slots(), &clock)?,
            None => None,
        };
        let lifecycle = Arc::new(lifecycle);
        let triggers = Triggers::new(Arc::clone(&project), engine.clone(), registry.clone(), trainer.clone());
        let retraining = Retraining::new(
            registry.clone(),
            trainer.clone(),
            triggers.clone(),
            Arc::clone(&lifecycle),
        );
        // Whoever fills tables keeps them in order; a command that only looks leaves them alone.
        let maintenance = match parts.ingest {
            true => Maintenance::start(&project, &lake, &registry),
            false => None,
        };
        let mut house = House {
            maintenance,
            project,
            clock,
            lake,
            registry,
            engine,
            scoring,
            lifecycle,
            triggers,
            retraining,
            event_clock: None,
            schedules: None,
            trainer,
            kafka,
            on_train_step: None,
            started_at: None,
            state_dir,
        };
        if parts.clocks && house.project.settings.clock.run {
            house.start_clocks().await?;
        }
        Ok(house)
    }

    async fn start_clocks(&mut self) -> Result<(), Problem> {
        let tables = MonitorTables::open(&self.lake).await.map_err(problem)?;
        if let Some(ingest) = self.kafka.as_ref().and_then(KafkaSide::ingest) {
            let wiring = EventClockWiring {
                project: Arc::clone(&self.project),
                engine: self.engine.clone(),
                registry: self.registry.clone(),
                ingest: Arc::clone(ingest),
                scoring: self.scoring.clone(),
                tables,
                trainer: self.trainer.clone(),
                triggers: self.triggers.clone(),
                retraining: self.retraining.clone(),
            };
            self.event_clock = Some(EventClock::start(wiring).await.map_err(problem)?);
        }
        self.schedules = WallSchedules::start(self.triggers.clone(), self.retraining.clone(), Arc::clone(&self.clock));
        Ok(())
    }

    /// Says that this house serves from now on.
    pub fn started(&mut self) {
        self.started_at = Some(self.clock.now());
    }
}

async fn open_registry(project: &Project, clock: &Arc<dyn Clock>) -> Result<Registry, Problem> {
    let database = project.registry().expose().to_owned();
    let artifacts = PathBuf::from(project.artifacts().expose());
    let url = if database.contains("://") || database.starts_with("sqlite:") {
        database
    } else {
        format!("sqlite:{database}")
    };
    let location = RegistryLocation::parse(&url, &artifacts).map_err(problem)?;
    let registry = Registry::open(&location, Arc::clone(clock), Arc::new(RandomIds))
        .await
        .map_err(problem)?;
    // Whoever holds the lock is alone: a run that still says it is running was left by a dead process.
    for run in registry.reap_running(RUN_OWNER).await.map_err(problem)? {
        tracing::warn!(run = %run, "run {run} was left by a process that died; it is marked as killed");
    }
    Ok(registry)
}

/// The engine's limits from the project's settings.
pub fn engine_settings(project: &Project) -> EngineSettings {
    let configured = &project.settings.engine;
    let defaults = EngineSettings::default();
    EngineSettings {
        memory_bytes: configured.memory.as_usize(),
        threads: configured.threads.unwrap_or(defaults.threads),
        query_timeout: configured.query_timeout.duration(),
        query_rows: configured.query_rows,
        query_bytes: configured.query_bytes.as_usize(),
        ..defaults
    }
}
