//! Rows that stay out of training sets: those that break a check of severity `quarantine`.

use tidemill_project::Project;
use tidemill_types::{CheckKind, CheckName, Severity, TableName};

use crate::row_checks::holds;
use crate::{CheckSelection, MonitorError};

/// What the rows of a table must meet to be learnt from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineCondition {
    /// The check that says so.
    pub check: CheckName,
    /// The stream or view that it looks at.
    pub on: TableName,
    /// A boolean expression over its columns, never null: rows for which it is false stay out.
    pub expression: String,
}

/// The conditions of the row checks in the selection whose severity is `quarantine`.
pub fn quarantine_conditions(
    project: &Project,
    selection: CheckSelection<'_>,
) -> Result<Vec<QuarantineCondition>, MonitorError> {
    let checks = selection.of(project)?.into_iter();
    let quarantining = checks.filter(|check| check.kind == CheckKind::Row && check.severity == Severity::Quarantine);
    let conditions = quarantining.map(|check| QuarantineCondition {
        check: check.name.clone(),
        on: check.on.clone(),
        expression: holds(check),
    });
    Ok(conditions.collect())
}
