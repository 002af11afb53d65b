//! Every request in every version that is advertised gets an answer that the codec reads to its last byte.

use bytes::{BufMut, BytesMut};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::*;
use kafka_protocol::protocol::Request;
use uuid::Uuid;

use crate::client::{Client, NO_PRODUCER, batch, settings, text, topic_name, with_broker};

/// Calls in each version of the range.
fn call_all<R: Request>(client: &mut Client, versions: (i16, i16), request: impl Fn(i16) -> R) -> Vec<R::Response> {
    (versions.0..=versions.1)
        .map(|version| client.call(version, &request(version)))
        .collect()
}

#[test]
fn every_version_of_every_request_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    with_broker(settings(dir.path()), |broker, address| {
        let client = &mut Client::connect(address);
        let offered = client.call(4, &ApiVersionsRequest::default()).api_keys;
        let range = |key: i16| {
            let api = offered.iter().find(|api| api.api_key == key).unwrap();
            (api.min_version, api.max_version)
        };
        let metadata = call_all(client, range(MetadataRequest::KEY), |_| {
            let topic = metadata_request::MetadataRequestTopic::default().with_name(Some(topic_name("t")));
            MetadataRequest::default()
                .with_allow_auto_topic_creation(true)
                .with_topics(Some(vec![topic]))
        });
        assert!(metadata.iter().all(|answer| answer.topics[0].error_code == 0));
        let id = metadata.last().unwrap().topics[0].topic_id;
        assert_ne!(id, Uuid::nil());
        assert_eq!(
            metadata.last().unwrap().cluster_id.as_deref(),
            Some(broker.cluster_id())
        );

        let produced = call_all(client, (3, range(ProduceRequest::KEY).1), |version| {
            let data = produce_request::PartitionProduceData::default().with_records(Some(batch(&["a"], NO_PRODUCER)));
            let topic = produce_request::TopicProduceData::default().with_partition_data(vec![data]);
            let topic = if version < 13 {
                topic.with_name(topic_name("t"))
            } else {
                topic.with_topic_id(id)
            };
            ProduceRequest::default()
                .with_acks(1)
                .with_timeout_ms(1_000)
                .with_topic_data(vec![topic])
        });
        for (offset, answer) in produced.iter().enumerate() {
            let partition = &answer.responses[0].partition_responses[0];
            assert_eq!((partition.error_code, partition.base_offset), (0, offset as i64));
        }
        let fetched = call_all(client, range(FetchRequest::KEY), |version| {
            let partition = fetch_request::FetchPartition::default().with_partition_max_bytes(1_000_000);
            let topic = fetch_request::FetchTopic::default().with_partitions(vec![partition]);
            let topic = if version < 13 {
                topic.with_topic(topic_name("t"))
            } else {
                topic.with_topic_id(id)
            };
            FetchRequest::default()
                .with_max_bytes(1_000_000)
                .with_topics(vec![topic])
        });
        for answer in &fetched {
            let partition = &answer.responses[0].partitions[0];
            assert_eq!(
                (partition.error_code, partition.high_watermark),
                (0, produced.len() as i64)
            );
            assert_eq!(
                (partition.last_stable_offset, answer.session_id),
                (produced.len() as i64, 0)
            );
            assert!(!partition.records.as_ref().unwrap().is_empty());
        }
        for (timestamp, offset) in [
            (-1, produced.len() as i64),
            (-2, 0),
            (-3, 0),
            (-4, 0),
            (-5, -1),
            (1_000, 0),
            (2_000, -1),
        ] {
            let listed = call_all(client, range(ListOffsetsRequest::KEY), |_| {
                let partition = list_offsets_request::ListOffsetsPartition::default().with_timestamp(timestamp);
                let topic = list_offsets_request::ListOffsetsTopic::default().with_name(topic_name("t"));
                ListOffsetsRequest::default().with_topics(vec![topic.with_partitions(vec![partition])])
            });
            for answer in listed {
                let partition = &answer.topics[0].partitions[0];
                assert_eq!(
                    (partition.error_code, partition.offset),
                    (0, offset),
                    "timestamp {timestamp}"
                );
            }
        }
        call_all(client, range(OffsetForLeaderEpochRequest::KEY), |_| {
            let partition = offset_for_leader_epoch_request::OffsetForLeaderPartition::default();
            let topic = offset_for_leader_epoch_request::OffsetForLeaderTopic::default().with_topic(topic_name("t"));
            OffsetForLeaderEpochRequest::default().with_topics(vec![topic.with_partitions(vec![partition])])
        });
        call_all(client, range(FindCoordinatorRequest::KEY), |version| match version {
            ..4 => FindCoordinatorRequest::default().with_key(text("g")),
            _ => FindCoordinatorRequest::default().with_coordinator_keys(vec![text("g")]),
        });
        let ids = call_all(client, range(InitProducerIdRequest::KEY), |_| {
            InitProducerIdRequest::default().with_transactional_id(None)
        });
        let ids: Vec<_> = ids
            .iter()
            .map(|answer| (answer.error_code, answer.producer_id.0))
            .collect();
        assert!(
            ids.is_sorted_by(|a, b| a < b) && ids.iter().all(|(error, _)| *error == 0),
            "{ids:?}"
        );
        // Nobody is asked who they are: that is the answer.
        let illegal = ResponseError::IllegalSaslState.code();
        let taken = call_all(client, range(SaslHandshakeRequest::KEY), |_| {
            SaslHandshakeRequest::default().with_mechanism(text("PLAIN"))
        });
        assert!(taken.iter().all(|answer| answer.error_code == illegal));
        let shown = call_all(client, range(SaslAuthenticateRequest::KEY), |_| {
            SaslAuthenticateRequest::default()
        });
        assert!(shown.iter().all(|answer| answer.error_code == illegal));
        topics_and_groups(client, range);
    });
}

fn topics_and_groups(client: &mut Client, range: impl Fn(i16) -> (i16, i16)) {
    call_all(client, range(CreateTopicsRequest::KEY), |version| {
        let topic =
            create_topics_request::CreatableTopic::default().with_name(topic_name(&format!("created-{version}")));
        let topic = topic.with_num_partitions(2).with_replication_factor(1);
        CreateTopicsRequest::default().with_topics(vec![topic])
    });
    call_all(client, range(CreatePartitionsRequest::KEY), |version| {
        let topic = create_partitions_request::CreatePartitionsTopic::default().with_name(topic_name("t"));
        CreatePartitionsRequest::default().with_topics(vec![topic.with_count(i32::from(version) + 2)])
    });
    call_all(client, range(DescribeConfigsRequest::KEY), |version| {
        let resource = describe_configs_request::DescribeConfigsResource::default().with_resource_type(2);
        let broker = describe_configs_request::DescribeConfigsResource::default().with_resource_type(4);
        let resources = vec![
            resource.with_resource_name(text("t")),
            broker.with_resource_name(text("1")),
        ];
        DescribeConfigsRequest::default()
            .with_resources(resources)
            .with_include_synonyms(version == 1)
    });
    call_all(client, range(IncrementalAlterConfigsRequest::KEY), |_| {
        let config = incremental_alter_configs_request::AlterableConfig::default().with_name(text("retention.ms"));
        let resource = incremental_alter_configs_request::AlterConfigsResource::default().with_resource_type(2);
        let resource = resource
            .with_resource_name(text("t"))
            .with_configs(vec![config.with_value(Some(text("-1")))]);
        IncrementalAlterConfigsRequest::default().with_resources(vec![resource])
    });
    call_all(client, range(DescribeClusterRequest::KEY), |_| {
        DescribeClusterRequest::default()
    });
    call_all(client, range(DescribeTopicPartitionsRequest::KEY), |_| {
        DescribeTopicPartitionsRequest::default()
    });
    call_all(client, range(OffsetCommitRequest::KEY), |_| {
        let partition = offset_commit_request::OffsetCommitRequestPartition::default().with_committed_offset(2);
        let topic = offset_commit_request::OffsetCommitRequestTopic::default().with_name(topic_name("t"));
        let request = OffsetCommitRequest::default().with_group_id(GroupId(text("g")));
        request
            .with_generation_id_or_member_epoch(-1)
            .with_topics(vec![topic.with_partitions(vec![partition])])
    });
    call_all(client, range(OffsetFetchRequest::KEY), |version| {
        let topic = offset_fetch_request::OffsetFetchRequestTopic::default().with_name(topic_name("t"));
        let group = offset_fetch_request::OffsetFetchRequestGroup::default().with_group_id(GroupId(text("g")));
        match version {
            1 => OffsetFetchRequest::default()
                .with_group_id(GroupId(text("g")))
                .with_topics(Some(vec![topic.with_partition_indexes(vec![0, 1])])),
            ..8 => OffsetFetchRequest::default()
                .with_group_id(GroupId(text("g")))
                .with_topics(None),
            _ => OffsetFetchRequest::default().with_groups(vec![group.with_topics(None)]),
        }
    });
    call_all(client, range(JoinGroupRequest::KEY), |version| {
        let protocol = join_group_request::JoinGroupRequestProtocol::default().with_name(text("range"));
        JoinGroupRequest::default()
            .with_group_id(GroupId(text(&format!("joined-{version}"))))
            .with_session_timeout_ms(60_000)
            .with_rebalance_timeout_ms(if version == 0 { -1 } else { 60_000 })
            .with_protocol_type(text("consumer"))
            .with_protocols(vec![protocol])
    });
    // Nobody's member: the errors are what is asked for.
    let unknown = ResponseError::UnknownMemberId.code();
    let group = || GroupId(text("joined-0"));
    let synced = call_all(client, range(SyncGroupRequest::KEY), |_| {
        SyncGroupRequest::default().with_group_id(group())
    });
    assert!(synced.iter().all(|answer| answer.error_code == unknown));
    let beats = call_all(client, range(HeartbeatRequest::KEY), |_| {
        HeartbeatRequest::default().with_group_id(group())
    });
    assert!(beats.iter().all(|answer| answer.error_code == unknown));
    call_all(client, range(LeaveGroupRequest::KEY), |version| {
        let members = vec![leave_group_request::MemberIdentity::default(); usize::from(2 < version)];
        LeaveGroupRequest::default()
            .with_group_id(group())
            .with_members(members)
    });
    call_all(client, range(ListGroupsRequest::KEY), |_| ListGroupsRequest::default());
    call_all(client, range(DescribeGroupsRequest::KEY), |_| {
        DescribeGroupsRequest::default().with_groups(vec![group(), GroupId(text("g")), GroupId(text("none"))])
    });
    call_all(client, range(DeleteGroupsRequest::KEY), |_| {
        DeleteGroupsRequest::default().with_groups_names(vec![GroupId(text("g")), group()])
    });
    call_all(client, range(DeleteRecordsRequest::KEY), |_| {
        let partition = delete_records_request::DeleteRecordsPartition::default().with_offset(1);
        let topic = delete_records_request::DeleteRecordsTopic::default().with_name(topic_name("t"));
        DeleteRecordsRequest::default().with_topics(vec![topic.with_partitions(vec![partition])])
    });
    call_all(client, range(DeleteTopicsRequest::KEY), |version| {
        let topic = delete_topics_request::DeleteTopicState::default().with_name(Some(topic_name("t")));
        match version {
            ..6 => DeleteTopicsRequest::default().with_topic_names(vec![topic_name("t")]),
            _ => DeleteTopicsRequest::default().with_topics(vec![topic]),
        }
    });
    let versions = call_all(client, range(ApiVersionsRequest::KEY), |_| {
        ApiVersionsRequest::default()
    });
    assert_eq!(versions.len(), 5);
}

#[test]
fn an_unknown_version_of_api_versions_is_answered_in_version_0() {
    let dir = tempfile::tempdir().unwrap();
    with_broker(settings(dir.path()), |_, address| {
        let mut client = Client::connect(address);
        client.send_raw(&[0, 0, 0, 11, 0, 18, 0, 99, 0, 0, 0, 0, 0, 1, b'c']);
        let answer = client.answer::<ApiVersionsRequest>(0);
        assert_eq!(answer.error_code, ResponseError::UnsupportedVersion.code());
        assert!(
            answer
                .api_keys
                .iter()
                .any(|api| api.api_key == ProduceRequest::KEY && api.min_version == 0)
        );
    });
}

#[test]
fn produce_before_version_3_is_refused_in_its_own_layout() {
    let dir = tempfile::tempdir().unwrap();
    with_broker(settings(dir.path()), |_, address| {
        let mut client = Client::connect(address);
        let mut frame = BytesMut::new();
        frame.put_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 255, 255]);
        frame.put_slice(&[
            0, 1, 0, 0, 3, 232, 0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0,
        ]);
        let length = frame.len() as i32 - 4;
        frame[..4].copy_from_slice(&length.to_be_bytes());
        client.send_raw(&frame);
        let answer = client.frame().unwrap();
        assert_eq!(answer[answer.len() - 10..][..2], [0, 35]);
    });
}
