use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use indexmap::IndexMap;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use serde_json::Value;
use tidemill_kafka::{Admin, ClientSettings, KafkaError, Producer, ProducerRecord, Record, partition_of};
use tidemill_project::{Format, Stream, StreamSchema};
use tidemill_types::{KafkaPartition, Micros};

use super::*;
use crate::pace::tests::Dreamer;
use crate::{SimulatorSettings, Sleeper, Source, SourceError, StopFlag};

const WEEK: i64 = 7 * 86_400_000_000;

fn stream(name: &str, fields: &str, key: &[&str], event_time: Option<&str>, partition_by: &str) -> Stream {
    let avsc = format!("{{\"type\": \"record\", \"name\": \"{name}\", \"fields\": [{fields}]}}");
    let column = |name: &str| ColumnName::new(name).unwrap();
    Stream {
        name: StreamName::new(name).unwrap(),
        topic: TopicName::new(format!("{name}_topic")).unwrap(),
        schema: StreamSchema::parse(&avsc, Path::new("test.avsc")).unwrap(),
        schema_file: "test.avsc".into(),
        key: key.iter().map(|name| column(name)).collect(),
        event_time: event_time.map(column),
        partition_by: Some(column(partition_by)),
        lateness: DurationText::from_millis(0),
        partitions: 3,
        format: Format::Json,
    }
}

fn streams() -> IndexMap<StreamName, Stream> {
    let transactions = stream(
        "transactions",
        r#"{"name": "TRANSACTION_ID", "type": "long"},
           {"name": "TX_DATETIME", "type": {"type": "long", "logicalType": "timestamp-micros"}},
           {"name": "CUSTOMER_ID", "type": "long"},
           {"name": "TX_AMOUNT", "type": "double"},
           {"name": "TX_FRAUD", "type": ["null", "int"], "default": null}"#,
        &["TRANSACTION_ID"],
        Some("TX_DATETIME"),
        "CUSTOMER_ID",
    );
    let labels = stream(
        "labels",
        r#"{"name": "TRANSACTION_ID", "type": "long"}, {"name": "TX_FRAUD", "type": "int"}"#,
        &["TRANSACTION_ID"],
        None,
        "TRANSACTION_ID",
    );
    [transactions, labels]
        .map(|stream| (stream.name.clone(), stream))
        .into_iter()
        .collect()
}

fn simulated(seed: u64) -> Source {
    simulated_days(seed, 10)
}

fn simulated_days(seed: u64, days: u32) -> Source {
    Source::Simulator(SimulatorSettings {
        customers: 30,
        terminals: 300,
        radius: 20.0,
        days: Some(days),
        seed,
        ..SimulatorSettings::default()
    })
}

fn options() -> ReplayOptions {
    ReplayOptions {
        stream: StreamName::new("transactions").unwrap(),
        also: vec!["labels=TRANSACTION_ID,TX_FRAUD@7d".parse().unwrap()],
        time: None,
        speed: Speed::Max,
        again: false,
    }
}

struct Topics {
    _cluster: MockCluster<'static, DefaultProducerContext>,
    settings: ClientSettings,
    admin: Admin,
}

impl Topics {
    fn new() -> Topics {
        let cluster = MockCluster::new(1).unwrap();
        for topic in ["transactions_topic", "labels_topic"] {
            cluster.create_topic(topic, 3, 1).unwrap();
        }
        let settings = ClientSettings::new(cluster.bootstrap_servers(), "test");
        Topics {
            admin: Admin::connect(&settings).unwrap(),
            settings,
            _cluster: cluster,
        }
    }

    async fn run(
        &self,
        source: &Source,
        options: ReplayOptions,
        sleeper: impl Sleeper + 'static,
        stop: &StopFlag,
    ) -> Result<ReplayReport, SourceError> {
        let producer = Producer::new(&self.settings, &producer_limits()).unwrap();
        let replay = Replay::plan(source, &streams(), &options).unwrap();
        let sleeper = Box::new(sleeper);
        replay.run(&producer, &self.admin, sleeper, |_| (), stop).await
    }

    async fn run_all(&self, source: &Source, options: ReplayOptions) -> Result<ReplayReport, SourceError> {
        self.run(source, options, Dreamer::default(), &StopFlag::default())
            .await
    }

    /// All records of a topic, by partition.
    async fn records(&self, topic: &str) -> Vec<Record> {
        let topic = TopicName::new(topic).unwrap();
        let mut all = Vec::new();
        for partition in 0..3 {
            let partition = KafkaPartition(partition);
            all.extend(self.admin.first_records(&topic, partition, 100_000).await.unwrap());
        }
        all
    }

    /// Each transaction's number and how often it is there; panics where one is in the wrong partition or out of order.
    async fn rows(&self, topic: &str, key: &str) -> BTreeMap<i64, usize> {
        let mut counts = BTreeMap::new();
        let mut last: BTreeMap<i32, i64> = BTreeMap::new();
        for record in self.records(topic).await {
            let value: Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
            let id = value["TRANSACTION_ID"].as_i64().unwrap();
            *counts.entry(id).or_default() += 1;
            assert_eq!(record.header("tidemill-row"), Some(id.to_string().as_bytes()));
            assert_eq!(record.key, Some(value[key].to_string().into_bytes()));
            assert_eq!(record.partition, partition_of(record.key.as_deref().unwrap(), 3));
            let before = last.insert(record.partition.0, id);
            assert!(
                before.is_none_or(|before| before < id) || counts[&id] > 1,
                "{id} after {before:?}"
            );
        }
        counts
    }
}

fn simulated_count(source: &Source) -> usize {
    let Source::Simulator(settings) = source else { return 0 };
    crate::Simulator::new(settings.clone()).unwrap().count()
}

#[tokio::test]
async fn rows_and_their_labels_come_once_at_their_known_times() {
    let (topics, source) = (Topics::new(), simulated(1));
    let report = topics.run_all(&source, options()).await.unwrap();
    let count = simulated_count(&source);
    assert_eq!(
        (report.rows(), report.skipped(), report.stopped),
        (2 * count as u64, 0, false)
    );
    let mut happened = BTreeMap::new();
    for record in topics.records("transactions_topic").await {
        let value: Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
        let time: Micros = value["TX_DATETIME"].as_str().unwrap().parse().unwrap();
        assert_eq!(record.kafka_time, time, "known when it happened");
        let columns: BTreeSet<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            columns,
            ["CUSTOMER_ID", "TRANSACTION_ID", "TX_AMOUNT", "TX_DATETIME"].into()
        );
        happened.insert(value["TRANSACTION_ID"].as_i64().unwrap(), time);
    }
    for record in topics.records("labels_topic").await {
        let value: Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
        let columns: BTreeSet<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(columns, ["TRANSACTION_ID", "TX_FRAUD"].into());
        let time = happened[&value["TRANSACTION_ID"].as_i64().unwrap()];
        assert_eq!(record.kafka_time, time.plus(WEEK), "known a week later");
    }
    let once: BTreeMap<i64, usize> = (0..count as i64).map(|id| (id, 1)).collect();
    assert_eq!(topics.rows("transactions_topic", "CUSTOMER_ID").await, once);
    assert_eq!(topics.rows("labels_topic", "TRANSACTION_ID").await, once);
}

/// A sleeper that asks for a stop after some sleeps.
struct Interrupt {
    dreamer: Dreamer,
    sleeps_left: usize,
    stop: StopFlag,
}

impl Sleeper for Interrupt {
    fn elapsed(&self) -> Duration {
        self.dreamer.elapsed()
    }
    fn sleep(&mut self, time: Duration) {
        self.sleeps_left = self.sleeps_left.saturating_sub(1);
        if self.sleeps_left == 0 {
            self.stop.stop();
        }
        self.dreamer.sleep(time);
    }
}

#[tokio::test]
async fn a_replay_that_was_stopped_goes_on_where_it_was() {
    let (topics, source) = (Topics::new(), simulated(2));
    let count = simulated_count(&source);
    let mut sent = 0;
    for sleeps in [1, 40, 300] {
        let stop = StopFlag::default();
        let interrupt = Interrupt {
            dreamer: Dreamer::default(),
            sleeps_left: sleeps,
            stop: stop.clone(),
        };
        // Fast enough that most waits are one sleep.
        let paced = ReplayOptions {
            speed: Speed::Times(100_000.0),
            ..options()
        };
        let report = topics.run(&source, paced, interrupt, &stop).await.unwrap();
        assert!(report.stopped && report.skipped() >= sent, "{report:?}");
        sent += report.rows();
    }
    assert!(0 < sent && sent < 2 * count as u64, "{sent} of {count}");
    let report = topics.run_all(&source, options()).await.unwrap();
    assert_eq!((report.skipped(), report.rows()), (sent, 2 * count as u64 - sent));
    let done = topics.run_all(&source, options()).await.unwrap();
    assert_eq!((done.skipped(), done.rows()), (2 * count as u64, 0));
    let once: BTreeMap<i64, usize> = (0..count as i64).map(|id| (id, 1)).collect();
    assert_eq!(topics.rows("transactions_topic", "CUSTOMER_ID").await, once);
    assert_eq!(topics.rows("labels_topic", "TRANSACTION_ID").await, once);
}

#[tokio::test]
async fn more_simulated_days_go_on_behind_fewer() {
    let topics = Topics::new();
    let (short, long) = (simulated_days(6, 10), simulated_days(6, 13));
    let (few, many) = (2 * simulated_count(&short) as u64, 2 * simulated_count(&long) as u64);
    assert!(few < many);
    let counts = async |source: &Source| {
        let report = topics.run_all(source, options()).await.unwrap();
        (report.skipped(), report.rows())
    };
    assert_eq!(counts(&short).await, (0, few));
    assert_eq!(counts(&long).await, (few, many - few));
    // What is there already is not sent again, nor is anything taken back.
    assert_eq!(counts(&short).await, (few, 0));
    let once: BTreeMap<i64, usize> = (0..many as i64 / 2).map(|id| (id, 1)).collect();
    assert_eq!(topics.rows("transactions_topic", "CUSTOMER_ID").await, once);
}

#[tokio::test]
async fn another_source_is_refused_unless_told_to_go_on_behind() {
    let topics = Topics::new();
    topics.run_all(&simulated(3), options()).await.unwrap();
    let refused = topics.run_all(&simulated(4), options()).await.unwrap_err();
    assert!(matches!(refused, SourceError::ForeignRecords { .. }), "{refused}");
    // Other columns make another source of the same rows.
    let without_labels = ReplayOptions {
        also: Vec::new(),
        ..options()
    };
    let refused = topics.run_all(&simulated(3), without_labels).await.unwrap_err();
    assert!(matches!(refused, SourceError::ForeignRecords { .. }), "{refused}");
    let again = ReplayOptions {
        again: true,
        ..options()
    };
    let report = topics.run_all(&simulated(3), again).await.unwrap();
    assert_eq!((report.pass, report.skipped()), (2, 0));
    let rows = topics.rows("transactions_topic", "CUSTOMER_ID").await;
    assert!(rows.values().all(|count| *count == 2));
    let done = topics.run_all(&simulated(3), options()).await.unwrap();
    assert_eq!((done.pass, done.rows()), (2, 0));
}

#[tokio::test]
async fn a_topic_that_somebody_else_wrote_to_is_refused() {
    let topics = Topics::new();
    let producer = Producer::new(&topics.settings, &producer_limits()).unwrap();
    let topic = TopicName::new("labels_topic").unwrap();
    let record = ProducerRecord {
        topic: &topic,
        partition: Some(KafkaPartition(1)),
        key: None,
        value: Some(b"{}"),
        headers: &[],
        timestamp: Micros(1_000_000),
    };
    producer.send(record).await.unwrap();
    producer.flush(Duration::from_secs(10)).await.unwrap();
    let refused = topics.run_all(&simulated(5), options()).await.unwrap_err();
    let SourceError::ForeignRecords { topic, partition, .. } = &refused else {
        panic!("{refused}")
    };
    assert_eq!((topic.as_str(), *partition), ("labels_topic", KafkaPartition(1)));
}

/// The error of a plan, or what each stream gets.
fn plan(content: &str, change: impl FnOnce(&mut ReplayOptions, &mut IndexMap<StreamName, Stream>)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    std::fs::write(&path, content).unwrap();
    let (mut options, mut streams) = (options(), streams());
    change(&mut options, &mut streams);
    match Replay::plan(&Source::File(path), &streams, &options) {
        Err(error) => error.to_string().replace(folder.path().to_str().unwrap(), "."),
        Ok(replay) => {
            let lanes = replay.lanes().iter().map(|lane| {
                let columns: Vec<_> = lane.columns.iter().map(ColumnName::as_str).collect();
                format!("{}: {}", lane.stream, columns.join(" "))
            });
            let lanes: Vec<_> = lanes.collect();
            format!("{}; without {}", lanes.join("; "), replay.left_out().join(" "))
        }
    }
}

const ROWS: &str = "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TX_AMOUNT,TX_FRAUD,EXTRA\n\
                    1,2018-04-01T00:00:02,7,1.5,0,x\n0,2018-04-01T00:00:01,7,2.5,1,y\n";

#[test]
fn a_plan_says_what_goes_where() {
    assert_eq!(
        plan(ROWS, |_, _| ()),
        "transactions: TRANSACTION_ID TX_DATETIME CUSTOMER_ID TX_AMOUNT; labels: TRANSACTION_ID TX_FRAUD; without EXTRA"
    );
    assert_eq!(
        plan(ROWS, |options, _| options.also.clear()),
        "transactions: TRANSACTION_ID TX_DATETIME CUSTOMER_ID TX_AMOUNT TX_FRAUD; without EXTRA"
    );
}

#[test]
fn columns_of_the_simulator_that_no_stream_has_are_not_left_out() {
    let replay = Replay::plan(&simulated(1), &streams(), &options()).unwrap();
    assert_eq!(replay.left_out(), [] as [String; 0]);
}

#[test]
fn a_plan_that_cannot_be_run_says_why() {
    let also = |text: &str| {
        let also: Also = text.parse().unwrap();
        move |options: &mut ReplayOptions, _: &mut IndexMap<StreamName, Stream>| options.also = vec![also]
    };
    assert_eq!(plan(ROWS, also("nowhere=TX_FRAUD@7d")), "there is no stream `nowhere`");
    assert_eq!(
        plan(ROWS, also("labels=TRANSACTION_ID@7d")),
        "`labels=TRANSACTION_ID@7d` has no column `TX_FRAUD`, which stream `labels` needs"
    );
    assert_eq!(
        plan(ROWS, also("labels=TRANSACTION_ID,TX_FRAUD,EXTRA@7d")),
        "stream `labels` has no column `EXTRA`"
    );
    assert_eq!(
        plan(ROWS, also("transactions=TX_FRAUD@7d")),
        "stream `transactions` gets rows twice"
    );
    assert_eq!(
        plan("TRANSACTION_ID,TX_DATETIME\n1,2018-04-01T00:00:02\n", |_, _| ()),
        "`./rows.csv` has no column `CUSTOMER_ID`, which stream `transactions` needs"
    );
    assert_eq!(
        plan(&ROWS.replace("1.5", "much"), |_, _| ()),
        "column `TX_AMOUNT` is Utf8 in the data and double in the schema of stream `transactions`"
    );
    assert_eq!(
        plan(ROWS, |options, streams| {
            options.also.clear();
            streams[0].event_time = None;
        }),
        "nothing says when the rows of stream `transactions` happened"
    );
    assert_eq!(
        plan(&ROWS.replace("2018-04-01T00:00:01", ""), |_, _| ()),
        "row 1 of column `TX_DATETIME` has no time, so nothing says when it was known"
    );
    assert_eq!(
        plan(ROWS.split_inclusive('\n').next().unwrap_or_default(), |_, _| ()),
        "`./rows.csv` holds no rows"
    );
}

#[tokio::test]
async fn rows_out_of_order_are_sent_in_the_order_of_their_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    std::fs::write(&path, ROWS).unwrap();
    let topics = Topics::new();
    let report = topics.run_all(&Source::File(path), options()).await.unwrap();
    assert_eq!(report.rows(), 4);
    let records = topics.records("transactions_topic").await;
    let values: Vec<_> = records
        .iter()
        .map(|r| String::from_utf8(r.value.clone().unwrap()).unwrap())
        .collect();
    assert_eq!(
        values,
        [
            r#"{"TRANSACTION_ID":0,"TX_DATETIME":"2018-04-01T00:00:01Z","CUSTOMER_ID":7,"TX_AMOUNT":2.5}"#,
            r#"{"TRANSACTION_ID":1,"TX_DATETIME":"2018-04-01T00:00:02Z","CUSTOMER_ID":7,"TX_AMOUNT":1.5}"#,
        ]
    );
}

#[tokio::test]
async fn times_before_kafkas_first_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    std::fs::write(&path, ROWS.replace("2018", "1949")).unwrap();
    let refused = Topics::new().run_all(&Source::File(path), options()).await.unwrap_err();
    assert!(
        matches!(refused, SourceError::Kafka(KafkaError::InvalidTimestamp { .. })),
        "{refused}"
    );
}
