//! One partition's log on disk: batches as they came, in segment files, with an index and what recovery needs.
//!
//! Invariants: offsets are contiguous; what a reader sees is whole batches; the appender's lock is held for one append,
//! never while a client is written to. Absent on purpose: clients, requests, groups, the clock.

pub(crate) mod batch;
pub(crate) mod compression;
pub(crate) mod epochs;
pub(crate) mod index;
mod lz4;
mod open;
pub(crate) mod partition;
#[cfg(test)]
mod partition_tests;
pub(crate) mod producers;
mod read;
pub(crate) mod records;
pub(crate) mod retention;
pub(crate) mod scan;
mod segment;
mod sidecar;
mod state_file;
pub(crate) mod waiters;

pub(crate) use partition::{Appended, Partition, PartitionSettings};
pub(crate) use read::{Located, TimedOffset};
