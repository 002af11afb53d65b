//! The requests that the broker knows, with their versions.

use kafka_protocol::messages::ApiKey;

/// A request and its first and last version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Supported {
    pub key: ApiKey,
    pub min: i16,
    pub max: i16,
}

/// The first version of Produce that is taken. Those before are advertised, or older librdkafka takes the broker for one
/// without compression (KAFKA-18659), and answered with an error.
pub(crate) const PRODUCE_VERSION_MIN: i16 = 3;

const fn api(key: ApiKey, min: i16, max: i16) -> Supported {
    Supported { key, min, max }
}

/// In the order of their keys.
pub(crate) const SUPPORTED: &[Supported] = &[
    api(ApiKey::Produce, 0, 13),
    api(ApiKey::Fetch, 4, 17),
    api(ApiKey::ListOffsets, 1, 10),
    api(ApiKey::Metadata, 0, 13),
    api(ApiKey::OffsetCommit, 2, 9),
    api(ApiKey::OffsetFetch, 1, 9),
    api(ApiKey::FindCoordinator, 0, 5),
    api(ApiKey::JoinGroup, 0, 9),
    api(ApiKey::Heartbeat, 0, 4),
    api(ApiKey::LeaveGroup, 0, 5),
    api(ApiKey::SyncGroup, 0, 5),
    api(ApiKey::DescribeGroups, 0, 6),
    api(ApiKey::ListGroups, 0, 5),
    api(ApiKey::SaslHandshake, 0, 1),
    api(ApiKey::ApiVersions, 0, 4),
    api(ApiKey::CreateTopics, 2, 7),
    api(ApiKey::DeleteTopics, 1, 6),
    api(ApiKey::DeleteRecords, 0, 2),
    api(ApiKey::InitProducerId, 0, 5),
    api(ApiKey::OffsetForLeaderEpoch, 2, 4),
    api(ApiKey::DescribeConfigs, 1, 4),
    api(ApiKey::SaslAuthenticate, 0, 2),
    api(ApiKey::CreatePartitions, 0, 3),
    api(ApiKey::DeleteGroups, 0, 2),
    api(ApiKey::IncrementalAlterConfigs, 0, 1),
    api(ApiKey::DescribeCluster, 0, 2),
    api(ApiKey::DescribeTopicPartitions, 0, 0),
];

/// What is known of a request by its key on the wire.
pub(crate) fn supported(key: i16) -> Option<Supported> {
    SUPPORTED.iter().copied().find(|api| api.key as i16 == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codec_knows_all_that_is_advertised() {
        for api in SUPPORTED {
            let codec = api.key.valid_versions();
            let min = if api.key == ApiKey::Produce {
                PRODUCE_VERSION_MIN
            } else {
                api.min
            };
            assert!(codec.min <= min && api.max <= codec.max, "{:?}", api.key);
        }
        assert!(SUPPORTED.is_sorted_by_key(|api| api.key as i16));
        assert_eq!(supported(9_999), None);
    }
}
