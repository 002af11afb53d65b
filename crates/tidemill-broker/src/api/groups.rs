//! JoinGroup, SyncGroup, Heartbeat and LeaveGroup: from the protocol to the coordinator and back.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::{
    HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse,
    SyncGroupRequest, SyncGroupResponse,
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::text;
use crate::groups::{JoinOutcome, JoinRequest, SyncRequest};
use crate::node::{Node, Peer};

/// From this version on a client that is new gets an id first.
const VERSION_WITH_MEMBER_IDS: i16 = 4;
/// From this version on the protocol's name may be null.
const VERSION_WITH_NULL_PROTOCOL: i16 = 7;
/// From this version on a leader can be told to keep the assignment.
const VERSION_WITH_SKIPPING: i16 = 9;
/// From this version on several members may leave at once.
const VERSION_WITH_BATCHES: i16 = 3;
/// Before this version a client has no rebalance timeout of its own.
const VERSION_WITH_REBALANCE_TIMEOUT: i16 = 1;

fn owned(text: Option<&StrBytes>) -> Option<String> {
    text.map(ToString::to_string)
}

/// Joins a group; waits for the other members.
pub(super) async fn join_group(node: &Node, peer: &Peer, version: i16, request: JoinGroupRequest) -> JoinGroupResponse {
    let member_id = request.member_id.to_string();
    let limits = &node.settings.limits;
    let timeouts = limits.session_timeout_min_ms..=limits.session_timeout_max_ms;
    let outcome = if request.group_id.is_empty() {
        JoinOutcome::Failed {
            error: ResponseError::InvalidGroupId,
            member_id,
        }
    } else if !timeouts.contains(&request.session_timeout_ms) {
        JoinOutcome::Failed {
            error: ResponseError::InvalidSessionTimeout,
            member_id,
        }
    } else {
        let instance_id = owned(request.group_instance_id.as_ref());
        let named_after = instance_id.as_deref().unwrap_or(&peer.client_id);
        let rebalance_timeout_ms = if version < VERSION_WITH_REBALANCE_TIMEOUT {
            request.session_timeout_ms
        } else {
            request.rebalance_timeout_ms.max(0)
        };
        let join = JoinRequest {
            member_id: member_id.clone(),
            new_member_id: format!("{named_after}-{}", Uuid::new_v4()),
            instance_id,
            client_id: peer.client_id.clone(),
            client_host: format!("/{}", peer.address.ip()),
            session_timeout_ms: request.session_timeout_ms,
            rebalance_timeout_ms,
            protocol_type: request.protocol_type.to_string(),
            protocols: request
                .protocols
                .into_iter()
                .map(|p| (p.name.to_string(), p.metadata))
                .collect(),
            requires_member_id: VERSION_WITH_MEMBER_IDS <= version,
            can_skip_assignment: VERSION_WITH_SKIPPING <= version,
        };
        tokio::select! {
            outcome = node.coordinator.join(&request.group_id, join) => outcome,
            () = peer.gone.cancelled() => JoinOutcome::Failed { error: ResponseError::NetworkException, member_id },
        }
    };
    match outcome {
        JoinOutcome::Joined {
            generation,
            protocol_type,
            protocol,
            leader,
            member_id,
            members,
            skip_assignment,
        } => {
            let members = members.into_iter().map(|member| {
                JoinGroupResponseMember::default()
                    .with_member_id(text(member.member_id))
                    .with_group_instance_id(member.instance_id.map(StrBytes::from_string))
                    .with_metadata(member.metadata)
            });
            JoinGroupResponse::default()
                .with_generation_id(generation)
                .with_protocol_type(Some(text(protocol_type)))
                .with_protocol_name(Some(text(protocol)))
                .with_leader(text(leader))
                .with_member_id(text(member_id))
                .with_members(members.collect())
                .with_skip_assignment(skip_assignment)
        }
        JoinOutcome::Failed { error, member_id } => JoinGroupResponse::default()
            .with_error_code(error.code())
            .with_generation_id(-1)
            .with_protocol_name((version < VERSION_WITH_NULL_PROTOCOL).then(StrBytes::new))
            .with_member_id(text(member_id)),
    }
}

/// Gets a member its share; waits for the leader.
pub(super) async fn sync_group(node: &Node, peer: &Peer, request: SyncGroupRequest) -> SyncGroupResponse {
    let sync = SyncRequest {
        member_id: request.member_id.to_string(),
        instance_id: owned(request.group_instance_id.as_ref()),
        generation: request.generation_id,
        protocol_type: owned(request.protocol_type.as_ref()),
        protocol: owned(request.protocol_name.as_ref()),
        assignments: request
            .assignments
            .into_iter()
            .map(|a| (a.member_id.to_string(), a.assignment))
            .collect(),
    };
    let outcome = tokio::select! {
        outcome = node.coordinator.sync(&request.group_id, sync) => outcome,
        () = peer.gone.cancelled() => Err(ResponseError::NetworkException),
    };
    match outcome {
        Ok(synced) => SyncGroupResponse::default()
            .with_protocol_type(Some(text(synced.protocol_type)))
            .with_protocol_name(Some(text(synced.protocol)))
            .with_assignment(synced.assignment),
        Err(error) => SyncGroupResponse::default().with_error_code(error.code()),
    }
}

/// Takes a sign of life.
pub(super) fn heartbeat(node: &Node, request: &HeartbeatRequest) -> HeartbeatResponse {
    let instance_id = request.group_instance_id.as_deref();
    let taken = node.coordinator.heartbeat(
        &request.group_id,
        &request.member_id,
        instance_id,
        request.generation_id,
    );
    HeartbeatResponse::default().with_error_code(taken.err().map_or(0, |error| error.code()))
}

/// Takes members out.
pub(super) fn leave_group(node: &Node, version: i16, request: &LeaveGroupRequest) -> LeaveGroupResponse {
    let leave = |member: &MemberIdentity| {
        let instance_id = member.group_instance_id.as_deref();
        let left = node
            .coordinator
            .leave(&request.group_id, &member.member_id, instance_id);
        left.err().map_or(0, |error| error.code())
    };
    if version < VERSION_WITH_BATCHES {
        let member = MemberIdentity::default().with_member_id(request.member_id.clone());
        return LeaveGroupResponse::default().with_error_code(leave(&member));
    }
    let members = request.members.iter().map(|member| {
        MemberResponse::default()
            .with_error_code(leave(member))
            .with_member_id(member.member_id.clone())
            .with_group_instance_id(member.group_instance_id.clone())
    });
    LeaveGroupResponse::default().with_members(members.collect())
}
