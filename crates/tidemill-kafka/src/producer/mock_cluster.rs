//! The producer on a cluster that fails in ways which a seed chooses: what was acknowledged stands in the log once and in
//! order, and what was not is told.

use std::time::Duration;

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr as Resp};

use super::*;
use crate::Admin;
use crate::mock_cluster::{DISCONNECT, FaultyCluster, PATIENCE, for_each_seed, number_of, record, value_of};

const BROKERS: i32 = 3;
const PARTITIONS: i32 = 3;

/// What a broker answers to a produce request while it is in a state that passes.
const PASSING_PRODUCE_ERRORS: [Resp; 8] = [
    DISCONNECT,
    Resp::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
    Resp::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
    Resp::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    Resp::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
    Resp::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    Resp::RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
    Resp::RD_KAFKA_RESP_ERR_INVALID_MSG,
];

/// What befalls the cluster while records are sent.
#[derive(Debug)]
enum Fault {
    /// A broker goes away, or all (-1), until some more records have been handed to the client. No answer is under way
    /// at that moment: the mock would take the batch again.
    BrokerAway(i32),
    ProduceErrors(Vec<Resp>),
    LeaderMoves(i32, i32),
    /// Answers take their time from here on.
    Slow(i32, Duration),
}

fn choose(rng: &mut ChaCha8Rng) -> Fault {
    match rng.random_range(0..4) {
        0 => Fault::BrokerAway(*[-1, 1, 2, 3].choose(rng).unwrap_or(&-1)),
        1 => {
            let count = rng.random_range(1..4);
            let errors = (0..count).filter_map(|_| PASSING_PRODUCE_ERRORS.choose(rng).copied());
            Fault::ProduceErrors(errors.collect())
        }
        2 => Fault::LeaderMoves(rng.random_range(0..PARTITIONS), rng.random_range(1..=BROKERS)),
        _ => Fault::Slow(
            rng.random_range(1..=BROKERS),
            Duration::from_millis(rng.random_range(0..20)),
        ),
    }
}

/// Whether the records of a partition must stand as they were sent. While a leader moves, a batch may be under way to the
/// old one and the next go to the new one, which refuses it by its sequence and gets both in order: the mock takes it.
#[derive(Debug, Clone, Copy)]
enum Order {
    AsSent,
    Any,
}

/// Checks that a partition holds each value once, and how many.
async fn values_once(cluster: &FaultyCluster, partition: i32, order: Order, doing: &str) -> i64 {
    let admin = Admin::connect(&cluster.settings).unwrap();
    let id = KafkaPartition(partition);
    let records = admin.first_records(&cluster.topic, id, 100_000).await.unwrap();
    let mut found = Vec::new();
    for (at, record) in records.iter().enumerate() {
        assert_eq!(record.offset.0, at as i64, "{doing}: {id}");
        let value = record.value.as_deref().unwrap();
        let number = number_of(value);
        assert_eq!(value, value_of(partition, number), "{doing}: {id}, {at}");
        found.push(number);
    }
    if matches!(order, Order::Any) {
        found.sort_unstable();
    }
    let records = found.len() as i64;
    assert_eq!(found, (0..records).collect::<Vec<_>>(), "{doing}: {id}, {order:?}");
    records
}

/// Sends records to partitions that the seed chooses; how many.
async fn send_some(producer: &Producer, cluster: &mut FaultyCluster, rng: &mut ChaCha8Rng) -> u64 {
    let count = rng.random_range(0..60);
    for _ in 0..count {
        let partition = rng.random_range(0..PARTITIONS);
        let value = value_of(partition, cluster.ends[partition as usize]);
        producer.send(record(&cluster.topic, partition, &value)).await.unwrap();
        cluster.ends[partition as usize] += 1;
    }
    count
}

async fn play(mut rng: ChaCha8Rng) {
    let mut cluster = FaultyCluster::new(BROKERS, PARTITIONS);
    let limits = ProducerLimits {
        linger: Duration::from_millis(rng.random_range(0..5)),
        gapless: rng.random_bool(0.5),
        ..ProducerLimits::default()
    };
    let producer = Producer::new(&cluster.settings, &limits).unwrap();
    let mut history = Vec::new();
    let mut orders = [Order::AsSent; PARTITIONS as usize];
    let mut sent = 0;
    for _ in 0..rng.random_range(2..6) {
        sent += send_some(&producer, &mut cluster, &mut rng).await;
        let fault = choose(&mut rng);
        match &fault {
            Fault::BrokerAway(broker) => {
                producer.flush(PATIENCE).await.unwrap();
                cluster.mock.broker_down(*broker).unwrap();
                sent += send_some(&producer, &mut cluster, &mut rng).await;
                cluster.mock.broker_up(*broker).unwrap();
            }
            Fault::ProduceErrors(errors) => cluster.mock.request_errors(RDKafkaApiKey::Produce, errors),
            Fault::LeaderMoves(partition, broker) => {
                cluster.lead(*partition, Some(*broker));
                orders[*partition as usize] = Order::Any;
            }
            Fault::Slow(broker, delay) => cluster.mock.broker_round_trip_time(*broker, *delay).unwrap(),
        }
        history.push(format!("after {sent} {fault:?}"));
    }
    let doing = format!("{limits:?}: {history:?}");
    let delivered = producer.flush(PATIENCE).await;
    let delivered = delivered.unwrap_or_else(|error| panic!("{doing}: {error:?}"));
    assert_eq!(delivered.records, sent, "{doing}");
    cluster.mock.clear_request_errors(RDKafkaApiKey::Produce);
    for partition in 0..PARTITIONS {
        let order = orders[partition as usize];
        let found = values_once(&cluster, partition, order, &doing).await;
        assert_eq!(found, cluster.ends[partition as usize], "{doing}: {partition}");
    }
}

#[test]
fn faults_of_all_kinds_neither_lose_nor_repeat_nor_reorder_what_was_sent() {
    for_each_seed(0..24, play);
}

/// A batch that the broker refuses for good ends a gapless producer: nothing after the refused batch is in the log.
async fn refuse_one(mut rng: ChaCha8Rng) {
    let cluster = FaultyCluster::new(1, 1);
    let limits = ProducerLimits {
        linger: Duration::from_millis(rng.random_range(0..5)),
        gapless: true,
        ..ProducerLimits::default()
    };
    let producer = Producer::new(&cluster.settings, &limits).unwrap();
    let before = rng.random_range(0..20);
    let refusal = *[
        Resp::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
        Resp::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        Resp::RD_KAFKA_RESP_ERR_POLICY_VIOLATION,
        Resp::RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP,
    ]
    .choose(&mut rng)
    .unwrap();
    let doing = format!("{refusal:?} after {before}");
    for n in 0..before {
        let value = value_of(0, n);
        producer.send(record(&cluster.topic, 0, &value)).await.unwrap();
    }
    cluster.mock.request_errors(RDKafkaApiKey::Produce, &[refusal]);
    let mut refused = None;
    for n in before..before + 500 {
        let value = value_of(0, n);
        if let Err(error) = producer.send(record(&cluster.topic, 0, &value)).await {
            refused = Some(error);
            break;
        }
    }
    let flushed = producer.flush(PATIENCE).await.expect_err(&doing);
    assert_eq!(
        refused.get_or_insert(flushed.clone()),
        &flushed,
        "{doing}: the first error stays"
    );
    let is_told = matches!(flushed, KafkaError::Delivery { .. } | KafkaError::Fatal { .. });
    assert!(is_told && !flushed.is_transient(), "{doing}: {flushed:?}");
    let found = values_once(&cluster, 0, Order::AsSent, &doing).await;
    assert_eq!(found as u64, producer.delivered().records, "{doing}");
}

#[test]
fn a_gapless_producer_leaves_no_gap_where_a_batch_is_refused() {
    for_each_seed(0..16, refuse_one);
}

#[tokio::test]
async fn an_outage_longer_than_the_limit_is_told_and_may_be_tried_again() {
    let cluster = FaultyCluster::new(1, 1);
    let limits = ProducerLimits {
        delivery_timeout: Duration::from_millis(300),
        ..ProducerLimits::default()
    };
    let producer = Producer::new(&cluster.settings, &limits).unwrap();
    cluster.mock.broker_down(-1).unwrap();
    let value = value_of(0, 0);
    producer.send(record(&cluster.topic, 0, &value)).await.unwrap();
    let error = producer.flush(PATIENCE).await.unwrap_err();
    assert!(
        matches!(error, KafkaError::Delivery { .. }) && error.is_transient(),
        "{error:?}"
    );
    cluster.mock.broker_up(-1).unwrap();
    assert_eq!(values_once(&cluster, 0, Order::AsSent, "after the outage").await, 0);
}
