//! The tables that reports are kept in, each report once.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::SchemaRef;
use serde_json::{Map, Value, json};
use tidemill_engine::{DRIFT, HouseTable, PERFORMANCE, house_tables};
use tidemill_lake::{Append, FenceUpdate, Lake, LakeError, LakeTable, TableSpec};
use tidemill_stats::drift::Outcome;
use tidemill_types::{Micros, MonitorName, TableName};

use crate::drift::DriftRow;
use crate::performance::PerformanceRow;
use crate::{Findings, MonitorError, MonitorReport};

/// `drift` and `performance`.
#[derive(Clone)]
pub struct MonitorTables {
    drift: LakeTable,
    performance: LakeTable,
}

impl MonitorTables {
    /// Opens the tables; they are made where they are not there.
    pub async fn open(lake: &Lake) -> Result<MonitorTables, MonitorError> {
        let [drift, performance] = house_tables();
        Ok(MonitorTables {
            drift: open(lake, drift).await?,
            performance: open(lake, performance).await?,
        })
    }

    /// Keeps a report, unless one of that monitor for that tick or a later one is kept already. Returns whether it was new.
    ///
    /// The fence of a monitor is the last tick that was kept: it moves in the commit that holds the rows.
    pub async fn keep(&self, report: &MonitorReport) -> Result<bool, MonitorError> {
        let (table, schema) = match &report.findings {
            Findings::Drift(_) => (&self.drift, DRIFT),
            Findings::Performance(_) => (&self.performance, PERFORMANCE),
        };
        let keep = |source| MonitorError::Keep {
            monitor: report.monitor.clone(),
            table: schema,
            source: Box::new(source),
        };
        let app_id = app_id(&report.monitor);
        let expected = table.fence(&app_id).await.map_err(keep)?;
        if expected.is_some_and(|kept| kept >= report.at.0) {
            return Ok(false);
        }
        let batch = batch(report, &table.schema()).map_err(|error| MonitorError::Batch {
            monitor: report.monitor.clone(),
            source: error,
        })?;
        let append = Append {
            batches: if batch.num_rows() == 0 { Vec::new() } else { vec![batch] },
            fences: vec![FenceUpdate {
                app_id,
                expected,
                next: report.at.0,
            }],
            info: info(report).into(),
        };
        match table.commit(append).await {
            Ok(_) => Ok(true),
            // Whoever moved the fence kept the report.
            Err(LakeError::Fenced { .. }) => Ok(false),
            Err(source) => Err(keep(source)),
        }
    }

    /// The last tick for which a report of the monitor is kept.
    pub async fn kept(&self, monitor: &MonitorName, drift: bool) -> Result<Option<Micros>, MonitorError> {
        let table = if drift { &self.drift } else { &self.performance };
        let fence = table.fence(&app_id(monitor)).await;
        let fence = fence.map_err(|source| MonitorError::Keep {
            monitor: monitor.clone(),
            table: if drift { DRIFT } else { PERFORMANCE },
            source: Box::new(source),
        })?;
        Ok(fence.map(Micros))
    }
}

fn app_id(monitor: &MonitorName) -> String {
    format!("tidemill/monitor/{monitor}")
}

async fn open(lake: &Lake, table: HouseTable) -> Result<LakeTable, MonitorError> {
    let name = TableName::new(table.name).expect("the literal obeys the rule of its type");
    let spec = TableSpec {
        name,
        schema: table.schema,
        comment: table.comment.to_owned(),
        partition_columns: Vec::new(),
    };
    lake.create(spec).await.map_err(|source| MonitorError::OpenTable {
        table: table.name,
        source: Box::new(source),
    })
}

fn info(report: &MonitorReport) -> Map<String, Value> {
    let mut info = Map::new();
    info.insert("monitor".to_owned(), json!(report.monitor));
    info.insert("at".to_owned(), json!(report.at));
    info
}

fn batch(report: &MonitorReport, schema: &SchemaRef) -> Result<RecordBatch, arrow::error::ArrowError> {
    let columns = match &report.findings {
        Findings::Drift(rows) => drift_columns(report, rows),
        Findings::Performance(rows) => performance_columns(report, rows),
    };
    let named = schema.fields().iter().map(|field| {
        let found = columns.iter().find(|(name, _)| *name == field.name());
        match found {
            Some((_, column)) => Arc::clone(column),
            // A column that somebody added to the table.
            None => arrow::array::new_null_array(field.data_type(), columns.first().map_or(0, |(_, c)| c.len())),
        }
    });
    RecordBatch::try_new(Arc::clone(schema), named.collect())
}

type Columns = Vec<(&'static str, ArrayRef)>;

fn texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn counts(values: impl Iterator<Item = u64>) -> ArrayRef {
    Arc::new(values.map(|value| Some(value as i64)).collect::<Int64Array>())
}

/// A figure that is not a number is none.
fn figures(values: impl Iterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(
        values
            .map(|value| value.filter(|value| !value.is_nan()))
            .collect::<Float64Array>(),
    )
}

fn times(at: Option<Micros>, rows: usize) -> ArrayRef {
    let at = at.unwrap_or_default().0;
    Arc::new(TimestampMicrosecondArray::from(vec![at; rows]).with_timezone("UTC"))
}

fn shared(report: &MonitorReport, rows: usize) -> Columns {
    vec![
        ("monitor", texts((0..rows).map(|_| Some(report.monitor.as_str())))),
        ("at", times(Some(report.at), rows)),
        ("window_from", times(report.window.from, rows)),
        ("window_to", times(report.window.to, rows)),
    ]
}

fn drift_columns(report: &MonitorReport, rows: &[DriftRow]) -> Columns {
    let mut columns = shared(report, rows.len());
    let measure = |read: fn(&tidemill_stats::drift::DriftMeasures) -> Option<f64>| {
        figures(rows.iter().map(move |row| row.measures.as_ref().and_then(read)))
    };
    columns.extend([
        ("model", texts(rows.iter().map(|row| Some(row.model.as_str())))),
        (
            "reference_version",
            counts(rows.iter().map(|row| u64::from(row.reference_version.0))),
        ),
        ("column_name", texts(rows.iter().map(|row| Some(row.column.as_str())))),
        ("measure", texts(rows.iter().map(|row| Some(row.measure.as_str())))),
        ("value", figures(rows.iter().map(|row| row.value))),
        ("status", texts(rows.iter().map(|row| Some(outcome_name(row.outcome))))),
        ("n_reference", counts(rows.iter().map(|row| row.reference_rows))),
        ("n_current", counts(rows.iter().map(|row| row.current_rows))),
        ("null_share", figures(rows.iter().map(|row| row.null_share))),
        ("psi", measure(|measures| Some(measures.psi))),
        ("psi_of_values", measure(|measures| measures.psi_of_values)),
        ("psi_p", measure(|measures| Some(measures.psi_p_value))),
        ("ks_lower", measure(|measures| measures.ks.map(|ks| ks.low))),
        ("ks_upper", measure(|measures| measures.ks.map(|ks| ks.high))),
        ("ks_p", measure(|measures| measures.ks.map(|ks| ks.p_value_at_low))),
        ("jensen_shannon", measure(|measures| Some(measures.jensen_shannon))),
        ("hellinger", measure(|measures| Some(measures.hellinger))),
        ("wasserstein", figures(rows.iter().map(|row| row.wasserstein))),
        ("mean_reference", figures(rows.iter().map(|row| row.mean_reference))),
        ("mean_current", figures(rows.iter().map(|row| row.mean_current))),
    ]);
    columns
}

fn performance_columns(report: &MonitorReport, rows: &[PerformanceRow]) -> Columns {
    let mut columns = shared(report, rows.len());
    columns.extend([
        ("model", texts(rows.iter().map(|row| Some(row.model.as_str())))),
        ("version", counts(rows.iter().map(|row| u64::from(row.version.0)))),
        ("segment", texts(rows.iter().map(|row| row.segment.as_deref()))),
        ("rows", counts(rows.iter().map(|row| row.rows))),
        ("labelled", counts(rows.iter().map(|row| row.labelled))),
        ("maturity", figures(rows.iter().map(PerformanceRow::maturity))),
        ("positives", counts(rows.iter().map(|row| row.positives))),
        ("metric", texts(rows.iter().map(|row| Some(row.metric.as_str())))),
        ("value", figures(rows.iter().map(|row| row.value))),
        ("status", texts(rows.iter().map(|row| Some(row.status())))),
    ]);
    columns
}

/// The decision in one word.
pub fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::TooFew => "too_few",
        Outcome::Stable => "stable",
        Outcome::Warn => "warn",
        Outcome::Drift => "drift",
    }
}
