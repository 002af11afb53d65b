//! ListGroups, DescribeGroups and DeleteGroups.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::{
    DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse, GroupId,
    ListGroupsRequest, ListGroupsResponse,
};

use super::text;
use crate::groups::Group;
use crate::node::{Node, blocking};

const EMPTY: &str = "Empty";
const DEAD: &str = "Dead";
const CLASSIC: &str = "classic";
/// From this version on an unknown group is an error, and no longer a dead group.
const VERSION_WITH_UNKNOWN: i16 = 6;
const NO_OPERATIONS: i32 = i32::MIN;

/// Answers which groups have members or committed offsets.
pub(super) fn list_groups(node: &Node, request: &ListGroupsRequest) -> ListGroupsResponse {
    let mut groups: BTreeMap<String, (&'static str, String)> = node
        .offsets
        .groups()
        .into_iter()
        .map(|name| (name, (EMPTY, String::new())))
        .collect();
    for (name, state, protocol_type) in node.coordinator.list() {
        groups.insert(name, (state, protocol_type));
    }
    let wanted_states = &request.states_filter;
    let wanted_types = &request.types_filter;
    let is_wanted = |state: &str| {
        let state_fits = wanted_states.is_empty() || wanted_states.iter().any(|s| s.eq_ignore_ascii_case(state));
        let type_fits = wanted_types.is_empty() || wanted_types.iter().any(|t| t.eq_ignore_ascii_case(CLASSIC));
        state_fits && type_fits
    };
    let listed = groups
        .into_iter()
        .filter(|(_, (state, _))| is_wanted(state))
        .map(|(name, (state, protocol_type))| {
            ListedGroup::default()
                .with_group_id(GroupId(text(name)))
                .with_protocol_type(text(protocol_type))
                .with_group_state(text(state))
                .with_group_type(text(CLASSIC))
        });
    ListGroupsResponse::default().with_groups(listed.collect())
}

/// Answers who is in groups.
pub(super) fn describe_groups(node: &Node, version: i16, request: DescribeGroupsRequest) -> DescribeGroupsResponse {
    let groups = request.groups.into_iter().map(|id| {
        let described = node.coordinator.look(&id, |group| match group {
            Some(group) => describe(group),
            None => DescribedGroup::default(),
        });
        let is_unknown = described.group_state.is_empty() && node.offsets.of_group(&id).is_empty();
        let described = match (is_unknown, described.group_state.is_empty()) {
            (true, _) if VERSION_WITH_UNKNOWN <= version => described
                .with_group_state(text(DEAD))
                .with_error_code(ResponseError::GroupIdNotFound.code())
                .with_error_message(Some(text("the broker has no such group"))),
            (true, _) => described.with_group_state(text(DEAD)),
            (false, true) => described.with_group_state(text(EMPTY)),
            (false, false) => described,
        };
        described.with_group_id(id).with_authorized_operations(NO_OPERATIONS)
    });
    DescribeGroupsResponse::default().with_groups(groups.collect())
}

fn describe(group: &Group) -> DescribedGroup {
    let members = group.members().map(|(id, member)| {
        DescribedGroupMember::default()
            .with_member_id(text(id.clone()))
            .with_group_instance_id(member.instance_id.clone().map(text))
            .with_client_id(text(member.client_id.clone()))
            .with_client_host(text(member.client_host.clone()))
            .with_member_metadata(member.metadata(group.protocol()))
            .with_member_assignment(member.assignment.clone())
    });
    DescribedGroup::default()
        .with_group_state(text(group.state_name()))
        .with_protocol_type(text(group.protocol_type()))
        .with_protocol_data(text(group.protocol()))
        .with_members(members.collect())
}

/// Forgets groups that nobody is in.
pub(super) async fn delete_groups(node: &Arc<Node>, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let deleting = Arc::clone(node);
    let results = blocking(move || {
        let results = request.groups_names.into_iter().map(|id| {
            let has_members = deleting.coordinator.look(&id, |group| group.is_some());
            let error = if has_members {
                Some(ResponseError::NonEmptyGroup)
            } else {
                match deleting.offsets.delete_group(&id) {
                    Ok(true) => None,
                    Ok(false) => Some(ResponseError::GroupIdNotFound),
                    Err(_) => Some(ResponseError::CoordinatorNotAvailable),
                }
            };
            DeletableGroupResult::default()
                .with_error_code(error.map_or(0, |error| error.code()))
                .with_group_id(id)
        });
        Ok(results.collect())
    });
    DeleteGroupsResponse::default().with_results(results.await.unwrap_or_default())
}
