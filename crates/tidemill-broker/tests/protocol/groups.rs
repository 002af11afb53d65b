//! Consumer groups over the wire; the state machine itself is simulated in the crate.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    GroupId, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, OffsetCommitRequest,
    OffsetFetchRequest, SyncGroupRequest, join_group_request, leave_group_request, offset_commit_request,
    offset_fetch_request, sync_group_request,
};
use kafka_protocol::protocol::StrBytes;

use crate::client::{Client, settings, text, topic_name, with_broker};

fn group(name: &str) -> GroupId {
    GroupId(text(name))
}

/// Commits an offset for partition 0 of a topic without being in the group; the error's code.
pub fn commit(client: &mut Client, name: &str, topic: &str, offset: i64) -> i16 {
    let partition = offset_commit_request::OffsetCommitRequestPartition::default().with_committed_offset(offset);
    let topic = offset_commit_request::OffsetCommitRequestTopic::default().with_name(topic_name(topic));
    let request = OffsetCommitRequest::default()
        .with_group_id(group(name))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic.with_partitions(vec![partition])]);
    client.call(8, &request).topics[0].partitions[0].error_code
}

/// What is committed for partition 0 of a topic.
pub fn committed(client: &mut Client, name: &str, topic: &str) -> i64 {
    let topic = offset_fetch_request::OffsetFetchRequestTopic::default().with_name(topic_name(topic));
    let topic = topic.with_partition_indexes(vec![0]);
    let request = OffsetFetchRequest::default()
        .with_group_id(group(name))
        .with_topics(Some(vec![topic]));
    client.call(7, &request).topics[0].partitions[0].committed_offset
}

fn join_request(member_id: StrBytes) -> JoinGroupRequest {
    let protocol = join_group_request::JoinGroupRequestProtocol::default().with_name(text("range"));
    JoinGroupRequest::default()
        .with_group_id(group("g"))
        .with_session_timeout_ms(10_000)
        .with_rebalance_timeout_ms(10_000)
        .with_protocol_type(text("consumer"))
        .with_member_id(member_id)
        .with_protocols(vec![protocol])
}

/// Joins in two steps, as clients do.
fn join(client: &mut Client) -> JoinGroupResponse {
    let answer = client.call(9, &join_request(StrBytes::new()));
    assert_eq!(answer.error_code, ResponseError::MemberIdRequired.code());
    client.call(9, &join_request(answer.member_id))
}

fn heartbeat(client: &mut Client, joined: &JoinGroupResponse) -> i16 {
    let request = HeartbeatRequest::default()
        .with_group_id(group("g"))
        .with_member_id(joined.member_id.clone())
        .with_generation_id(joined.generation_id);
    client.call(4, &request).error_code
}

fn sync(client: &mut Client, joined: &JoinGroupResponse, shares: &[(&StrBytes, &'static str)]) -> String {
    let share = |(member_id, share): &(&StrBytes, &'static str)| {
        let assignment = sync_group_request::SyncGroupRequestAssignment::default();
        assignment
            .with_member_id((*member_id).clone())
            .with_assignment(share.as_bytes().into())
    };
    let request = SyncGroupRequest::default()
        .with_group_id(group("g"))
        .with_member_id(joined.member_id.clone())
        .with_generation_id(joined.generation_id)
        .with_protocol_type(Some(text("consumer")))
        .with_protocol_name(Some(text("range")))
        .with_assignments(shares.iter().map(share).collect());
    let answer = client.call(5, &request);
    assert_eq!((answer.error_code, answer.protocol_name), (0, Some(text("range"))));
    String::from_utf8(answer.assignment.to_vec()).unwrap()
}

#[test]
fn a_second_member_makes_the_first_join_again_and_both_get_their_shares() {
    let dir = tempfile::tempdir().unwrap();
    with_broker(settings(dir.path()), |_, address| {
        let (mut one, mut two) = (Client::connect(address), Client::connect(address));
        let first = join(&mut one);
        assert_eq!(
            (first.error_code, first.generation_id, first.leader == first.member_id),
            (0, 1, true)
        );
        assert_eq!(sync(&mut one, &first, &[(&first.member_id, "all")]), "all");
        assert_eq!(heartbeat(&mut one, &first), 0);

        let id = two.call(9, &join_request(StrBytes::new())).member_id;
        two.send(9, &join_request(id));
        // The group rebalances as soon as the second join is in.
        let rebalancing = ResponseError::RebalanceInProgress.code();
        while heartbeat(&mut one, &first) != rebalancing {}
        let again = one.call(9, &join_request(first.member_id.clone()));
        let second = two.answer::<JoinGroupRequest>(9);
        assert_eq!(
            (again.generation_id, second.generation_id, again.members.len()),
            (2, 2, 2)
        );
        assert!(second.members.is_empty() && second.leader == again.member_id);
        let shares = [(&again.member_id, "mine"), (&second.member_id, "yours")];
        assert_eq!(sync(&mut one, &again, &shares), "mine");
        assert_eq!(sync(&mut two, &second, &[]), "yours");
        assert_eq!(heartbeat(&mut one, &first), ResponseError::IllegalGeneration.code());

        let leaver = leave_group_request::MemberIdentity::default().with_member_id(second.member_id.clone());
        let left = LeaveGroupRequest::default()
            .with_group_id(group("g"))
            .with_members(vec![leaver]);
        assert_eq!(two.call(5, &left).members[0].error_code, 0);
        assert_eq!(heartbeat(&mut two, &second), ResponseError::UnknownMemberId.code());
        assert_eq!(heartbeat(&mut one, &again), rebalancing);
    });
}

#[test]
fn what_cannot_join_is_told_why() {
    let dir = tempfile::tempdir().unwrap();
    with_broker(settings(dir.path()), |_, address| {
        let mut client = Client::connect(address);
        let good = || join_request(StrBytes::new());
        for (request, expected) in [
            (good().with_group_id(group("")), ResponseError::InvalidGroupId),
            (good().with_session_timeout_ms(1), ResponseError::InvalidSessionTimeout),
            (good().with_protocols(vec![]), ResponseError::InconsistentGroupProtocol),
            (join_request(text("nobody")), ResponseError::UnknownMemberId),
        ] {
            assert_eq!(client.call(9, &request).error_code, expected.code());
        }
        assert_eq!(
            commit(&mut client, "g", "none", 1),
            ResponseError::UnknownTopicOrPartition.code()
        );
        assert_eq!(committed(&mut client, "g", "none"), -1);
    });
}
