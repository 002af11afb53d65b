//! From what the crates below say to what the API says.

use std::collections::BTreeMap;

use tidemill_api as api;
use tidemill_monitor::CheckReport;
use tidemill_project::Project;
use tidemill_registry as registry;
use tidemill_types::{Explain, Problem};

/// Any error of the house as a problem.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
pub fn problem<E: Explain>(error: E) -> Problem {
    error.problem()
}

/// A run's state.
pub fn run_status(status: registry::RunStatus) -> api::RunStatus {
    match status {
        registry::RunStatus::Running => api::RunStatus::Running,
        registry::RunStatus::Finished => api::RunStatus::Finished,
        registry::RunStatus::Failed => api::RunStatus::Failed,
        registry::RunStatus::Stopped => api::RunStatus::Stopped,
        registry::RunStatus::Killed => api::RunStatus::Killed,
    }
}

/// A report of checks.
pub fn check_report(project: &Project, report: CheckReport) -> api::CheckReport {
    let stops_training = report.stops_training();
    let outcomes: Vec<api::CheckOutcome> = report
        .outcomes
        .into_iter()
        .map(|outcome| api::CheckOutcome {
            kind: outcome.kind,
            on: outcome.on,
            severity: outcome.severity,
            file: project
                .checks
                .get(&outcome.check)
                .map(|check| check.file.display().to_string())
                .unwrap_or_default(),
            mostly: Some(outcome.mostly).filter(|mostly| *mostly < 1.0),
            share: outcome.broken_share,
            rows: outcome.rows,
            broken: outcome.broken,
            passed: outcome.passed,
            sample: outcome.sample,
            check: outcome.check,
        })
        .collect();
    let passed = outcomes.iter().all(|outcome| outcome.passed);
    api::CheckReport {
        window: report.window,
        passed,
        stops_training,
        outcomes,
    }
}

/// Who acts, when nobody says.
pub fn actor(given: Option<String>) -> String {
    given.unwrap_or_else(|| "api".to_owned())
}

/// The versions that deployments serve, by deployment.
pub fn serving(
    current: &[registry::Deployment],
    model: &tidemill_types::ModelName,
) -> BTreeMap<tidemill_types::DeploymentName, tidemill_types::VersionNumber> {
    let of_model = current.iter().filter(|deployment| deployment.model == *model);
    of_model
        .map(|deployment| (deployment.deployment.clone(), deployment.version))
        .collect()
}
