//! How checks came out.

use serde::Serialize;
use tidemill_project::Check;
use tidemill_types::{CheckKind, CheckName, Micros, Severity, TableName, TimeRange};

use crate::SampleRow;

/// How the checks of a selection came out over a window.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckReport {
    /// The event times of the rows that were checked.
    pub window: TimeRange,
    /// Only what was known at this time was checked; absent, all that landed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Micros>,
    /// One for each check, in the order of the project.
    pub outcomes: Vec<CheckOutcome>,
}

/// How one check came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckOutcome {
    /// The check.
    pub check: CheckName,
    /// How it is written.
    pub kind: CheckKind,
    /// The stream or view that it looks at.
    pub on: TableName,
    /// What it does when it does not pass.
    pub severity: Severity,
    /// What it is, in the words of its file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Rows of the stream or view in the window.
    pub rows: u64,
    /// Rows that break it: of a row check those for which it is not true, of a query check those that it returns.
    pub broken: u64,
    /// `broken ÷ rows`, at most 1; 0 where there are no rows.
    pub broken_share: f64,
    /// The share of rows that must hold.
    pub mostly: f64,
    /// Whether at least that share holds.
    pub passed: bool,
    /// Some of the rows that break it.
    pub sample: Vec<SampleRow>,
}

impl CheckOutcome {
    pub(crate) fn of(check: &Check, rows: u64, broken: u64, sample: Vec<SampleRow>) -> CheckOutcome {
        let mostly = check.mostly.unwrap_or(1.0);
        // A query may return rows of its own making, more than the table has. The share that holds is divided out by itself:
        // 1 − 0.1 would fall short of a `mostly` of 0.9.
        let (broken_share, holding_share) = match (rows, broken) {
            (_, 0) => (0.0, 1.0),
            (rows, broken) if rows <= broken => (1.0, 0.0),
            (rows, broken) => (broken as f64 / rows as f64, (rows - broken) as f64 / rows as f64),
        };
        CheckOutcome {
            check: check.name.clone(),
            kind: check.kind,
            on: check.on.clone(),
            severity: check.severity,
            description: check.description.clone(),
            rows,
            broken,
            broken_share,
            mostly,
            passed: holding_share >= mostly,
            sample,
        }
    }
}

impl CheckReport {
    /// Whether every check passed.
    pub fn passed(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.passed)
    }

    /// Whether a check that stops training did not pass.
    pub fn stops_training(&self) -> bool {
        self.stoppers().next().is_some()
    }

    /// The checks that did not pass and stop training.
    pub fn stoppers(&self) -> impl Iterator<Item = &CheckOutcome> {
        let failed = self.outcomes.iter().filter(|outcome| !outcome.passed);
        failed.filter(|outcome| outcome.severity == Severity::Fail)
    }
}
