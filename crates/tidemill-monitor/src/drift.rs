//! Drift of the columns of a window from what a version was trained on.

use arrow::array::RecordBatch;
use tidemill_engine::count_column;
use tidemill_project::Monitor;
use tidemill_stats::drift::{
    AlarmRule, BinCounts, DriftError, DriftMeasures, Evidence, Outcome, ReferenceProfile, in_spreads,
};
use tidemill_types::{DriftMeasure, ModelName, VersionNumber};

use crate::MonitorError;
use crate::monitor::{Reference, wrong_column};

/// What was measured on one column.
#[derive(Debug, Clone, PartialEq)]
pub struct DriftRow {
    /// The model.
    pub model: ModelName,
    /// The version whose training set is the reference.
    pub reference_version: VersionNumber,
    /// The column.
    pub column: String,
    /// The measure that decides.
    pub measure: DriftMeasure,
    /// Its value; none where the window has no rows.
    pub value: Option<f64>,
    /// What is decided.
    pub outcome: Outcome,
    /// Rows of the reference.
    pub reference_rows: u64,
    /// Rows of the window.
    pub current_rows: u64,
    /// The share of the window's rows that have no value.
    pub null_share: Option<f64>,
    /// All measures; none where the window has no rows.
    pub measures: Option<DriftMeasures>,
    /// The mean of the reference's finite numbers.
    pub mean_reference: Option<f64>,
    /// The mean of the window's finite numbers.
    pub mean_current: Option<f64>,
    /// Wasserstein-1 in spreads of the reference: the middle of its bounds.
    pub wasserstein: Option<f64>,
}

/// Measures every column of `batch` that the reference has. The columns are decided together, so that many columns do not
/// raise false alarms.
pub(crate) fn measure_drift(
    monitor: &Monitor,
    reference: &Reference,
    batch: &RecordBatch,
) -> Result<Vec<DriftRow>, MonitorError> {
    let mut rows = Vec::new();
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let Some(profile) = reference.columns.get(field.name()) else {
            continue;
        };
        let counts = count_column(profile, column).map_err(|fault| wrong_column(monitor, field.name(), fault))?;
        rows.push(measured(monitor, reference, field.name(), profile, &counts)?);
    }
    if rows.is_empty() {
        return Err(wrong_column(
            monitor,
            "*",
            "none of the columns was in the training set of the version that serves",
        ));
    }
    judge(monitor, &mut rows)?;
    rows.sort_by(|a, b| a.column.cmp(&b.column));
    Ok(rows)
}

fn measured(
    monitor: &Monitor,
    reference: &Reference,
    name: &str,
    profile: &ReferenceProfile,
    counts: &BinCounts,
) -> Result<DriftRow, MonitorError> {
    let failed = |source| MonitorError::Drift {
        monitor: monitor.name.clone(),
        column: name.to_owned(),
        source,
    };
    let measures = match profile.measure(counts) {
        Ok(measures) => Some(measures),
        Err(DriftError::Empty { .. }) => None,
        Err(source) => return Err(failed(source)),
    };
    let value = measures.as_ref().and_then(|measures| match monitor.measure {
        DriftMeasure::Psi => Some(measures.psi),
        DriftMeasure::Ks => measures.ks.as_ref().map(|ks| ks.low),
    });
    let rows = counts.rows();
    let wasserstein = match (profile, measures.as_ref().and_then(|measures| measures.wasserstein)) {
        (ReferenceProfile::Numeric(profile), Some(bounds)) => {
            Some(in_spreads(f64::midpoint(bounds.low, bounds.high), profile))
        }
        _ => None,
    };
    Ok(DriftRow {
        model: monitor.model.clone(),
        reference_version: reference.version,
        column: name.to_owned(),
        measure: monitor.measure,
        value,
        outcome: Outcome::TooFew,
        reference_rows: profile.reference().rows(),
        current_rows: rows,
        null_share: (rows > 0).then(|| (counts.null() + counts.nan()) as f64 / rows as f64),
        measures,
        mean_reference: profile.reference().moments().mean(),
        mean_current: counts.moments().mean(),
        wasserstein,
    })
}

/// Effect and significance, over all columns together. A column without a value of the measure has too few rows.
fn judge(monitor: &Monitor, rows: &mut [DriftRow]) -> Result<(), MonitorError> {
    let rule = AlarmRule {
        warn: monitor.warn,
        drift: monitor.drift,
        min_rows: monitor.min_rows,
        ..AlarmRule::default()
    };
    let evidence: Vec<Evidence> = rows.iter().map(evidence).collect();
    let verdicts = rule.judge(&evidence).map_err(|source| MonitorError::Drift {
        monitor: monitor.name.clone(),
        column: "*".to_owned(),
        source,
    })?;
    for (row, verdict) in rows.iter_mut().zip(verdicts) {
        row.outcome = verdict.outcome;
    }
    Ok(())
}

fn evidence(row: &DriftRow) -> Evidence {
    let p_value = row.measures.as_ref().and_then(|measures| match row.measure {
        DriftMeasure::Psi => Some(measures.psi_p_value),
        DriftMeasure::Ks => measures.ks.as_ref().map(|ks| ks.p_value_at_low),
    });
    match (row.value, p_value) {
        (Some(effect), Some(p_value)) => Evidence {
            effect,
            p_value,
            reference_rows: row.reference_rows,
            current_rows: row.current_rows,
        },
        _ => Evidence {
            effect: 0.0,
            p_value: 1.0,
            reference_rows: row.reference_rows,
            current_rows: 0,
        },
    }
}
