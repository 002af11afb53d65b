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
        ApiKey::ApiVersions => API_VERSIONS,
        ApiKey::CreateTopics => CREATE_TOPICS,
        ApiKey::DeleteTopics => DELETE_TOPICS,
        ApiKey::DeleteRecords => DELETE_RECORDS,
        ApiKey::InitProducerId => INIT_PRODUCER_ID,
        ApiKey::OffsetForLeaderEpoch => OFFSET_FOR_LEADER_EPOCH,
        ApiKey::DescribeConfigs => DESCRIBE_CONFIGS,
        ApiKey::CreatePartitions => CREATE_PARTITIONS,
        ApiKey::DeleteGroups => DELETE_GROUPS,
        ApiKey::IncrementalAlterConfigs => INCREMENTAL_ALTER_CONFIGS,
        ApiKey::DescribeCluster => DESCRIBE_CLUSTER,
        ApiKey::DescribeTopicPartitions => DESCRIBE_TOPIC_PARTITIONS,
        _ => return None,
    })
}
