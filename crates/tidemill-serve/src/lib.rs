//! Online inference: slots that hold what serves, the checks of a request's columns, the scores, and their records.
//!
//! Invariants:
//! - A request reads one slot once: it is answered by one version as a whole, whatever is swapped meanwhile.
//! - The hot path takes no lock and asks no database; an install never makes a request wait.
//! - Nothing is installed whose golden rows do not come out as when it was trained; what served before goes on serving.
//!
//! Absent on purpose: HTTP (the api has it), the registry (what shall serve comes as bytes), what is done about a score (its decision is
//! recorded and no more).

mod deployed;
mod error;
mod input;
mod limits;
mod observer;
pub mod predictions;
pub mod protocol;
mod slots;
mod stopwatch;

pub use deployed::{Candidate, Deployed};
pub use error::{InputError, InstallError, ServeError};
pub use limits::{ROWS_PER_REQUEST_MAX, TENSORS_PER_REQUEST_MAX, VALUES_INLINE_MAX};
pub use observer::{InferenceEvent, InferenceObserver, NoObserver};
pub use slots::Slots;
pub use stopwatch::{Spent, Stopwatch};

#[cfg(test)]
pub(crate) mod tests;
