//! SQL files with headers: `sql/features`, `sql/checks`, `sql/evaluation`, `sql/monitors`, `sql/triggers`.
//!
//! A header is the run of `-- key: value` lines at the top of a file. The comment right below it, if there is one, describes
//! the statement to people. The statement keeps its place in the file, so that a line of an error is a line of the file.

mod check;
mod evaluation;
mod file;
mod header;
mod monitor;
mod statement;
mod trigger;
mod view;

pub use check::Check;
pub use evaluation::Evaluation;
pub use monitor::Monitor;
pub use trigger::{InvalidQuota, Quota, Trigger};
pub use view::FeatureView;

pub(crate) use file::{SQL_BYTES_MAX, SqlFile};
pub(crate) use header::Kind;
