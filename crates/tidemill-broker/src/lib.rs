//! The in-process broker: a single-node Kafka log on local disk, for development and small production on one machine.
//!
//! It owns its folder (topics, segments, committed offsets), the Kafka protocol in front of it, and consumer groups.
//! Invariants: what was acknowledged is in the file before the answer leaves; batches are stored as they came; retention
//! never removes what a holding group has not committed; every request, connection and response is bounded by a setting.
//! Absent on purpose: replication, transactions, authentication, TLS, compaction.

mod api;
mod broker;
mod error;
mod files;
mod groups;
mod home;
mod log;
mod net;
mod node;
mod settings;
mod topic_config;
mod topics;

pub use broker::{Broker, PartitionDescription, TopicDescription};
pub use error::BrokerError;
pub use settings::{BrokerLimits, BrokerSettings, Fsync};
