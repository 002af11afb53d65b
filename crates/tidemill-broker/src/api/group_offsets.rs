//! OffsetCommit and OffsetFetch.

use std::sync::Arc;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions, OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse, TopicName,
};
use tracing::warn;

use super::{text, topic_name};
use crate::groups::{Commit, Committed};
use crate::node::{Node, blocking};

/// The first version that asks for several groups.
const VERSION_WITH_GROUPS: i16 = 8;
/// Kafka's default for `offset.metadata.max.bytes`.
const METADATA_BYTES_MAX: usize = 4096;

/// A partition's index, and whether an offset may be committed for it.
type CheckedPartition = (i32, Result<(), ResponseError>);

/// Commits offsets for a group.
pub(super) async fn offset_commit(node: &Arc<Node>, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let commit = Commit {
        member_id: request.member_id.to_string(),
        instance_id: request.group_instance_id.as_ref().map(ToString::to_string),
        generation: request.generation_id_or_member_epoch,
    };
    let allowed = if request.group_id.is_empty() {
        Err(ResponseError::InvalidGroupId)
    } else {
        node.coordinator.check_commit(&request.group_id, &commit)
    };
    let mut commits = Vec::new();
    let mut check = |topic: &OffsetCommitRequestTopic, asked: &OffsetCommitRequestPartition| {
        allowed?;
        let known = node
            .topics
            .by_name(&topic.name)
            .and_then(|topic| topic.partition(asked.partition_index));
        known.ok_or(ResponseError::UnknownTopicOrPartition)?;
        let metadata = asked
            .committed_metadata
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        if METADATA_BYTES_MAX < metadata.len() {
            return Err(ResponseError::OffsetMetadataTooLarge);
        }
        let committed = Committed {
            offset: asked.committed_offset,
            leader_epoch: asked.committed_leader_epoch,
            metadata,
        };
        commits.push(((topic.name.to_string(), asked.partition_index), committed));
        Ok(())
    };
    let mut topics: Vec<(TopicName, Vec<CheckedPartition>)> = Vec::new();
    for topic in &request.topics {
        let checked = topic
            .partitions
            .iter()
            .map(|asked| (asked.partition_index, check(topic, asked)));
        topics.push((topic.name.clone(), checked.collect()));
    }
    let storing = Arc::clone(node);
    let group = request.group_id.to_string();
    let stored = blocking(move || {
        storing.offsets.commit(&group, commits).map_err(|error| {
            warn!(%group, error = &error as &dyn std::error::Error, "failed to commit offsets of `{group}`: {error}");
            // The commit is tried again, by which time there may be room.
            ResponseError::CoordinatorNotAvailable
        })
    })
    .await;
    let topics = topics.into_iter().map(|(name, partitions)| {
        let partitions = partitions.into_iter().map(|(index, checked)| {
            let error = checked.and(stored).err();
            OffsetCommitResponsePartition::default()
                .with_partition_index(index)
                .with_error_code(error.map_or(0, |error| error.code()))
        });
        OffsetCommitResponseTopic::default()
            .with_name(name)
            .with_partitions(partitions.collect())
    });
    OffsetCommitResponse::default().with_topics(topics.collect())
}

/// One topic's committed offsets, by partition; none where nothing was committed.
type TopicOffsets = (TopicName, Vec<(i32, Option<Committed>)>);

/// Answers what groups have committed.
pub(super) fn offset_fetch(node: &Node, version: i16, request: OffsetFetchRequest) -> OffsetFetchResponse {
    if VERSION_WITH_GROUPS <= version {
        let groups = request.groups.into_iter().map(|asked| {
            let wanted = asked
                .topics
                .map(|topics| topics.into_iter().map(|t| (t.name, t.partition_indexes)).collect());
            let topics = offsets_of(node, &asked.group_id, wanted)
                .into_iter()
                .map(|(name, partitions)| {
                    let partitions = partitions.into_iter().map(|(index, committed)| {
                        let committed = committed.unwrap_or_else(nothing);
                        OffsetFetchResponsePartitions::default()
                            .with_partition_index(index)
                            .with_committed_offset(committed.offset)
                            .with_committed_leader_epoch(committed.leader_epoch)
                            .with_metadata(Some(text(committed.metadata)))
                    });
                    OffsetFetchResponseTopics::default()
                        .with_name(name)
                        .with_partitions(partitions.collect())
                });
            OffsetFetchResponseGroup::default()
                .with_topics(topics.collect())
                .with_group_id(asked.group_id)
        });
        return OffsetFetchResponse::default().with_groups(groups.collect());
    }
    let wanted = request
        .topics
        .map(|topics| topics.into_iter().map(|t| (t.name, t.partition_indexes)).collect());
    let topics = offsets_of(node, &request.group_id, wanted)
        .into_iter()
        .map(|(name, partitions)| {
            let partitions = partitions.into_iter().map(|(index, committed)| {
                let committed = committed.unwrap_or_else(nothing);
                OffsetFetchResponsePartition::default()
                    .with_partition_index(index)
                    .with_committed_offset(committed.offset)
                    .with_committed_leader_epoch(committed.leader_epoch)
                    .with_metadata(Some(text(committed.metadata)))
            });
            OffsetFetchResponseTopic::default()
                .with_name(name)
                .with_partitions(partitions.collect())
        });
    OffsetFetchResponse::default().with_topics(topics.collect())
}

fn nothing() -> Committed {
    Committed {
        offset: -1,
        leader_epoch: -1,
        metadata: String::new(),
    }
}

/// The offsets that are asked for, or all that the group committed.
fn offsets_of(node: &Node, group: &str, wanted: Option<Vec<(TopicName, Vec<i32>)>>) -> Vec<TopicOffsets> {
    if let Some(wanted) = wanted {
        let find = |(name, indexes): (TopicName, Vec<i32>)| {
            let found = indexes
                .into_iter()
                .map(|index| (index, node.offsets.get(group, &name, index)))
                .collect();
            (name, found)
        };
        return wanted.into_iter().map(find).collect();
    }
    let mut topics: Vec<TopicOffsets> = Vec::new();
    for ((topic, index), committed) in node.offsets.of_group(group) {
        match topics.last_mut() {
            Some((name, partitions)) if **name == *topic => partitions.push((index, Some(committed))),
            _ => topics.push((topic_name(topic), vec![(index, Some(committed))])),
        }
    }
    topics
}
