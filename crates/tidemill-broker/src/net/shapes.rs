//! The shapes of the requests that the broker knows, after Apache Kafka's message definitions.

use kafka_protocol::messages::ApiKey;

use super::shape::{Field, Shape, bytes, fixed, optional, structs, text, values};

const INT32: Field = fixed(4);
const TEXT: Field = text();
/// A topic's id.
const fn uuid() -> Field {
    fixed(16)
}

const fn shape(flexible_from: i16, fields: &'static [Field]) -> Shape {
    Shape { flexible_from, fields }
}

const PRODUCE: Shape = shape(
    9,
    &[
        text(),
        fixed(2),
        fixed(4),
        structs(&[text().to(12), uuid().from(13), structs(&[fixed(4), bytes()])]),
    ],
);

const FETCH: Shape = shape(
    12,
    &[
        fixed(4).to(14),
        fixed(4),
        fixed(4),
        fixed(4),
        fixed(1),
        fixed(4).from(7),
        fixed(4).from(7),
        structs(&[
            text().to(12),
            uuid().from(13),
            structs(&[
                fixed(4),
                fixed(4).from(9),
                fixed(8),
                fixed(4).from(12),
                fixed(8).from(5),
                fixed(4),
            ]),
        ]),
        structs(&[text().to(12), uuid().from(13), values(&INT32)]).from(7),
        text().from(11),
    ],
);

const LIST_OFFSETS: Shape = shape(
    6,
    &[
        fixed(4),
        fixed(1).from(2),
        structs(&[text(), structs(&[fixed(4), fixed(4).from(4), fixed(8)])]),
        fixed(4).from(10),
    ],
);

const METADATA: Shape = shape(
    9,
    &[
        structs(&[uuid().from(10), text()]),
        fixed(1).from(4),
        fixed(1).from(8).to(10),
        fixed(1).from(8),
    ],
);

const OFFSET_COMMIT: Shape = shape(
    8,
    &[
        text(),
        fixed(4),
        text(),
        text().from(7),
        fixed(8).to(4),
        structs(&[text(), structs(&[fixed(4), fixed(8), fixed(4).from(6), text()])]),
    ],
);

const OFFSET_FETCH: Shape = shape(
    6,
    &[
        text().to(7),
        structs(&[text(), values(&INT32)]).to(7),
        structs(&[
            text(),
            text().from(9),
            fixed(4).from(9),
            structs(&[text(), values(&INT32)]),
        ])
        .from(8),
        fixed(1).from(7),
    ],
);

const FIND_COORDINATOR: Shape = shape(3, &[text().to(3), fixed(1).from(1), values(&TEXT).from(4)]);

const JOIN_GROUP: Shape = shape(
    6,
    &[
        text(),
        fixed(4),
        fixed(4).from(1),
        text(),
        text().from(5),
        text(),
        structs(&[text(), bytes()]),
        text().from(8),
    ],
);

const HEARTBEAT: Shape = shape(4, &[text(), fixed(4), text(), text().from(3)]);

const LEAVE_GROUP: Shape = shape(
    4,
    &[text(), text().to(2), structs(&[text(), text(), text().from(5)]).from(3)],
);

const SYNC_GROUP: Shape = shape(
    4,
    &[
        text(),
        fixed(4),
        text(),
        text().from(3),
        text().from(5),
        text().from(5),
        structs(&[text(), bytes()]),
    ],
);

const DESCRIBE_GROUPS: Shape = shape(5, &[values(&TEXT), fixed(1).from(3)]);
const LIST_GROUPS: Shape = shape(3, &[values(&TEXT).from(4), values(&TEXT).from(5)]);
/// No version of it is flexible.
const SASL_HANDSHAKE: Shape = shape(i16::MAX, &[text()]);
const SASL_AUTHENTICATE: Shape = shape(2, &[bytes()]);
const API_VERSIONS: Shape = shape(3, &[text().from(3), text().from(3)]);

const CREATE_TOPICS: Shape = shape(
    5,
    &[
        structs(&[
            text(),
            fixed(4),
            fixed(2),
            structs(&[fixed(4), values(&INT32)]),
            structs(&[text(), text()]),
        ]),
        fixed(4),
        fixed(1),
    ],
);

const DELETE_TOPICS: Shape = shape(4, &[structs(&[text(), uuid()]).from(6), values(&TEXT).to(5), fixed(4)]);
const DELETE_RECORDS: Shape = shape(2, &[structs(&[text(), structs(&[fixed(4), fixed(8)])]), fixed(4)]);
const INIT_PRODUCER_ID: Shape = shape(2, &[text(), fixed(4), fixed(8).from(3), fixed(2).from(3)]);
const OFFSET_FOR_LEADER_EPOCH: Shape = shape(
    4,
    &[
        fixed(4).from(3),
        structs(&[text(), structs(&[fixed(4), fixed(4), fixed(4)])]),
    ],
);
const DESCRIBE_CONFIGS: Shape = shape(
    4,
    &[structs(&[fixed(1), text(), values(&TEXT)]), fixed(1), fixed(1).from(3)],
);
const CREATE_PARTITIONS: Shape = shape(
    2,
    &[
        structs(&[text(), fixed(4), structs(&[values(&INT32)])]),
        fixed(4),
        fixed(1),
    ],
);
const DELETE_GROUPS: Shape = shape(2, &[values(&TEXT)]);
const INCREMENTAL_ALTER_CONFIGS: Shape = shape(
    1,
    &[
        structs(&[fixed(1), text(), structs(&[text(), fixed(1), text()])]),
        fixed(1),
    ],
);
const DESCRIBE_CLUSTER: Shape = shape(0, &[fixed(1), fixed(1).from(1), fixed(1).from(2)]);
const DESCRIBE_TOPIC_PARTITIONS: Shape = shape(0, &[structs(&[text()]), fixed(4), optional(&[text(), fixed(4)])]);

/// The shape of a request's body; none for one that the broker does not know.
pub(crate) fn shape_of(key: ApiKey) -> Option<Shape> {
    Some(match key {
        ApiKey::Produce => PRODUCE,
        ApiKey::Fetch => FETCH,
        ApiKey::ListOffsets => LIST_OFFSETS,
        ApiKey::Metadata => METADATA,
        ApiKey::OffsetCommit => OFFSET_COMMIT,
        ApiKey::OffsetFetch => OFFSET_FETCH,
        ApiKey::FindCoordinator => FIND_COORDINATOR,
        ApiKey::JoinGroup => JOIN_GROUP,
        ApiKey::Heartbeat => HEARTBEAT,
        ApiKey::LeaveGroup => LEAVE_GROUP,
        ApiKey::SyncGroup => SYNC_GROUP,
        ApiKey::DescribeGroups => DESCRIBE_GROUPS,
        ApiKey::ListGroups => LIST_GROUPS,
        ApiKey::SaslHandshake => SASL_HANDSHAKE,
        ApiKey::ApiVersions => API_VERSIONS,
        ApiKey::CreateTopics => CREATE_TOPICS,
        ApiKey::DeleteTopics => DELETE_TOPICS,
        ApiKey::DeleteRecords => DELETE_RECORDS,
        ApiKey::InitProducerId => INIT_PRODUCER_ID,
        ApiKey::OffsetForLeaderEpoch => OFFSET_FOR_LEADER_EPOCH,
        ApiKey::DescribeConfigs => DESCRIBE_CONFIGS,
        ApiKey::SaslAuthenticate => SASL_AUTHENTICATE,
        ApiKey::CreatePartitions => CREATE_PARTITIONS,
        ApiKey::DeleteGroups => DELETE_GROUPS,
        ApiKey::IncrementalAlterConfigs => INCREMENTAL_ALTER_CONFIGS,
        ApiKey::DescribeCluster => DESCRIBE_CLUSTER,
        ApiKey::DescribeTopicPartitions => DESCRIBE_TOPIC_PARTITIONS,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use kafka_protocol::messages::*;
    use kafka_protocol::protocol::{Request, StrBytes};

    use super::*;
    use crate::net::versions::{PRODUCE_VERSION_MIN, supported};

    fn word() -> StrBytes {
        StrBytes::from_static_str("word")
    }

    fn name() -> TopicName {
        TopicName(word())
    }

    /// The shape accepts what the codec writes, in each version that is taken, and nothing that is cut off.
    fn check<R: Request>(fill: impl Fn(i16) -> R) {
        let api = supported(R::KEY).unwrap();
        let shape = shape_of(api.key).unwrap();
        let min = if api.key == ApiKey::Produce {
            PRODUCE_VERSION_MIN
        } else {
            api.min
        };
        for version in min..=api.max {
            let mut body = BytesMut::new();
            fill(version)
                .encode(&mut body, version)
                .unwrap_or_else(|e| panic!("{:?} {version}: {e}", api.key));
            assert_eq!(shape.check(&body, version), Ok(()), "{:?} version {version}", api.key);
            for cut in 0..body.len() {
                assert!(
                    shape.check(&body[..cut], version).is_err(),
                    "{:?} version {version} cut at {cut}",
                    api.key
                );
            }
            body.extend_from_slice(&[0; 3]);
            assert_eq!(
                shape.check(&body, version),
                Ok(()),
                "{:?} version {version} with extra bytes",
                api.key
            );
        }
    }

    #[test]
    fn shapes_are_those_of_the_codec() {
        check(|v| {
            let partition = produce_request::PartitionProduceData::default().with_records(Some(vec![1, 2, 3].into()));
            let topic = produce_request::TopicProduceData::default().with_partition_data(vec![partition]);
            let topic = if v < 13 { topic.with_name(name()) } else { topic };
            ProduceRequest::default().with_topic_data(vec![topic])
        });
        check(|v| {
            let topic =
                fetch_request::FetchTopic::default().with_partitions(vec![fetch_request::FetchPartition::default(); 2]);
            let topic = if v < 13 { topic.with_topic(name()) } else { topic };
            let forgotten = fetch_request::ForgottenTopic::default().with_partitions(vec![1, 2]);
            let request = FetchRequest::default().with_topics(vec![topic]);
            let request = if v < 15 {
                request.with_replica_id(BrokerId(7))
            } else {
                request
            };
            if v < 7 {
                request
            } else {
                request.with_forgotten_topics_data(vec![forgotten])
            }
        });
        check(|_| {
            let topic = list_offsets_request::ListOffsetsTopic::default()
                .with_partitions(vec![list_offsets_request::ListOffsetsPartition::default(); 2]);
            ListOffsetsRequest::default().with_topics(vec![topic.with_name(name())])
        });
        check(|_| {
            let topic = metadata_request::MetadataRequestTopic::default().with_name(Some(name()));
            MetadataRequest::default()
                .with_allow_auto_topic_creation(true)
                .with_topics(Some(vec![topic]))
        });
        check(|_| {
            let topic = offset_commit_request::OffsetCommitRequestTopic::default();
            let topic = topic
                .with_name(name())
                .with_partitions(vec![offset_commit_request::OffsetCommitRequestPartition::default(); 2]);
            OffsetCommitRequest::default()
                .with_topics(vec![topic])
                .with_member_id(word())
        });
        check(|v| {
            let topic = offset_fetch_request::OffsetFetchRequestTopic::default().with_partition_indexes(vec![1, 2]);
            let of_group = offset_fetch_request::OffsetFetchRequestTopics::default().with_partition_indexes(vec![1]);
            let group = offset_fetch_request::OffsetFetchRequestGroup::default().with_topics(Some(vec![of_group]));
            if v < 8 {
                OffsetFetchRequest::default().with_topics(Some(vec![topic.with_name(name())]))
            } else {
                OffsetFetchRequest::default().with_groups(vec![group])
            }
        });
        check(|v| match v {
            ..4 => FindCoordinatorRequest::default().with_key(word()),
            _ => FindCoordinatorRequest::default().with_coordinator_keys(vec![word()]),
        });
        check(|_| {
            let protocol = join_group_request::JoinGroupRequestProtocol::default().with_metadata(vec![1].into());
            JoinGroupRequest::default().with_protocols(vec![protocol.with_name(word())])
        });
        check(|_| HeartbeatRequest::default().with_member_id(word()));
        check(|v| {
            let member = leave_group_request::MemberIdentity::default().with_member_id(word());
            match v {
                ..3 => LeaveGroupRequest::default().with_member_id(word()),
                _ => LeaveGroupRequest::default().with_members(vec![member]),
            }
        });
        check(|_| {
            let assignment = sync_group_request::SyncGroupRequestAssignment::default().with_member_id(word());
            SyncGroupRequest::default().with_assignments(vec![assignment])
        });
        check(|_| DescribeGroupsRequest::default().with_groups(vec![GroupId(word())]));
        check(|v| {
            let states = if v < 4 { vec![] } else { vec![word()] };
            ListGroupsRequest::default().with_states_filter(states)
        });
        check(|_| SaslHandshakeRequest::default().with_mechanism(word()));
        check(|_| SaslAuthenticateRequest::default().with_auth_bytes(vec![1, 2].into()));
        check(|_| ApiVersionsRequest::default());
        check(|_| {
            let assignment = create_topics_request::CreatableReplicaAssignment::default();
            let config = create_topics_request::CreatableTopicConfig::default().with_value(Some(word()));
            let topic = create_topics_request::CreatableTopic::default().with_name(name());
            let topic = topic.with_assignments(vec![assignment.with_broker_ids(vec![BrokerId(1)])]);
            CreateTopicsRequest::default().with_topics(vec![topic.with_configs(vec![config])])
        });
        check(|v| {
            let topic = delete_topics_request::DeleteTopicState::default().with_name(Some(name()));
            match v {
                ..6 => DeleteTopicsRequest::default().with_topic_names(vec![name()]),
                _ => DeleteTopicsRequest::default().with_topics(vec![topic]),
            }
        });
        check(|_| {
            let topic = delete_records_request::DeleteRecordsTopic::default().with_name(name());
            let partition = delete_records_request::DeleteRecordsPartition::default();
            DeleteRecordsRequest::default().with_topics(vec![topic.with_partitions(vec![partition])])
        });
        check(|_| InitProducerIdRequest::default().with_transactional_id(Some(TransactionalId(word()))));
        check(|_| {
            let topic = offset_for_leader_epoch_request::OffsetForLeaderTopic::default().with_topic(name());
            let partition = offset_for_leader_epoch_request::OffsetForLeaderPartition::default();
            OffsetForLeaderEpochRequest::default().with_topics(vec![topic.with_partitions(vec![partition])])
        });
        check(|_| {
            let resource = describe_configs_request::DescribeConfigsResource::default();
            let resource = resource.with_configuration_keys(Some(vec![word()]));
            DescribeConfigsRequest::default().with_resources(vec![resource])
        });
        check(|_| {
            let assignment = create_partitions_request::CreatePartitionsAssignment::default();
            let topic = create_partitions_request::CreatePartitionsTopic::default().with_name(name());
            let topic = topic.with_assignments(Some(vec![assignment.with_broker_ids(vec![BrokerId(1)])]));
            CreatePartitionsRequest::default().with_topics(vec![topic])
        });
        check(|_| DeleteGroupsRequest::default().with_groups_names(vec![GroupId(word())]));
        check(|_| {
            let config = incremental_alter_configs_request::AlterableConfig::default().with_value(Some(word()));
            let resource = incremental_alter_configs_request::AlterConfigsResource::default();
            IncrementalAlterConfigsRequest::default().with_resources(vec![resource.with_configs(vec![config])])
        });
        check(|_| DescribeClusterRequest::default());
        check(|_| {
            let topic = describe_topic_partitions_request::TopicRequest::default().with_name(name());
            let cursor = describe_topic_partitions_request::Cursor::default().with_topic_name(name());
            DescribeTopicPartitionsRequest::default()
                .with_topics(vec![topic])
                .with_cursor(Some(cursor))
        });
    }

    #[test]
    fn an_array_that_lies_about_its_length_is_refused() {
        // Metadata 0: an array of two thousand million topics, in four bytes.
        assert!(METADATA.check(&[0x7F, 0xFF, 0xFF, 0xFF], 0).is_err());
        // Metadata 9: the same, compact.
        assert!(METADATA.check(&[0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0, 0, 0, 0], 9).is_err());
        // A null array is none, a length below is not a length.
        assert_eq!(METADATA.check(&[0xFF, 0xFF, 0xFF, 0xFF], 0), Ok(()));
        assert!(METADATA.check(&[0xFF, 0xFF, 0xFF, 0xFE], 0).is_err());
    }
}
