//! What requests were answered goes to the predictions topic too, without ever slowing them down beyond a set wait.
//!
//! Invariants: at most `queue` predictions wait to be sent; a request that finds no place waits up to `wait`, then what it was
//! answered is counted as dropped. What is counted as recorded was acknowledged by the broker. Whoever closes the log knows
//! that the rest was sent or counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use arrow::array::TimestampMicrosecondArray;
use rand::{RngCore as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use tidemill_kafka::{ClientSettings, KafkaError, Producer, ProducerLimits, ProducerRecord};
use tidemill_types::{Clock, DeploymentName, Explain as _, Micros, ModelName};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tracing::{info, warn};

use super::records::ScoredRows;
use super::{CarriedKeys, KeysError, ModelPredictions, PredictionError, PredictionSource};
use crate::Deployed;

/// How long closing waits until what was recorded is in the topic.
pub const PREDICTION_LOG_CLOSE_LIMIT: Duration = Duration::from_secs(10);
/// How long a record may take until it is acknowledged; then it counts as dropped.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(30);
/// The most records that the client holds beside the queue.
const RECORDS_IN_FLIGHT_MAX: u32 = 10_000;
/// The longest id of a request that becomes part of its predictions' ids as it is; of a longer one the hash does.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// What bounds the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLimits {
    /// Predictions that wait to be sent; at least 1. A request of more rows waits until it is alone.
    pub queue: u32,
    /// How long a request waits for a place.
    pub wait: Duration,
}

/// What the log is made of.
pub struct PredictionLogWiring {
    /// How to reach the broker.
    pub client: ClientSettings,
    /// The models whose requests are recorded.
    pub models: BTreeMap<ModelName, Arc<ModelPredictions>>,
    /// Every limit.
    pub limits: LogLimits,
    /// When a request is scored.
    pub clock: Arc<dyn Clock>,
    /// Names requests that have no id.
    pub ids: PredictionIds,
}

/// Ids for requests that have none: 32 hexadecimal digits.
#[derive(Debug)]
pub struct PredictionIds(ChaCha8Rng);

impl PredictionIds {
    /// Nobody else's.
    pub fn random() -> PredictionIds {
        PredictionIds(ChaCha8Rng::from_os_rng())
    }

    /// Always the same ones, for tests.
    pub fn seeded(seed: u64) -> PredictionIds {
        PredictionIds(ChaCha8Rng::seed_from_u64(seed))
    }

    fn next(&mut self) -> String {
        let mut bytes = [0; 16];
        self.0.fill_bytes(&mut bytes);
        hex::encode(bytes)
    }
}

/// How the log is doing, since it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogFigures {
    /// Predictions that the broker has acknowledged.
    pub recorded: u64,
    /// Predictions that were not recorded: no place in time, or not taken by the broker.
    pub dropped: u64,
    /// Predictions that wait now.
    pub queued: u64,
    /// The most that may wait.
    pub queue: u64,
}

/// How the log was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogClosed {
    /// The figures at the end.
    pub figures: LogFigures,
    /// Whether everything was sent or counted in time.
    pub in_order: bool,
}

/// Records what requests were answered.
pub struct PredictionLog {
    models: BTreeMap<ModelName, Arc<ModelPredictions>>,
    limits: LogLimits,
    clock: Arc<dyn Clock>,
    places: Arc<Semaphore>,
    /// None once it is closed.
    entries: ArcSwapOption<mpsc::Sender<Entry>>,
    counts: Arc<Counts>,
    ended: Mutex<Option<oneshot::Receiver<()>>>,
}

/// A request that was answered.
pub(crate) struct ScoredRequest {
    pub(crate) deployment: DeploymentName,
    pub(crate) deployed: Arc<Deployed>,
    pub(crate) id: Option<String>,
    pub(crate) keys: CarriedKeys,
    /// Features row by row.
    pub(crate) values: Vec<f32>,
    pub(crate) scores: Vec<f64>,
}

struct Entry {
    request: ScoredRequest,
    predictions: Arc<ModelPredictions>,
    at: Micros,
    /// Given back when it is dropped, that is when the client has taken the records.
    _places: OwnedSemaphorePermit,
}

#[derive(Default)]
struct Counts {
    dropped: AtomicU64,
    /// Acknowledged to producers that are gone.
    acknowledged: AtomicU64,
    producer: Mutex<Option<Producer>>,
}

impl Counts {
    fn producer(&self) -> std::sync::MutexGuard<'_, Option<Producer>> {
        self.producer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drop_rows(&self, rows: u64) {
        self.dropped.fetch_add(rows, Ordering::Relaxed);
    }
}

impl PredictionLog {
    /// Starts the thread that sends. Errors are of the Kafka settings.
    pub fn start(wiring: PredictionLogWiring) -> Result<PredictionLog, KafkaError> {
        let PredictionLogWiring {
            client,
            models,
            limits,
            clock,
            ids,
        } = wiring;
        let limits = LogLimits {
            queue: limits.queue.max(1),
            ..limits
        };
        let counts = Arc::new(Counts::default());
        let mut sender = Sender {
            producer: new_producer(&client)?,
            sent: 0,
            client,
            ids,
            counts: Arc::clone(&counts),
            failing: false,
        };
        *counts.producer() = Some(sender.producer.clone());
        let (entries, mut queue) = mpsc::channel::<Entry>(limits.queue as usize);
        let (end, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("tidemill-prediction-log".into());
        let spawned = thread.spawn(move || {
            while let Some(entry) = queue.blocking_recv() {
                sender.send(&entry);
            }
            sender.finish();
            // Whoever closes may have given up waiting.
            let _ = end.send(());
        });
        spawned.map_err(|error| KafkaError::Settings {
            reason: format!("no thread for the log of predictions: {error}"),
        })?;
        Ok(PredictionLog {
            models,
            places: Arc::new(Semaphore::new(limits.queue as usize)),
            limits,
            clock,
            entries: ArcSwapOption::from_pointee(entries),
            counts,
            ended: Mutex::new(Some(ended)),
        })
    }

    /// The carried columns that a request of `rows` rows gives, if requests to the model are recorded.
    pub(crate) fn keys(
        &self,
        model: &ModelName,
        parameters: &Map<String, Value>,
        rows: usize,
    ) -> Result<Option<CarriedKeys>, KeysError> {
        let Some(predictions) = self.models.get(model) else {
            return Ok(None);
        };
        predictions.contract.keys(parameters, rows).map(Some)
    }

    /// Records a request that was answered. Waits for a place, never for the broker.
    pub(crate) async fn record(&self, request: ScoredRequest) {
        let Some(predictions) = self.models.get(&request.deployed.model).cloned() else {
            return;
        };
        let rows = request.scores.len();
        if rows == 0 {
            return;
        }
        let at = self.clock.now();
        let wanted = u32::try_from(rows).unwrap_or(u32::MAX).min(self.limits.queue);
        let places = match Arc::clone(&self.places).try_acquire_many_owned(wanted) {
            Ok(places) => Some(places),
            Err(_) => {
                let waiting = Arc::clone(&self.places).acquire_many_owned(wanted);
                let waited = tokio::time::timeout(self.limits.wait, waiting).await;
                waited.ok().and_then(Result::ok)
            }
        };
        let entries = self.entries.load_full();
        let taken = places.zip(entries).is_some_and(|(places, entries)| {
            let entry = Entry {
                request,
                predictions,
                at,
                _places: places,
            };
            entries.try_send(entry).is_ok()
        });
        if !taken {
            self.counts.drop_rows(rows as u64);
        }
    }

    /// How the log is doing.
    pub fn figures(&self) -> LogFigures {
        let producer = self.counts.producer();
        let acknowledged = producer.as_ref().map_or(0, |producer| producer.delivered().records);
        LogFigures {
            recorded: self.counts.acknowledged.load(Ordering::Relaxed) + acknowledged,
            dropped: self.counts.dropped.load(Ordering::Relaxed),
            queued: u64::from(self.limits.queue).saturating_sub(self.places.available_permits() as u64),
            queue: u64::from(self.limits.queue),
        }
    }

    /// Takes nothing more, sends what waits, and returns when the broker has it or `limit` is over. A second call returns at
    /// once.
    pub async fn close(&self, limit: Duration) -> LogClosed {
        // The thread ends when the last sender is gone and the queue is empty.
        drop(self.entries.swap(None));
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        let in_order = match ended {
            Some(ended) => matches!(tokio::time::timeout(limit, ended).await, Ok(Ok(()))),
            None => true,
        };
        let figures = self.figures();
        if !in_order {
            let rest = figures.queued;
            warn!("the log of predictions was closed before {rest} of them were sent");
        }
        LogClosed { figures, in_order }
    }
}

/// The thread's side.
struct Sender {
    client: ClientSettings,
    producer: Producer,
    /// Records that the present producer took.
    sent: u64,
    ids: PredictionIds,
    counts: Arc<Counts>,
    /// Whether the last attempt failed: it is told once.
    failing: bool,
}

impl Sender {
    fn send(&mut self, entry: &Entry) {
        let rows = entry.request.scores.len() as u64;
        let before = self.sent;
        let attempt = self.try_send(entry);
        let Err(error) = attempt else {
            if self.failing {
                info!("predictions of requests are recorded again");
            }
            self.failing = false;
            return;
        };
        if !self.failing {
            warn!(model = %entry.request.deployed.model, "predictions of requests are not recorded: {}", error.problem());
        }
        self.failing = true;
        self.counts.drop_rows(rows - (self.sent - before));
        if matches!(error, PredictionError::Kafka { .. }) {
            self.renew();
        }
    }

    fn try_send(&mut self, entry: &Entry) -> Result<(), PredictionError> {
        let request = &entry.request;
        let count = request.scores.len();
        let id = match &request.id {
            Some(id) if id.len() > REQUEST_ID_BYTES_MAX => hex::encode(Sha256::digest(id)),
            Some(id) => id.clone(),
            None => self.ids.next(),
        };
        let columns = entry.predictions.columns(&ScoredRows {
            deployment: &request.deployment,
            model: &request.deployed.model,
            version: request.deployed.version,
            source: PredictionSource::Request,
            scored_at: entry.at,
            ids: (0..count).map(|row| format!("{id}#{row}")).collect(),
            event_times: TimestampMicrosecondArray::from_value(entry.at.0, count).with_timezone("UTC"),
            scores: &request.scores,
            features: &request.deployed.signature().features,
            values: &request.values,
            carried: request.keys.0.clone(),
        })?;
        let topic = entry.predictions.contract.topic();
        let encoder = entry.predictions.encoder(&columns)?;
        let (mut key, mut value) = (Vec::new(), Vec::new());
        for row in 0..count {
            let keyed = encoder.write(row, &mut key, &mut value)?;
            let record = ProducerRecord {
                topic,
                partition: None,
                key: keyed.then_some(key.as_slice()),
                value: Some(&value),
                headers: &[],
                timestamp: entry.at,
            };
            let offered = self.producer.send_blocking(record);
            offered.map_err(PredictionError::kafka("send predictions to", topic))?;
            self.sent += 1;
        }
        Ok(())
    }

    /// A producer that gave up a record refuses all that come after: what it did not deliver is counted, and another takes
    /// its place.
    fn renew(&mut self) {
        let Ok(fresh) = new_producer(&self.client) else { return };
        // Its own limit on every delivery has ended what was in flight, or does so now.
        let _ = self.producer.flush_blocking(DELIVERY_TIMEOUT);
        self.retire();
        *self.counts.producer() = Some(fresh.clone());
        self.producer = fresh;
        self.sent = 0;
    }

    fn retire(&mut self) {
        let mut producer = self.counts.producer();
        let delivered = self.producer.delivered().records;
        self.counts.acknowledged.fetch_add(delivered, Ordering::Relaxed);
        self.counts.drop_rows(self.sent.saturating_sub(delivered));
        *producer = None;
    }

    fn finish(&mut self) {
        if let Err(error) = self.producer.flush_blocking(DELIVERY_TIMEOUT) {
            warn!(
                "the last predictions of requests were not recorded: {}",
                error.problem()
            );
        }
        self.retire();
    }
}

fn new_producer(client: &ClientSettings) -> Result<Producer, KafkaError> {
    let limits = ProducerLimits {
        records_in_flight: RECORDS_IN_FLIGHT_MAX,
        delivery_timeout: DELIVERY_TIMEOUT,
        ..ProducerLimits::default()
    };
    Producer::new(client, &limits)
}
