//! Produce and fetch: acknowledgements, repeats, long polls, limits, topics that are made again.

use std::time::{Duration, Instant};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    ApiVersionsRequest, DeleteTopicsRequest, FetchRequest, InitProducerIdRequest, MetadataRequest, ProduceRequest,
    TransactionalId, fetch_request, metadata_request,
};

use crate::client::{Client, NO_PRODUCER, batch, fetch_request, run, settings, text, topic_name, values, with_broker};
use tidemill_broker::{Broker, BrokerSettings};

fn create(client: &mut Client, topic: &str) -> uuid::Uuid {
    let asked = metadata_request::MetadataRequestTopic::default().with_name(Some(topic_name(topic)));
    let request = MetadataRequest::default()
        .with_allow_auto_topic_creation(true)
        .with_topics(Some(vec![asked]));
    let made = client.call(12, &request).topics.remove(0);
    assert_eq!(made.error_code, 0);
    made.topic_id
}

#[test]
fn a_repeat_is_acknowledged_again_and_stored_once() {
    let dir = tempfile::tempdir().unwrap();
    with_broker(settings(dir.path()), |_, address| {
        let mut client = Client::connect(address);
        create(&mut client, "t");
        let id = client
            .call(4, &InitProducerIdRequest::default().with_transactional_id(None))
            .producer_id
            .0;
        for (sequence, expected) in [(0, Ok(0)), (2, Ok(2)), (0, Ok(0)), (2, Ok(2)), (9, Err(45)), (4, Ok(4))] {
            let answer = client.produce("t", batch(&["a", "b"], (id, 0, sequence)));
            let got = if answer.error_code == 0 {
                Ok(answer.base_offset)
            } else {
                Err(answer.error_code)
            };
            assert_eq!(got, expected, "sequence {sequence}");
        }
        assert_eq!(values(client.fetch("t", 0, 0).records).len(), 6);
    });
}

#[test]
fn a_fetch_waits_for_enough_bytes_and_not_longer_than_it_says() {
    let dir = tempfile::tempdir().unwrap();
    with_broker(settings(dir.path()), |_, address| {
        let mut client = Client::connect(address);
        create(&mut client, "t");
        // Nothing comes: the answer comes at the end of the wait, empty and not null.
        let started = Instant::now();
        let empty = client.fetch("t", 0, 200);
        assert!(Duration::from_millis(200) <= started.elapsed());
        assert_eq!((empty.error_code, values(empty.records)), (0, vec![]));
        // A batch comes: the wait ends with it, long before its end.
        client.send(12, &fetch_request("t", 0).with_max_wait_ms(15_000));
        let mut producer = Client::connect(address);
        producer.produce("t", batch(&["a"], NO_PRODUCER));
        let started = Instant::now();
        let answer = client.answer::<FetchRequest>(12);
        assert!(started.elapsed() < Duration::from_secs(10));
        assert_eq!(values(answer.responses[0].partitions[0].records.clone()), ["a"]);
        // Two partitions' bytes are summed: one batch is not enough, two are.
        let batch_bytes = batch(&["a"], NO_PRODUCER).len() as i32;
        create(&mut client, "u");
        let mut request = fetch_request("t", 1)
            .with_max_wait_ms(15_000)
            .with_min_bytes(2 * batch_bytes);
        request.topics.extend(fetch_request("u", 0).topics);
        client.send(12, &request);
        producer.produce("t", batch(&["b"], NO_PRODUCER));
        producer.produce("u", batch(&["c"], NO_PRODUCER));
        let answer = client.answer::<FetchRequest>(12);
        let got: Vec<_> = answer
            .responses
            .iter()
            .map(|topic| values(topic.partitions[0].records.clone()))
            .collect();
        assert_eq!(got, [["b"], ["c"]]);
    });
}

#[test]
fn faults_of_a_fetch_are_told_at_once() {
    let dir = tempfile::tempdir().unwrap();
    with_broker(settings(dir.path()), |_, address| {
        let mut client = Client::connect(address);
        create(&mut client, "t");
        client.produce("t", batch(&["a"], NO_PRODUCER));
        let unknown_id = fetch_request::FetchTopic::default().with_topic_id(uuid::Uuid::from_u128(7));
        let unknown_id = unknown_id.with_partitions(vec![fetch_request::FetchPartition::default()]);
        let started = Instant::now();
        assert_eq!(
            client.fetch("t", 2, 15_000).error_code,
            ResponseError::OffsetOutOfRange.code()
        );
        assert_eq!(
            client.fetch("none", 0, 15_000).error_code,
            ResponseError::UnknownTopicOrPartition.code()
        );
        for (epoch, expected) in [(1, ResponseError::UnknownLeaderEpoch.code()), (0, 0)] {
            let mut request = fetch_request("t", 0).with_max_wait_ms(15_000);
            request.topics[0].partitions[0].current_leader_epoch = epoch;
            assert_eq!(
                client.call(12, &request).responses[0].partitions[0].error_code,
                expected
            );
        }
        let request = FetchRequest::default()
            .with_max_wait_ms(15_000)
            .with_topics(vec![unknown_id]);
        let answer = client.call(13, &request);
        assert_eq!(
            answer.responses[0].partitions[0].error_code,
            ResponseError::UnknownTopicId.code()
        );
        assert!(started.elapsed() < Duration::from_secs(10));
        // The first batch comes even if it is larger than all limits.
        let mut request = fetch_request("t", 0).with_max_bytes(1);
        request.topics[0].partitions[0].partition_max_bytes = 1;
        assert_eq!(
            values(client.call(12, &request).responses[0].partitions[0].records.clone()),
            ["a"]
        );
    });
}

#[test]
fn answers_come_in_the_order_of_requests_and_none_where_none_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    with_broker(settings(dir.path()), |_, address| {
        let mut client = Client::connect(address);
        create(&mut client, "t");
        let data = PartitionProduceData::default().with_records(Some(batch(&["a"], NO_PRODUCER)));
        let data = TopicProduceData::default()
            .with_name(topic_name("t"))
            .with_partition_data(vec![data]);
        let silent = ProduceRequest::default().with_acks(0).with_topic_data(vec![data]);
        for _ in 0..10 {
            client.send(9, &silent);
        }
        client.send(12, &fetch_request("t", 0));
        client.send(3, &ApiVersionsRequest::default());
        let fetched = client.answer::<FetchRequest>(12);
        assert_eq!(fetched.responses[0].partitions[0].high_watermark, 10);
        assert!(!client.answer::<ApiVersionsRequest>(3).api_keys.is_empty());
    });
}

#[test]
fn transactions_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    with_broker(settings(dir.path()), |_, address| {
        let mut client = Client::connect(address);
        let id = Some(TransactionalId(text("x")));
        let answer = client.call(4, &InitProducerIdRequest::default().with_transactional_id(id));
        assert_eq!(
            answer.error_code,
            ResponseError::TransactionalIdAuthorizationFailed.code()
        );
    });
}

#[test]
fn a_topic_made_again_is_another_one() {
    let dir = tempfile::tempdir().unwrap();
    with_broker(settings(dir.path()), |broker, address| {
        let mut client = Client::connect(address);
        let first = create(&mut client, "t");
        client.produce("t", batch(&["a"], NO_PRODUCER));
        client.call(
            5,
            &DeleteTopicsRequest::default().with_topic_names(vec![topic_name("t")]),
        );
        assert!(broker.topics().is_empty());
        let second = create(&mut client, "t");
        assert_ne!(first, second);
        assert_eq!(client.fetch("t", 0, 0).high_watermark, 0);
        let described = broker.topics();
        assert_eq!((described[0].id, described[0].partitions[0].next_offset), (second, 0));
    });
}

#[test]
fn topics_are_not_made_where_that_is_not_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let strict = BrokerSettings {
        auto_create_topics: false,
        ..settings(dir.path())
    };
    with_broker(strict, |_, address| {
        let mut client = Client::connect(address);
        let asked = metadata_request::MetadataRequestTopic::default().with_name(Some(topic_name("t")));
        let request = MetadataRequest::default()
            .with_allow_auto_topic_creation(true)
            .with_topics(Some(vec![asked]));
        let answer = client.call(12, &request);
        assert_eq!(
            answer.topics[0].error_code,
            ResponseError::UnknownTopicOrPartition.code()
        );
    });
}

#[test]
fn retention_waits_for_what_a_holding_group_has_not_committed() {
    let dir = tempfile::tempdir().unwrap();
    let brief = BrokerSettings {
        retention_bytes: Some(0),
        segment_bytes: 1_024,
        retention_check_interval_ms: 3_600_000,
        holding_groups: [("pipeline".to_owned(), vec!["t".to_owned()])].into(),
        ..settings(dir.path())
    };
    run(async {
        let broker = Broker::start(brief).await.unwrap();
        let address = broker.address();
        tokio::task::block_in_place(|| {
            let mut client = Client::connect(address);
            create(&mut client, "t");
            for _ in 0..40 {
                client.produce("t", batch(&[&"x".repeat(200)], NO_PRODUCER));
            }
        });
        broker.apply_retention().await.unwrap();
        assert_eq!(
            broker.topics()[0].partitions[0].log_start,
            0,
            "nothing is committed: everything is held"
        );
        tokio::task::block_in_place(|| crate::groups::commit(&mut Client::connect(address), "pipeline", "t", 20));
        broker.apply_retention().await.unwrap();
        let log_start = broker.topics()[0].partitions[0].log_start;
        assert!(0 < log_start && log_start <= 20, "log starts at {log_start}");
        broker.hold("pipeline", &[]);
        broker.apply_retention().await.unwrap();
        assert!(20 < broker.topics()[0].partitions[0].log_start);
        broker.shutdown().await.unwrap();
    });
}
