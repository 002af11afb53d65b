//! The polled consumer on a cluster that fails in ways which a seed chooses: nothing is lost, nothing comes twice.

use std::time::{Duration, Instant};

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr as Resp};
use tidemill_types::{KafkaPartition, NextOffset};

use super::*;
use crate::mock_cluster::{DISCONNECT, FaultyCluster, PATIENCE, for_each_seed, value_of};

const BROKERS: i32 = 3;
const PARTITIONS: i32 = 3;

/// What a broker answers to a fetch while it is in a state that passes.
const PASSING_FETCH_ERRORS: [Resp; 10] = [
    DISCONNECT,
    Resp::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
    Resp::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
    Resp::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
    Resp::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    Resp::RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE,
    Resp::RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION,
    Resp::RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
    Resp::RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH,
    Resp::RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH,
];

/// Little is fetched ahead and little fits into the channel, so that a fault finds the client in the middle of reading.
fn narrow() -> ConsumerLimits {
    ConsumerLimits {
        records_per_batch: 4,
        batch_wait: Duration::from_millis(1),
        batches_in_flight: 1,
        fetch_ahead_kib: 1,
        // Well within what a test waits.
        stall_after: Duration::from_secs(10),
        ..ConsumerLimits::default()
    }
}

/// A consumer of all partitions that remembers what came.
struct Reader {
    handle: ConsumerHandle,
    batches: PolledBatches,
    /// The next offset of each partition.
    positions: Vec<i64>,
    told: Vec<KafkaError>,
}

impl Reader {
    fn of(cluster: &FaultyCluster, limits: ConsumerLimits) -> Reader {
        let assignments = (0..cluster.ends.len() as i32).map(|partition| Assignment {
            topic: cluster.topic.clone(),
            partition: KafkaPartition(partition),
            start: NextOffset(0),
        });
        let (handle, batches) = PolledConsumer::spawn(&cluster.settings, assignments.collect(), limits).unwrap();
        Reader {
            handle,
            batches,
            positions: vec![0; cluster.ends.len()],
            told: Vec::new(),
        }
    }

    fn count(&self) -> i64 {
        self.positions.iter().sum()
    }

    /// Takes what comes next; every record must be the one that follows.
    async fn take(&mut self, doing: &str) {
        let received = tokio::time::timeout(PATIENCE, self.batches.recv()).await;
        let received = received.unwrap_or_else(|_| {
            let (positions, told) = (&self.positions, &self.told);
            panic!("{doing}: nothing comes at {positions:?} after {told:?}")
        });
        match received.expect("a thread that runs") {
            Ok(polled) => {
                let batch = polled.batch().expect("no group, no decisions of one");
                let position = &mut self.positions[batch.partition.0 as usize];
                for record in batch.iter() {
                    assert_eq!(
                        record.offset.0, *position,
                        "{doing}: Kafka partition {}",
                        batch.partition
                    );
                    let expected = value_of(batch.partition.0, *position);
                    assert_eq!(record.value, Some(expected.as_slice()), "{doing}: offset {position}");
                    *position += 1;
                }
            }
            Err(error) => self.told.push(error),
        }
    }

    /// Reads at least `records` more, as far as there are as many.
    async fn read(&mut self, records: i64, cluster: &FaultyCluster, doing: &str) {
        let end: i64 = cluster.ends.iter().sum();
        let until = (self.count() + records).min(end);
        while self.count() < until {
            self.take(doing).await;
        }
    }

    async fn read_all(&mut self, cluster: &FaultyCluster, doing: &str) {
        self.read(i64::MAX / 2, cluster, doing).await;
        assert_eq!(self.positions, cluster.ends, "{doing}");
    }

    /// Reads until it is told that no broker answers; what was said before is of faults before.
    async fn hear_of_outage(&mut self, doing: &str) {
        let known = self.told.len();
        let is_told = |told: &[KafkaError]| told.iter().any(|error| matches!(error, KafkaError::BrokerDown { .. }));
        while !is_told(&self.told[known..]) {
            self.take(doing).await;
        }
    }

    fn assert_only_passing(&self, doing: &str) {
        let told = &self.told;
        assert!(told.iter().all(KafkaError::is_transient), "{doing}: {told:?}");
    }
}

/// What befalls the cluster, and how it ends.
#[derive(Debug)]
enum Fault {
    /// A broker goes away; the partitions of the others go on. Then it is there again.
    BrokerAway(i32),
    /// All go away until the reader says so.
    AllAway,
    FetchErrors(Vec<Resp>),
    LeaderMoves(i32, i32),
    /// A partition has no leader while the others go on. Only of clusters that speak old versions.
    Leaderless(i32),
    /// Answers take their time, until all is read.
    Slow(i32, Duration),
    /// A partition is read from a follower that has all of it, until all is read.
    Follower(i32, i32),
    /// The follower is behind: what it does not have yet comes from the leader.
    FollowerBehind(i32, i32),
}

fn choose(rng: &mut ChaCha8Rng, speaks_old: bool) -> Fault {
    let (broker, partition) = (rng.random_range(1..=BROKERS), rng.random_range(0..PARTITIONS));
    match rng.random_range(0..if speaks_old { 8 } else { 7 }) {
        0 => Fault::BrokerAway(broker),
        1 => Fault::AllAway,
        2 => {
            let count = rng.random_range(1..5);
            Fault::FetchErrors(
                (0..count)
                    .filter_map(|_| PASSING_FETCH_ERRORS.choose(rng).copied())
                    .collect(),
            )
        }
        3 => Fault::LeaderMoves(partition, broker),
        4 => Fault::Slow(broker, Duration::from_millis(rng.random_range(1..10))),
        5 => Fault::Follower(partition, broker),
        6 => Fault::FollowerBehind(partition, broker),
        _ => Fault::Leaderless(partition),
    }
}

struct Trial {
    cluster: FaultyCluster,
    reader: Reader,
    leaders: Vec<i32>,
}

impl Trial {
    async fn fill(&mut self, rng: &mut ChaCha8Rng) {
        for _ in 0..rng.random_range(2..8) {
            self.cluster
                .fill(rng.random_range(0..PARTITIONS), rng.random_range(1..30))
                .await;
        }
    }

    /// Reads on in the partitions that have a leader, to their ends.
    async fn read_those(&mut self, served: impl Fn(i32) -> bool, doing: &str) {
        let is_open = |trial: &Trial| {
            (0..PARTITIONS).any(|p| served(p) && trial.reader.positions[p as usize] < trial.cluster.ends[p as usize])
        };
        while is_open(self) {
            self.reader.take(doing).await;
        }
    }

    /// A fault begins, the reader goes on as far as it can, the fault ends.
    async fn suffer(&mut self, fault: &Fault, rng: &mut ChaCha8Rng, doing: &str) {
        let name = self.cluster.topic.clone();
        match fault {
            Fault::BrokerAway(broker) => {
                self.cluster.mock.broker_down(*broker).unwrap();
                let leaders = self.leaders.clone();
                self.read_those(|p| leaders[p as usize] != *broker, doing).await;
                self.cluster.bring_back(*broker);
            }
            Fault::AllAway => {
                self.cluster.mock.broker_down(-1).unwrap();
                self.reader.hear_of_outage(doing).await;
                self.cluster.bring_back(-1);
            }
            Fault::FetchErrors(errors) => {
                self.cluster.mock.request_errors(RDKafkaApiKey::Fetch, errors);
            }
            Fault::LeaderMoves(partition, broker) => {
                self.cluster.lead(*partition, Some(*broker));
                self.leaders[*partition as usize] = *broker;
            }
            Fault::Leaderless(partition) => {
                self.cluster.lead(*partition, None);
                self.read_those(|p| p != *partition, doing).await;
                let leader = self.leaders[*partition as usize];
                self.cluster.lead(*partition, Some(leader));
            }
            Fault::Slow(broker, delay) => {
                self.cluster.mock.broker_round_trip_time(*broker, *delay).unwrap();
                self.fill(rng).await;
                self.reader.read_all(&self.cluster, doing).await;
                self.cluster
                    .mock
                    .broker_round_trip_time(*broker, Duration::ZERO)
                    .unwrap();
            }
            // The mock sends a client from the leader to the leader, and so on.
            Fault::Follower(partition, broker) | Fault::FollowerBehind(partition, broker)
                if self.leaders[*partition as usize] == *broker => {}
            Fault::Follower(partition, broker) | Fault::FollowerBehind(partition, broker) => {
                let position = self.reader.positions[*partition as usize];
                let end = self.cluster.ends[*partition as usize];
                let has_all = matches!(fault, Fault::Follower(..));
                let has = if has_all { end } else { rng.random_range(position..=end) };
                let mock = &self.cluster.mock;
                mock.partition_follower(name.as_str(), *partition, *broker).unwrap();
                mock.follower_watermarks(name.as_str(), *partition, Some(0), Some(has))
                    .unwrap();
                let served = |p: i32| has_all || p != *partition;
                self.read_those(served, doing).await;
                self.cluster
                    .mock
                    .partition_follower(name.as_str(), *partition, -1)
                    .unwrap();
            }
        }
    }
}

/// Rounds of records, reading, a fault and its end; then everything has come once and in order.
async fn play(mut rng: ChaCha8Rng) {
    let cluster = FaultyCluster::new(BROKERS, PARTITIONS);
    let speaks_old = rng.random_bool(0.3);
    if speaks_old {
        cluster.speak_old();
    }
    let reader = Reader::of(&cluster, narrow());
    let leaders = (0..PARTITIONS).map(|p| p % BROKERS + 1).collect();
    let mut trial = Trial {
        cluster,
        reader,
        leaders,
    };
    let mut history = Vec::new();
    for _ in 0..rng.random_range(2..5) {
        trial.fill(&mut rng).await;
        let records = rng.random_range(0..40);
        let fault = choose(&mut rng, speaks_old);
        history.push(format!("{records} records, then {fault:?}"));
        let doing = format!("{history:?}");
        trial.reader.read(records, &trial.cluster, &doing).await;
        trial.suffer(&fault, &mut rng, &doing).await;
    }
    let doing = format!("{history:?}, then the rest");
    trial.fill(&mut rng).await;
    trial.reader.read_all(&trial.cluster, &doing).await;
    trial.reader.assert_only_passing(&doing);
    trial.reader.handle.stop().await;

    assert!(
        trial.reader.batches.recv().await.is_none(),
        "{doing}: more came than there is"
    );
}

#[test]
fn faults_of_all_kinds_lose_nothing_and_repeat_nothing() {
    for_each_seed(0..30, play);
}

/// An error that the broker answers to one fetch comes out once and as what it is, and reading goes on behind it.
async fn check_told(answer: Resp, is_it: fn(&KafkaError) -> bool, is_transient: bool) {
    let mut cluster = FaultyCluster::new(1, 2);
    cluster.fill(0, 50).await;
    cluster.fill(1, 50).await;
    let mut reader = Reader::of(&cluster, narrow());
    let doing = format!("{answer:?}");
    reader.read(10, &cluster, &doing).await;
    cluster.mock.request_errors(RDKafkaApiKey::Fetch, &[answer]);
    cluster.fill(0, 20).await;
    cluster.fill(1, 20).await;
    reader.read_all(&cluster, &doing).await;
    let told = &reader.told;
    // Both partitions are told where both were asked for in that fetch.
    assert!((1..=2).contains(&told.len()), "{doing}: {told:?}");
    for error in told {
        assert!(
            is_it(error) && error.is_transient() == is_transient,
            "{doing}: {error:?}"
        );
    }
}

#[tokio::test]
async fn what_a_broker_answers_to_a_fetch_comes_out_as_what_it_is() {
    let is_refused = |error: &KafkaError| matches!(error, KafkaError::AuthFailed { .. });
    let is_late = |error: &KafkaError| matches!(error, KafkaError::TimedOut { .. });
    let is_other = |error: &KafkaError| matches!(error, KafkaError::Failed { .. });
    check_told(Resp::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, is_refused, false).await;
    check_told(Resp::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, is_late, true).await;
    check_told(Resp::RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION, is_other, true).await;
    check_told(Resp::RD_KAFKA_RESP_ERR_UNKNOWN, is_other, false).await;
    check_told(Resp::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, is_other, false).await;
    check_told(Resp::RD_KAFKA_RESP_ERR_INVALID_MSG, is_other, false).await;
}

/// A broker says that the position is not in the log, and it is. That is no loss of records, so it is told as a failure
/// and not as [`KafkaError::OffsetOutOfRange`]; librdkafka gives the partition up, and the watchdog brings it back.
async fn check_untrue_out_of_range(begin: impl Fn(&FaultyCluster), end: impl Fn(&FaultyCluster)) {
    let mut cluster = FaultyCluster::new(2, 1);
    cluster.fill(0, 100).await;
    let limits = ConsumerLimits {
        stall_after: Duration::from_millis(100),
        ..narrow()
    };
    let mut reader = Reader::of(&cluster, limits);
    reader.read(10, &cluster, "before").await;
    begin(&cluster);
    while reader.told.is_empty() {
        reader.take("the answer").await;
    }
    end(&cluster);
    cluster.fill(0, 1).await;
    reader.read_all(&cluster, "after").await;
    for error in &reader.told {
        let is_told = matches!(error, KafkaError::Failed { action, .. } if action.contains("assigned offset"));
        assert!(is_told && !error.is_transient(), "{error:?}");
    }
}

#[tokio::test]
async fn a_position_that_is_said_to_be_outside_the_log_and_is_not_is_read_again() {
    let answers = [Resp::RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE];
    let begin = |cluster: &FaultyCluster| cluster.mock.request_errors(RDKafkaApiKey::Fetch, &answers);
    check_untrue_out_of_range(begin, |_| ()).await;
}

#[tokio::test]
async fn a_follower_that_lost_the_head_of_its_log_is_not_taken_for_the_leader() {
    let begin = |cluster: &FaultyCluster| {
        let (mock, name) = (&cluster.mock, cluster.topic.as_str());
        mock.partition_follower(name, 0, 2).unwrap();
        mock.follower_watermarks(name, 0, Some(90), Some(100)).unwrap();
    };
    let end = |cluster: &FaultyCluster| cluster.mock.partition_follower(cluster.topic.as_str(), 0, -1).unwrap();
    check_untrue_out_of_range(begin, end).await;
}

/// The client's fetches come to nothing, again and again: they do not tell that there is more.
#[tokio::test]
async fn more_at_the_leader_than_fetches_tell_is_known() {
    let mut cluster = FaultyCluster::new(1, 1);
    cluster.fill(0, 100).await;
    let limits = ConsumerLimits {
        stall_after: Duration::from_millis(100),
        ..narrow()
    };
    let mut reader = Reader::of(&cluster, limits);
    reader.read_all(&cluster, "before").await;
    cluster
        .mock
        .request_errors(RDKafkaApiKey::Fetch, &vec![DISCONNECT; 10_000]);
    cluster.fill(0, 1).await;
    let since = Instant::now();
    while reader.handle.status()[0].lag() != Some(1) {
        assert!(since.elapsed() < PATIENCE, "{:?}", reader.handle.status());
        match tokio::time::timeout(Duration::from_millis(10), reader.batches.recv()).await {
            Ok(Some(Err(error))) => reader.told.push(error),
            Ok(received) => panic!("{received:?}"),
            Err(_) => {}
        }
    }
    cluster.mock.clear_request_errors(RDKafkaApiKey::Fetch);
    reader.read_all(&cluster, "after").await;
    reader.assert_only_passing("after");
}

/// The cluster no longer shows the topic as it was; then it does again.
async fn check_topic_error(error: Resp, is_it: fn(&KafkaError) -> bool) {
    let mut cluster = FaultyCluster::new(1, 2);
    cluster
        .settings
        .properties
        .insert("topic.metadata.propagation.max.ms".into(), "0".into());
    cluster.fill(0, 100).await;
    cluster.fill(1, 100).await;
    let mut reader = Reader::of(&cluster, narrow());
    let doing = format!("{error:?}");
    reader.read(10, &cluster, &doing).await;
    cluster.mock.topic_error(cluster.topic.as_str(), error).unwrap();
    // The client looks at the topic again when a broker does not know it.
    let unknown = [Resp::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART];
    cluster.mock.request_errors(RDKafkaApiKey::Fetch, &unknown);
    while reader.told.is_empty() {
        reader.take(&doing).await;
    }
    assert!(reader.told.iter().all(is_it), "{doing}: {:?}", reader.told);
    let none = Resp::RD_KAFKA_RESP_ERR_NO_ERROR;
    cluster.mock.topic_error(cluster.topic.as_str(), none).unwrap();
    cluster.fill(0, 5).await;
    reader.read_all(&cluster, &doing).await;
    assert!(reader.told.iter().all(is_it), "{doing}: {:?}", reader.told);
}

#[tokio::test]
async fn a_topic_that_is_gone_from_the_metadata_is_named() {
    let is_unknown = |error: &KafkaError| matches!(error, KafkaError::UnknownTopic { .. });
    check_topic_error(Resp::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, is_unknown).await;
    let is_refused = |error: &KafkaError| matches!(error, KafkaError::AuthFailed { .. });
    check_topic_error(Resp::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, is_refused).await;
}
