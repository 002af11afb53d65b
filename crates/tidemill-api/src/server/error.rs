//! Why a server does not start or stop.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tidemill_types::{ErrorCode, Explain};

/// Why a server does not start or stop as asked.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Others could reach it and nobody would ask who they are.
    #[error("{address} can be reached from other machines, and no token is set")]
    OpenToOthers {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("failed to listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Accepting connections broke off.
    #[error("the server on {address} broke off")]
    BrokeOff {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Requests did not end in time.
    #[error("requests were still running {timeout:?} after the shutdown began; they were cut off")]
    CutOff {
        /// The time that they had.
        timeout: Duration,
    },
}

impl Explain for ServerError {
    fn code(&self) -> ErrorCode {
        match self {
            ServerError::OpenToOthers { .. } => ErrorCode::Refused,
            ServerError::Bind { source, .. } if source.kind() == io::ErrorKind::AddrInUse => ErrorCode::Conflict,
            ServerError::Bind { .. } | ServerError::BrokeOff { .. } => ErrorCode::Unavailable,
            ServerError::CutOff { .. } => ErrorCode::TimedOut,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            ServerError::OpenToOthers { .. } => Some(
                "set TIDEMILL_SERVER__TOKEN (or server.token_file), or listen on 127.0.0.1 behind a proxy of your own"
                    .to_owned(),
            ),
            ServerError::Bind { address, source } if source.kind() == io::ErrorKind::AddrInUse => Some(format!(
                "something else listens on port {}; set server.address to another one",
                address.port()
            )),
            _ => None,
        }
    }
}
