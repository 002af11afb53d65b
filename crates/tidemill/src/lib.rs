//! tidemill: one binary that closes the loop of continuous machine learning on Kafka streams, and the same as a library.
//!
//! [`Tidemill`] is a project opened inside your program: produce, query, train, deploy, score. Below it is [`House`], a
//! project with everything wired, of which whatever [`Operations`] names can be asked. The `tidemill` command is this library
//! behind a command line. `examples/embed` is a page that uses it; docs/embedding.md says more.

pub mod cli;
mod embed;
pub mod house;
mod lock;
mod render;
mod signal;

pub use arrow::array::RecordBatch;
pub use embed::Tidemill;
pub use house::{House, Parts};
pub use lock::{Holder, ProjectLock, Taken};
pub use tidemill_api::{Deployment, Operations, TrainOutcome, TrainStatus};
pub use tidemill_project::{Overrides, Project};
pub use tidemill_types::{ErrorCode, Explain, Micros, Problem, VersionNumber};
