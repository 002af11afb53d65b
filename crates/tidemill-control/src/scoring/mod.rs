//! The first step of a tick: every row of a model's stream that happened in it is scored by what is deployed, and its
//! prediction is in the topic and in the lake once.
//!
//! Invariants: the rows of tick T are those with an event time in [T - tick, T), with features as known at T. Deployments come
//! in the order of the project, rows in the order (event time, key). What a killed process has sent of a tick is found in the
//! topic by its headers, from the offsets that the last finished tick noted, and is not sent again.
//!
//! Absent on purpose: which tick is due (that is the event clock's), and rows that come after their tick: they are in the lake
//! and flagged late, and have no prediction.

mod lookahead;
mod parts;
mod rows;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tidemill_engine::Engine;
use tidemill_ingest::IngestHandle;
use tidemill_kafka::{Admin, ClientSettings, Producer};
use tidemill_project::Project;
use tidemill_serve::predictions::{
    ModelPredictions, PredictionError, ScoreBatch, Scorer, Tail, TailRequest, read_back, scorer_limits,
};
use tidemill_serve::{Slots, Stopwatch};
use tidemill_types::{
    DeploymentName, DurationText, KafkaPartition, Micros, ModelName, NextOffset, StreamName, TopicName,
};
use tokio::sync::Mutex;

pub use parts::model_predictions;
pub use state::{ScoredDeployment, ScoredTick, ScoringState, ScoringTimes};

use crate::ControlError;
use rows::TickRows;

/// How long the predictions of a tick may take to land.
const LANDING_LIMIT: Duration = Duration::from_mins(5);

/// What the step works with.
pub struct ScoringWiring {
    /// Features come from it.
    pub engine: Engine,
    /// Models, streams and deployments.
    pub project: Arc<Project>,
    /// What is deployed.
    pub slots: Arc<Slots>,
    /// How to reach the broker.
    pub client: ClientSettings,
    /// Questions to it.
    pub admin: Admin,
    /// Lands the predictions.
    pub ingest: Arc<IngestHandle>,
}

/// Scores the rows of ticks, one tick at a time.
#[derive(Clone)]
pub struct Scoring {
    step: Arc<Step>,
}

struct Step {
    wiring: ScoringWiring,
    models: BTreeMap<ModelName, Arc<ModelPredictions>>,
    session: Arc<Mutex<Session>>,
}

/// What one tick leaves to the next.
#[derive(Default)]
struct Session {
    /// The state after the last tick, if this process finished it and nothing has gone wrong since: then nothing of the next
    /// tick is in the topics.
    finished: Option<ScoringState>,
    /// A producer that gave up a record refuses all others, so one lives as long as all goes well.
    producer: Option<Producer>,
    rows: TickRows,
}

impl Scoring {
    /// The step for all models of a project that have a predictions stream.
    pub fn new(wiring: ScoringWiring) -> Result<Scoring, ControlError> {
        let models = model_predictions(&wiring.project)?;
        Ok(Scoring {
            step: Arc::new(Step {
                wiring,
                models,
                session: Arc::default(),
            }),
        })
    }

    /// Scores tick `at` of length `tick` in these deployments. `noted` is the state that the last finished tick returned; the
    /// default before the first. When it returns the predictions have landed.
    ///
    /// What was begun goes on to its end even if whoever asked goes away; the next call waits for it. After an error, or a
    /// death, the same tick is asked for again with the same `noted`.
    pub async fn tick(
        &self,
        at: Micros,
        tick: DurationText,
        noted: &ScoringState,
        deployments: &BTreeSet<DeploymentName>,
    ) -> Result<ScoredTick, ControlError> {
        let (step, noted, deployments) = (Arc::clone(&self.step), noted.clone(), deployments.clone());
        let running = tokio::spawn(async move { step.tick(at, tick, noted, &deployments).await });
        running
            .await
            .map_err(|source| ControlError::ScoringBrokeOff { at, source })?
    }
}

impl Step {
    async fn tick(
        &self,
        at: Micros,
        tick: DurationText,
        noted: ScoringState,
        deployments: &BTreeSet<DeploymentName>,
    ) -> Result<ScoredTick, ControlError> {
        let mut session = Arc::clone(&self.session).lock_owned().await;
        let session = &mut *session;
        let nothing_unknown = session.finished.take().is_some_and(|finished| finished == noted);
        let mut tails = BTreeMap::new();
        if !nothing_unknown {
            session.producer = None;
            for (stream, topic) in self.streams() {
                tails.insert(stream, self.tail(&topic, &noted, at).await?);
            }
        }
        let mut done = ScoredTick::new(at, noted);
        let scored = self.score(session, at, tick, deployments, &tails, &mut done).await;
        if scored.is_err() {
            // What of it was sent is looked up when the tick is tried again.
            session.producer = None;
        }
        scored?;
        done.state.at = Some(at);
        session.finished = Some(done.state.clone());
        Ok(done)
    }

    /// The predictions streams with their topics.
    fn streams(&self) -> BTreeMap<StreamName, TopicName> {
        let contracts = self.models.values().map(|model| &model.contract);
        contracts
            .map(|contract| (contract.stream().clone(), contract.topic().clone()))
            .collect()
    }

    /// What of the tick is in a topic already.
    async fn tail(&self, topic: &TopicName, noted: &ScoringState, at: Micros) -> Result<Tail, ControlError> {
        let nothing = BTreeMap::new();
        let stream = self.streams().into_iter().find(|(_, known)| known == topic);
        let from = stream.and_then(|(stream, _)| noted.ends.get(&stream));
        let request = TailRequest {
            topic,
            from: from.unwrap_or(&nothing),
            tick: at,
        };
        Ok(read_back(&self.wiring.client, &self.wiring.admin, request).await?)
    }

    async fn score(
        &self,
        session: &mut Session,
        at: Micros,
        tick: DurationText,
        deployments: &BTreeSet<DeploymentName>,
        tails: &BTreeMap<StreamName, Tail>,
        done: &mut ScoredTick,
    ) -> Result<(), ControlError> {
        let producer = match &session.producer {
            Some(producer) => producer.clone(),
            None => {
                let made = Producer::new(&self.wiring.client, &scorer_limits())?;
                session.producer.insert(made).clone()
            }
        };
        let mut to_land: BTreeMap<StreamName, Scorer> = BTreeMap::new();
        let mut rows_of: BTreeMap<&ModelName, ScoreBatch> = BTreeMap::new();
        let of_the_project = self.wiring.project.deployments.values();
        for deployment in of_the_project.filter(|deployment| deployments.contains(&deployment.name)) {
            let Some(predictions) = self.models.get(&deployment.model) else {
                continue;
            };
            let Some(deployed) = self.wiring.slots.get(&deployment.name) else {
                continue;
            };
            let batch = match rows_of.get(&deployment.model) {
                Some(batch) => batch.clone(),
                None => {
                    let watch = Stopwatch::start();
                    let batch = session.rows.of_tick(&self.wiring, &deployment.model, at, tick).await?;
                    done.times.features += watch.spent();
                    rows_of.entry(&deployment.model).or_insert(batch).clone()
                }
            };
            let stream = predictions.contract.stream();
            let seen = tails.get(stream).and_then(|tail| tail.seen.get(&deployment.name));
            let scorer = Scorer::new(producer.clone(), Arc::clone(predictions));
            let already = Arc::new(seen.cloned().unwrap_or_default());
            let scored = scorer.score(&deployment.name, &deployed, batch, already).await?;
            done.times.scoring += scored.scoring;
            done.times.sending += scored.sending;
            if scored.sent + scored.already > 0 {
                to_land.insert(stream.clone(), scorer);
            }
            done.deployments.push(ScoredDeployment {
                deployment: deployment.name.clone(),
                model: deployed.model.clone(),
                version: deployed.version,
                rows: scored.rows,
                sent: scored.sent,
                already: scored.already,
                unscored: scored.unscored,
            });
        }
        let watch = Stopwatch::start();
        for scorer in to_land.values() {
            scorer.flush().await?;
        }
        done.times.sending += watch.spent();
        // Only now does a stream's end lie behind all of the tick; where nothing was sent it lies where it was noted or found.
        for (stream, topic) in self.streams() {
            let moved = to_land.contains_key(&stream) || !done.state.ends.contains_key(&stream);
            if moved {
                done.state.ends.insert(stream, self.ends(&topic).await?);
            }
        }
        let watch = Stopwatch::start();
        for stream in to_land.keys() {
            self.wiring.ingest.wait_stream_caught_up(stream, LANDING_LIMIT).await?;
        }
        done.times.landing = watch.spent();
        Ok(())
    }

    async fn ends(&self, topic: &TopicName) -> Result<BTreeMap<KafkaPartition, NextOffset>, ControlError> {
        let admin = &self.wiring.admin;
        let mut ends = BTreeMap::new();
        for partition in admin.partitions(topic).await? {
            ends.insert(partition, admin.watermarks(topic, partition).await?.high_watermark);
        }
        Ok(ends)
    }
}

impl From<PredictionError> for ControlError {
    fn from(source: PredictionError) -> ControlError {
        ControlError::Predictions(Box::new(source))
    }
}
