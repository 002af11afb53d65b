//! tidemill: one binary that closes the loop of continuous machine learning on Kafka streams, and the same as a library.
//!
//! [`House`] is a project with everything wired: open one, and ask of it whatever [`Operations`] names. The `tidemill`
//! command is this library behind a command line.

pub mod cli;
pub mod house;
mod lock;
mod render;
mod signal;

pub use house::{House, Parts};
pub use lock::{Holder, ProjectLock, Taken};
pub use tidemill_api::Operations;
pub use tidemill_project::{Overrides, Project};
