//! A monitor run as of a time, to look at what it says.

use std::collections::BTreeMap;

use tidemill_api::{
    DriftPoint, DriftSeries, DriftStatus, MonitorRun, MonitorRunRequest, PerformancePoint, PerformanceSeries,
};
use tidemill_monitor::{DriftRow, Findings, MonitorOrder, MonitorReport, PerformanceRow, Reference, run_monitor};
use tidemill_project::Monitor;
use tidemill_stats::drift::Outcome;
use tidemill_types::{ColumnName, ErrorCode, Micros, ModelName, MonitorName, Problem, VersionNumber};

use super::House;
use super::convert::problem;
use super::features::unknown;
use super::monitoring::NO_VERSION;

impl House {
    /// Runs a monitor as of a time and keeps nothing: what it would have said then.
    pub(super) async fn look_at_monitor(
        &self,
        name: &MonitorName,
        request: MonitorRunRequest,
    ) -> Result<MonitorRun, Problem> {
        let known = self.project.monitors.get(name);
        let monitor = known.ok_or_else(|| unknown("monitor", name.as_str(), self.project.monitors.keys()))?;
        let at = match request.at {
            Some(at) => at,
            None => self.newest_tick(&monitor.model).await?,
        };
        let version = self.serving_version(&monitor.model).await?;
        let reference = match version {
            Some(version) => self
                .trainer
                .reference_of(&monitor.model, version)
                .await
                .map_err(problem)?,
            None => None,
        };
        let reference = version
            .zip(reference)
            .map(|(version, columns)| Reference { version, columns });
        if monitor.kind == tidemill_types::MonitorKind::Drift && reference.is_none() {
            return Err(no_reference(monitor, version));
        }
        let order = MonitorOrder {
            monitor,
            at,
            reference: reference.as_ref(),
            version,
        };
        let report = run_monitor(&self.engine, &self.project, order).await.map_err(problem)?;
        shown(monitor, reference.map(|reference| reference.version), &report)
    }

    /// The version of a model that serves, in the deployment of its own name before others.
    pub(super) async fn serving_version(&self, model: &ModelName) -> Result<Option<VersionNumber>, Problem> {
        let current = self.registry.current_deployments().await.map_err(problem)?;
        let of_model = || current.iter().filter(|deployment| deployment.model == *model);
        let own = of_model().find(|deployment| deployment.deployment.as_str() == model.as_str());
        Ok(own.or_else(|| of_model().next()).map(|deployment| deployment.version))
    }

    /// The last tick that is finished; where the clock has not ticked, the last up to which all that the model reads and
    /// learns from has landed.
    async fn newest_tick(&self, model: &ModelName) -> Result<Micros, Problem> {
        if let Some(tick) = self.last_tick().await? {
            return Ok(tick);
        }
        let spec = self.project.models.get(model);
        let spec = spec.ok_or_else(|| unknown("model", model.as_str(), self.project.models.keys()))?;
        let mut landed: Option<Micros> = None;
        for stream in [&spec.stream, &spec.label.stream] {
            let statement = NEWEST_KNOWN.replace("{stream}", stream.as_str());
            let (rows, _) = self.first_rows::<KnownRow>(&statement, [], 1).await?;
            let known = rows.into_iter().next().and_then(|row| row.known).ok_or_else(|| {
                Problem::new(
                    ErrorCode::NotReady,
                    format!("nothing of `{stream}` has landed yet: there is no time to look at"),
                )
                .with_hint("`tidemill simulate`, or send records to its topic")
            })?;
            landed = Some(landed.map_or(known, |landed| landed.min(known)));
        }
        let tick = self.project.settings.clock.tick.as_micros().max(1);
        let landed = landed.unwrap_or_default();
        Ok(landed.plus(-landed.0.rem_euclid(tick)))
    }
}

/// When the newest record of a stream was known.
const NEWEST_KNOWN: &str = include_str!("../../sql/newest_known.sql");

#[derive(Debug, serde::Deserialize)]
struct KnownRow {
    #[serde(default)]
    known: Option<Micros>,
}

fn no_reference(monitor: &Monitor, version: Option<VersionNumber>) -> Problem {
    let model = &monitor.model;
    match version {
        None => Problem::new(
            ErrorCode::NotReady,
            format!("no version of `{model}` serves: there is nothing to measure drift against"),
        )
        .with_hint(format!("tidemill train {model}, then tidemill deploy {model} 1")),
        Some(version) => Problem::new(
            ErrorCode::NotReady,
            format!("{version} of `{model}` has no profile of its training rows"),
        )
        .with_hint(format!("a version that is trained now has one: tidemill train {model}")),
    }
}

fn shown(monitor: &Monitor, reference: Option<VersionNumber>, report: &MonitorReport) -> Result<MonitorRun, Problem> {
    let (mut drift, mut performance) = (Vec::new(), Vec::new());
    match &report.findings {
        Findings::Drift(rows) => {
            for row in rows {
                drift.push(drift_series(monitor, report, row)?);
            }
        }
        Findings::Performance(rows) => {
            performance.extend(rows.iter().map(|row| performance_series(monitor, report, row)));
        }
    }
    Ok(MonitorRun {
        monitor: monitor.name.clone(),
        kind: monitor.kind,
        model: monitor.model.clone(),
        at: report.at,
        window: report.window,
        reference_version: reference,
        drift,
        performance,
    })
}

fn drift_series(monitor: &Monitor, report: &MonitorReport, row: &DriftRow) -> Result<DriftSeries, Problem> {
    let column = ColumnName::new(row.column.clone());
    let column = column.map_err(|error| Problem::new(ErrorCode::InvalidInput, error.to_string()))?;
    Ok(DriftSeries {
        monitor: monitor.name.clone(),
        model: row.model.clone(),
        column,
        measure: row.measure.to_string(),
        warn: Some(monitor.warn),
        drift: Some(monitor.drift),
        points: vec![DriftPoint {
            at: report.at,
            window: report.window,
            reference_version: Some(row.reference_version),
            value: row.value,
            status: match row.outcome {
                Outcome::TooFew => DriftStatus::TooFew,
                Outcome::Stable => DriftStatus::Stable,
                Outcome::Warn => DriftStatus::Warn,
                Outcome::Drift => DriftStatus::Drift,
            },
            reference_rows: row.reference_rows,
            rows: row.current_rows,
            figures: figures(row),
        }],
    })
}

/// The other figures, by the names that the table `drift` has for them.
fn figures(row: &DriftRow) -> BTreeMap<String, f64> {
    let measures = row.measures.as_ref();
    let ks = measures.and_then(|measures| measures.ks);
    let figures = [
        ("null_share", row.null_share),
        ("psi", measures.map(|measures| measures.psi)),
        ("psi_of_values", measures.and_then(|measures| measures.psi_of_values)),
        ("psi_p", measures.map(|measures| measures.psi_p_value)),
        ("ks_lower", ks.map(|ks| ks.low)),
        ("ks_upper", ks.map(|ks| ks.high)),
        ("ks_p", ks.map(|ks| ks.p_value_at_low)),
        ("jensen_shannon", measures.map(|measures| measures.jensen_shannon)),
        ("hellinger", measures.map(|measures| measures.hellinger)),
        ("wasserstein", row.wasserstein),
        ("mean_reference", row.mean_reference),
        ("mean_current", row.mean_current),
    ];
    let there = figures
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    there.collect()
}

fn performance_series(monitor: &Monitor, report: &MonitorReport, row: &PerformanceRow) -> PerformanceSeries {
    PerformanceSeries {
        monitor: monitor.name.clone(),
        model: row.model.clone(),
        segment: row.segment.clone(),
        metric: row.metric.clone(),
        points: vec![PerformancePoint {
            at: report.at,
            window: report.window,
            version: Some(row.version).filter(|version| *version != NO_VERSION),
            value: row.value,
            status: row.status().to_owned(),
            rows: row.rows,
            labelled: row.labelled,
            maturity: row.maturity(),
            positives: row.positives,
        }],
    }
}
