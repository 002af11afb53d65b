//! CreateTopics, DeleteTopics, CreatePartitions and DeleteRecords.

use std::sync::Arc;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use kafka_protocol::messages::delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse, DeleteRecordsRequest,
    DeleteRecordsResponse, DeleteTopicsRequest, DeleteTopicsResponse,
};
use kafka_protocol::protocol::StrBytes;
use tracing::error;

use super::configs::{SOURCE_BROKER, SOURCE_TOPIC};
use super::text;
use crate::node::{Node, blocking};
use crate::topic_config::{CONFIG_KEYS, TopicConfig};
use crate::topics::TopicFault;

/// Before this version a client must say how many partitions it wants.
const VERSION_WITH_DEFAULTS: i16 = 4;
/// The first version that may name topics by id.
const VERSION_WITH_IDS: i16 = 6;

fn reason(fault: &TopicFault) -> StrBytes {
    text(fault.1.clone())
}

/// Makes topics.
pub(super) async fn create_topics(
    node: &Arc<Node>,
    version: i16,
    request: CreateTopicsRequest,
) -> CreateTopicsResponse {
    let creating = Arc::clone(node);
    let topics = blocking(move || {
        let named_twice = |topic: &CreatableTopic| request.topics.iter().filter(|t| t.name == topic.name).count() > 1;
        let create = |topic: &CreatableTopic| {
            if named_twice(topic) {
                return Err(TopicFault(
                    ResponseError::InvalidRequest,
                    "the topic is named twice".to_owned(),
                ));
            }
            create_topic(&creating, version, topic, request.validate_only)
        };
        let answer = |topic: &CreatableTopic| {
            let result = CreatableTopicResult::default().with_name(topic.name.clone());
            match create(topic) {
                Ok(created) => created.with_name(topic.name.clone()),
                Err(fault) => result
                    .with_error_code(fault.0.code())
                    .with_error_message(Some(reason(&fault)))
                    .with_num_partitions(-1)
                    .with_replication_factor(-1),
            }
        };
        Ok(request.topics.iter().map(answer).collect())
    });
    CreateTopicsResponse::default().with_topics(topics.await.unwrap_or_default())
}

fn create_topic(
    node: &Node,
    version: i16,
    topic: &CreatableTopic,
    dry_run: bool,
) -> Result<CreatableTopicResult, TopicFault> {
    let fault = |error, text: &str| Err(TopicFault(error, text.to_owned()));
    let is_assigned = !topic.assignments.is_empty();
    let partitions = match topic.num_partitions {
        -1 if is_assigned => {
            let mut indexes: Vec<_> = topic
                .assignments
                .iter()
                .map(|assignment| assignment.partition_index)
                .collect();
            indexes.sort_unstable();
            let is_gapless = indexes.iter().enumerate().all(|(at, index)| at as i32 == *index);
            let names_us = |brokers: &[kafka_protocol::messages::BrokerId]| {
                brokers.iter().map(|id| id.0).eq([crate::node::NODE_ID])
            };
            if !is_gapless
                || !topic
                    .assignments
                    .iter()
                    .all(|assignment| names_us(&assignment.broker_ids))
            {
                return fault(
                    ResponseError::InvalidReplicaAssignment,
                    "partitions are numbered from 0 on, each on broker 1",
                );
            }
            indexes.len() as i32
        }
        -1 if VERSION_WITH_DEFAULTS <= version => node.settings.default_partitions,
        _ if is_assigned => {
            return fault(
                ResponseError::InvalidRequest,
                "both a number of partitions and an assignment",
            );
        }
        partitions => partitions,
    };
    if !is_assigned && !matches!(topic.replication_factor, -1 | 1) {
        return fault(
            ResponseError::InvalidReplicationFactor,
            "there is one broker: the replication factor is 1",
        );
    }
    let mut config = TopicConfig::default();
    for entry in &topic.configs {
        if let Some(value) = &entry.value {
            config
                .set(&entry.name, value)
                .map_err(|text| TopicFault(ResponseError::InvalidConfig, text))?;
        }
    }
    let describe = |key: &crate::topic_config::ConfigKey| {
        let own = config.own(key.name);
        let value = own.map_or_else(|| TopicConfig::default_of(key, &node.settings), ToOwned::to_owned);
        CreatableTopicConfigs::default()
            .with_name(text(key.name))
            .with_value(Some(text(value)))
            .with_config_source(if own.is_some() { SOURCE_TOPIC } else { SOURCE_BROKER })
    };
    let configs = CONFIG_KEYS.iter().map(describe).collect();
    let created = node
        .topics
        .create(&topic.name, partitions, config, dry_run, node.now_ms())?;
    let id = created.map(|topic| topic.id).unwrap_or_default();
    Ok(CreatableTopicResult::default()
        .with_topic_id(id)
        .with_num_partitions(partitions)
        .with_replication_factor(1)
        .with_configs(Some(configs)))
}

/// Deletes topics, with what groups committed for them.
pub(super) async fn delete_topics(
    node: &Arc<Node>,
    version: i16,
    request: DeleteTopicsRequest,
) -> DeleteTopicsResponse {
    let asked: Vec<DeleteTopicState> = if VERSION_WITH_IDS <= version {
        request.topics
    } else {
        request
            .topic_names
            .into_iter()
            .map(|name| DeleteTopicState::default().with_name(Some(name)))
            .collect()
    };
    let deleting = Arc::clone(node);
    let responses = blocking(move || {
        let answer = |asked: DeleteTopicState| {
            let result = DeletableTopicResult::default().with_topic_id(asked.topic_id);
            match delete_topic(&deleting, &asked) {
                Ok((name, id)) => result.with_name(Some(super::topic_name(name))).with_topic_id(id),
                Err(fault) => result
                    .with_name(asked.name)
                    .with_error_code(fault.0.code())
                    .with_error_message(Some(reason(&fault))),
            }
        };
        Ok(asked.into_iter().map(answer).collect())
    });
    DeleteTopicsResponse::default().with_responses(responses.await.unwrap_or_default())
}

fn delete_topic(node: &Node, asked: &DeleteTopicState) -> Result<(String, uuid::Uuid), TopicFault> {
    let (topic, unknown) = match &asked.name {
        Some(name) => (node.topics.by_name(name), ResponseError::UnknownTopicOrPartition),
        None => (node.topics.by_id(asked.topic_id), ResponseError::UnknownTopicId),
    };
    let Some(topic) = topic else {
        return Err(TopicFault(unknown, "the broker has no such topic".to_owned()));
    };
    node.delete_topic(&topic)?;
    Ok((topic.name.clone(), topic.id))
}

/// Adds partitions to topics.
pub(super) async fn create_partitions(node: &Arc<Node>, request: CreatePartitionsRequest) -> CreatePartitionsResponse {
    let adding = Arc::clone(node);
    let results = blocking(move || {
        let results = request.topics.into_iter().map(|asked| {
            let result = CreatePartitionsTopicResult::default();
            let added = match adding.topics.by_name(&asked.name) {
                Some(topic) => {
                    adding
                        .topics
                        .add_partitions(&topic, asked.count, request.validate_only, adding.now_ms())
                }
                None => Err(TopicFault(
                    ResponseError::UnknownTopicOrPartition,
                    "the broker has no such topic".to_owned(),
                )),
            };
            match added {
                Ok(()) => result.with_name(asked.name),
                Err(fault) => result
                    .with_name(asked.name)
                    .with_error_code(fault.0.code())
                    .with_error_message(Some(reason(&fault))),
            }
        });
        Ok(results.collect())
    });
    CreatePartitionsResponse::default().with_results(results.await.unwrap_or_default())
}

/// Removes the records below an offset. Who asks for it by name means it: it does not wait for holding groups.
pub(super) async fn delete_records(node: &Arc<Node>, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let deleting = Arc::clone(node);
    let topics = blocking(move || {
        let topics = request.topics.into_iter().map(|asked| {
            let topic = deleting.topics.by_name(&asked.name);
            let partitions = asked.partitions.iter().map(|asked| {
                let partition = topic.as_ref().and_then(|topic| topic.partition(asked.partition_index));
                let deleted = partition
                    .ok_or(ResponseError::UnknownTopicOrPartition)
                    .and_then(|partition| partition.delete_records(asked.offset, deleting.now_ms()));
                let result = DeleteRecordsPartitionResult::default().with_partition_index(asked.partition_index);
                match deleted {
                    Ok(log_start) => result.with_low_watermark(log_start),
                    Err(error) => result.with_low_watermark(-1).with_error_code(error.code()),
                }
            });
            DeleteRecordsTopicResult::default()
                .with_partitions(partitions.collect())
                .with_name(asked.name.clone())
        });
        Ok(topics.collect())
    });
    DeleteRecordsResponse::default().with_topics(topics.await.unwrap_or_else(|cause| {
        error!(%cause, "failed to delete records");
        Vec::new()
    }))
}
