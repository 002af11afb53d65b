//! Which event a prediction was made from, as its headers say it.

use tidemill_kafka::HeadersRef;
use tidemill_types::{DeploymentName, KafkaPartition, LastOffset, Micros, TopicName};

/// The names of the headers: topic, Kafka partition and offset of the event, the deployment that scored it, and the tick.
/// All values are texts; the tick is RFC 3339 in UTC.
pub const HEADERS: [&str; 5] = ["tm_topic", "tm_partition", "tm_offset", "tm_deployment", "tm_tick"];

/// An event, by where it stands in Kafka.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceRef {
    /// Its topic.
    pub topic: TopicName,
    /// Its Kafka partition.
    pub partition: KafkaPartition,
    /// Its offset.
    pub offset: LastOffset,
}

/// Where a prediction comes from: an event, scored by a deployment in a tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The event.
    pub event: SourceRef,
    /// Who scored it.
    pub deployment: DeploymentName,
    /// When, on the event clock.
    pub tick: Micros,
}

impl Origin {
    /// The values of [`HEADERS`], in their order.
    pub fn texts(&self) -> [String; 5] {
        [
            self.event.topic.to_string(),
            self.event.partition.to_string(),
            self.event.offset.0.to_string(),
            self.deployment.to_string(),
            self.tick.to_string(),
        ]
    }

    /// Reads them back; none where a record has not all of them, as those of requests.
    pub fn read(headers: HeadersRef<'_>) -> Option<Origin> {
        let text = |name| headers.get(name).and_then(|value| std::str::from_utf8(value).ok());
        let [topic, partition, offset, deployment, tick] = HEADERS.map(text);
        Some(Origin {
            event: SourceRef {
                topic: topic?.parse().ok()?,
                partition: KafkaPartition(partition?.parse().ok()?),
                offset: LastOffset(offset?.parse().ok()?),
            },
            deployment: deployment?.parse().ok()?,
            tick: tick?.parse().ok()?,
        })
    }
}
