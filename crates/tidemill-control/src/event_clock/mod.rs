//! The event clock: ticks of the events' own time, stepped one by one up to the watermark of what has landed.
//!
//! Invariants: tick T is about events in [T - tick, T) and what was known at T, so that a replay gives the same numbers at any
//! speed; a tick is finished before the next one begins, and a process that dies in the middle of one goes on with it: what
//! the tick had done already is found done (predictions by their headers, reports by their fences, firings by their times).
//! Absent on purpose: the machine's time, but for the pauses between tries; and rows that come after their tick.

mod next;
mod status;
mod tick;

use std::sync::Arc;
use std::time::Duration;

use tidemill_engine::Engine;
use tidemill_ingest::{IngestHandle, StreamState, StreamStatus};
use tidemill_monitor::MonitorTables;
use tidemill_project::Project;
use tidemill_registry::{ClockState, Registry};
use tidemill_training::Trainer;
use tidemill_types::{Explain, Micros, StreamName};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tracing::warn;

use crate::triggers::Triggers;
use crate::{ControlError, Retraining, Scoring, ScoringState};

pub use next::{StreamClock, clock_watermark, next_tick};
pub use status::{ClockStatus, ClockStep, ClockTimes};

use tick::References;

/// First pause after something failed; it doubles each time.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// Longest pause between two tries.
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(30);
/// How often the clock looks again by itself, were a change of a stream not told.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// What the clock works with.
pub struct EventClockWiring {
    /// Models, monitors, triggers and the length of a tick.
    pub project: Arc<Project>,
    /// Answers the SQL of monitors and triggers.
    pub engine: Engine,
    /// Holds where the clock stands, and firings.
    pub registry: Registry,
    /// Lands streams; tells how far event time is.
    pub ingest: Arc<IngestHandle>,
    /// Scores events; none where no model has a predictions stream.
    pub scoring: Option<Scoring>,
    /// Keeps reports.
    pub tables: MonitorTables,
    /// Knows what versions were trained on.
    pub trainer: Trainer,
    /// Looks at triggers.
    pub triggers: Triggers,
    /// Acts on firings.
    pub retraining: Retraining,
}

/// The running clock.
pub struct EventClock {
    status: watch::Receiver<ClockStatus>,
    stop: watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<()>>>,
    project: Arc<Project>,
    ingest: Arc<IngestHandle>,
}

impl EventClock {
    /// Starts the clock where the registry says that it stands.
    pub async fn start(wiring: EventClockWiring) -> Result<EventClock, ControlError> {
        let noted = wiring.registry.event_clock().await?;
        let state = noted.as_ref().map(|noted| noted.state.clone()).unwrap_or_default();
        let scoring = match noted.is_some() {
            true => serde_json::from_value(state).map_err(ControlError::ClockState)?,
            false => ScoringState::default(),
        };
        let at = noted.map(|noted| noted.at);
        let (stop, stopped) = watch::channel(false);
        let (status_sender, status) = watch::channel(ClockStatus {
            at,
            ..ClockStatus::default()
        });
        let (project, ingest) = (Arc::clone(&wiring.project), Arc::clone(&wiring.ingest));
        let stepper = Stepper {
            wiring,
            at,
            noted: at,
            scoring,
            references: References::default(),
            status: status_sender,
        };
        let task = tokio::spawn(stepper.run(stopped));
        Ok(EventClock {
            status,
            stop,
            task: Mutex::new(Some(task)),
            project,
            ingest,
        })
    }

    /// Where the clock stands.
    pub fn status(&self) -> ClockStatus {
        self.status.borrow().clone()
    }

    /// Waits until the clock has stepped all that what has landed by now lets it. Errors when `limit` is reached, or the clock
    /// has ended.
    pub async fn wait_caught_up(&self, limit: Duration) -> Result<ClockStatus, ControlError> {
        let stood = tokio::time::timeout(limit, self.caught_up()).await;
        stood.ok().flatten().ok_or_else(|| ControlError::ClockBehind {
            at: self.status().at,
            watermark: self.landed(),
            problem: self.status().last_error,
        })
    }

    /// Returns when it has caught up; none where it has ended.
    async fn caught_up(&self) -> Option<ClockStatus> {
        // A stream that still looks up where it stands has not told how far it is: without a watermark nothing is behind.
        for model in self.project.models.values() {
            for name in [&model.stream, &model.label.stream] {
                if let Some(mut stream) = self.ingest.watch(name) {
                    drop(stream.wait_for(|status| status.state != StreamState::Starting).await);
                }
            }
        }
        let wanted = self.landed();
        let mut status = self.status.clone();
        let there = |status: &ClockStatus| {
            let seen = status.watermark >= wanted;
            (seen && status.caught_up) || status.step == ClockStep::Stopped
        };
        let stood = status.wait_for(there).await.ok()?.clone();
        (stood.step != ClockStep::Stopped).then_some(stood)
    }

    /// How far what has landed lets the clock go.
    fn landed(&self) -> Option<Micros> {
        clock_watermark(&stream_clocks(&self.project, &self.ingest.status()))
    }

    /// Waits until a tick is finished. Errors when `limit` is reached, or the clock has ended.
    pub async fn wait_until(&self, at: Micros, limit: Duration) -> Result<ClockStatus, ControlError> {
        let mut status = self.status.clone();
        let there = |status: &ClockStatus| status.at >= Some(at) || status.step == ClockStep::Stopped;
        let waited = tokio::time::timeout(limit, status.wait_for(there)).await;
        let stood = match waited {
            Ok(Ok(status)) => Some(status.clone()),
            Ok(Err(_)) | Err(_) => None,
        };
        stood
            .filter(|status| status.at >= Some(at))
            .ok_or_else(|| ControlError::ClockBehind {
                at: self.status().at,
                watermark: self.status().watermark,
                problem: self.status().last_error,
            })
    }

    /// The stream whose watermark is the least of those that count; none where one has shown no event, or all are even.
    pub fn held_by(&self) -> Option<StreamName> {
        let statuses = self.ingest.status();
        let mut counted: Vec<(Micros, StreamName)> = Vec::new();
        for model in self.project.models.values() {
            for name in [&model.stream, &model.label.stream] {
                let status = statuses.iter().find(|status| status.stream == *name)?;
                let Some(watermark) = status.watermark else {
                    return (!status.idle).then(|| name.clone());
                };
                counted.push((watermark, name.clone()));
            }
        }
        counted.into_iter().min().map(|(_, name)| name)
    }

    /// Stops between two steps: a training that runs is given up, and is begun again at the next start. A second call returns
    /// at once.
    pub async fn shutdown(&self) {
        self.stop.send_replace(true);
        if let Some(task) = self.task.lock().await.take()
            && let Err(cause) = task.await
        {
            warn!(error = %cause, "the event clock ended by itself");
        }
    }
}

/// The streams that the clock follows: those that models score, and those that they learn from.
fn stream_clocks(project: &Project, statuses: &[StreamStatus]) -> Vec<StreamClock> {
    let of = |name: &StreamName, drives: bool| {
        let status = statuses.iter().find(|status| status.stream == *name);
        StreamClock {
            watermark: status.and_then(|status| status.watermark),
            idle: status.is_some_and(|status| status.idle),
            drives,
        }
    };
    let drivers: Vec<&StreamName> = project.models.values().map(|model| &model.stream).collect();
    let mut clocks = Vec::new();
    let mut seen: Vec<&StreamName> = Vec::new();
    for model in project.models.values() {
        for name in [&model.stream, &model.label.stream] {
            if !seen.contains(&name) {
                seen.push(name);
                clocks.push(of(name, drivers.contains(&name)));
            }
        }
    }
    clocks
}

/// Steps ticks.
struct Stepper {
    wiring: EventClockWiring,
    /// The last tick that is finished.
    at: Option<Micros>,
    /// The last one that the registry knows to be.
    noted: Option<Micros>,
    scoring: ScoringState,
    references: References,
    status: watch::Sender<ClockStatus>,
}

/// Whether a tick had anything to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worked {
    Yes,
    No,
}

impl Stepper {
    async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        let mut pause = RETRY_PAUSE;
        loop {
            if *stopped.borrow() {
                break;
            }
            let stepped = tokio::select! {
                stepped = self.step() => stepped,
                _ = stopped.wait_for(|stop| *stop) => break,
            };
            let wait = match stepped {
                Ok(true) => {
                    pause = RETRY_PAUSE;
                    continue;
                }
                Ok(false) => {
                    pause = RETRY_PAUSE;
                    LOOK_INTERVAL
                }
                Err(error) => {
                    let problem = error.problem();
                    warn!("the event clock tries again in {} ms: {problem}", pause.as_millis());
                    self.status.send_modify(|status| {
                        status.step = ClockStep::Retrying;
                        status.last_error = Some(problem);
                    });
                    let wait = pause;
                    pause = (pause * 2).min(RETRY_PAUSE_MAX);
                    wait
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.streams_change(), if wait == LOOK_INTERVAL => {}
                _ = stopped.wait_for(|stop| *stop) => break,
            }
        }
        self.show(ClockStep::Stopped);
    }

    /// Returns when the watermark of a stream that counts has moved.
    async fn streams_change(&self) {
        let mut streams: Vec<StreamName> = Vec::new();
        for model in self.wiring.project.models.values() {
            streams.extend([model.stream.clone(), model.label.stream.clone()]);
        }
        let mut watches = streams.iter().filter_map(|name| self.wiring.ingest.watch(name));
        let (Some(mut first), second) = (watches.next(), watches.next()) else {
            return std::future::pending().await;
        };
        let before = first.borrow().watermark;
        let moved = first.wait_for(|status| status.watermark != before);
        match second {
            None => drop(moved.await),
            Some(mut second) => {
                let before = second.borrow().watermark;
                tokio::select! {
                    moved = moved => drop(moved),
                    moved = second.wait_for(|status| status.watermark != before) => drop(moved),
                }
            }
        }
    }

    /// Acts on what is open, then steps the next tick, where there is one. Returns whether there was.
    async fn step(&mut self) -> Result<bool, ControlError> {
        self.act_on_open_firings().await?;
        let streams = stream_clocks(&self.wiring.project, &self.wiring.ingest.status());
        let watermark = clock_watermark(&streams);
        let tick = self.wiring.project.settings.clock.tick;
        let earliest = match (self.at, watermark) {
            (None, Some(_)) => self.earliest_event().await?,
            _ => None,
        };
        let Some(next) = next_tick(self.at, earliest, watermark, tick) else {
            self.note().await?;
            self.status.send_modify(|status| {
                status.watermark = watermark;
                status.step = ClockStep::Waiting;
                status.caught_up = true;
                status.tick = None;
                status.last_error = None;
            });
            return Ok(false);
        };
        self.status.send_modify(|status| {
            status.watermark = watermark;
            status.caught_up = false;
            status.tick = Some(next);
        });
        let worked = self.tick(next, tick).await?;
        self.at = Some(next);
        if worked == Worked::Yes {
            self.note().await?;
        }
        self.status.send_modify(|status| {
            status.at = Some(next);
            status.tick = None;
            status.ticks += 1;
            status.last_error = None;
        });
        Ok(true)
    }

    /// Writes down that all ticks up to this one are finished. Ticks that had nothing to do are written down with the next one
    /// that had, or when the clock waits.
    async fn note(&mut self) -> Result<(), ControlError> {
        if self.noted == self.at {
            return Ok(());
        }
        if let Some(at) = self.at {
            let state = serde_json::to_value(&self.scoring).map_err(ControlError::ClockState)?;
            self.wiring.registry.finish_tick(ClockState { at, state }).await?;
            self.noted = self.at;
        }
        Ok(())
    }

    fn show(&self, step: ClockStep) {
        self.status.send_modify(|status| status.step = step);
    }

    fn spent(&self, spend: impl FnOnce(&mut ClockTimes)) {
        self.status.send_modify(|status| spend(&mut status.times));
    }
}
