//! `[server]`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use tidemill_types::DurationText;

use super::forms::DurationForm;
use crate::secret::Secret;
use crate::size::ByteSize;

/// The HTTP server: inference, API, metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct ServerSettings {
    /// Where it listens. An address that others can reach needs a token.
    #[serde(deserialize_with = "address")]
    #[schemars(with = "String", example = &"127.0.0.1:8080")]
    pub address: SocketAddr,
    /// The bearer token that requests must show. Better given as TIDEMILL_SERVER__TOKEN or in `token_file` than here.
    pub token: Option<Secret>,
    /// A file that holds the token, relative to the project.
    pub token_file: Option<PathBuf>,
    /// The largest request.
    pub request_bytes: ByteSize,
    /// The most requests at a time; more are told to come back later.
    #[schemars(range(min = 1))]
    pub requests_in_flight: usize,
    /// The longest that a request may take.
    #[schemars(with = "DurationForm")]
    pub request_timeout: DurationText,
    /// How long requests in flight have to end at shutdown.
    #[schemars(with = "DurationForm")]
    pub shutdown_timeout: DurationText,
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    let invalid = |_| {
        D::Error::custom(format!(
            "`{text}` is not an address: write 127.0.0.1:8080 or [::1]:8080"
        ))
    };
    text.parse().map_err(invalid)
}

impl Default for ServerSettings {
    fn default() -> ServerSettings {
        ServerSettings {
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            token: None,
            token_file: None,
            request_bytes: ByteSize::mib(16),
            requests_in_flight: 256,
            request_timeout: DurationText::from_secs(60),
            shutdown_timeout: DurationText::from_secs(30),
        }
    }
}
