//! What can go wrong around a broker. Faults of single requests are answered to the client in the protocol's own codes.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use kafka_protocol::ResponseError;
use tidemill_types::{ErrorCode, Explain};

/// Why a broker did not start, stop or do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// A file or folder of the log could not be read or written.
    #[error("failed to {doing} `{}`", path.display())]
    Io {
        /// What was tried, as a verb: `open`, `write`.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Another broker runs on the same folder.
    #[error("another broker holds `{}`", dir.display())]
    Locked {
        /// The folder.
        dir: PathBuf,
    },
    /// The address could not be bound.
    #[error("failed to listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Others could reach it, and it would not ask them who they are.
    #[error("{listen} can be reached from other machines, and the broker asks nobody for a password or a certificate")]
    OpenToOthers {
        /// The address.
        listen: IpAddr,
    },
    /// A file of TLS is not what it must be.
    #[error("`{}` does not serve for TLS: {reason}", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The operating system gives no random numbers.
    #[error("the system gives no random numbers, which authentication needs")]
    NoRandomness,
    /// A file that the broker wrote does not say what it must.
    #[error("`{}` is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A setting that no broker could run with.
    #[error("broker setting: {what}")]
    Settings {
        /// What is wrong.
        what: String,
    },
    /// A topic could not be made.
    #[error("failed to create topic `{topic}`: {reason}")]
    CreateTopic {
        /// Its name.
        topic: String,
        /// Why, in words.
        reason: String,
        /// Why, as the protocol says it.
        #[source]
        source: ResponseError,
    },
    /// Work on a blocking thread was cut off, which happens only when the runtime ends.
    #[error("the runtime ended while the broker was at work")]
    RuntimeEnded,
}

impl BrokerError {
    /// For `map_err` on file operations.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BrokerError + use<> {
        let path = path.to_owned();
        move |source| BrokerError::Io { doing, path, source }
    }
}

impl Explain for BrokerError {
    fn code(&self) -> ErrorCode {
        match self {
            BrokerError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => ErrorCode::LimitReached,
            BrokerError::Io { .. } | BrokerError::RuntimeEnded | BrokerError::NoRandomness => ErrorCode::Unavailable,
            BrokerError::Locked { .. } | BrokerError::Listen { .. } => ErrorCode::Conflict,
            BrokerError::Damaged { .. } => ErrorCode::Corrupt,
            BrokerError::OpenToOthers { .. } => ErrorCode::Refused,
            BrokerError::Settings { .. } | BrokerError::Tls { .. } => ErrorCode::InvalidInput,
            BrokerError::CreateTopic { source, .. } => match source {
                ResponseError::TopicAlreadyExists => ErrorCode::Conflict,
                ResponseError::KafkaStorageError => ErrorCode::Unavailable,
                ResponseError::PolicyViolation => ErrorCode::LimitReached,
                _ => ErrorCode::InvalidInput,
            },
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            BrokerError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "free some disk space, or give the broker a shorter retention"
            }
            BrokerError::Locked { .. } => "stop the other broker, or give this one a folder of its own",
            BrokerError::Listen { .. } => {
                "clients know the broker by this address: stop what uses the port, or set another one for the broker"
            }
            BrokerError::OpenToOthers { .. } => {
                "set kafka.security.protocol to `sasl_ssl` (or to `sasl_plaintext`, or to `ssl` with broker.client_ca) with what \
                 belongs to it, or listen on 127.0.0.1"
            }
            BrokerError::Tls { .. } => {
                "it must be PEM, certificates first the broker's own, a key without a password: \
                 `openssl pkey -in KEY -out NEW` takes one off"
            }
            BrokerError::Damaged { .. } => "restore the file from a backup, or start with a new folder",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
