//! Kafka clients: settings, a consumer polled on its own thread, a producer, and the questions one asks a cluster.
//!
//! Invariants: every blocking call of librdkafka runs on a thread of its own or on the blocking pool, never on the
//! async runtime; every call that waits has a named limit; no offset is ever reset or committed behind the caller's
//! back; settings are never printed with their secrets.
//!
//! Absent on purpose: offsets that a group remembers (where to read from is said by whoever holds the fences), decoding,
//! and retries of what librdkafka already retries.

mod admin;
mod batch;
mod client;
mod consumer;
mod error;
#[cfg(test)]
mod mock_cluster;
mod murmur2;
mod producer;
mod record;
mod settings;
#[cfg(test)]
mod testing;

pub use admin::{Admin, Survey, TopicCreation, Watermarks};
pub use batch::{BatchBuilder, PolledBatch};
pub use consumer::{
    Assignment, ConsumerHandle, ConsumerLimits, Membership, PartitionStatus, Polled, PolledBatches, PolledConsumer,
};
pub use error::{KafkaError, KafkaFault};
pub use murmur2::{murmur2, partition_of};
pub use producer::{Compression, Delivered, Producer, ProducerLimits, ProducerRecord};
pub use record::{HeadersRef, Record, RecordRef};
pub use settings::ClientSettings;
