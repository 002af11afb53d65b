//! The lake: one Delta table per landed stream, appended to with fences, read at any version.
//!
//! Owns: where tables live, the commit and its fences, what a commit's outcome means, checkpoints, time travel.
//! Invariants: rows and fences change in one Delta commit; a fence is compared on exactly the version that the commit
//! follows, since the log entry of the next version can be written once only; whatever happens, a commit is either in
//! the log once or not at all, and who asked is told which.
//! Maintenance is commits of its own, which move no fence.
//! Absent on purpose: Kafka, SQL, deletes.

mod background;
mod checkpoint;
mod commit;
mod commit_info;
mod durable;
mod encoding;
mod error;
mod files;
mod history;
mod lake;
mod location;
mod log;
mod maintenance;
mod outcome;
mod read;
mod schema;
mod shape;
mod snapshot;
mod table;

#[cfg(test)]
#[cfg(test)]
mod faulty;
#[cfg(test)]
mod tests;

pub use commit::{Append, Committed, FenceUpdate, Info, Say};
pub use commit_info::CommitRecord;
pub use error::LakeError;
pub use history::{FileSum, HistoryStep};
pub use lake::{Lake, TableSpec};
pub use location::LakeLocation;
pub use maintenance::{COMMITS_KEPT, MaintenanceRules, Optimized, Vacuumed};
pub use read::{Only, Within};
pub use snapshot::{LakeSnapshot, TableStats};
pub use table::LakeTable;
