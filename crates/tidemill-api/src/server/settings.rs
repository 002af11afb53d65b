//! Where a server listens, and its limits.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::Token;

/// Where a server listens, and its limits.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// The address. One that is not loopback needs a token. Port 0 is any free one.
    pub address: SocketAddr,
    /// What whoever asks must show; everyone may ask when absent.
    pub token: Option<Token>,
    /// Longest body of a request.
    pub request_bytes_max: usize,
    /// Most requests at a time; those above are answered with 429. Health and metrics are not counted.
    pub requests_in_flight_max: usize,
    /// Most connections at a time; those above wait to be accepted.
    pub connections_max: usize,
    /// Longest time that a connection may stay open without a request.
    pub idle_timeout: Duration,
    /// Longest time for an answer that only looks something up, or scores.
    pub request_timeout: Duration,
    /// Longest time for an answer that computes: queries, features, checks, training. Work that changes something goes on
    /// after it; whoever asked is told so.
    pub work_timeout: Duration,
    /// Longest time that a shutdown waits for requests in flight.
    pub shutdown_timeout: Duration,
}

impl Default for ServerSettings {
    fn default() -> ServerSettings {
        ServerSettings {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 8_080)),
            token: None,
            request_bytes_max: 16 * 1_024 * 1_024,
            requests_in_flight_max: 256,
            connections_max: 1_024,
            idle_timeout: Duration::from_mins(2),
            request_timeout: Duration::from_secs(30),
            work_timeout: Duration::from_mins(30),
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}
