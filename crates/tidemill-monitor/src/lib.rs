//! Checks: whether the rows of streams and views are what they must be, before anything is learnt from them. Monitors: how
//! far what comes in is from what a version was trained on, and how good its predictions were.
//!
//! Invariants: all row checks of a table run in one pass over its rows; a check that cannot be answered is an error, never
//! passed; a report names the rows that break a check, up to [`SAMPLE_ROWS_MAX`] each; a monitor reads what was known at its tick, and its
//! report is kept once.
//!
//! Absent on purpose: checks in ingest, and drift counted there; windows are computed by scan.

mod drift;
mod error;
mod monitor;
mod performance;
mod quarantine;
mod query_checks;
mod report;
mod row_checks;
mod run;
mod sample;
mod selection;
mod tables;
#[cfg(test)]
mod tests;
mod validate;

pub use drift::DriftRow;
pub use error::MonitorError;
pub use monitor::{Findings, MonitorOrder, MonitorReport, Reference, is_due, run_monitor, window_of};
pub use performance::PerformanceRow;
pub use quarantine::{QuarantineCondition, quarantine_conditions};
pub use report::{CheckOutcome, CheckReport};
pub use run::run_checks;
pub use sample::{SAMPLE_ROWS_MAX, SampleRow};
pub use selection::CheckSelection;
pub use tables::{MonitorTables, outcome_name};
pub use validate::validate;
