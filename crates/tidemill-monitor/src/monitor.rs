//! Running a monitor at a tick: the rows of its window as they were known then, and what they say.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{SortColumn, lexsort_to_indices, take_record_batch};
use arrow::error::ArrowError;
use tidemill_engine::{Engine, EngineError, Parameter, Scope};
use tidemill_project::{ModelSpec, Monitor, Project};
use tidemill_stats::drift::ReferenceSet;
use tidemill_types::{DurationText, Micros, MonitorKind, MonitorName, TimeRange, VersionNumber};

use crate::MonitorError;
use crate::drift::{DriftRow, measure_drift};
use crate::performance::{PerformanceRow, measure_performance};

/// The version that serves, and what it was trained on.
#[derive(Debug, Clone)]
pub struct Reference {
    /// The version.
    pub version: VersionNumber,
    /// Profiles of its training set's columns, and of its scores.
    pub columns: ReferenceSet,
}

/// A monitor that is to run.
#[derive(Debug, Clone, Copy)]
pub struct MonitorOrder<'a> {
    /// The monitor.
    pub monitor: &'a Monitor,
    /// The tick: what was known then is read.
    pub at: Micros,
    /// What drift is measured against; without one a drift monitor says nothing.
    pub reference: Option<&'a Reference>,
    /// The version that serves, for performance.
    pub version: Option<VersionNumber>,
}

/// What a monitor found.
#[derive(Debug, Clone, PartialEq)]
pub struct MonitorReport {
    /// The monitor.
    pub monitor: MonitorName,
    /// The tick.
    pub at: Micros,
    /// The event times of the rows.
    pub window: TimeRange,
    /// Rows that were looked at.
    pub rows: u64,
    /// What it found.
    pub findings: Findings,
}

/// The rows that a report adds to its table.
#[derive(Debug, Clone, PartialEq)]
pub enum Findings {
    /// A row for each column.
    Drift(Vec<DriftRow>),
    /// A row for each figure and segment.
    Performance(Vec<PerformanceRow>),
}

impl MonitorReport {
    /// The worst status of a drift report; none of others, or where nothing was measured.
    pub fn worst(&self) -> Option<tidemill_stats::drift::Outcome> {
        match &self.findings {
            Findings::Drift(rows) => rows.iter().map(|row| row.outcome).max(),
            Findings::Performance(_) => None,
        }
    }
}

/// Whether a monitor is due at a tick.
pub fn is_due(monitor: &Monitor, at: Micros) -> bool {
    at.0.rem_euclid(monitor.every.as_micros().max(1)) == 0
}

/// The event times that a monitor looks at.
pub fn window_of(monitor: &Monitor, model: &ModelSpec, at: Micros) -> (Micros, Micros) {
    let delay = monitor.delay.unwrap_or(match monitor.kind {
        MonitorKind::Drift => DurationText::from_millis(0),
        MonitorKind::Performance => model.gap,
    });
    let to = at.plus(-delay.as_micros());
    (to.plus(-monitor.window.as_micros()), to)
}

/// Runs a monitor. Errors when its SQL cannot be answered or gives no column that can be measured.
pub async fn run_monitor(
    engine: &Engine,
    project: &Project,
    order: MonitorOrder<'_>,
) -> Result<MonitorReport, MonitorError> {
    let monitor = order.monitor;
    let model = project
        .models
        .get(&monitor.model)
        .ok_or_else(|| MonitorError::UnknownModel {
            monitor: monitor.name.clone(),
            model: monitor.model.clone(),
        })?;
    let (from, to) = window_of(monitor, model, order.at);
    let scope = Scope {
        known_before: Some(order.at),
        parameters: [
            ("from".to_owned(), Parameter::Time(from)),
            ("to".to_owned(), Parameter::Time(to)),
            ("now".to_owned(), Parameter::Time(order.at)),
            (
                "version".to_owned(),
                Parameter::Integer(order.version.map_or(0, |version| i64::from(version.0))),
            ),
        ]
        .into(),
        ..Scope::default()
    };
    let refused = |error| refused(monitor, error);
    let session = engine.scope(scope).await.map_err(refused)?;
    let rows = session.query(&monitor.sql).await.map_err(refused)?;
    let batch = in_one_order(&rows.concat().map_err(refused)?).map_err(|source| MonitorError::Order {
        monitor: monitor.name.clone(),
        source,
    })?;
    let count = batch.num_rows() as u64;
    let findings = on_a_blocking_thread(
        monitor.clone(),
        model.clone(),
        order.reference.cloned(),
        order.version,
        batch,
    )
    .await?;
    Ok(MonitorReport {
        monitor: monitor.name.clone(),
        at: order.at,
        window: TimeRange::new(from, to),
        rows: count,
        findings,
    })
}

/// The rows in an order of their own, by all columns. They come in the order in which parts of the query are ready, and the last digits
/// of a mean depend on it: the same rows must give the same report, in every run and process.
fn in_one_order(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().filter(|column| !column.data_type().is_nested());
    let columns: Vec<SortColumn> = columns
        .map(|column| SortColumn {
            values: Arc::clone(column),
            options: None,
        })
        .collect();
    if columns.is_empty() {
        return Ok(batch.clone());
    }
    let order = lexsort_to_indices(&columns, None)?;
    take_record_batch(batch, &order)
}

async fn on_a_blocking_thread(
    monitor: Monitor,
    model: ModelSpec,
    reference: Option<Reference>,
    version: Option<VersionNumber>,
    batch: RecordBatch,
) -> Result<Findings, MonitorError> {
    let name = monitor.name.clone();
    let work = move || match monitor.kind {
        MonitorKind::Drift => match &reference {
            None => Ok(Findings::Drift(Vec::new())),
            Some(reference) => measure_drift(&monitor, reference, &batch).map(Findings::Drift),
        },
        MonitorKind::Performance => measure_performance(&monitor, &model, version, &batch).map(Findings::Performance),
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(found) => found,
        Err(source) => Err(MonitorError::BrokeOff { monitor: name, source }),
    }
}

/// A monitor that the engine could not answer, with its place.
pub(crate) fn refused(monitor: &Monitor, error: EngineError) -> MonitorError {
    let line = error
        .position()
        .map_or(monitor.header_lines as u64 + 1, |position| position.line);
    MonitorError::Monitor {
        monitor: monitor.name.clone(),
        place: format!("{}:{line}", monitor.file.display()),
        source: Box::new(error),
    }
}

/// A column that is there and has the wrong type, or is not there.
pub(crate) fn wrong_column(monitor: &Monitor, column: &str, fault: impl Into<String>) -> MonitorError {
    MonitorError::MonitorColumn {
        monitor: monitor.name.clone(),
        place: monitor.file.display().to_string(),
        column: column.to_owned(),
        fault: fault.into(),
    }
}
