//! Metrics: points by name and step, and the latest of each.

use std::collections::BTreeMap;

use serde::Serialize;
use tidemill_types::{Metrics, Micros, RunId};

use crate::db::{Arguments, Session, sql};
use crate::limits::METRICS_PER_BATCH_MAX;
use crate::registry::page;
use crate::{Registry, RegistryError, check, run};

/// One value of one metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricPoint {
    /// The metric.
    pub name: String,
    /// Its value; NaN and infinities are values too.
    pub value: f64,
    /// Where in the run: an iteration, an epoch; 0 when there is only one.
    pub step: i64,
    /// When; the registry's clock where it is not said.
    pub at: Option<Micros>,
}

impl MetricPoint {
    /// A value of now.
    pub fn new(name: impl Into<String>, value: f64, step: i64) -> MetricPoint {
        MetricPoint {
            name: name.into(),
            value,
            step,
            at: None,
        }
    }

    /// All of `metrics` at one step, of now.
    pub fn all(metrics: &Metrics, step: i64) -> Vec<MetricPoint> {
        metrics
            .0
            .iter()
            .map(|(name, value)| MetricPoint::new(name, *value, step))
            .collect()
    }
}

/// The order of points of one metric in one run: the largest is the latest. NaN is stored as a flag beside a zero.
type Place = (i64, i64, TotalOrder, bool);

#[derive(Debug, Clone, Copy)]
struct TotalOrder(f64);

impl Registry {
    /// Adds points to a run. A point that is there already is harmless; the latest value of a metric is replaced only
    /// by one of a larger (step, time, value).
    pub async fn log_metrics(&self, run: &RunId, points: Vec<MetricPoint>) -> Result<(), RegistryError> {
        check::count("metrics", points.len(), METRICS_PER_BATCH_MAX)?;
        for point in &points {
            check::key("the metric's name", &point.name)?;
        }
        let (run, now) = (run.clone(), self.now());
        self.write(move |session| {
            Box::pin(async move {
                let (run_key, _) = run::find(session, &run).await?;
                put(session, run_key, &points, now).await
            })
        })
        .await
    }

    /// The points of one metric of a run, oldest step first, at most `limit`.
    pub async fn metric_history(
        &self,
        run: &RunId,
        name: &str,
        limit: usize,
    ) -> Result<Vec<MetricPoint>, RegistryError> {
        let arguments = Arguments::new().text(run).text(name).int(page(limit));
        let rows = self.readers().rows(sql!("metrics/history"), arguments).await?;
        rows.iter()
            .map(|row| {
                Ok(MetricPoint {
                    name: name.to_owned(),
                    value: value(row.float("value")?, row.flag("is_nan")?),
                    step: row.int("step")?,
                    at: Some(row.time("at")?),
                })
            })
            .collect()
    }
}

/// What a stored pair stands for.
pub(crate) fn value(stored: f64, is_nan: bool) -> f64 {
    if is_nan { f64::NAN } else { stored }
}

async fn put(session: &mut Session, run_key: i64, points: &[MetricPoint], now: Micros) -> Result<(), RegistryError> {
    let mut keys: BTreeMap<&str, i64> = BTreeMap::new();
    let mut latest: BTreeMap<i64, Place> = BTreeMap::new();
    let mut rows = Vec::with_capacity(points.len());
    for point in points {
        let metric_key = match keys.get(point.name.as_str()) {
            Some(key) => *key,
            None => key_of(session, &point.name).await?,
        };
        keys.insert(&point.name, metric_key);
        let is_nan = point.value.is_nan();
        // Adding zero makes -0 and 0 the same key, as they are the same value.
        let stored = if is_nan { 0.0 } else { point.value + 0.0 };
        let place = (point.step, point.at.unwrap_or(now).0, TotalOrder(stored), is_nan);
        rows.push(row(run_key, metric_key, place));
        latest
            .entry(metric_key)
            .and_modify(|before| *before = (*before).max(place))
            .or_insert(place);
    }
    session.execute_many(sql!("metrics/insert_points"), rows).await?;
    // One row for each metric: a statement may not touch the same row twice.
    let rows = latest
        .into_iter()
        .map(|(metric_key, place)| row(run_key, metric_key, place))
        .collect();
    session.execute_many(sql!("metrics/update_latest"), rows).await
}

fn row(run_key: i64, metric_key: i64, (step, at, TotalOrder(stored), is_nan): Place) -> Arguments {
    Arguments::new()
        .int(run_key)
        .int(metric_key)
        .int(step)
        .int(at)
        .float(stored)
        .flag(is_nan)
}

async fn key_of(session: &mut Session, name: &str) -> Result<i64, RegistryError> {
    let arguments = Arguments::new().text(name);
    let found = session.row(sql!("metrics/key"), arguments.clone()).await?;
    let row = match found {
        Some(row) => Some(row),
        None => session.row(sql!("metrics/insert_key"), arguments).await?,
    };
    row.ok_or_else(|| RegistryError::not_found("metric", name))?
        .int("metric_key")
}

impl PartialEq for TotalOrder {
    fn eq(&self, other: &TotalOrder) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for TotalOrder {}

impl PartialOrd for TotalOrder {
    fn partial_cmp(&self, other: &TotalOrder) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TotalOrder {
    fn cmp(&self, other: &TotalOrder) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}
