//! Produce: batches are checked, appended as they came, and acknowledged when they are written.

use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse};

use super::text;
use crate::log::Appended;
use crate::log::batch::{BatchFault, check_produced};
use crate::net::connection::ConnectionFault;
use crate::node::{Node, blocking};
use crate::topics::Topic;

/// The first version that names topics by id.
const VERSION_WITH_IDS: i16 = 13;
/// The first version whose clients know zstd.
const VERSION_WITH_ZSTD: i16 = 7;
const ZSTD: i16 = 4;

/// Appends what a producer sent. None where it wants no answer; there a failure closes the connection.
pub(super) async fn produce(
    node: &Arc<Node>,
    version: i16,
    request: ProduceRequest,
) -> Result<Option<ProduceResponse>, ConnectionFault> {
    let refused = if request.transactional_id.is_some() {
        Some(BatchFault(
            ResponseError::TransactionalIdAuthorizationFailed,
            "this broker has no transactions",
        ))
    } else if !(-1..=1).contains(&request.acks) {
        Some(BatchFault(
            ResponseError::InvalidRequiredAcks,
            "acks is one of 0, 1 and all",
        ))
    } else {
        None
    };
    let wants_answer = request.acks != 0;
    let appending = Arc::clone(node);
    let responses = blocking(move || {
        let topics = request.topic_data.into_iter();
        Ok(topics
            .map(|topic| append_topic(&appending, version, topic, refused))
            .collect::<Vec<_>>())
    })
    .await;
    let responses = responses.map_err(ConnectionFault::Unacknowledged)?;
    if wants_answer {
        return Ok(Some(ProduceResponse::default().with_responses(responses)));
    }
    let mut partitions = responses.iter().flat_map(|topic| &topic.partition_responses);
    match partitions.find_map(|partition| ResponseError::try_from_code(partition.error_code)) {
        Some(error) => Err(ConnectionFault::Unacknowledged(error)),
        None => Ok(None),
    }
}

fn append_topic(
    node: &Node,
    version: i16,
    data: TopicProduceData,
    refused: Option<BatchFault>,
) -> TopicProduceResponse {
    let (topic, unknown) = if VERSION_WITH_IDS <= version {
        (node.topics.by_id(data.topic_id), ResponseError::UnknownTopicId)
    } else {
        (node.topics.by_name(&data.name), ResponseError::UnknownTopicOrPartition)
    };
    let append = |partition: PartitionProduceData| {
        let index = partition.index;
        let appended = match (&topic, refused) {
            (_, Some(fault)) => Err(fault),
            (None, None) => Err(BatchFault(unknown, "the broker has no such topic")),
            (Some(topic), None) => append(node, version, topic, index, &partition.records.unwrap_or_default()),
        };
        let response = PartitionProduceResponse::default().with_index(index);
        match appended {
            Ok(appended) => response
                .with_base_offset(appended.base_offset)
                .with_log_append_time_ms(appended.append_time_ms)
                .with_log_start_offset(appended.log_start),
            Err(BatchFault(error, reason)) => response
                .with_error_code(error.code())
                .with_base_offset(-1)
                .with_log_append_time_ms(-1)
                .with_log_start_offset(-1)
                .with_error_message(Some(text(reason))),
        }
    };
    TopicProduceResponse::default()
        .with_partition_responses(data.partition_data.into_iter().map(append).collect())
        .with_name(data.name)
        .with_topic_id(data.topic_id)
}

fn append(node: &Node, version: i16, topic: &Topic, index: i32, batch: &Bytes) -> Result<Appended, BatchFault> {
    let Some(partition) = topic.partition(index) else {
        return Err(BatchFault(
            ResponseError::UnknownTopicOrPartition,
            "the topic has no such partition",
        ));
    };
    let (batch_bytes_max, rules) = {
        let config = topic.config.read();
        (
            config.batch_bytes_max(&node.settings),
            config.append_rules(&node.settings),
        )
    };
    let header = check_produced(batch, batch_bytes_max)?;
    if header.compression() == ZSTD && version < VERSION_WITH_ZSTD {
        return Err(BatchFault(
            ResponseError::UnsupportedCompressionType,
            "zstd needs Produce version 7",
        ));
    }
    partition.append(header, batch, rules, node.now_ms()).map_err(|error| {
        let reason = match error {
            ResponseError::OutOfOrderSequenceNumber => "records of this producer are missing before this batch",
            ResponseError::InvalidProducerEpoch => "a later epoch of this producer was seen",
            ResponseError::KafkaStorageError => "the broker's disk failed; its log says how",
            _ => "the batch was not taken",
        };
        BatchFault(error, reason)
    })
}
