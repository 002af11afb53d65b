//! Checks: whether the rows of streams and views are what they must be, before anything is learnt from them.
//!
//! Invariants: all row checks of a table run in one pass over its rows; a check that cannot be answered is an error, never
//! passed; a report names the rows that break a check, up to [`SAMPLE_ROWS_MAX`] each.
//!
//! Absent on purpose: checks in ingest, drift, performance.

mod error;
mod quarantine;
mod query_checks;
mod report;
mod row_checks;
mod run;
mod sample;
mod selection;
#[cfg(test)]
mod tests;
mod validate;

pub use error::MonitorError;
pub use quarantine::{QuarantineCondition, quarantine_conditions};
pub use report::{CheckOutcome, CheckReport};
pub use run::run_checks;
pub use sample::{SAMPLE_ROWS_MAX, SampleRow};
pub use selection::CheckSelection;
pub use validate::validate;
