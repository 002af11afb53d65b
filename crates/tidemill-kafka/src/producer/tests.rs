use super::*;
use crate::testing::{FIRST_TIME, MockBroker, topic};
use crate::{Admin, partition_of};

const PATIENCE: Duration = Duration::from_secs(20);

fn record<'a>(topic: &'a TopicName, key: &'a [u8], value: &'a [u8]) -> ProducerRecord<'a> {
    ProducerRecord {
        topic,
        partition: None,
        key: Some(key),
        value: Some(value),
        headers: &[],
        timestamp: FIRST_TIME,
    }
}

/// More records than fit in flight arrive all of them, and are counted.
async fn check_bounded(blocking: bool) {
    let broker = MockBroker::with_topics(&[("a", 1)]);
    let limits = ProducerLimits {
        records_in_flight: 10,
        linger: Duration::from_millis(1),
        ..ProducerLimits::default()
    };
    let producer = Producer::new(&broker.settings, &limits).unwrap();
    let name = topic("a");
    for _ in 0..200 {
        let one = record(&name, b"key", b"value");
        if blocking {
            producer.send_blocking(one).unwrap();
        } else {
            producer.send(one).await.unwrap();
        }
        assert!(producer.deliveries().in_flight() <= 10);
    }
    let delivered = producer.flush(PATIENCE).await.unwrap();
    assert_eq!(
        delivered,
        Delivered {
            records: 200,
            bytes: 200 * 8
        }
    );
}

#[tokio::test]
async fn a_full_queue_makes_a_task_wait() {
    check_bounded(false).await;
}

#[tokio::test]
async fn a_full_queue_makes_a_thread_wait() {
    check_bounded(true).await;
}

#[tokio::test]
async fn a_key_goes_where_the_java_client_puts_it() {
    let broker = MockBroker::with_topics(&[("a", 5)]);
    let producer = broker.producer();
    let admin = Admin::connect(&broker.settings).unwrap();
    let name = topic("a");
    for key in ["21", "foobar", "4991"] {
        let partition = partition_of(key.as_bytes(), 5);
        producer
            .send(record(&name, key.as_bytes(), key.as_bytes()))
            .await
            .unwrap();
        producer.flush(PATIENCE).await.unwrap();
        let last = admin.last_record(&name, partition).await.unwrap();
        assert_eq!(last.and_then(|last| last.key), Some(key.as_bytes().to_vec()));
    }
}

#[tokio::test]
async fn a_record_that_is_given_up_is_not_forgotten() {
    let broker = MockBroker::with_topics(&[("a", 1)]);
    let producer = broker.producer();
    let name = topic("a");
    let refusal = rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    broker
        .cluster
        .request_errors(rdkafka::types::RDKafkaApiKey::Produce, &[refusal]);
    producer.send(record(&name, b"k", b"v")).await.unwrap();
    let flushed = producer.flush(PATIENCE).await;
    assert!(matches!(flushed, Err(KafkaError::Delivery { .. })), "{flushed:?}");
    assert_eq!(producer.send(record(&name, b"k", b"v")).await, flushed.map(|_| ()));
}

#[tokio::test]
async fn times_that_kafka_would_take_for_the_present_are_refused() {
    let broker = MockBroker::with_topics(&[("a", 1)]);
    let producer = broker.producer();
    let name = topic("a");
    for micros in [0, 999, -1, -86_400_000_000] {
        let early = ProducerRecord {
            timestamp: Micros(micros),
            ..record(&name, b"k", b"v")
        };
        let refused = producer.send(early).await;
        assert!(
            matches!(refused, Err(KafkaError::InvalidTimestamp { .. })),
            "{micros}: {refused:?}"
        );
    }
}
