//! Kafka to lake, exactly once: every record of a stream becomes a row of its table or a dead letter, never both, never twice.
//!
//! Owns: the offset plan and its fences, decoding to Arrow, dead letters, the late flag and the watermark, flushing.
//! Invariants: rows and offsets land in one commit; a stream that cannot go on stops with a reason and stops alone; memory is
//! bounded by settings whatever the lag; offsets of the consumer group are written for displays and never read.
//! Absent on purpose: consumer group membership and maintenance of tables, which come later.

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
pub use ingest::{Ingest, IngestHandle, IngestWiring, group_name};
pub use limits::IngestLimits;
pub use schema_registry::{SchemaRegistry, SchemaRegistryError};
pub use stage::{
    BatchStage, HeldState, LandedCommit, Masks, STAGE_STATE_BYTES_MAX, STAGES_MAX, StageFault, StagedBatch,
};
pub use status::{PartitionProgress, StreamState, StreamStatus};
pub use tables::dead_letters_table;
