//! The requests: each module answers one family. Decoding and the order of answers are the connection's.

pub(crate) mod api_versions;
mod cluster;
mod configs;
mod fetch;
mod group_offsets;
mod groups;
mod list_groups;
mod list_offsets;
mod metadata;
mod produce;
pub(crate) mod produce_old;
mod producer_ids;
pub(crate) mod sasl;
mod topic_changes;

use std::sync::Arc;

use kafka_protocol::messages::{ApiKey, TopicName};
use kafka_protocol::protocol::{Encodable, HeaderVersion, StrBytes};

use crate::net::connection::{ConnectionFault, Outgoing, decode};
use crate::net::frame::{Request, write_response};
use crate::node::{Node, Peer};

/// Decodes a request, has it answered, and encodes the answer; none for a request that wants none.
pub(crate) async fn dispatch(
    node: &Arc<Node>,
    peer: &Peer,
    request: Request,
) -> Result<Option<Outgoing>, ConnectionFault> {
    let r = &request;
    match request.key {
        ApiKey::Produce => match produce::produce(node, r.version, decode(r)?).await? {
            Some(response) => respond(r, &response),
            None => Ok(None),
        },
        ApiKey::Fetch => {
            let (response, memory) = fetch::fetch(node, peer, r.version, decode(r)?).await;
            let bytes = write_response(r.correlation_id, r.version, &response)?;
            Ok(Some(Outgoing {
                bytes,
                memory: Some(memory),
            }))
        }
        ApiKey::ListOffsets => respond(r, &list_offsets::list_offsets(node, r.version, decode(r)?).await),
        ApiKey::OffsetForLeaderEpoch => respond(r, &list_offsets::offset_for_leader_epoch(node, decode(r)?)),
        ApiKey::Metadata => respond(r, &metadata::metadata(node, peer, r.version, decode(r)?).await),
        ApiKey::DescribeTopicPartitions => respond(r, &metadata::describe_topic_partitions(node, &decode(r)?)),
        ApiKey::ApiVersions => respond(r, &api_versions::api_versions()),
        ApiKey::DescribeCluster => respond(r, &cluster::describe_cluster(node, peer, &decode(r)?)),
        ApiKey::FindCoordinator => respond(r, &cluster::find_coordinator(peer, r.version, decode(r)?)),
        ApiKey::InitProducerId => respond(r, &producer_ids::init_producer_id(node, decode(r)?).await),
        ApiKey::CreateTopics => respond(r, &topic_changes::create_topics(node, r.version, decode(r)?).await),
        ApiKey::DeleteTopics => respond(r, &topic_changes::delete_topics(node, r.version, decode(r)?).await),
        ApiKey::CreatePartitions => respond(r, &topic_changes::create_partitions(node, decode(r)?).await),
        ApiKey::DeleteRecords => respond(r, &topic_changes::delete_records(node, decode(r)?).await),
        ApiKey::DescribeConfigs => respond(r, &configs::describe_configs(node, decode(r)?)),
        ApiKey::IncrementalAlterConfigs => respond(r, &configs::alter_configs(node, decode(r)?).await),
        ApiKey::JoinGroup => respond(r, &groups::join_group(node, peer, r.version, decode(r)?).await),
        ApiKey::SyncGroup => respond(r, &groups::sync_group(node, peer, decode(r)?).await),
        ApiKey::Heartbeat => respond(r, &groups::heartbeat(node, &decode(r)?)),
        ApiKey::LeaveGroup => respond(r, &groups::leave_group(node, r.version, &decode(r)?)),
        ApiKey::OffsetCommit => respond(r, &group_offsets::offset_commit(node, decode(r)?).await),
        ApiKey::OffsetFetch => respond(r, &group_offsets::offset_fetch(node, r.version, decode(r)?)),
        ApiKey::ListGroups => respond(r, &list_groups::list_groups(node, &decode(r)?)),
        ApiKey::DescribeGroups => respond(r, &list_groups::describe_groups(node, r.version, decode(r)?)),
        ApiKey::DeleteGroups => respond(r, &list_groups::delete_groups(node, decode(r)?).await),
        ApiKey::SaslHandshake | ApiKey::SaslAuthenticate => Ok(sasl::out_of_turn(r)?.map(Outgoing::from)),
        unknown => Err(ConnectionFault::UnknownKey(unknown as i16)),
    }
}

fn respond<R: Encodable + HeaderVersion>(request: &Request, response: &R) -> Result<Option<Outgoing>, ConnectionFault> {
    Ok(Some(
        write_response(request.correlation_id, request.version, response)?.into(),
    ))
}

/// Text for a response.
fn text(text: impl Into<String>) -> StrBytes {
    StrBytes::from_string(text.into())
}

/// A topic's name for a response.
fn topic_name(name: impl Into<String>) -> TopicName {
    TopicName(text(name))
}
