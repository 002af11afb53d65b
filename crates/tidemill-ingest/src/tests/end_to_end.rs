//! Streams from a real broker, ours, into a lake in a temporary folder.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tidemill_broker::{Broker, BrokerSettings};
use tidemill_kafka::{Admin, ClientSettings, Producer, ProducerLimits, ProducerRecord};
use tidemill_lake::{Append, FenceUpdate, Lake, LakeLocation, LakeTable, Within};
use tidemill_project::{Format, Stream, StreamSchema};
use tidemill_types::{
    ColumnName, DurationText, KafkaColumn, KafkaPartition, LastOffset, Micros, PipelineName, StreamName, SystemClock,
    TableName, TopicName,
};

use crate::fences::{app_id, app_prefix, dead_commits_app_id};
use crate::{Ingest, IngestHandle, IngestLimits, IngestWiring, Sharing, StreamState, StreamStatus};

/// Far beyond what any wait takes on a busy machine: only a failure gets there.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);
const PARTITIONS: i32 = 2;

/// A broker and a lake that survive a restart of ingest.
pub(super) struct House {
    pub(super) folder: TempDir,
    pub(super) broker: Broker,
    pub(super) lake: Arc<Lake>,
    pub(super) limits: IngestLimits,
}

impl House {
    pub(super) async fn new() -> House {
        let folder = TempDir::new().unwrap();
        let settings = BrokerSettings {
            dir: folder.path().join("broker"),
            port: Some(0),
            auto_create_topics: false,
            ..BrokerSettings::default()
        };
        let broker = Broker::start(settings).await.unwrap();
        let location = LakeLocation::folder(&folder.path().join("lake")).unwrap();
        let lake = Arc::new(Lake::open(location).await.unwrap());
        let limits = IngestLimits {
            restart_pause: Duration::from_millis(10),
            restart_pause_max: Duration::from_millis(50),
            ..IngestLimits::default()
        };
        House {
            folder,
            broker,
            lake,
            limits,
        }
    }

    pub(super) fn client(&self) -> ClientSettings {
        ClientSettings::new(self.broker.address().to_string(), "tidemill-test")
    }

    pub(super) async fn make_topic(&self, name: &str) {
        let admin = Admin::connect(&self.client()).unwrap();
        admin.ensure_topic(&topic(name), PARTITIONS, &[].into()).await.unwrap();
    }

    /// Sends values to a partition, one millisecond apart.
    pub(super) async fn send(&self, name: &str, partition: i32, values: &[Option<String>]) {
        let bytes = values.iter().map(|value| value.clone().map(String::into_bytes));
        self.send_bytes(name, partition, &bytes.collect::<Vec<_>>()).await;
    }

    pub(super) async fn send_bytes(&self, name: &str, partition: i32, values: &[Option<Vec<u8>>]) {
        let producer = Producer::new(&self.client(), &ProducerLimits::default()).unwrap();
        let topic = topic(name);
        for (place, value) in values.iter().enumerate() {
            let record = ProducerRecord {
                topic: &topic,
                partition: Some(KafkaPartition(partition)),
                key: Some(b"key"),
                value: value.as_deref(),
                headers: &[("source", b"test")],
                timestamp: Micros(1_600_000_000_000_000 + place as i64 * 1_000),
            };
            producer.send(record).await.unwrap();
        }
        producer.flush(PATIENCE).await.unwrap();
    }

    pub(super) fn ingest(&self, streams: &[&str]) -> IngestHandle {
        self.ingest_into(streams, &self.lake)
    }

    pub(super) fn ingest_into(&self, streams: &[&str], lake: &Arc<Lake>) -> IngestHandle {
        let streams = streams.iter().map(|name| stream(name)).collect();
        let lake = Arc::clone(lake);
        Ingest::start(IngestWiring {
            lake,
            ..self.wiring(streams)
        })
        .unwrap()
    }

    pub(super) fn wiring(&self, streams: Vec<Stream>) -> IngestWiring {
        IngestWiring {
            pipeline: PipelineName::new("test").unwrap(),
            streams,
            client: self.client(),
            cluster_id: None,
            sharing: Sharing::Alone,
            schema_registry: None,
            stages: Vec::new(),
            lake: Arc::clone(&self.lake),
            limits: self.limits.clone(),
            clock: Arc::new(SystemClock),
        }
    }

    pub(super) async fn table(&self, name: &str) -> LakeTable {
        let name = TableName::new(name).unwrap();
        self.lake.table(&name).await.unwrap().unwrap()
    }

    /// Offsets of a partition in a table, sorted.
    pub(super) async fn offsets(&self, table: &str, partition: i64) -> Vec<i64> {
        let within = Within {
            column: KafkaColumn::Partition.name(),
            from: partition,
            to: partition + 1,
        };
        let read = self
            .table(table)
            .await
            .longs(KafkaColumn::Offset.name(), &[within])
            .await;
        let mut offsets = read.unwrap();
        offsets.sort_unstable();
        offsets
    }
}

fn topic(name: &str) -> TopicName {
    TopicName::new(name).unwrap()
}

pub(super) fn stream(name: &str) -> Stream {
    let avsc = json!({ "type": "record", "name": "event", "fields": [
        { "name": "id", "type": "long" },
        { "name": "at", "type": { "type": "long", "logicalType": "timestamp-micros" } },
    ]});
    Stream {
        name: StreamName::new(name).unwrap(),
        topic: topic(name),
        schema: StreamSchema::parse(&avsc.to_string(), Path::new("event.avsc")).unwrap(),
        schema_file: "event.avsc".into(),
        key: vec![ColumnName::new("id").unwrap()],
        event_time: Some(ColumnName::new("at").unwrap()),
        partition_by: None,
        lateness: DurationText::from_secs(10),
        partitions: PARTITIONS,
        format: Format::Json,
    }
}

/// A message whose event lies `second` seconds after the epoch. A list of messages holds tombstones too, as none.
#[expect(clippy::unnecessary_wraps, reason = "it stands in lists beside tombstones")]
pub(super) fn event(id: i64, second: i64) -> Option<String> {
    Some(json!({ "id": id, "at": Micros(second * 1_000_000) }).to_string())
}

pub(super) fn events(ids: std::ops::Range<i64>) -> Vec<Option<String>> {
    ids.map(|id| event(id, id)).collect()
}

fn status_of(ingest: &IngestHandle, name: &str) -> StreamStatus {
    let mut statuses = ingest.status().into_iter();
    statuses.find(|status| status.stream.as_str() == name).unwrap()
}

/// Waits until a stream is in a state.
pub(super) async fn until(ingest: &IngestHandle, name: &str, wanted: &str) -> StreamStatus {
    let mut watch = ingest.watch(&StreamName::new(name).unwrap()).unwrap();
    let reached = watch.wait_for(|status| status.state.as_str() == wanted);
    tokio::time::timeout(PATIENCE, reached).await.unwrap().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_dead_letters_and_tombstones_land_over_restarts() {
    let house = House::new().await;
    house.make_topic("events").await;
    let broken = Some("{\"id\":".to_owned());
    house
        .send(
            "events",
            0,
            &[event(1, 100), broken.clone(), None, event(2, 80), event(3, 95)],
        )
        .await;
    house.send("events", 1, &[event(4, 5)]).await;
    let limits = IngestLimits {
        dead_share_max: 1.0,
        ..house.limits.clone()
    };
    let house = House { limits, ..house };
    let ingest = house.ingest(&["events"]);
    ingest.wait_caught_up(PATIENCE).await.unwrap();
    assert_eq!(house.offsets("events", 0).await, [0, 3, 4]);
    assert_eq!(house.offsets("events", 1).await, [0]);
    assert_eq!(house.offsets("events_dead_letters", 0).await, [1]);
    let status = status_of(&ingest, "events");
    assert_eq!((status.rows, status.dead, status.tombstones, status.late), (4, 1, 1, 1));
    let mut watch = ingest.watch(&StreamName::new("events").unwrap()).unwrap();
    let level = watch.wait_for(|status| status.lag_rows == Some(0));
    tokio::time::timeout(PATIENCE, level).await.unwrap().unwrap();
    ingest.shutdown().await;
    assert_eq!(status_of(&ingest, "events").state, StreamState::Stopped);
    // The next process goes on behind it: nothing twice, and counts and lateness continue.
    house.send("events", 0, &[event(5, 89), broken, event(6, 90)]).await;
    let ingest = house.ingest(&["events"]);
    ingest.wait_caught_up(PATIENCE).await.unwrap();
    assert_eq!(house.offsets("events", 0).await, [0, 3, 4, 5, 7]);
    assert_eq!(house.offsets("events_dead_letters", 0).await, [1, 6]);
    let status = status_of(&ingest, "events");
    assert_eq!((status.rows, status.dead, status.late), (6, 2, 2));
    ingest.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_flushes_land_each_offset_once() {
    const EVENTS: i64 = 2_000;
    let house = House::new().await;
    house.make_topic("events").await;
    let mut limits = house.limits.clone();
    limits.flush_rows = 100;
    limits.consumer.records_per_batch = 64;
    let house = House { limits, ..house };
    house.send("events", 0, &events(0..EVENTS)).await;
    house.send("events", 1, &events(0..EVENTS)).await;
    for _ in 0..3 {
        // Dropped in the middle of whatever it does: what it had not landed is read again.
        let ingest = house.ingest(&["events"]);
        let mut watch = ingest.watch(&StreamName::new("events").unwrap()).unwrap();
        let before = watch.borrow().version;
        let landed = watch.wait_for(|status| status.version > before && status.committed_at.is_some());
        tokio::time::timeout(PATIENCE, landed).await.unwrap().unwrap();
        drop(ingest);
    }
    let ingest = house.ingest(&["events"]);
    ingest.wait_caught_up(PATIENCE).await.unwrap();
    let all: Vec<i64> = (0..EVENTS).collect();
    assert_eq!(house.offsets("events", 0).await, all);
    assert_eq!(house.offsets("events", 1).await, all);
    ingest.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_one_stream_land_each_offset_once() {
    const EVENTS: i64 = 1_000;
    let house = House::new().await;
    house.make_topic("events").await;
    let mut limits = house.limits.clone();
    limits.flush_rows = 50;
    limits.restarts_max = u32::MAX;
    limits.dead_share_max = 1.0;
    limits.consumer.records_per_batch = 32;
    let house = House { limits, ..house };
    let broken = |id: i64| {
        if id % 10 == 3 {
            Some("?".to_owned())
        } else {
            event(id, id)
        }
    };
    house
        .send("events", 0, &(0..EVENTS).map(broken).collect::<Vec<_>>())
        .await;
    // A lake of its own, as another process has: neither hears of the other's commits but by the log.
    let location = LakeLocation::folder(&house.folder.path().join("lake")).unwrap();
    let other_lake = Arc::new(Lake::open(location).await.unwrap());
    let (ours, theirs) = (house.ingest(&["events"]), house.ingest_into(&["events"], &other_lake));
    let (ours_done, theirs_done) = tokio::join!(ours.wait_caught_up(PATIENCE), theirs.wait_caught_up(PATIENCE));
    ours_done.unwrap();
    theirs_done.unwrap();
    let is_broken = |offset: &i64| offset % 10 == 3;
    let (dead, rows): (Vec<i64>, Vec<i64>) = (0..EVENTS).partition(is_broken);
    assert_eq!(house.offsets("events", 0).await, rows);
    assert_eq!(house.offsets("events_dead_letters", 0).await, dead);
    tokio::join!(ours.shutdown(), theirs.shutdown());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_lags_does_not_hold_up_another() {
    const LAG: i64 = 40_000;
    let house = House::new().await;
    house.make_topic("events").await;
    house.make_topic("others").await;
    let mut limits = house.limits.clone();
    limits.flush_rows = 500;
    limits.buffer_bytes = 1 << 20;
    limits.consumer.records_per_batch = 256;
    let house = House { limits, ..house };
    house.send("events", 0, &events(0..LAG)).await;
    house.send("others", 0, &events(0..10)).await;
    let ingest = house.ingest(&["events", "others"]);
    // Both share the decoders' threads, the memory and the store; the one with little to do is through long before the other.
    let others = StreamName::new("others").unwrap();
    ingest.wait_stream_caught_up(&others, PATIENCE).await.unwrap();
    let landed = status_of(&ingest, "events").rows;
    assert!(landed < LAG as u64 / 2, "{landed} of {LAG}");
    ingest.wait_caught_up(PATIENCE).await.unwrap();
    assert_eq!(status_of(&ingest, "events").rows, LAG as u64);
    ingest.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_landed_before_a_crash_is_not_taken_again() {
    let house = House::new().await;
    house.make_topic("events").await;
    let broken = Some("not json".to_owned());
    let limits = IngestLimits {
        dead_share_max: 1.0,
        ..house.limits.clone()
    };
    let house = House { limits, ..house };
    // A first run, so that the tables are there.
    let ingest = house.ingest(&["events"]);
    ingest.wait_caught_up(PATIENCE).await.unwrap();
    ingest.shutdown().await;
    house
        .send("events", 0, &[event(1, 1), broken.clone(), event(2, 2), broken])
        .await;
    // What a crash between the two commits leaves: the dead letters up to offset 2, and no rows.
    let prefix = app_prefix("test", house.broker.cluster_id(), "events");
    let batch = {
        let mut letters = crate::dead_letters::DeadLetters::default();
        let mut builder = tidemill_kafka::BatchBuilder::new(topic("events"), KafkaPartition(0), 0, 1, 1);
        builder.push(LastOffset(1), 0, None, Some(b"not json"), &[]);
        let fault = crate::decode::Fault::new(crate::decode::FaultCode::MalformedJson, 0, "no value");
        letters.push(&builder.finish().record(0), &fault);
        letters.finish("events", 0).unwrap().unwrap()
    };
    let append = Append {
        batches: vec![batch],
        fences: vec![
            FenceUpdate {
                app_id: app_id(&prefix, KafkaPartition(0)),
                expected: None,
                next: 3,
            },
            FenceUpdate {
                app_id: dead_commits_app_id(&app_id(&prefix, KafkaPartition(0))),
                expected: None,
                next: 1,
            },
        ],
        ..Append::default()
    };
    house.table("events_dead_letters").await.commit(append).await.unwrap();
    let ingest = house.ingest(&["events"]);
    ingest.wait_caught_up(PATIENCE).await.unwrap();
    assert_eq!(house.offsets("events", 0).await, [0, 2]);
    assert_eq!(house.offsets("events_dead_letters", 0).await, [1, 3]);
    let commits = house
        .table("events_dead_letters")
        .await
        .fence(&dead_commits_app_id(&app_id(&prefix, KafkaPartition(0))))
        .await;
    assert_eq!(commits.unwrap(), Some(2));
    ingest.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_was_made_anew_is_told_and_not_read() {
    let house = House::new().await;
    house.make_topic("events").await;
    house.send("events", 0, &events(0..5)).await;
    let ingest = house.ingest(&["events"]);
    ingest.wait_caught_up(PATIENCE).await.unwrap();
    ingest.shutdown().await;
    let admin = Admin::connect(&house.client()).unwrap();
    admin.delete_topic(&topic("events")).await.unwrap();
    house.make_topic("events").await;
    // Shorter than what was landed.
    house.send("events", 0, &events(10..12)).await;
    let ingest = house.ingest(&["events"]);
    let status = until(&ingest, "events", "failed").await;
    let reason = status.state.reason().unwrap();
    assert!(
        reason.contains("the table goes up to offset 5, the log only to 2"),
        "{reason}"
    );
    ingest.wait_caught_up(PATIENCE).await.unwrap_err();
    // Longer, but with other records in it.
    house.send("events", 0, &events(12..30)).await;
    ingest.resume(&StreamName::new("events").unwrap()).await.unwrap();
    let mut watch = ingest.watch(&StreamName::new("events").unwrap()).unwrap();
    let told = watch.wait_for(|status| {
        status
            .state
            .reason()
            .is_some_and(|reason| reason.contains("another record"))
    });
    tokio::time::timeout(PATIENCE, told).await.unwrap().unwrap();
    assert_eq!(house.offsets("events", 0).await, [0, 1, 2, 3, 4]);
    ingest.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_dead_letters_pause_the_stream_and_no_other() {
    let house = House::new().await;
    house.make_topic("events").await;
    house.make_topic("others").await;
    let limits = IngestLimits {
        dead_share_rows: 20,
        ..house.limits.clone()
    };
    let house = House { limits, ..house };
    house.send("events", 0, &vec![Some("?".to_owned()); 20]).await;
    house.send("others", 0, &events(0..20)).await;
    let ingest = house.ingest(&["events", "others", "absent"]);
    let status = until(&ingest, "events", "paused").await;
    let reason = status.state.reason().unwrap();
    assert!(
        reason.starts_with("20 of the newest 20 records could not be decoded"),
        "{reason}"
    );
    // What was dead has landed, and a stream beside it does not notice; neither does one whose topic is not there.
    assert_eq!(house.offsets("events_dead_letters", 0).await.len(), 20);
    until(&ingest, "absent", "waiting").await;
    let mut others = ingest.watch(&StreamName::new("others").unwrap()).unwrap();
    ingest.flush_now().await.unwrap();
    let landed = others.wait_for(|status| status.rows == 20 || status.buffered_rows == 20);
    tokio::time::timeout(PATIENCE, landed).await.unwrap().unwrap();
    // The topic comes later, and its stream runs.
    house.make_topic("absent").await;
    until(&ingest, "absent", "running").await;
    // Resumed, the paused one goes on behind the dead letters.
    house.send("events", 0, &events(0..30)).await;
    ingest.resume(&StreamName::new("events").unwrap()).await.unwrap();
    let mut watch = ingest.watch(&StreamName::new("events").unwrap()).unwrap();
    let taken = watch.wait_for(|status| status.buffered_rows + status.rows == 30);
    tokio::time::timeout(PATIENCE, taken).await.unwrap().unwrap();
    ingest.shutdown().await;
    assert_eq!(house.offsets("events", 0).await, (20..50).collect::<Vec<_>>());
    assert_eq!(house.offsets("others", 0).await, (0..20).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_an_events_day_flushes() {
    const DAY: i64 = 86_400;
    let house = House::new().await;
    house.make_topic("events").await;
    let limits = IngestLimits {
        flush_interval: Duration::from_hours(1),
        idle_after: Duration::ZERO,
        ..house.limits.clone()
    };
    let house = House { limits, ..house };
    house.send("events", 0, &[event(1, DAY + 100)]).await;
    let ingest = house.ingest(&["events"]);
    let mut watch = ingest.watch(&StreamName::new("events").unwrap()).unwrap();
    // The first watermark is past the days before it.
    let first = watch.wait_for(|status| status.rows == 1);
    tokio::time::timeout(PATIENCE, first).await.unwrap().unwrap();
    house.send("events", 0, &[event(2, DAY + 200)]).await;
    let taken = watch.wait_for(|status| status.buffered_rows == 1);
    tokio::time::timeout(PATIENCE, taken).await.unwrap().unwrap();
    // Ten seconds of lateness: this event ends the day.
    house.send("events", 0, &[event(3, 2 * DAY + 10)]).await;
    let second = watch.wait_for(|status| status.rows == 3);
    let watermark = tokio::time::timeout(PATIENCE, second).await.unwrap().unwrap().watermark;
    assert_eq!(watermark, Some(Micros::of_day(2)));
    ingest.shutdown().await;
}
