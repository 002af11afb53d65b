//! `[broker]`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use tidemill_types::DurationText;

use super::forms::{DurationForm, SecretForm};
use crate::secret::SecretSource;
use crate::size::ByteSize;

/// The broker in the process: one node, its log on local disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct BrokerSettings {
    /// The port. Without this setting the broker takes 9092 or the next free one at its first start and keeps it; 0 takes any
    /// free port at the first start.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// The address to listen on. One that others can reach needs `kafka.security.protocol` to be `sasl_ssl`, `sasl_plaintext`, or `ssl` with `client_ca`.
    #[serde(deserialize_with = "listen")]
    #[schemars(with = "String", example = &"127.0.0.1")]
    pub listen: IpAddr,
    /// What clients are told to connect to: a name of this machine that they know, and that the certificate bears. Without it
    /// each is told the address by which it came.
    pub advertised_host: Option<String>,
    /// The file of the broker's certificate (PEM), with those between it and the authority, for a `kafka.security.protocol` with
    /// TLS. It must name the host by which clients come.
    pub certificate: Option<PathBuf>,
    /// The file of its private key (PEM), without a password.
    pub key: Option<PathBuf>,
    /// The file of the authorities (PEM) that clients' certificates must come from. Without it clients are asked for none.
    pub client_ca: Option<PathBuf>,
    /// Users beside `kafka.security.username`, each with its password: a text, `{ env = "NAME" }` or `{ file = "path" }`.
    #[schemars(with = "BTreeMap<String, SecretForm>")]
    pub users: BTreeMap<String, SecretSource>,
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

fn listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IpAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    let invalid = |_| D::Error::custom(format!("`{text}` is not an address: write 127.0.0.1, 0.0.0.0 or ::1"));
    text.parse().map_err(invalid)
}

impl Default for BrokerSettings {
    fn default() -> BrokerSettings {
        BrokerSettings {
            port: 9092,
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            advertised_host: None,
            certificate: None,
            key: None,
            client_ca: None,
            users: BTreeMap::new(),
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
