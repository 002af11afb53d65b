//! Records behind Confluent's frame from a broker, with a registry that is away, refuses and does not know.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use serde_json::json;
use tidemill_project::{Format, Place, SchemaRegistrySettings, Secret};
use tidemill_types::DurationText;

use super::end_to_end::{House, PATIENCE, stream, until};
use crate::{Ingest, IngestLimits, SchemaRegistry};

/// What the registry of this test does.
#[derive(Clone, Default)]
struct Registry {
    /// The status of every answer; zero for the right one.
    status: Arc<AtomicU16>,
    asked: Arc<AtomicUsize>,
}

const KNOWN: u32 = 1;
/// `me:hunter2` in base64.
const CREDENTIALS: &str = "Basic bWU6aHVudGVyMg==";

async fn schema(State(registry): State<Registry>, Path(id): Path<u32>, headers: HeaderMap) -> (StatusCode, String) {
    registry.asked.fetch_add(1, Ordering::SeqCst);
    let status = registry.status.load(Ordering::SeqCst);
    if let Some(status) = StatusCode::from_u16(status).ok().filter(|_| status > 0) {
        return (status, String::new());
    }
    if headers.get("authorization").is_none_or(|value| value != CREDENTIALS) {
        return (StatusCode::UNAUTHORIZED, String::new());
    }
    if id != KNOWN {
        let body = json!({ "error_code": 40403, "message": "Schema not found" });
        return (StatusCode::NOT_FOUND, body.to_string());
    }
    let avsc = json!({ "type": "record", "name": "event", "fields": [
        { "name": "at", "type": "long" },
        { "name": "id", "type": "int" },
    ]});
    (StatusCode::OK, json!({ "schema": avsc.to_string() }).to_string())
}

async fn serve(registry: Registry) -> SchemaRegistrySettings {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new()
        .route("/path/schemas/ids/{id}", get(schema))
        .with_state(registry);
    tokio::spawn(async move { axum::serve(listener, router).await });
    SchemaRegistrySettings {
        url: Some(Place::new(format!("http://{address}/path/"))),
        user: Some("me".to_owned()),
        password: Some(Secret::new("hunter2")),
        unknown_for: DurationText::from_secs(3_600),
        ..SchemaRegistrySettings::default()
    }
}

/// An event of second and id 1 to 60.
fn framed(schema: u32, id: u8) -> Vec<u8> {
    let body = [0, id * 2];
    [&[0], schema.to_be_bytes().as_slice(), &body].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_away_makes_the_stream_wait_and_loses_nothing() {
    let house = House::new().await;
    house.make_topic("events").await;
    let limits = IngestLimits {
        dead_share_max: 1.0,
        ..house.limits.clone()
    };
    let house = House { limits, ..house };
    let registry = Registry::default();
    let settings = serve(registry.clone()).await;
    let records = [
        Some(framed(KNOWN, 1)),
        Some(framed(99, 2)),
        None,
        Some(framed(KNOWN, 3)),
        Some(framed(99, 4)),
    ];
    house.send_bytes("events", 0, &records).await;
    let ingest = |settings: &SchemaRegistrySettings| {
        let mut framed = stream("events");
        framed.format = Format::ConfluentAvro;
        let mut wiring = house.wiring(vec![framed]);
        wiring.schema_registry = SchemaRegistry::new(settings).unwrap();
        Ingest::start(wiring).unwrap()
    };
    registry.status.store(503, Ordering::SeqCst);
    let running = ingest(&settings);
    let reason = until(&running, "events", "waiting").await.state.reason().unwrap();
    assert!(reason.contains("cannot answer now: status 503"), "{reason}");
    assert!(!reason.contains("hunter2"), "{reason}");
    registry.status.store(0, Ordering::SeqCst);
    running.wait_caught_up(PATIENCE).await.unwrap();
    assert_eq!(house.offsets("events", 0).await, [0, 3]);
    assert_eq!(house.offsets("events_dead_letters", 0).await, [1, 4]);
    // What it has said is not asked again.
    let asked = registry.asked.load(Ordering::SeqCst);
    house
        .send_bytes("events", 0, &[Some(framed(KNOWN, 5)), Some(framed(99, 6))])
        .await;
    running.wait_caught_up(PATIENCE).await.unwrap();
    assert_eq!(registry.asked.load(Ordering::SeqCst), asked);
    running.shutdown().await;
    // Who is not let in, or asks somebody else, stops and makes no dead letters.
    house.send_bytes("events", 0, &[Some(framed(KNOWN, 7))]).await;
    let refused = SchemaRegistrySettings {
        password: Some(Secret::new("wrong")),
        ..settings.clone()
    };
    let running = ingest(&refused);
    let reason = until(&running, "events", "failed").await.state.reason().unwrap();
    assert!(reason.contains("refuses us: status 401"), "{reason}");
    running.shutdown().await;
    registry.status.store(404, Ordering::SeqCst);
    let running = ingest(&settings);
    let reason = until(&running, "events", "failed").await.state.reason().unwrap();
    assert!(reason.contains("404 without the registry's own code"), "{reason}");
    running.shutdown().await;
    registry.status.store(0, Ordering::SeqCst);
    let running = ingest(&settings);
    running.wait_caught_up(PATIENCE).await.unwrap();
    assert_eq!(house.offsets("events", 0).await, [0, 3, 5, 7]);
    assert_eq!(house.offsets("events_dead_letters", 0).await, [1, 4, 6]);
    running.shutdown().await;
}
