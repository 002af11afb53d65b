//! The questions to a cluster that fails: what passes is ridden out or told as what passes, the rest as what it is.

use std::time::Duration;

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use rdkafka::mocking::MockCoordinator;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr as Resp};

use super::*;
use crate::mock_cluster::{DISCONNECT, FaultyCluster, PATIENCE, for_each_seed, value_of};

const BROKERS: i32 = 3;
const PARTITIONS: i32 = 2;
const P0: KafkaPartition = KafkaPartition(0);

/// A request, and what a broker answers to it while it is in a state that passes.
const PASSING: [(RDKafkaApiKey, Resp); 15] = [
    (RDKafkaApiKey::ListOffsets, DISCONNECT),
    (RDKafkaApiKey::ListOffsets, Resp::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE),
    (
        RDKafkaApiKey::ListOffsets,
        Resp::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
    ),
    (RDKafkaApiKey::ListOffsets, Resp::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT),
    (
        RDKafkaApiKey::ListOffsets,
        Resp::RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE,
    ),
    (RDKafkaApiKey::ListOffsets, Resp::RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR),
    (RDKafkaApiKey::ListOffsets, Resp::RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE),
    (RDKafkaApiKey::ListOffsets, Resp::RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH),
    (RDKafkaApiKey::ListOffsets, Resp::RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH),
    (
        RDKafkaApiKey::ListOffsets,
        Resp::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
    ),
    (RDKafkaApiKey::Fetch, DISCONNECT),
    (RDKafkaApiKey::Fetch, Resp::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION),
    (RDKafkaApiKey::Fetch, Resp::RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE),
    (RDKafkaApiKey::Fetch, Resp::RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR),
    (RDKafkaApiKey::Fetch, Resp::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT),
];

/// Asks everything that there is to ask about a partition.
async fn ask(admin: &Admin, cluster: &FaultyCluster, partition: i32, at: i64) -> Result<(), KafkaError> {
    let (topic, end) = (&cluster.topic, cluster.ends[partition as usize]);
    let doing = format!("Kafka partition {partition}, offset {at} of {end}");
    let p = KafkaPartition(partition);
    assert_eq!(admin.partitions(topic).await?.len(), PARTITIONS as usize);
    let ends = Watermarks {
        log_start: NextOffset(0),
        high_watermark: NextOffset(end),
    };
    assert_eq!(admin.watermarks(topic, p).await?, ends, "{doing}");
    let found = admin.read_at(topic, p, LastOffset(at)).await?;
    let found = found.and_then(|record| record.value);
    assert_eq!(found, (at < end).then(|| value_of(partition, at)), "{doing}");
    let last = admin.last_record(topic, p).await?.map(|record| record.offset);
    assert_eq!(last, NextOffset(end).last().filter(|_| 0 < end), "{doing}");
    let counted = admin.survey(topic, p, 0, end, 1_000).await?;
    assert_eq!(counted.records, end as u64, "{doing}");
    Ok(())
}

/// Every answer is right, or says that the same question can be asked again; the next time it is answered.
async fn play(mut rng: ChaCha8Rng) {
    let mut cluster = FaultyCluster::new(BROKERS, PARTITIONS);
    for partition in 0..PARTITIONS {
        cluster.fill(partition, rng.random_range(0..30)).await;
    }
    let admin = Admin::connect(&cluster.settings).unwrap();
    for _ in 0..6 {
        let (partition, broker) = (rng.random_range(0..PARTITIONS), rng.random_range(1..=BROKERS));
        let at = rng.random_range(0..30);
        let doing;
        match rng.random_range(0..4) {
            0 => {
                let (request, answer) = *PASSING.choose(&mut rng).unwrap();
                doing = format!("{request:?} is answered by {answer:?}");
                cluster.mock.request_errors(request, &[answer]);
            }
            1 => {
                doing = format!("broker {broker} leads Kafka partition {partition}");
                cluster.lead(partition, Some(broker));
            }
            2 => {
                doing = format!("broker {broker} went away and came back");
                cluster.mock.broker_down(broker).unwrap();
                cluster.bring_back(broker);
            }
            _ => {
                let delay = Duration::from_millis(rng.random_range(0..30));
                doing = format!("broker {broker} takes {delay:?}");
                cluster.mock.broker_round_trip_time(broker, delay).unwrap();
            }
        }
        if let Err(error) = ask(&admin, &cluster, partition, at).await {
            assert!(error.is_transient(), "{doing}: {error:?}");
        }
        // An error that nothing has taken yet would come to a question that the test did not mean.
        cluster.mock.clear_request_errors(RDKafkaApiKey::ListOffsets);
        cluster.mock.clear_request_errors(RDKafkaApiKey::Fetch);
        let again = ask(&admin, &cluster, partition, at).await;
        assert_eq!(again, Ok(()), "after {doing}");
    }
}

#[test]
fn a_question_is_answered_right_or_can_be_asked_again() {
    for_each_seed(0..16, play);
}

/// One such answer, or two in a row, to a client that knows the cluster.
#[test]
fn an_answer_that_passes_is_told_as_one() {
    for_each_seed(0..5, async |mut rng| {
        for (request, answer) in PASSING {
            let mut cluster = FaultyCluster::new(1, PARTITIONS);
            cluster.fill(0, 3).await;
            let admin = Admin::connect(&cluster.settings).unwrap();
            ask(&admin, &cluster, 0, 1).await.unwrap();
            let answers = vec![answer; rng.random_range(1..3)];
            cluster.mock.request_errors(request, &answers);
            if let Err(error) = ask(&admin, &cluster, 0, 1).await {
                assert!(error.is_transient(), "{request:?} {answers:?}: {error:?}");
            }
            cluster.mock.clear_request_errors(request);
            let again = ask(&admin, &cluster, 0, 1).await;
            assert_eq!(again, Ok(()), "after {request:?} {answers:?}");
        }
    });
}

/// What an error must be.
type Test = fn(&KafkaError) -> bool;

/// An answer that does not pass comes out as what it is.
async fn check_told(request: RDKafkaApiKey, answer: Resp, is_it: Test) {
    let mut cluster = FaultyCluster::new(1, PARTITIONS);
    cluster.fill(0, 3).await;
    let admin = Admin::connect(&cluster.settings).unwrap();
    cluster.mock.request_errors(request, &[answer]);
    let error = ask(&admin, &cluster, 0, 1).await.unwrap_err();
    assert!(
        is_it(&error) && !error.is_transient(),
        "{request:?} {answer:?}: {error:?}"
    );
    assert_eq!(
        ask(&admin, &cluster, 0, 1).await,
        Ok(()),
        "after {request:?} {answer:?}"
    );
}

#[tokio::test]
async fn an_answer_that_does_not_pass_comes_out_as_what_it_is() {
    let is_refused = |error: &KafkaError| matches!(error, KafkaError::AuthFailed { .. });
    let is_other = |error: &KafkaError| matches!(error, KafkaError::Failed { .. });
    let refusal = Resp::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    check_told(RDKafkaApiKey::ListOffsets, refusal, is_refused).await;
    check_told(RDKafkaApiKey::Fetch, refusal, is_refused).await;
    check_told(RDKafkaApiKey::ListOffsets, Resp::RD_KAFKA_RESP_ERR_UNKNOWN, is_other).await;
    check_told(RDKafkaApiKey::Fetch, Resp::RD_KAFKA_RESP_ERR_UNKNOWN, is_other).await;
}

#[tokio::test]
async fn a_topic_is_what_the_metadata_say() {
    let cluster = FaultyCluster::new(1, PARTITIONS);
    let admin = Admin::connect(&cluster.settings).unwrap();
    let is_unknown = |error: &KafkaError| matches!(error, KafkaError::UnknownTopic { .. });
    let is_refused = |error: &KafkaError| matches!(error, KafkaError::AuthFailed { .. });
    let answers: [(Resp, Test); 3] = [
        (Resp::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, is_unknown),
        (Resp::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, is_unknown),
        (Resp::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, is_refused),
    ];
    for (answer, is_it) in answers {
        cluster.mock.topic_error(cluster.topic.as_str(), answer).unwrap();
        let error = admin.partitions(&cluster.topic).await.unwrap_err();
        assert!(is_it(&error) && !error.is_transient(), "{answer:?}: {error:?}");
    }
    let none = Resp::RD_KAFKA_RESP_ERR_NO_ERROR;
    cluster.mock.topic_error(cluster.topic.as_str(), none).unwrap();
    assert_eq!(ask(&admin, &cluster, 0, 0).await, Ok(()));
}

/// A question that is asked while a partition has no leader waits for one.
#[tokio::test]
async fn a_partition_without_a_leader_is_waited_for() {
    let mut cluster = FaultyCluster::new(2, 1);
    cluster.fill(0, 3).await;
    cluster.lead(0, None);
    let admin = Admin::connect(&cluster.settings).unwrap();
    let topic = cluster.topic.clone();
    let asked = tokio::spawn(async move { admin.watermarks(&topic, P0).await });
    // The first answer has no leader in it, whenever it comes: the client is not there yet.
    tokio::task::yield_now().await;
    cluster.lead(0, Some(2));
    let ends = Watermarks {
        log_start: NextOffset(0),
        high_watermark: NextOffset(3),
    };
    assert_eq!(tokio::time::timeout(PATIENCE, asked).await.unwrap().unwrap(), Ok(ends));
}

/// A group's offsets are written and read while its coordinator moves, goes away and says that it is not ready.
async fn play_group(mut rng: ChaCha8Rng) {
    let mut cluster = FaultyCluster::new(BROKERS, PARTITIONS);
    let admin = Admin::connect(&cluster.settings).unwrap();
    let (group, asked) = ("g", [(cluster.topic.clone(), P0)]);
    for next in 1..8 {
        let doing = match rng.random_range(0..3) {
            0 => {
                let broker = rng.random_range(1..=BROKERS);
                let coordinator = MockCoordinator::Group(group.to_owned());
                cluster.mock.coordinator(coordinator, broker).unwrap();
                format!("broker {broker} coordinates")
            }
            1 => {
                let request = *[
                    RDKafkaApiKey::OffsetCommit,
                    RDKafkaApiKey::OffsetFetch,
                    RDKafkaApiKey::FindCoordinator,
                ]
                .choose(&mut rng)
                .unwrap();
                let answer = *[
                    DISCONNECT,
                    Resp::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
                    Resp::RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
                    Resp::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
                ]
                .choose(&mut rng)
                .unwrap();
                cluster.mock.request_errors(request, &[answer]);
                format!("{request:?} is answered by {answer:?}")
            }
            _ => {
                let broker = rng.random_range(1..=BROKERS);
                cluster.mock.broker_down(broker).unwrap();
                cluster.bring_back(broker);
                format!("broker {broker} went away and came back")
            }
        };
        let position = (cluster.topic.clone(), P0, NextOffset(next));
        if let Err(error) = admin.commit_group(group, std::slice::from_ref(&position)).await {
            assert!(error.is_transient(), "commit: {doing}: {error:?}");
            let again = admin.commit_group(group, &[position]).await;
            assert_eq!(again, Ok(()), "again: {doing}");
        }
        let committed = Some(NextOffset(next));
        match admin.committed(group, &asked).await {
            Ok(found) => assert_eq!(found, [committed], "{doing}"),
            Err(error) => {
                assert!(error.is_transient(), "read: {doing}: {error:?}");
                let again = admin.committed(group, &asked).await;
                assert_eq!(again, Ok(vec![committed]), "again: {doing}");
            }
        }
    }
}

#[test]
fn what_a_group_committed_is_kept_whatever_befalls_its_coordinator() {
    for_each_seed(0..16, play_group);
}
