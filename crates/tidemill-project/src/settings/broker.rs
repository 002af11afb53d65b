//! `[broker]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_types::DurationText;

use super::forms::DurationForm;
use crate::size::ByteSize;

/// The broker in the process: one node, its log on local disk, bound to loopback.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct BrokerSettings {
    /// The port. Without this setting the broker takes 9092 or the next free one at its first start and keeps it; 0 takes any
    /// free port at the first start.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// When written records are forced to the disk. Records that were acknowledged survive the end of the process in any case;
    /// a power cut can take what was not yet forced.
    pub fsync: Fsync,
    /// How often they are forced with `fsync = "interval"`.
    #[schemars(with = "DurationForm")]
    pub fsync_interval: DurationText,
    /// The size at which a segment file is closed and the next begun.
    pub segment_bytes: ByteSize,
    /// The size of a Kafka partition beyond which its oldest segments go; without it, size removes nothing. What a pipeline has
    /// not committed stays.
    pub retention_bytes: Option<ByteSize>,
    /// The age beyond which segments go; without it, age removes nothing. What a pipeline has not committed stays.
    #[schemars(with = "Option<DurationForm>")]
    pub retention: Option<DurationText>,
    /// Whether a topic is made when it is first named.
    pub auto_create_topics: bool,
    /// The most connections at a time.
    #[schemars(range(min = 1))]
    pub connections_max: u32,
    /// The largest request.
    pub request_bytes: ByteSize,
}

impl Default for BrokerSettings {
    fn default() -> BrokerSettings {
        BrokerSettings {
            port: 9092,
            fsync: Fsync::Interval,
            fsync_interval: DurationText::from_secs(1),
            segment_bytes: ByteSize::mib(128),
            retention_bytes: None,
            retention: None,
            auto_create_topics: true,
            connections_max: 256,
            request_bytes: ByteSize::mib(100),
        }
    }
}

/// When written records are forced to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Fsync {
    /// Before they are acknowledged.
    Always,
    /// Every `fsync_interval`.
    Interval,
    /// When the operating system likes.
    Never,
}
