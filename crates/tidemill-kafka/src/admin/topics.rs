//! Topics: which there are, what their logs hold, making and deleting one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::RDKafkaErrorCode as Code;
use tidemill_types::{KafkaPartition, NextOffset, TopicName};

use super::{Admin, Inner, METADATA_TIMEOUT, TopicCreation, Watermarks};
use crate::KafkaError;
use crate::client::log_ends;
use crate::error::fault_of_code;

/// How long the cluster may take to make or delete a topic.
const TOPIC_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a topic that was just made is looked for.
const APPEAR_RECHECK: Duration = Duration::from_millis(50);

pub(super) async fn ensure(
    admin: &Admin,
    topic: &TopicName,
    partitions: i32,
    configs: &BTreeMap<String, String>,
) -> Result<TopicCreation, KafkaError> {
    match admin.partitions(topic).await {
        Ok(_) => return Ok(TopicCreation::Existed),
        Err(KafkaError::UnknownTopic { .. }) => {}
        Err(other) => return Err(other),
    }
    // -1 asks for the cluster's default, which every broker since 2.4 understands.
    let mut wanted = NewTopic::new(topic.as_str(), partitions.max(1), TopicReplication::Fixed(-1));
    for (name, value) in configs {
        wanted = wanted.set(name, value);
    }
    let answers = admin.inner.telling.create_topics([&wanted], &options()).await;
    let answers = answers.map_err(|error| {
        admin
            .inner
            .sort(format!("create topic `{topic}`"), TOPIC_TIMEOUT, &error)
    })?;
    for answer in answers {
        match answer {
            Ok(_) => {}
            // Somebody else was faster.
            Err((_, Code::TopicAlreadyExists)) => return Ok(TopicCreation::Existed),
            Err((_, code)) => return Err(refused(topic, code)),
        }
    }
    wait_until_seen(admin, topic).await?;
    Ok(TopicCreation::Created)
}

pub(super) async fn delete(admin: &Admin, topic: &TopicName) -> Result<bool, KafkaError> {
    let answers = admin.inner.telling.delete_topics(&[topic.as_str()], &options()).await;
    let sort = |error| {
        admin
            .inner
            .sort(format!("delete topic `{topic}`"), TOPIC_TIMEOUT, &error)
    };
    for answer in answers.map_err(sort)? {
        match answer {
            Ok(_) => {}
            Err((_, Code::UnknownTopicOrPartition)) => return Ok(false),
            Err((_, code)) => return Err(sort(rdkafka::error::KafkaError::AdminOp(code))),
        }
    }
    Ok(true)
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(TOPIC_TIMEOUT))
        .operation_timeout(Some(TOPIC_TIMEOUT))
}

fn refused(topic: &TopicName, code: Code) -> KafkaError {
    let source = fault_of_code(code);
    match code {
        Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed => KafkaError::AuthFailed {
            action: format!("create topic `{topic}`"),
            source,
        },
        _ => KafkaError::TopicRefused {
            topic: topic.clone(),
            source,
        },
    }
}

/// A broker may answer before all of them know the topic and its leaders.
async fn wait_until_seen(admin: &Admin, topic: &TopicName) -> Result<(), KafkaError> {
    let since = Instant::now();
    loop {
        match admin.partitions(topic).await {
            Ok(_) => return Ok(()),
            Err(KafkaError::UnknownTopic { .. }) if since.elapsed() < TOPIC_TIMEOUT => {}
            Err(KafkaError::UnknownTopic { topic }) => {
                return Err(KafkaError::TimedOut {
                    action: format!("see the new topic `{topic}`"),
                    limit: TOPIC_TIMEOUT,
                });
            }
            Err(other) => return Err(other),
        }
        tokio::time::sleep(APPEAR_RECHECK).await;
    }
}

pub(super) fn partitions(inner: &Inner, topic: &TopicName) -> Result<Vec<KafkaPartition>, KafkaError> {
    let unknown = || KafkaError::UnknownTopic { topic: topic.clone() };
    let action = format!("look up topic `{topic}`");
    let metadata = match inner.asking.fetch_metadata(Some(topic.as_str()), METADATA_TIMEOUT) {
        Ok(metadata) => metadata,
        Err(error) => return Err(inner.sort(action, METADATA_TIMEOUT, &error)),
    };
    let found = metadata.topics().iter().find(|found| found.name() == topic.as_str());
    let found = found.ok_or_else(unknown)?;
    if let Some(code) = found.error().map(Code::from) {
        return Err(match code {
            // Without a leader it is still being made.
            Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::LeaderNotAvailable => unknown(),
            _ => inner.sort(
                action,
                METADATA_TIMEOUT,
                &rdkafka::error::KafkaError::MetadataFetch(code),
            ),
        });
    }
    let mut partitions: Vec<_> = found.partitions().iter().map(|p| KafkaPartition(p.id())).collect();
    partitions.sort_unstable();
    if partitions.is_empty() {
        Err(unknown())
    } else {
        Ok(partitions)
    }
}

pub(super) fn watermarks(
    inner: &Inner,
    topic: &TopicName,
    partition: KafkaPartition,
) -> Result<Watermarks, KafkaError> {
    match log_ends(&inner.asking, topic.as_str(), partition.0, METADATA_TIMEOUT) {
        Ok((log_start, high_watermark)) => Ok(Watermarks {
            log_start: NextOffset(log_start),
            high_watermark: NextOffset(high_watermark),
        }),
        Err(error) => {
            let unknown = [
                Code::UnknownPartition,
                Code::UnknownTopicOrPartition,
                Code::UnknownTopic,
            ];
            let is_missing = crate::error::code_of(&error).is_some_and(|code| unknown.contains(&code))
                // Brokers do not learn of a partition all at once.
                && !partitions(inner, topic)?.contains(&partition);
            if is_missing {
                return Err(KafkaError::UnknownPartition {
                    topic: topic.clone(),
                    partition,
                });
            }
            let action = format!("ask for the ends of topic `{topic}`, Kafka partition {partition}");
            Err(inner.sort(action, METADATA_TIMEOUT, &error))
        }
    }
}
