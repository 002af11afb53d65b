//! How good predictions were, as far as their labels are known.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampMicrosecondType};
use tidemill_project::{ModelSpec, Monitor};
use tidemill_stats::evaluation::{
    Confusion, EvaluationError, ScoredRow, average_precision, brier_score, confusion_at, group_precision_at_k,
    log_loss, roc_auc,
};
use tidemill_types::{Micros, ModelName, VersionNumber};

use crate::MonitorError;
use crate::monitor::wrong_column;

/// One figure of a segment, or of all rows.
#[derive(Debug, Clone, PartialEq)]
pub struct PerformanceRow {
    /// The model.
    pub model: ModelName,
    /// The version that served at the tick; predictions of the window may be of earlier ones.
    pub version: VersionNumber,
    /// The segment; none for all rows.
    pub segment: Option<String>,
    /// Predictions of the window.
    pub rows: u64,
    /// Those whose label is known.
    pub labelled: u64,
    /// Those whose label is positive.
    pub positives: u64,
    /// The figure.
    pub metric: String,
    /// Its value; none where it has none, as an area under a curve of one class.
    pub value: Option<f64>,
    /// Whether there were enough labels to conclude from it.
    pub enough: bool,
}

impl PerformanceRow {
    /// The share of the window's predictions whose label is known; none without predictions.
    pub fn maturity(&self) -> Option<f64> {
        (self.rows > 0).then(|| self.labelled as f64 / self.rows as f64)
    }

    /// `ok`, or `too_few` labels.
    pub fn status(&self) -> &'static str {
        if self.enough { "ok" } else { "too_few" }
    }
}

/// The columns of a performance monitor.
struct Scored {
    scores: Vec<f64>,
    labels: Vec<Option<bool>>,
    entities: Option<Vec<String>>,
    days: Option<Vec<i64>>,
    segments: Option<Vec<Option<String>>>,
}

/// The figures over all rows, then of each segment, in the order of their names.
pub(crate) fn measure_performance(
    monitor: &Monitor,
    model: &ModelSpec,
    version: Option<VersionNumber>,
    batch: &RecordBatch,
) -> Result<Vec<PerformanceRow>, MonitorError> {
    let scored = read(monitor, batch)?;
    let all: Vec<usize> = (0..scored.scores.len()).collect();
    let mut groups: Vec<(Option<String>, Vec<usize>)> = vec![(None, all)];
    if let Some(segments) = &scored.segments {
        let mut by_segment: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (row, segment) in segments.iter().enumerate() {
            if let Some(segment) = segment {
                by_segment.entry(segment).or_default().push(row);
            }
        }
        groups.extend(by_segment.into_iter().map(|(name, rows)| (Some(name.to_owned()), rows)));
    }
    let mut found = Vec::new();
    for (segment, rows) in groups {
        let labelled: Vec<usize> = rows
            .iter()
            .copied()
            .filter(|row| scored.labels[*row].is_some())
            .collect();
        let scores: Vec<f64> = labelled.iter().map(|row| scored.scores[*row]).collect();
        let labels: Vec<bool> = labelled.iter().filter_map(|row| scored.labels[*row]).collect();
        let positives = labels.iter().filter(|label| **label).count() as u64;
        let figures = figures(model, &scored, &labelled, &scores, &labels);
        let figures = figures.map_err(|source| MonitorError::Performance {
            monitor: monitor.name.clone(),
            source,
        })?;
        for (metric, value) in figures {
            found.push(PerformanceRow {
                model: model.name.clone(),
                version: version.unwrap_or(VersionNumber(0)),
                segment: segment.clone(),
                rows: rows.len() as u64,
                labelled: labelled.len() as u64,
                positives,
                metric,
                value,
                enough: labelled.len() as u64 >= monitor.min_rows,
            });
        }
    }
    Ok(found)
}

fn figures(
    model: &ModelSpec,
    scored: &Scored,
    labelled: &[usize],
    scores: &[f64],
    labels: &[bool],
) -> Result<Vec<(String, Option<f64>)>, EvaluationError> {
    let confusion = defined(confusion_at(scores, labels, model.threshold))?;
    let of = |figure: fn(&Confusion) -> Option<f64>| confusion.as_ref().and_then(figure);
    let mut figures = vec![
        ("auc".to_owned(), defined(roc_auc(scores, labels))?),
        (
            "average_precision".to_owned(),
            defined(average_precision(scores, labels))?,
        ),
        ("log_loss".to_owned(), defined(log_loss(scores, labels))?),
        ("brier".to_owned(), defined(brier_score(scores, labels))?),
        ("precision".to_owned(), of(Confusion::precision)),
        ("recall".to_owned(), of(Confusion::recall)),
        ("f1".to_owned(), of(Confusion::f1)),
    ];
    if let (Some(top_k), Some(entities), Some(days)) = (&model.top_k, &scored.entities, &scored.days) {
        let rows: Vec<ScoredRow<&str>> = labelled
            .iter()
            .zip(labels)
            .map(|(row, label)| ScoredRow {
                day: days[*row],
                entity: entities[*row].as_str(),
                score: scored.scores[*row],
                label: *label,
            })
            .collect();
        let k = usize::try_from(top_k.k).unwrap_or(usize::MAX);
        let precision = defined(group_precision_at_k(&rows, k))?.map(|precision| precision.mean);
        figures.push((format!("cp_at_{}", top_k.k), precision));
    }
    Ok(figures)
}

/// A figure that has no value on these rows is none; rows that are wrong are an error.
fn defined<T>(figure: Result<T, EvaluationError>) -> Result<Option<T>, EvaluationError> {
    match figure {
        Ok(value) => Ok(Some(value)),
        Err(EvaluationError::Empty | EvaluationError::OneClass { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn read(monitor: &Monitor, batch: &RecordBatch) -> Result<Scored, MonitorError> {
    let needed = |name: &str| {
        batch
            .column_by_name(name)
            .ok_or_else(|| wrong_column(monitor, name, "is not among the columns of the query"))
    };
    let as_type = |name: &str, column: &ArrayRef, data_type: &DataType| {
        cast(column, data_type).map_err(|_| wrong_column(monitor, name, format!("is {}", column.data_type())))
    };
    let scores = as_type("score", needed("score")?, &DataType::Float64)?;
    if scores.null_count() > 0 {
        return Err(wrong_column(monitor, "score", "holds nulls"));
    }
    let labels = as_type("label", needed("label")?, &DataType::Float64)?;
    let labels = labels.as_primitive::<Float64Type>();
    let texts = |name: &str| -> Result<Option<Vec<Option<String>>>, MonitorError> {
        let Some(column) = batch.column_by_name(name) else {
            return Ok(None);
        };
        let column = as_type(name, column, &DataType::Utf8)?;
        let texts = column.as_string::<i32>().iter().map(|text| text.map(ToOwned::to_owned));
        Ok(Some(texts.collect()))
    };
    let days = match batch.column_by_name("event_time") {
        None => None,
        Some(column) => {
            let times = as_type(
                "event_time",
                column,
                &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            )?;
            let times = times.as_primitive::<TimestampMicrosecondType>();
            Some(times.values().iter().map(|at| Micros(*at).day()).collect())
        }
    };
    Ok(Scored {
        scores: scores.as_primitive::<Float64Type>().values().to_vec(),
        labels: labels.iter().map(|label| label.map(|label| label > 0.5)).collect(),
        entities: texts("entity")?.map(|texts| texts.into_iter().map(Option::unwrap_or_default).collect()),
        days,
        segments: texts("segment")?,
    })
}
