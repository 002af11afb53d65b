//! Predictions of the small linear model of the crate's tests: as data, and through the in-process broker.

mod keys;
mod log;
mod records;
mod simulation;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tidemill_broker::{Broker, BrokerSettings};
use tidemill_kafka::{Admin, ClientSettings, Record};
use tidemill_project::{Format, RecordedFeatures, Stream, StreamSchema};
use tidemill_types::{
    ColumnName, DurationText, FeatureHash, KafkaPartition, LastOffset, Micros, StreamName, TopicName,
};

use super::{ModelPredictions, PredictionContract};
use crate::Deployed;
use crate::tests::candidate;

/// 2018-04-01T00:00:00Z.
pub(super) const START: i64 = 1_522_540_800_000_000;
pub(super) const SECOND: i64 = 1_000_000;
pub(super) const DAY: i64 = 86_400 * SECOND;

pub(super) fn name(text: &str) -> ColumnName {
    ColumnName::new(text).unwrap()
}

pub(super) fn topic(text: &str) -> TopicName {
    TopicName::new(text).unwrap()
}

fn stream(stream: &str, fields: &Value, key: &str, partition_by: Option<&str>) -> Stream {
    let avsc = json!({ "type": "record", "name": "event", "fields": fields });
    Stream {
        name: StreamName::new(stream).unwrap(),
        topic: topic(stream),
        schema: StreamSchema::parse(&avsc.to_string(), Path::new("event.avsc")).unwrap(),
        schema_file: "event.avsc".into(),
        key: vec![name(key)],
        event_time: None,
        partition_by: partition_by.map(name),
        lateness: DurationText::from_secs(10),
        partitions: 1,
        format: Format::Json,
    }
}

/// The stream whose rows are scored.
pub(super) fn payments() -> Stream {
    let time = json!({ "type": "long", "logicalType": "timestamp-micros" });
    let fields = json!([
        { "name": "ID", "type": "long" },
        { "name": "AT", "type": time },
        { "name": "CUSTOMER", "type": "int" },
        { "name": "SHOP", "type": "string" },
        { "name": "AMOUNT", "type": "double" },
        { "name": "DAY", "type": { "type": "int", "logicalType": "date" } },
        { "name": "TAG", "type": "bytes" },
        { "name": "COLOUR", "type": { "type": "enum", "name": "colour", "symbols": ["red", "blue"] } },
        { "name": "GOOD", "type": "boolean" },
    ]);
    stream("payments", &fields, "ID", None)
}

/// The fields that every predictions stream has, then those that are given.
pub(super) fn prediction_fields(more: &Value) -> Value {
    let time = json!({ "type": "long", "logicalType": "timestamp-micros" });
    let mut fields = vec![
        json!({ "name": "prediction_id", "type": "string" }),
        json!({ "name": "model", "type": "string" }),
        json!({ "name": "model_version", "type": "long" }),
        json!({ "name": "deployment", "type": "string" }),
        json!({ "name": "score", "type": "double" }),
        json!({ "name": "decision", "type": "int" }),
        json!({ "name": "source", "type": "string" }),
        json!({ "name": "scored_at", "type": time }),
        json!({ "name": "event_time", "type": time }),
    ];
    fields.extend(more.as_array().unwrap().iter().cloned());
    Value::Array(fields)
}

pub(super) fn predictions_stream(name: &str, more: &Value) -> Stream {
    stream(name, &prediction_fields(more), "prediction_id", Some("CUSTOMER"))
}

/// What the contract may have beside its columns, and key columns.
pub(super) fn usual_fields() -> Value {
    json!([
        { "name": "ID", "type": ["null", "long"] },
        { "name": "CUSTOMER", "type": ["null", "int"] },
        { "name": "feature_age_ms", "type": ["null", "long"] },
        { "name": "feature_hash", "type": ["null", "string"] },
        { "name": "features", "type": ["null", "string"] },
    ])
}

pub(super) fn model_predictions(stream: &Stream) -> Arc<ModelPredictions> {
    Arc::new(ModelPredictions {
        contract: Arc::new(PredictionContract::new(stream, &payments()).unwrap()),
        threshold: 0.9,
        kept: RecordedFeatures::Values,
        views: FeatureHash("ab".repeat(32)),
    })
}

/// Version 1 of the model, whose score is logistic(AMOUNT + 2·COUNT + 4·WEEKEND).
pub(super) fn deployed() -> Arc<Deployed> {
    Arc::new(Deployed::check(candidate(1, 0.0)).unwrap())
}

/// Events `ids` with features, one second apart from `from` on, in two Kafka partitions.
pub(super) fn events(ids: std::ops::Range<i64>, from: i64) -> RecordBatch {
    let column =
        |of: &dyn Fn(i64) -> f64| -> ArrayRef { Arc::new(Float64Array::from_iter_values(ids.clone().map(of))) };
    let times = ids.clone().map(|id| from + (id - ids.start) * SECOND);
    let columns: [(&str, ArrayRef); 9] = [
        ("ID", Arc::new(Int64Array::from_iter_values(ids.clone()))),
        (
            "AT",
            Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC")),
        ),
        (
            "CUSTOMER",
            Arc::new(Int32Array::from_iter_values(ids.clone().map(|id| (id % 5) as i32))),
        ),
        (
            "_tm_topic",
            Arc::new(StringArray::from_iter_values(ids.clone().map(|_| "payments"))),
        ),
        (
            "_tm_partition",
            Arc::new(Int32Array::from_iter_values(ids.clone().map(|id| (id % 2) as i32))),
        ),
        (
            "_tm_offset",
            Arc::new(Int64Array::from_iter_values(ids.clone().map(|id| id / 2))),
        ),
        (
            "WEEKEND",
            Arc::new(ids.clone().map(|id| Some(id % 7 == 0)).collect::<BooleanArray>()),
        ),
        // The order in the batch is not the model's.
        ("COUNT", column(&|id| (id % 3) as f64)),
        ("AMOUNT", column(&|id| 0.01 * (id % 100) as f64)),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// A broker with a topic.
pub(super) struct Kafka {
    _folder: TempDir,
    broker: Broker,
    pub(super) client: ClientSettings,
    pub(super) admin: Admin,
}

impl Kafka {
    pub(super) async fn start() -> Kafka {
        let folder = TempDir::new().unwrap();
        let settings = BrokerSettings {
            dir: folder.path().join("broker"),
            port: Some(0),
            auto_create_topics: false,
            ..BrokerSettings::default()
        };
        let broker = Broker::start(settings).await.unwrap();
        let client = ClientSettings::new(broker.address().to_string(), "tidemill-test");
        let admin = Admin::connect(&client).unwrap();
        Kafka {
            _folder: folder,
            broker,
            client,
            admin,
        }
    }

    pub(super) async fn make_topic(&self, topic: &TopicName, partitions: i32) {
        self.admin
            .ensure_topic(topic, partitions, &BTreeMap::new())
            .await
            .unwrap();
    }

    /// Every record of the topic, by Kafka partition and offset.
    pub(super) async fn records(&self, topic: &TopicName) -> Vec<Record> {
        let mut all = Vec::new();
        for partition in self.admin.partitions(topic).await.unwrap() {
            let end = self.admin.watermarks(topic, partition).await.unwrap().high_watermark;
            let records = self
                .admin
                .first_records(topic, partition, end.0 as usize)
                .await
                .unwrap();
            assert_eq!(records.len() as i64, end.0);
            all.extend(records);
        }
        all
    }

    pub(super) async fn stop(self) {
        self.broker.shutdown().await.unwrap();
    }
}

pub(super) fn json_of(record: &Record) -> Value {
    serde_json::from_slice(record.value.as_deref().unwrap()).unwrap()
}

pub(super) fn day(number: i64) -> Micros {
    Micros(START + number * DAY)
}

pub(super) fn source_ref(id: i64) -> super::SourceRef {
    super::SourceRef {
        topic: topic("payments"),
        partition: KafkaPartition((id % 2) as i32),
        offset: LastOffset(id / 2),
    }
}
