//! What monitors measured, read from their tables.

use std::collections::BTreeMap;

use serde::Deserialize;
use tidemill_api::{
    DriftPoint, DriftRequest, DriftSeries, DriftStatus, Monitor, POINTS_ANSWERED_MAX, POINTS_LISTED, POINTS_LISTED_MAX,
    PerformancePoint, PerformanceRequest, PerformanceSeries,
};
use tidemill_engine::Parameter;
use tidemill_types::{
    ColumnName, DurationText, Micros, ModelName, MonitorKind, MonitorName, Problem, TimeRange, VersionNumber,
};

use super::House;
use super::features::unknown;
use super::rows::{Given, from, text_or_all, to};

const DRIFT: &str = include_str!("../../sql/drift_series.sql");
const PERFORMANCE: &str = include_str!("../../sql/performance_series.sql");
const LAST: &str = include_str!("../../sql/monitors_last.sql");
/// What stands in a table where no version served.
pub(super) const NO_VERSION: VersionNumber = VersionNumber(0);
/// What to ask instead of too much.
const NARROWER: &str = "ask for one monitor or column, for fewer points, or for a shorter time";

/// A row of the table `drift`.
#[derive(Debug, Deserialize)]
struct DriftRow {
    monitor: MonitorName,
    at: Micros,
    model: ModelName,
    #[serde(default)]
    reference_version: Option<VersionNumber>,
    window_from: Micros,
    window_to: Micros,
    column_name: ColumnName,
    measure: String,
    #[serde(default)]
    value: Option<f64>,
    status: DriftStatus,
    #[serde(default)]
    n_reference: u64,
    #[serde(default)]
    n_current: u64,
    /// Every other column.
    #[serde(flatten)]
    figures: BTreeMap<String, Option<f64>>,
}

/// A row of the table `performance`.
#[derive(Debug, Deserialize)]
struct PerformanceRow {
    monitor: MonitorName,
    at: Micros,
    model: ModelName,
    #[serde(default)]
    version: Option<VersionNumber>,
    #[serde(default)]
    segment: Option<String>,
    window_from: Micros,
    window_to: Micros,
    rows: u64,
    labelled: u64,
    #[serde(default)]
    maturity: Option<f64>,
    #[serde(default)]
    positives: u64,
    metric: String,
    #[serde(default)]
    value: Option<f64>,
    status: String,
}

#[derive(Debug, Deserialize)]
struct LastRow {
    monitor: MonitorName,
    at: Micros,
    status: String,
}

impl House {
    pub(super) async fn show_drift(&self, request: DriftRequest) -> Result<Vec<DriftSeries>, Problem> {
        self.known_monitor(request.monitor.as_ref())?;
        self.known_model(request.model.as_ref())?;
        let given = [
            text_or_all("monitor", request.monitor.as_ref()),
            text_or_all("model", request.model.as_ref()),
            text_or_all("column", request.column.as_ref()),
            from(request.from),
            to(request.to),
            points(request.points),
        ];
        let rows: Vec<DriftRow> = self.rows(DRIFT, given, POINTS_ANSWERED_MAX, NARROWER).await?;
        let mut series: Vec<DriftSeries> = Vec::new();
        for row in rows {
            let goes_on = series.last().is_some_and(|last| {
                last.monitor == row.monitor
                    && last.model == row.model
                    && last.column == row.column_name
                    && last.measure == row.measure
            });
            if !goes_on {
                let monitor = self.project.monitors.get(&row.monitor);
                let monitor = monitor.filter(|monitor| monitor.measure.as_str() == row.measure);
                series.push(DriftSeries {
                    monitor: row.monitor.clone(),
                    model: row.model.clone(),
                    column: row.column_name.clone(),
                    measure: row.measure.clone(),
                    warn: monitor.map(|monitor| monitor.warn),
                    drift: monitor.map(|monitor| monitor.drift),
                    points: Vec::new(),
                });
            }
            if let Some(last) = series.last_mut() {
                last.points.push(drift_point(row));
            }
        }
        Ok(series)
    }

    pub(super) async fn show_performance(
        &self,
        request: PerformanceRequest,
    ) -> Result<Vec<PerformanceSeries>, Problem> {
        self.known_monitor(request.monitor.as_ref())?;
        self.known_model(request.model.as_ref())?;
        let given = [
            text_or_all("monitor", request.monitor.as_ref()),
            text_or_all("model", request.model.as_ref()),
            text_or_all("metric", request.metric.as_ref()),
            text_or_all("segment", request.segment.as_ref()),
            from(request.from),
            to(request.to),
            points(request.points),
        ];
        let rows: Vec<PerformanceRow> = self.rows(PERFORMANCE, given, POINTS_ANSWERED_MAX, NARROWER).await?;
        let mut series: Vec<PerformanceSeries> = Vec::new();
        for row in rows {
            let goes_on = series.last().is_some_and(|last| {
                last.monitor == row.monitor
                    && last.model == row.model
                    && last.segment == row.segment
                    && last.metric == row.metric
            });
            if !goes_on {
                series.push(PerformanceSeries {
                    monitor: row.monitor.clone(),
                    model: row.model.clone(),
                    segment: row.segment.clone(),
                    metric: row.metric.clone(),
                    points: Vec::new(),
                });
            }
            if let Some(last) = series.last_mut() {
                last.points.push(performance_point(row));
            }
        }
        Ok(series)
    }

    pub(super) async fn list_monitors(&self) -> Result<Vec<Monitor>, Problem> {
        let count = self.project.monitors.len();
        let (last, _) = self.first_rows::<LastRow>(LAST, [], POINTS_ANSWERED_MAX).await?;
        let mut monitors = Vec::with_capacity(count);
        for monitor in self.project.monitors.values() {
            let is_drift = monitor.kind == MonitorKind::Drift;
            let last = last.iter().find(|row| row.monitor == monitor.name);
            monitors.push(Monitor {
                name: monitor.name.clone(),
                kind: monitor.kind,
                model: monitor.model.clone(),
                description: monitor.description.clone(),
                every: monitor.every,
                window: monitor.window,
                delay: self.delay_of(monitor),
                measure: is_drift.then(|| monitor.measure.to_string()),
                warn: is_drift.then_some(monitor.warn),
                drift: is_drift.then_some(monitor.drift),
                rows_min: monitor.min_rows,
                file: monitor.file.display().to_string(),
                last_at: last.map(|row| row.at),
                last_status: last.map(|row| row.status.clone()),
            });
        }
        monitors.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(monitors)
    }

    /// How long before the tick a monitor's window ends.
    fn delay_of(&self, monitor: &tidemill_project::Monitor) -> DurationText {
        let of_labels = || match monitor.kind {
            MonitorKind::Drift => None,
            MonitorKind::Performance => self.project.models.get(&monitor.model).map(|model| model.gap),
        };
        let delay = monitor.delay.or_else(of_labels);
        delay.unwrap_or(DurationText::from_millis(0))
    }

    /// A monitor that the project has, or had: its figures stay when its file goes.
    pub(super) fn known_monitor(&self, monitor: Option<&MonitorName>) -> Result<(), Problem> {
        match monitor {
            Some(name) if !self.project.monitors.contains_key(name) => {
                Err(unknown("monitor", name.as_str(), self.project.monitors.keys()))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn known_model(&self, model: Option<&ModelName>) -> Result<(), Problem> {
        match model {
            Some(name) if !self.project.models.contains_key(name) => {
                Err(unknown("model", name.as_str(), self.project.models.keys()))
            }
            _ => Ok(()),
        }
    }
}

fn points(asked: Option<u32>) -> Given {
    let points = asked.unwrap_or(POINTS_LISTED).min(POINTS_LISTED_MAX);
    ("points", Parameter::Integer(i64::from(points)))
}

fn drift_point(row: DriftRow) -> DriftPoint {
    let figures = row.figures.into_iter().filter_map(|(name, value)| Some((name, value?)));
    DriftPoint {
        at: row.at,
        window: TimeRange::new(row.window_from, row.window_to),
        reference_version: row.reference_version,
        value: row.value,
        status: row.status,
        reference_rows: row.n_reference,
        rows: row.n_current,
        figures: figures.collect(),
    }
}

fn performance_point(row: PerformanceRow) -> PerformancePoint {
    PerformancePoint {
        at: row.at,
        window: TimeRange::new(row.window_from, row.window_to),
        version: row.version.filter(|version| *version != NO_VERSION),
        value: row.value,
        status: row.status,
        rows: row.rows,
        labelled: row.labelled,
        maturity: row.maturity,
        positives: row.positives,
    }
}
