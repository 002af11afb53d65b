//! Figures in the format of Prometheus: requests and inference as they happen, ingest and slots as they are at a scrape.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tidemill_serve::{InferenceEvent, InferenceObserver};
use tidemill_types::Problem;

use crate::{Status, StreamState};

/// Upper bounds of latencies, in seconds: from a tree's row to a slow query.
const LATENCY_BOUNDS: [f64; 15] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];
/// The route of requests that match none.
const NO_ROUTE: &str = "none";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InferenceLabels {
    model: String,
    version: u32,
    endpoint: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StreamLabels {
    stream: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SlotLabels {
    model: String,
    endpoint: String,
}

/// The figures of one server. The binary makes them, gives them to [`tidemill_serve::Slots`] as its observer and to
/// [`crate::Server`].
pub struct ServerMetrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Family<RouteLabels, Histogram>,
    inference_seconds: Family<InferenceLabels, Histogram>,
    inference_rows: Family<InferenceLabels, Counter>,
    inference_refused: Family<InferenceLabels, Counter>,
}

fn latencies() -> Histogram {
    Histogram::new(LATENCY_BOUNDS)
}

impl Default for ServerMetrics {
    fn default() -> ServerMetrics {
        let mut registry = Registry::with_prefix("tidemill");
        let requests = Family::default();
        registry.register(
            "http_requests",
            "Requests by method, route and status",
            requests.clone(),
        );
        let request_seconds = Family::new_with_constructor(latencies as fn() -> Histogram);
        registry.register_with_unit(
            "http_request_duration",
            "Time from a request's head to its answer, by route",
            Unit::Seconds,
            request_seconds.clone(),
        );
        let inference_seconds = Family::new_with_constructor(latencies as fn() -> Histogram);
        registry.register_with_unit(
            "inference_duration",
            "Time to check and score a request",
            Unit::Seconds,
            inference_seconds.clone(),
        );
        let inference_rows = Family::default();
        registry.register("inference_rows", "Rows that were scored", inference_rows.clone());
        let inference_refused = Family::default();
        registry.register(
            "inference_refused",
            "Requests that did not fit the model",
            inference_refused.clone(),
        );
        ServerMetrics {
            registry,
            requests,
            request_seconds,
            inference_seconds,
            inference_rows,
            inference_refused,
        }
    }
}

impl InferenceObserver for ServerMetrics {
    fn observe(&self, event: InferenceEvent<'_>) {
        let labels = InferenceLabels {
            model: event.model.to_string(),
            version: event.version.0,
            endpoint: event.deployment.to_string(),
        };
        self.inference_seconds
            .get_or_create(&labels)
            .observe(event.elapsed.as_secs_f64());
        self.inference_rows.get_or_create(&labels).inc_by(event.rows as u64);
        if event.refused.is_some() {
            self.inference_refused.get_or_create(&labels).inc();
        }
    }
}

impl ServerMetrics {
    /// No figures yet.
    pub fn new() -> ServerMetrics {
        ServerMetrics::default()
    }

    /// Counts a request. Routes are those of the router, so that no path of a stranger becomes a label.
    pub(crate) fn request(&self, method: &Method, route: Option<&str>, status: StatusCode, elapsed: Duration) {
        let known = matches!(
            *method,
            Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::DELETE
        );
        let labels = RequestLabels {
            method: if known { method.to_string() } else { "other".to_owned() },
            route: route.unwrap_or(NO_ROUTE).to_owned(),
            status: status.as_u16(),
        };
        self.requests.get_or_create(&labels).inc();
        let labels = RouteLabels { route: labels.route };
        self.request_seconds
            .get_or_create(&labels)
            .observe(elapsed.as_secs_f64());
    }

    /// Everything in the text format of OpenMetrics.
    pub(crate) fn encode(&self, status: &Result<Status, Problem>) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, &self.registry)?;
        encode_registry(&mut text, &snapshot(status))?;
        encode_eof(&mut text)?;
        Ok(text)
    }
}

/// The figures of a status. Absent values are absent series, never 0.
fn snapshot(status: &Result<Status, Problem>) -> Registry {
    let mut registry = Registry::with_prefix("tidemill");
    let ready: Gauge = Gauge::default();
    registry.register(
        "ready",
        "1 when ingest has not failed and every slot serves what it should",
        ready.clone(),
    );
    let Ok(status) = status else {
        return registry;
    };
    ready.set(i64::from(status.unready_reasons().is_empty()));
    let mut gauge = |name: &str, help: &str| {
        let family = Family::<StreamLabels, Gauge>::default();
        registry.register(name, help, family.clone());
        family
    };
    let rows = gauge("ingest_rows", "Rows in the stream's table");
    let dead = gauge("ingest_dead_letters", "Records in the stream's dead-letter table");
    let lag = gauge("ingest_lag_rows", "Records of the topic that are not committed yet");
    let bytes = gauge(
        "ingest_committed_bytes",
        "Bytes of the files that were committed since the server started",
    );
    let failed = gauge("ingest_failed", "1 when the stream's ingest has failed");
    let paused = gauge(
        "ingest_paused",
        "1 when the stream's ingest waits for something to come back",
    );
    let mut seconds = |name: &str, help: &str| {
        let family = Family::<StreamLabels, Gauge<f64, std::sync::atomic::AtomicU64>>::default();
        registry.register(name, help, family.clone());
        family
    };
    let watermark = seconds(
        "ingest_watermark_timestamp_seconds",
        "The stream's watermark, in event time since 1970",
    );
    let committed = seconds(
        "ingest_commit_timestamp_seconds",
        "When the newest commit was made, since 1970",
    );
    let lag_time = seconds(
        "ingest_lag_seconds",
        "How long the oldest record that is not committed yet can have waited",
    );
    let commit = seconds("ingest_commit_duration_seconds", "How long the newest commit took");
    for stream in &status.streams {
        let labels = StreamLabels {
            stream: stream.stream.to_string(),
        };
        rows.get_or_create(&labels).set(stream.rows as i64);
        dead.get_or_create(&labels).set(stream.dead_letters as i64);
        lag.get_or_create(&labels).set(stream.lag_rows as i64);
        failed
            .get_or_create(&labels)
            .set(i64::from(stream.state == StreamState::Failed));
        paused
            .get_or_create(&labels)
            .set(i64::from(stream.state == StreamState::Paused));
        if let Some(committed) = stream.committed_bytes {
            bytes.get_or_create(&labels).set(committed as i64);
        }
        if let Some(lag) = stream.lag_seconds {
            lag_time.get_or_create(&labels).set(lag);
        }
        if let Some(time) = stream.watermark {
            watermark.get_or_create(&labels).set(time.0 as f64 / 1e6);
        }
        if let Some(time) = stream.committed_at {
            committed.get_or_create(&labels).set(time.0 as f64 / 1e6);
        }
        if let Some(millis) = stream.commit_ms {
            commit.get_or_create(&labels).set(millis as f64 / 1e3);
        }
    }
    if let Some(predictions) = &status.predictions {
        let mut counter = |name: &str, help: &str, value: u64| {
            let counter: Counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter.inc_by(value);
        };
        counter(
            "predictions_recorded",
            "Predictions of requests that are in their topic",
            predictions.recorded,
        );
        counter(
            "predictions_dropped",
            "Predictions of requests that were not recorded",
            predictions.dropped,
        );
        let queued: Gauge = Gauge::default();
        registry.register(
            "predictions_queued",
            "Predictions of requests that wait to be sent",
            queued.clone(),
        );
        queued.set(predictions.queued as i64);
    }
    let serving = Family::<SlotLabels, Gauge>::default();
    registry.register("deployment_version", "The version that answers", serving.clone());
    for slot in &status.slots {
        if let (Some(model), Some(version)) = (&slot.model, slot.serving) {
            let labels = SlotLabels {
                model: model.to_string(),
                endpoint: slot.deployment.to_string(),
            };
            serving.get_or_create(&labels).set(i64::from(version.0));
        }
    }
    registry
}
