//! The in-process broker: a single-node Kafka log on local disk, for development and small production on one machine.
//!
//! It owns its folder (topics, segments, committed offsets), the Kafka protocol in front of it, TLS and SASL before that, and
//! consumer groups.
//! Invariants: what was acknowledged is in the file before the answer leaves; batches are stored as they came; retention
//! never removes what a holding group has not committed; every request, connection and response is bounded by a setting; other
//! machines reach it only where it demands a password or a certificate.
//! Absent on purpose: replication, transactions, access control lists, compaction.

mod api;
mod broker;
mod error;
mod files;
mod groups;
mod home;
mod log;
mod net;
mod node;
#[cfg(test)]
mod power_cut;
mod security;
mod settings;
mod topic_config;
mod topics;

pub use broker::{Broker, PartitionDescription, TopicDescription};
pub use error::BrokerError;
pub use security::{BrokerSecurity, Password, SaslMechanism, SaslSettings, TlsSettings};
pub use settings::{BrokerLimits, BrokerSettings, Fsync};
