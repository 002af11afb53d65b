//! ListOffsets and OffsetForLeaderEpoch: where a log begins and ends, by time and by epoch.

use std::sync::Arc;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::list_offsets_request::ListOffsetsPartition;
use kafka_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use kafka_protocol::messages::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use kafka_protocol::messages::offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult};
use kafka_protocol::messages::{
    ListOffsetsRequest, ListOffsetsResponse, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
};

use super::fetch::check_epoch;
use crate::log::{Partition, TimedOffset};
use crate::node::{Node, blocking};

/// The first version whose answers name a leader epoch.
const VERSION_WITH_EPOCHS: i16 = 4;
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
/// What offset and timestamp are where there is none.
const NONE: i64 = -1;

/// Answers where the log is at a time, or at one of its ends.
pub(super) async fn list_offsets(node: &Arc<Node>, version: i16, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let looking = Arc::clone(node);
    let topics = blocking(move || {
        let topics = request.topics.into_iter().map(|topic| {
            let known = looking.topics.by_name(&topic.name);
            let answer = |request: &ListOffsetsPartition| {
                let partition = known
                    .as_ref()
                    .and_then(|topic| topic.partition(request.partition_index));
                let partition = partition.ok_or(ResponseError::UnknownTopicOrPartition);
                partition_offset(
                    version,
                    request,
                    partition.and_then(|partition| find(&partition, request)),
                )
            };
            ListOffsetsTopicResponse::default()
                .with_partitions(topic.partitions.iter().map(answer).collect())
                .with_name(topic.name)
        });
        Ok(topics.collect())
    })
    .await;
    // A panic of ours leaves no topics to answer for; clients take a missing one for a fault that may pass.
    ListOffsetsResponse::default().with_topics(topics.unwrap_or_default())
}

fn find(partition: &Partition, request: &ListOffsetsPartition) -> Result<TimedOffset, ResponseError> {
    let extent = partition.extent();
    check_epoch(request.current_leader_epoch, extent.leader_epoch)?;
    let at = |offset, leader_epoch| TimedOffset {
        timestamp: NONE,
        offset,
        leader_epoch,
    };
    let none = at(NONE, -1);
    Ok(match request.timestamp {
        LATEST => at(extent.next_offset, extent.leader_epoch),
        EARLIEST | EARLIEST_LOCAL => at(extent.log_start, partition.epoch_at(extent.log_start)),
        MAX_TIMESTAMP => partition.find_max_timestamp()?.unwrap_or(none),
        LATEST_TIERED => none,
        ..0 => return Err(ResponseError::InvalidRequest),
        timestamp => partition.find_timestamp(timestamp)?.unwrap_or(none),
    })
}

fn partition_offset(
    version: i16,
    request: &ListOffsetsPartition,
    found: Result<TimedOffset, ResponseError>,
) -> ListOffsetsPartitionResponse {
    let response = ListOffsetsPartitionResponse::default().with_partition_index(request.partition_index);
    match found {
        Ok(found) => response
            .with_timestamp(found.timestamp)
            .with_offset(found.offset)
            .with_leader_epoch(if version < VERSION_WITH_EPOCHS {
                -1
            } else {
                found.leader_epoch
            }),
        Err(error) => response
            .with_error_code(error.code())
            .with_timestamp(NONE)
            .with_offset(NONE),
    }
}

/// Answers where a leader epoch ended.
pub(super) fn offset_for_leader_epoch(
    node: &Node,
    request: OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let known = node.topics.by_name(&topic.topic);
        let answer = |request: &OffsetForLeaderPartition| {
            let partition = known.as_ref().and_then(|topic| topic.partition(request.partition));
            let end = partition
                .ok_or(ResponseError::UnknownTopicOrPartition)
                .and_then(|partition| {
                    check_epoch(request.current_leader_epoch, partition.extent().leader_epoch)?;
                    Ok(partition.end_of_epoch(request.leader_epoch))
                });
            let response = EpochEndOffset::default().with_partition(request.partition);
            match end {
                Ok(Some((epoch, end_offset))) => response.with_leader_epoch(epoch).with_end_offset(end_offset),
                Ok(None) => response.with_leader_epoch(-1).with_end_offset(NONE),
                Err(error) => response
                    .with_error_code(error.code())
                    .with_leader_epoch(-1)
                    .with_end_offset(NONE),
            }
        };
        OffsetForLeaderTopicResult::default()
            .with_partitions(topic.partitions.iter().map(answer).collect())
            .with_topic(topic.topic)
    });
    OffsetForLeaderEpochResponse::default().with_topics(topics.collect())
}
