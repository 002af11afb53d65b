//! Which checks to run.

use tidemill_project::{Check, Project};
use tidemill_types::CheckName;

use crate::MonitorError;

/// Checks of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckSelection<'a> {
    /// Every check.
    All,
    /// These, in the order of the project.
    Named(&'a [CheckName]),
}

impl CheckSelection<'_> {
    /// The checks, in the order of the project.
    pub(crate) fn of<'p>(&self, project: &'p Project) -> Result<Vec<&'p Check>, MonitorError> {
        match self {
            CheckSelection::All => Ok(project.checks.values().collect()),
            CheckSelection::Named(names) => {
                for name in *names {
                    if !project.checks.contains_key(name) {
                        return Err(MonitorError::UnknownCheck {
                            name: name.clone(),
                            known: project.checks.keys().map(ToString::to_string).collect(),
                        });
                    }
                }
                Ok(project
                    .checks
                    .values()
                    .filter(|check| names.contains(&check.name))
                    .collect())
            }
        }
    }
}
