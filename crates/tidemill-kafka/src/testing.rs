//! A mock cluster for the tests of this crate.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use tidemill_types::{KafkaPartition, Micros, TopicName};

use crate::{ClientSettings, Producer, ProducerLimits, ProducerRecord};

/// librdkafka's mock cluster of one broker, with topics.
pub(crate) struct MockBroker {
    pub cluster: MockCluster<'static, DefaultProducerContext>,
    pub settings: ClientSettings,
}

/// The first instant of the records that [`MockBroker::fill`] makes.
pub(crate) const FIRST_TIME: Micros = Micros(1_522_540_800_000_000);

impl MockBroker {
    pub fn with_topics(topics: &[(&str, i32)]) -> MockBroker {
        let cluster = MockCluster::new(1).unwrap();
        for (topic, partitions) in topics {
            cluster.create_topic(topic, *partitions, 1).unwrap();
        }
        let settings = ClientSettings::new(cluster.bootstrap_servers(), "tidemill-test");
        MockBroker { cluster, settings }
    }

    pub fn producer(&self) -> Producer {
        producer(&self.settings)
    }

    /// As [`fill`].
    pub async fn fill(&self, topic: &TopicName, partition: i32, numbers: std::ops::Range<i64>) {
        fill(&self.settings, topic, partition, numbers).await;
    }
}

fn producer(settings: &ClientSettings) -> Producer {
    let limits = ProducerLimits {
        linger: std::time::Duration::from_millis(1),
        ..ProducerLimits::default()
    };
    Producer::new(settings, &limits).unwrap()
}

/// Sends records `from..to` to a partition: value `v<n>`, key `k<n>`, one millisecond apart, header `n` on odd ones.
pub(crate) async fn fill(settings: &ClientSettings, topic: &TopicName, partition: i32, numbers: std::ops::Range<i64>) {
    let producer = producer(settings);
    for n in numbers {
        let (key, value, number) = (format!("k{n}"), format!("v{n}"), n.to_string());
        let headers = [("n", number.as_bytes())];
        let record = ProducerRecord {
            topic,
            partition: Some(KafkaPartition(partition)),
            key: Some(key.as_bytes()),
            value: Some(value.as_bytes()),
            headers: if n % 2 == 1 { &headers } else { &[] },
            timestamp: FIRST_TIME.plus(n * 1_000),
        };
        producer.send(record).await.unwrap();
    }
    producer.flush(std::time::Duration::from_secs(10)).await.unwrap();
}

pub(crate) fn topic(name: &str) -> TopicName {
    TopicName::new(name).unwrap()
}
