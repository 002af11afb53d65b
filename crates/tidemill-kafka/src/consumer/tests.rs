use std::collections::BTreeMap;
use std::time::Duration;

use tidemill_types::{KafkaPartition, NextOffset};

use super::*;
use crate::testing::{FIRST_TIME, MockBroker, topic};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

fn at(name: &str, partition: i32, start: i64) -> Assignment {
    Assignment {
        topic: topic(name),
        partition: KafkaPartition(partition),
        start: NextOffset(start),
    }
}

fn small_batches() -> ConsumerLimits {
    ConsumerLimits {
        records_per_batch: 16,
        batches_in_flight: 2,
        batch_wait: Duration::from_millis(5),
        ..ConsumerLimits::default()
    }
}

async fn next(batches: &mut PolledBatches) -> Result<PolledBatch, KafkaError> {
    let received = tokio::time::timeout(PATIENCE, batches.recv()).await;
    let polled = received.expect("a batch in time").expect("a thread that runs")?;
    Ok(polled.batch().expect("no group, no decisions of one"))
}

/// Offsets by topic and partition, in the order in which they came, until `records` have come.
async fn collect(batches: &mut PolledBatches, records: usize) -> BTreeMap<(String, i32), Vec<i64>> {
    let mut collected: BTreeMap<(String, i32), Vec<i64>> = BTreeMap::new();
    let mut count = 0;
    while count < records {
        let batch = next(batches).await.unwrap();
        count += batch.len();
        let offsets = collected
            .entry((batch.topic.to_string(), batch.partition.0))
            .or_default();
        offsets.extend(batch.offsets());
    }
    collected
}

async fn until(handle: &ConsumerHandle, condition: impl Fn(&[PartitionStatus]) -> bool) {
    let mut ticks = tokio::time::interval(Duration::from_millis(2));
    let waited = tokio::time::timeout(PATIENCE, async {
        while !condition(&handle.status()) {
            ticks.tick().await;
        }
    });
    waited.await.expect("a status in time");
}

/// Every record from its partition's start on comes once and in order, whatever the limits.
async fn check_all_come_once(limits: ConsumerLimits) {
    let broker = MockBroker::with_topics(&[("a", 2), ("b", 1)]);
    broker.fill(&topic("a"), 0, 0..300).await;
    broker.fill(&topic("a"), 1, 0..200).await;
    broker.fill(&topic("b"), 0, 0..100).await;
    let assigned = vec![at("a", 0, 0), at("a", 1, 150), at("b", 0, 100)];
    let (handle, mut batches) = PolledConsumer::spawn(&broker.settings, assigned, limits).unwrap();
    let collected = collect(&mut batches, 350).await;
    let expected = [(0, (0..300).collect::<Vec<i64>>()), (1, (150..200).collect())];
    let expected: BTreeMap<_, _> = expected.map(|(p, offsets)| (("a".to_owned(), p), offsets)).into();
    assert_eq!(collected, expected);
    handle.stop().await;
    assert!(batches.recv().await.is_none(), "nothing more comes");
}

#[tokio::test]
async fn every_record_comes_once_and_in_order() {
    check_all_come_once(ConsumerLimits::default()).await;
}

#[tokio::test]
async fn small_batches_change_nothing() {
    check_all_come_once(small_batches()).await;
}

#[tokio::test]
async fn batches_bounded_by_bytes_change_nothing() {
    let limits = ConsumerLimits {
        bytes_per_batch: 1,
        ..small_batches()
    };
    check_all_come_once(limits).await;
}

#[tokio::test]
async fn a_slow_receiver_pauses_the_client_and_loses_nothing() {
    let broker = MockBroker::with_topics(&[("a", 1)]);
    broker.fill(&topic("a"), 0, 0..500).await;
    let limits = ConsumerLimits {
        records_per_batch: 10,
        batches_in_flight: 1,
        pause_after: Duration::ZERO,
        ..ConsumerLimits::default()
    };
    let (handle, mut batches) = PolledConsumer::spawn(&broker.settings, vec![at("a", 0, 0)], limits).unwrap();
    // One batch in the channel, one that waits for room: the thread is held there, however long nobody reads.
    until(&handle, |status| status[0].position.0 >= 10).await;
    assert!(handle.status()[0].position.0 <= 30, "{:?}", handle.status());
    let collected = collect(&mut batches, 500).await;
    assert_eq!(collected[&("a".to_owned(), 0)], (0..500).collect::<Vec<i64>>());
    until(&handle, |status| status[0].at_end && status[0].lag() == Some(0)).await;
}

#[tokio::test]
async fn a_stop_is_heard_while_the_channel_is_full() {
    let broker = MockBroker::with_topics(&[("a", 1)]);
    broker.fill(&topic("a"), 0, 0..100).await;
    let limits = ConsumerLimits {
        records_per_batch: 1,
        batches_in_flight: 1,
        ..ConsumerLimits::default()
    };
    let (handle, batches) = PolledConsumer::spawn(&broker.settings, vec![at("a", 0, 0)], limits).unwrap();
    until(&handle, |status| status[0].position.0 >= 1).await;
    handle.stop().await;
    drop(batches);
}

#[tokio::test]
async fn an_offset_outside_the_log_is_told_and_never_reset() {
    let broker = MockBroker::with_topics(&[("a", 2)]);
    broker.fill(&topic("a"), 0, 0..10).await;
    broker.fill(&topic("a"), 1, 0..10).await;
    let assigned = vec![at("a", 0, 99), at("a", 1, 0)];
    let (_handle, mut batches) = PolledConsumer::spawn(&broker.settings, assigned, small_batches()).unwrap();
    let (mut told, mut records) = (None, 0);
    while told.is_none() || records < 10 {
        match next(&mut batches).await {
            Ok(batch) => {
                assert_eq!(batch.partition, KafkaPartition(1));
                records += batch.len();
            }
            Err(error) => told = Some(error),
        }
    }
    assert_eq!(
        told,
        Some(KafkaError::OffsetOutOfRange {
            topic: topic("a"),
            partition: KafkaPartition(0),
            position: NextOffset(99),
            log_start: NextOffset(0),
            high_watermark: NextOffset(10),
        })
    );
}

#[tokio::test]
async fn a_new_assignment_is_known_by_its_generation() {
    let broker = MockBroker::with_topics(&[("a", 1), ("b", 1)]);
    broker.fill(&topic("a"), 0, 0..50).await;
    broker.fill(&topic("b"), 0, 0..50).await;
    let (handle, mut batches) = PolledConsumer::spawn(&broker.settings, vec![at("a", 0, 0)], small_batches()).unwrap();
    assert_eq!(next(&mut batches).await.unwrap().generation, 0);
    let generation = handle.assign(vec![at("b", 0, 40)]).unwrap();
    let mut offsets = Vec::new();
    while offsets.len() < 10 {
        let batch = next(&mut batches).await.unwrap();
        if batch.generation == generation {
            assert_eq!(batch.topic, topic("b"));
            offsets.extend_from_slice(batch.offsets());
        }
    }
    assert_eq!(offsets, (40..50).collect::<Vec<i64>>());
}

#[tokio::test]
async fn added_partitions_do_not_disturb_the_others() {
    let broker = MockBroker::with_topics(&[("a", 2)]);
    broker.fill(&topic("a"), 0, 0..60).await;
    let (handle, mut batches) = PolledConsumer::spawn(&broker.settings, vec![at("a", 0, 0)], small_batches()).unwrap();
    let before = collect(&mut batches, 30).await;
    // The start of a partition that is read already is not heeded.
    handle.add(vec![at("a", 0, 0), at("a", 1, 0)]).unwrap();
    broker.fill(&topic("a"), 1, 0..5).await;
    let so_far = before[&("a".to_owned(), 0)].len();
    let after = collect(&mut batches, 60 - so_far + 5).await;
    let mut first = before[&("a".to_owned(), 0)].clone();
    first.extend(after.get(&("a".to_owned(), 0)).into_iter().flatten());
    assert_eq!(first, (0..60).collect::<Vec<i64>>());
    assert_eq!(after[&("a".to_owned(), 1)], (0..5).collect::<Vec<i64>>());
}

#[tokio::test]
async fn records_arrive_with_key_value_time_and_headers() {
    let broker = MockBroker::with_topics(&[("a", 1)]);
    broker.fill(&topic("a"), 0, 0..4).await;
    let (_handle, mut batches) =
        PolledConsumer::spawn(&broker.settings, vec![at("a", 0, 2)], ConsumerLimits::default()).unwrap();
    let mut records = Vec::new();
    while records.len() < 2 {
        let batch = next(&mut batches).await.unwrap();
        records.extend(batch.iter().map(|record| record.to_owned()));
    }
    let odd = &records[1];
    assert_eq!(odd.key.as_deref(), Some("k3".as_bytes()));
    assert_eq!(odd.value.as_deref(), Some("v3".as_bytes()));
    assert_eq!(odd.kafka_time, FIRST_TIME.plus(3_000));
    assert_eq!(odd.header("n"), Some("3".as_bytes()));
    assert!(records[0].headers.is_empty());
}

#[tokio::test]
async fn an_outage_is_told_once_and_reading_goes_on_after_it() {
    let broker = MockBroker::with_topics(&[("a", 1)]);
    broker.fill(&topic("a"), 0, 0..10).await;
    let (handle, mut batches) = PolledConsumer::spawn(&broker.settings, vec![at("a", 0, 0)], small_batches()).unwrap();
    collect(&mut batches, 10).await;
    until(&handle, |status| status[0].at_end).await;
    broker.cluster.broker_down(1).unwrap();
    let told = next(&mut batches).await.unwrap_err();
    assert!(
        matches!(told, KafkaError::BrokerDown { .. }) && told.is_transient(),
        "{told:?}"
    );
    broker.cluster.broker_up(1).unwrap();
    broker.fill(&topic("a"), 0, 10..20).await;
    let after = collect(&mut batches, 10).await;
    assert_eq!(after[&("a".to_owned(), 0)], (10..20).collect::<Vec<i64>>());
}
