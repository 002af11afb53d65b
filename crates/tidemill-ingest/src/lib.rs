//! Kafka to lake, exactly once: every record of a stream becomes a row of its table or a dead letter, never both, never twice.
//!
//! Owns: the offset plan and its fences, decoding to Arrow, dead letters, the late flag and the watermark, flushing.
//! Invariants: rows and offsets land in one commit; a stream that cannot go on stops with a reason and stops alone; memory is
//! bounded by settings whatever the lag; offsets of consumer groups are written for displays and never read. Who reads a
//! partition may be said by a consumer group; where it is read from is said by its table alone.
//! Absent on purpose: maintenance of tables, which is the lake's.

mod audit;
mod budget;
mod buffer;
mod commit_state;
mod context;
mod dead_letters;
mod dead_share;
mod decode;
mod error;
mod fences;
mod flush;
mod ingest;
mod intake;
mod landing;
mod last_record;
mod late;
mod limits;
#[doc(hidden)]
pub mod measure;
mod opening;
mod schema_registry;
mod session;
mod stage;
mod status;
mod stream;
mod tables;
mod waiters;
mod watermark;

#[cfg(test)]
mod tests;

pub use audit::{AuditOrder, audit};
pub use error::IngestError;
pub use ingest::{Ingest, IngestHandle, IngestWiring, Sharing, group_name};
pub use limits::IngestLimits;
pub use schema_registry::{SchemaRegistry, SchemaRegistryError};
pub use stage::{
    BatchStage, HeldState, LandedCommit, Masks, STAGE_STATE_BYTES_MAX, STAGES_MAX, StageFault, StagedBatch,
};
pub use status::{PartitionProgress, StreamState, StreamStatus};
pub use tables::dead_letters_table;
