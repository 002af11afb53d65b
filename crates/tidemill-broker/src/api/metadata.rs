//! Metadata and DescribeTopicPartitions: which topics there are, and that this broker leads them all.

use std::sync::Arc;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    BrokerId, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, MetadataRequest, MetadataResponse,
};
use uuid::Uuid;

use super::{text, topic_name};
use crate::node::{NODE_ID, Node, Peer, blocking};
use crate::topic_config::TopicConfig;
use crate::topics::{Topic, TopicFault};

/// Before this version an empty list of topics asks for all of them.
const VERSION_WITH_EMPTY_LISTS: i16 = 1;
/// Before this version a client cannot ask for topics not to be made.
const VERSION_WITH_AUTO_CREATION: i16 = 4;
/// Bits for "not asked for".
const NO_OPERATIONS: i32 = i32::MIN;
/// Partitions in one DescribeTopicPartitions response, whatever the client asks for.
const PARTITIONS_DESCRIBED_MAX: i32 = 2_000;

/// Answers which brokers and topics there are; a topic that is not there may be made.
pub(super) async fn metadata(
    node: &Arc<Node>,
    peer: &Peer,
    version: i16,
    request: MetadataRequest,
) -> MetadataResponse {
    let may_create = request.allow_auto_topic_creation || version < VERSION_WITH_AUTO_CREATION;
    let asked = request
        .topics
        .filter(|topics| !(topics.is_empty() && version < VERSION_WITH_EMPTY_LISTS));
    let topics = match asked {
        None => node.topics.all().iter().map(|topic| describe(topic)).collect(),
        Some(asked) => {
            let mut topics = Vec::with_capacity(asked.len());
            for topic in asked {
                topics.push(find(node, topic, may_create).await);
            }
            topics
        }
    };
    let broker = MetadataResponseBroker::default()
        .with_node_id(BrokerId(NODE_ID))
        .with_host(text(peer.advertised_host.clone()))
        .with_port(i32::from(peer.port));
    MetadataResponse::default()
        .with_brokers(vec![broker])
        .with_cluster_id(Some(text(node.cluster_id.clone())))
        .with_controller_id(BrokerId(NODE_ID))
        .with_cluster_authorized_operations(NO_OPERATIONS)
        .with_topics(topics)
}

async fn find(node: &Arc<Node>, asked: MetadataRequestTopic, may_create: bool) -> MetadataResponseTopic {
    let missing = |error: ResponseError| {
        MetadataResponseTopic::default()
            .with_error_code(error.code())
            .with_name(asked.name.clone())
            .with_topic_id(asked.topic_id)
            .with_topic_authorized_operations(NO_OPERATIONS)
    };
    let Some(name) = &asked.name else {
        return match node.topics.by_id(asked.topic_id) {
            Some(topic) => describe(&topic),
            None => missing(ResponseError::UnknownTopicId),
        };
    };
    if let Some(topic) = node.topics.by_name(name) {
        return describe(&topic);
    }
    if let Err(TopicFault(error, _)) = crate::topics::check_name(name) {
        return missing(error);
    }
    if !(may_create && node.settings.auto_create_topics) {
        return missing(ResponseError::UnknownTopicOrPartition);
    }
    let creating = Arc::clone(node);
    let name = name.to_string();
    let created = blocking(move || {
        let (partitions, now_ms) = (creating.settings.default_partitions, creating.now_ms());
        match creating
            .topics
            .create(&name, partitions, TopicConfig::default(), false, now_ms)
        {
            Ok(topic) => Ok(topic),
            // Another client was faster.
            Err(TopicFault(ResponseError::TopicAlreadyExists, _)) => Ok(creating.topics.by_name(&name)),
            Err(TopicFault(error, _)) => Err(error),
        }
    });
    match created.await {
        Ok(Some(topic)) => describe(&topic),
        Ok(None) => missing(ResponseError::UnknownTopicOrPartition),
        Err(error) => missing(error),
    }
}

fn describe(topic: &Topic) -> MetadataResponseTopic {
    let partitions = topic.partitions().into_iter().enumerate().map(|(index, partition)| {
        MetadataResponsePartition::default()
            .with_partition_index(index as i32)
            .with_leader_id(BrokerId(NODE_ID))
            .with_leader_epoch(partition.extent().leader_epoch)
            .with_replica_nodes(vec![BrokerId(NODE_ID)])
            .with_isr_nodes(vec![BrokerId(NODE_ID)])
    });
    MetadataResponseTopic::default()
        .with_name(Some(topic_name(topic.name.clone())))
        .with_topic_id(topic.id)
        .with_partitions(partitions.collect())
        .with_topic_authorized_operations(NO_OPERATIONS)
}

/// Answers page by page which partitions topics have.
pub(super) fn describe_topic_partitions(
    node: &Node,
    request: &DescribeTopicPartitionsRequest,
) -> DescribeTopicPartitionsResponse {
    let mut names: Vec<String> = request.topics.iter().map(|topic| topic.name.to_string()).collect();
    if names.is_empty() {
        names = node.topics.all().iter().map(|topic| topic.name.clone()).collect();
    }
    names.sort_unstable();
    names.dedup();
    let mut first_partition = 0;
    if let Some(cursor) = &request.cursor {
        let cursor_name = cursor.topic_name.to_string();
        names.retain(|name| cursor_name <= *name);
        let begins_inside = names.first() == Some(&cursor_name);
        first_partition = if begins_inside {
            cursor.partition_index.max(0)
        } else {
            0
        };
    }
    let mut left = request.response_partition_limit.clamp(1, PARTITIONS_DESCRIBED_MAX);
    let mut topics = Vec::new();
    let mut next = None;
    for name in names {
        let from = std::mem::take(&mut first_partition);
        if left == 0 {
            next = Some(
                Cursor::default()
                    .with_topic_name(topic_name(name))
                    .with_partition_index(0),
            );
            break;
        }
        let Some(topic) = node.topics.by_name(&name) else {
            let error = match crate::topics::check_name(&name) {
                Ok(()) => ResponseError::UnknownTopicOrPartition,
                Err(TopicFault(error, _)) => error,
            };
            topics.push(
                DescribeTopicPartitionsResponseTopic::default()
                    .with_error_code(error.code())
                    .with_name(Some(topic_name(name)))
                    .with_topic_id(Uuid::nil())
                    .with_topic_authorized_operations(NO_OPERATIONS),
            );
            continue;
        };
        let to = topic.partition_count().min(from.saturating_add(left));
        left -= (to - from).max(0);
        let is_cut = to < topic.partition_count();
        topics.push(describe_partitions(&topic, from, to));
        if is_cut {
            next = Some(
                Cursor::default()
                    .with_topic_name(topic_name(name))
                    .with_partition_index(to),
            );
            break;
        }
    }
    DescribeTopicPartitionsResponse::default()
        .with_topics(topics)
        .with_next_cursor(next)
}

fn describe_partitions(topic: &Topic, from: i32, to: i32) -> DescribeTopicPartitionsResponseTopic {
    let partitions = (from..to)
        .filter_map(|index| Some((index, topic.partition(index)?)))
        .map(|(index, partition)| {
            DescribeTopicPartitionsResponsePartition::default()
                .with_partition_index(index)
                .with_leader_id(BrokerId(NODE_ID))
                .with_leader_epoch(partition.extent().leader_epoch)
                .with_replica_nodes(vec![BrokerId(NODE_ID)])
                .with_isr_nodes(vec![BrokerId(NODE_ID)])
                .with_eligible_leader_replicas(Some(Vec::new()))
                .with_last_known_elr(Some(Vec::new()))
        });
    DescribeTopicPartitionsResponseTopic::default()
        .with_name(Some(topic_name(topic.name.clone())))
        .with_topic_id(topic.id)
        .with_partitions(partitions.collect())
        .with_topic_authorized_operations(NO_OPERATIONS)
}
