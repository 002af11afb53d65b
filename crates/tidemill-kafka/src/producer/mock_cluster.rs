//! The producer on a cluster that fails in ways which a seed chooses: what was acknowledged stands in the log, and what was
//! not is told.

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
    ProduceErrors(Vec<Resp>),
    /// Answers take their time from here on.
    Slow(i32, Duration),
    /// A broker goes away, or all (-1), and comes back.
    BrokerAway(i32),
    /// The next broker leads a partition.
    LeaderMoves(i32),
}

/// The faults while which every partition stays where it is.
fn choose_passing(rng: &mut ChaCha8Rng) -> Fault {
    if rng.random_bool(0.5) {
        let count = rng.random_range(1..4);
        let errors = (0..count).filter_map(|_| PASSING_PRODUCE_ERRORS.choose(rng).copied());
        Fault::ProduceErrors(errors.collect())
    } else {
        let delay = Duration::from_millis(rng.random_range(0..20));
        Fault::Slow(rng.random_range(1..=BROKERS), delay)
    }
}

fn choose(rng: &mut ChaCha8Rng) -> Fault {
    match rng.random_range(0..4) {
        0 => Fault::BrokerAway(*[-1, 1, 2, 3].choose(rng).unwrap_or(&-1)),
        1 => Fault::LeaderMoves(rng.random_range(0..PARTITIONS)),
        _ => choose_passing(rng),
    }
}

/// Who leads the partitions.
#[derive(Default)]
struct Leaders {
    moves: [i32; PARTITIONS as usize],
    /// Partitions whose leader moved or was away.
    moved: [bool; PARTITIONS as usize],
}

impl Leaders {
    fn of(&self, partition: i32) -> i32 {
        (partition + self.moves[partition as usize]) % BROKERS + 1
    }

    /// The next leader, if there is one that did not lead before. A client that hears of a leader and of the one before it
    /// at once stays at the former until its limit (librdkafka's pull request 5593).
    fn next(&mut self, partition: i32) -> Option<i32> {
        let moves = &mut self.moves[partition as usize];
        if *moves + 1 == BROKERS {
            return None;
        }
        *moves += 1;
        self.moved[partition as usize] = true;
        Some(self.of(partition))
    }

    fn go_away(&mut self, broker: i32) {
        for partition in 0..PARTITIONS {
            self.moved[partition as usize] |= broker == -1 || self.of(partition) == broker;
        }
    }
}

struct Trial {
    cluster: FaultyCluster,
    producer: Producer,
    leaders: Leaders,
    sent: u64,
    history: Vec<String>,
}

impl Trial {
    fn new(rng: &mut ChaCha8Rng) -> Trial {
        let cluster = FaultyCluster::new(BROKERS, PARTITIONS);
        let limits = ProducerLimits {
            linger: Duration::from_millis(rng.random_range(0..5)),
            gapless: rng.random_bool(0.5),
            ..ProducerLimits::default()
        };
        Trial {
            producer: Producer::new(&cluster.settings, &limits).unwrap(),
            cluster,
            leaders: Leaders::default(),
            sent: 0,
            history: vec![format!("{limits:?}")],
        }
    }

    async fn send(&mut self, partition: i32) {
        let value = value_of(partition, self.cluster.ends[partition as usize]);
        let record = record(&self.cluster.topic, partition, &value);
        self.producer.send(record).await.unwrap();
        self.cluster.ends[partition as usize] += 1;
        self.sent += 1;
    }

    fn begin(&mut self, fault: &Fault) {
        self.history.push(format!("after {} {fault:?}", self.sent));
        match fault {
            Fault::ProduceErrors(errors) => self.cluster.mock.request_errors(RDKafkaApiKey::Produce, errors),
            Fault::Slow(broker, delay) => self.cluster.mock.broker_round_trip_time(*broker, *delay).unwrap(),
            Fault::BrokerAway(broker) => {
                self.leaders.go_away(*broker);
                self.cluster.mock.broker_down(*broker).unwrap();
            }
            Fault::LeaderMoves(partition) => {
                if let Some(broker) = self.leaders.next(*partition) {
                    self.cluster.lead(*partition, Some(broker));
                }
            }
        }
    }

    fn end(&mut self, fault: &Fault) {
        if let Fault::BrokerAway(broker) = fault {
            self.cluster.bring_back(*broker);
        }
    }

    /// All that was sent is acknowledged.
    async fn flush(&self) {
        let delivered = self.producer.flush(PATIENCE).await;
        let delivered = delivered.unwrap_or_else(|error| panic!("{:?}: {error:?}", self.history));
        assert_eq!(delivered.records, self.sent, "{:?}", self.history);
    }

    /// Everything stands in the log, in order and once. Where a leader moved or was away, a batch may stand there again: a
    /// client that does not know whether it arrived sends it with the same sequence, which the mock does not look at.
    async fn check(&self) {
        self.cluster.mock.clear_request_errors(RDKafkaApiKey::Produce);
        for partition in 0..PARTITIONS {
            let mut found = numbers(&self.cluster, partition).await;
            if self.leaders.moved[partition as usize] {
                found.dedup();
            }
            let expected: Vec<_> = (0..self.cluster.ends[partition as usize]).collect();
            assert_eq!(found, expected, "{:?}: {partition}", self.history);
        }
    }
}

/// What a partition holds, as the numbers in the values.
async fn numbers(cluster: &FaultyCluster, partition: i32) -> Vec<i64> {
    let admin = Admin::connect(&cluster.settings).unwrap();
    let records = admin
        .first_records(&cluster.topic, KafkaPartition(partition), 100_000)
        .await;
    let mut numbers = Vec::new();
    for (at, record) in records.unwrap().iter().enumerate() {
        let value = record.value.as_deref().unwrap();
        let number = number_of(value);
        assert_eq!(
            (record.offset.0, value),
            (at as i64, value_of(partition, number).as_slice())
        );
        numbers.push(number);
    }
    numbers
}

/// Many batches wait behind the one that is under way, and each partition stays where it is.
async fn play_with_many(mut rng: ChaCha8Rng) {
    let mut trial = Trial::new(&mut rng);
    for _ in 0..rng.random_range(2..6) {
        for _ in 0..rng.random_range(0..60) {
            trial.send(rng.random_range(0..PARTITIONS)).await;
        }
        let fault = choose_passing(&mut rng);
        trial.begin(&fault);
    }
    trial.flush().await;
    trial.check().await;
}

#[test]
fn errors_and_slow_answers_neither_lose_nor_repeat_nor_reorder_what_was_sent() {
    for_each_seed(0..24, play_with_many);
}

/// One record of a partition is under way when its leader moves or goes away, or is sent then. With a second one behind it,
/// librdkafka may send that first to the new leader; Kafka refuses it by its sequence, and the mock takes it.
async fn play_with_one(mut rng: ChaCha8Rng) {
    let mut trial = Trial::new(&mut rng);
    for _ in 0..rng.random_range(4..12) {
        let fault = choose(&mut rng);
        let (before, after): (Vec<_>, Vec<_>) = (0..PARTITIONS).partition(|_| rng.random_bool(0.5));
        for partition in before {
            trial.send(partition).await;
        }
        trial.begin(&fault);
        for partition in after {
            trial.send(partition).await;
        }
        trial.end(&fault);
        trial.flush().await;
    }
    trial.check().await;
}

#[test]
fn leaders_that_move_and_brokers_that_go_away_lose_nothing_of_what_was_sent() {
    for_each_seed(0..48, play_with_one);
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
    let found = numbers(&cluster, 0).await;
    let delivered: Vec<_> = (0..producer.delivered().records as i64).collect();
    assert_eq!(found, delivered, "{doing}");
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
    assert_eq!(numbers(&cluster, 0).await, Vec::<i64>::new(), "after the outage");
}
