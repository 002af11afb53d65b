//! Running checks over a window.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use tidemill_engine::{Engine, EngineError, Scope, ScopedSession, TableBounds};
use tidemill_project::{Check, Project};
use tidemill_types::{CheckKind, CheckName, Micros, TableName, TimeRange};

use crate::query_checks::run_query_check;
use crate::row_checks::run_row_checks;
use crate::{CheckOutcome, CheckReport, CheckSelection, MonitorError};

/// Runs checks over the rows whose event time (of streams without one: known time) lies in `range`, as they were known at
/// `as_of`. Other tables that a query check reads are not bounded, but for views, whose streams are read over the range and the
/// view's lookback. The engine's catalog must be the project's.
pub async fn run_checks(
    engine: &Engine,
    project: &Project,
    selection: CheckSelection<'_>,
    range: TimeRange,
    as_of: Option<Micros>,
) -> Result<CheckReport, MonitorError> {
    let checks = selection.of(project)?;
    let mut by_table: IndexMap<&TableName, Vec<&Check>> = IndexMap::new();
    for check in &checks {
        by_table.entry(&check.on).or_default().push(check);
    }
    let mut outcomes: BTreeMap<CheckName, CheckOutcome> = BTreeMap::new();
    for (on, checks) in by_table {
        let session = session(engine, project, on, &checks, range, as_of).await?;
        let (row_checks, query_checks): (Vec<&Check>, Vec<&Check>) =
            checks.into_iter().partition(|check| check.kind == CheckKind::Row);
        let mut of_table = run_row_checks(&session, project, on, &row_checks).await?;
        for check in query_checks {
            of_table.push(run_query_check(&session, check).await?);
        }
        outcomes.extend(of_table.into_iter().map(|outcome| (outcome.check.clone(), outcome)));
    }
    Ok(CheckReport {
        window: range,
        as_of,
        outcomes: checks.iter().filter_map(|check| outcomes.remove(&check.name)).collect(),
    })
}

/// The session in which the table shows its rows of the range.
async fn session(
    engine: &Engine,
    project: &Project,
    on: &TableName,
    checks: &[&Check],
    range: TimeRange,
    as_of: Option<Micros>,
) -> Result<ScopedSession, MonitorError> {
    let view = project.views.values().find(|view| view.name.as_str() == on.as_str());
    let bounds = match (view, engine.catalog().stream(on.as_str())) {
        (Some(view), _) => {
            let mut bounds = engine.catalog().bounds(range, view.lookback.as_micros());
            let column = view.event_time.clone();
            bounds.insert(on.clone(), TableBounds { column, range });
            bounds
        }
        (None, Some(stream)) => {
            let column = stream.time_column();
            BTreeMap::from([(on.clone(), TableBounds { column, range })])
        }
        (None, None) => {
            let check = checks.first().map(|check| check.name.clone());
            return Err(match check {
                Some(check) => MonitorError::UnknownTable { check, on: on.clone() },
                None => MonitorError::Open(Box::new(EngineError::UnknownTable {
                    table: on.to_string(),
                    position: None,
                    suggestion: None,
                })),
            });
        }
    };
    let scope = Scope {
        bounds,
        known_before: as_of,
        ..Scope::default()
    };
    engine
        .scope(scope)
        .await
        .map_err(|error| MonitorError::Open(Box::new(error)))
}

/// A check that the engine could not answer, with its place.
pub(crate) fn refused(check: &Check, error: EngineError) -> MonitorError {
    // The places that the engine gives are in the statement around the check, but for query checks, which are whole statements.
    let line = match (check.kind, error.position()) {
        (CheckKind::Query, Some(position)) => position.line,
        _ => check.header_lines as u64 + 1,
    };
    MonitorError::Check {
        check: check.name.clone(),
        place: format!("{}:{line}", check.file.display()),
        source: Box::new(error),
    }
}
