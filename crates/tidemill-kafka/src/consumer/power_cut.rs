//! A reader and a broker that lost the end of its log with the machine: the reader is told, whatever was written since.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tidemill_broker::{Broker, BrokerSettings, Fsync};
use tidemill_types::{KafkaPartition, NextOffset};

use super::*;
use crate::mock_cluster::{PATIENCE, record, value_of};
use crate::testing::topic;
use crate::{Producer, ProducerLimits};

const TOPIC: &str = "events";

/// On any free port at first, and on the same one again.
async fn start(dir: &Path) -> Broker {
    let is_first = !dir.join("broker.json").exists();
    let settings = BrokerSettings {
        dir: dir.to_owned(),
        port: is_first.then_some(0),
        fsync: Fsync::Never,
        ..BrokerSettings::default()
    };
    Broker::start(settings).await.unwrap()
}

/// Sends batches of one record each.
async fn send(broker: &Broker, records: i64) {
    let producer = Producer::new(&client(broker), &ProducerLimits::default()).unwrap();
    let name = topic(TOPIC);
    for n in 0..records {
        producer.send(record(&name, 0, &value_of(0, n))).await.unwrap();
        producer.flush(PATIENCE).await.unwrap();
    }
}

fn client(broker: &Broker) -> ClientSettings {
    let mut settings = ClientSettings::new(broker.bootstrap(), "tidemill-test");
    settings
        .properties
        .insert("reconnect.backoff.max.ms".into(), "50".into());
    settings
}

/// What a power cut leaves of a partition of ten batches of the same length: the first `kept`.
fn cut(dir: &Path, kept: u64) {
    let partition = dir.join("topics").join(TOPIC).join("0");
    let log = partition.join(format!("{:020}.log", 0));
    fs::remove_file(log.with_extension("index")).unwrap();
    let length = fs::metadata(&log).unwrap().len();
    assert_eq!(length % 10, 0, "batches of one length");
    let file = fs::OpenOptions::new().write(true).open(&log).unwrap();
    file.set_len(length / 10 * kept).unwrap();
    let home = dir.join("broker.json");
    let text = fs::read_to_string(&home).unwrap();
    let clean = "\"running_since_boot\": null";
    assert!(text.contains(clean), "{text}");
    fs::write(&home, text.replace(clean, "\"running_since_boot\": \"before\"")).unwrap();
}

/// The reader stands at the end of ten records; `kept` of them are left, and `sent` others follow. What comes next.
async fn next_after(kept: u64, sent: i64) -> Result<PolledBatch, KafkaError> {
    let dir = tempfile::tempdir().unwrap();
    let broker = start(dir.path()).await;
    broker.create_topic(TOPIC, Some(1), &BTreeMap::new()).await.unwrap();
    send(&broker, 10).await;
    let assignment = Assignment {
        topic: topic(TOPIC),
        partition: KafkaPartition(0),
        start: NextOffset(0),
    };
    let limits = ConsumerLimits::default();
    let (handle, mut batches) = PolledConsumer::spawn(&client(&broker), vec![assignment], limits).unwrap();
    let mut read = 0;
    while read < 10 {
        let batch = tokio::time::timeout(PATIENCE, batches.recv()).await.unwrap().unwrap();
        read += batch.unwrap().batch().unwrap().len();
    }
    broker.shutdown().await.unwrap();
    cut(dir.path(), kept);
    let broker = start(dir.path()).await;
    send(&broker, sent).await;
    let next = loop {
        let received = tokio::time::timeout(PATIENCE, batches.recv()).await;
        let received = received.unwrap_or_else(|_| panic!("{kept} of ten are left, {sent} follow: nothing comes"));
        match received.unwrap() {
            // That the broker was away is told as well.
            Err(error) if error.is_transient() => {}
            next => break next.map(|polled| polled.batch().unwrap()),
        }
    };
    handle.stop().await;
    broker.shutdown().await.unwrap();
    next
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_records_that_are_gone_is_told_before_it_reads_others() {
    for (kept, sent) in [(4, 0), (4, 6), (4, 30), (0, 30), (9, 1)] {
        let told = next_after(kept, sent).await.map(|batch| batch.offsets().to_vec());
        let is_told = match &told {
            // Asked before all of the others were there.
            Err(KafkaError::OffsetOutOfRange { high_watermark, .. }) => *high_watermark < NextOffset(10),
            Err(KafkaError::Failed { action, .. }) => action.contains("assigned offset"),
            _ => false,
        };
        assert!(is_told, "{kept} of ten are left, {sent} follow: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_records_that_are_there_goes_on() {
    let next = next_after(10, 3).await.unwrap();
    assert_eq!(next.offsets()[0], 10);
}
