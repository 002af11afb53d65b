//! Scored rows to figures.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use tidemill_features::SCORE_COLUMN;
use tidemill_project::ModelSpec;
use tidemill_stats::evaluation::{
    EvaluationError, ScoredRow, average_precision, brier_score, group_precision_at_k, log_loss, roc_auc,
};
use tidemill_types::{Metrics, Micros};

use crate::TrainError;

/// The figures of a run over the rows that count, with how many there were.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// `auc`, `average_precision`, `cp_at_K` where the model has `top_k`, `log_loss`, `brier`.
    pub metrics: Metrics,
    /// Rows that counted.
    pub rows: u64,
    /// Those of them with a positive label.
    pub positives: u64,
}

/// Computes the figures over `batches`, which hold the score, the model's label, the event time, and the entity of `top_k`.
/// CPU work of some milliseconds: call it where blocking is allowed.
///
/// Errors when a column is missing or of a wrong type, or when the rows hold one class alone.
pub fn evaluate(spec: &ModelSpec, time_column: &str, batches: &[RecordBatch]) -> Result<Evaluation, TrainError> {
    let Some(first) = batches.first() else {
        return Err(TrainError::Evaluation {
            model: spec.name.clone(),
            source: EvaluationError::Empty,
        });
    };
    let batch = concat_batches(&first.schema(), batches)?;
    let scores = cast(column(spec, &batch, SCORE_COLUMN)?, &DataType::Float64)?;
    let scores = scores.as_primitive::<Float64Type>().values();
    let labels = cast(column(spec, &batch, spec.label.column.as_str())?, &DataType::Float64)?;
    let labels: Vec<bool> = labels
        .as_primitive::<Float64Type>()
        .values()
        .iter()
        .map(|value| *value > 0.5)
        .collect();

    let failed = |source| TrainError::Evaluation {
        model: spec.name.clone(),
        source,
    };
    let mut metrics = Metrics::default();
    metrics.set("auc", roc_auc(scores, &labels).map_err(failed)?);
    metrics.set("average_precision", average_precision(scores, &labels).map_err(failed)?);
    if let Some(top) = &spec.top_k {
        let k = usize::try_from(top.k).unwrap_or(usize::MAX);
        let days = days(column(spec, &batch, time_column)?)?;
        let entities = entities(column(spec, &batch, top.entity.as_str())?)?;
        let precision = match &entities {
            Entities::Numbers(numbers) => {
                group_precision_at_k(&rows(&days, numbers, scores, &labels), k).map_err(failed)?
            }
            Entities::Texts(texts) => group_precision_at_k(&rows(&days, texts, scores, &labels), k).map_err(failed)?,
        };
        metrics.set(format!("cp_at_{}", top.k), precision.mean);
    }
    metrics.set("log_loss", log_loss(scores, &labels).map_err(failed)?);
    metrics.set("brier", brier_score(scores, &labels).map_err(failed)?);
    let positives = labels.iter().filter(|label| **label).count() as u64;
    Ok(Evaluation {
        metrics,
        rows: labels.len() as u64,
        positives,
    })
}

/// The entity that a day's places are given to; numbers tie in their own order, everything else in that of its text.
enum Entities {
    Numbers(Vec<i64>),
    Texts(Vec<String>),
}

fn entities(array: &dyn Array) -> Result<Entities, TrainError> {
    if array.data_type().is_integer() {
        let numbers = cast(array, &DataType::Int64)?;
        return Ok(Entities::Numbers(numbers.as_primitive::<Int64Type>().values().to_vec()));
    }
    let texts = cast(array, &DataType::Utf8)?;
    let texts = texts
        .as_string::<i32>()
        .iter()
        .map(|text| text.unwrap_or_default().to_owned());
    Ok(Entities::Texts(texts.collect()))
}

fn days(array: &dyn Array) -> Result<Vec<i64>, TrainError> {
    let times = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))?;
    let times = times.as_primitive::<TimestampMicrosecondType>();
    Ok(times.values().iter().map(|micros| Micros(*micros).day()).collect())
}

fn rows<E: Clone>(days: &[i64], entities: &[E], scores: &[f64], labels: &[bool]) -> Vec<ScoredRow<E>> {
    // The four come from one batch, so that a position is a row.
    (0..days.len())
        .map(|row| ScoredRow {
            day: days[row],
            entity: entities[row].clone(),
            score: scores[row],
            label: labels[row],
        })
        .collect()
}

fn column<'a>(spec: &ModelSpec, batch: &'a RecordBatch, name: &str) -> Result<&'a dyn Array, TrainError> {
    match batch.column_by_name(name) {
        Some(column) if column.null_count() == 0 => Ok(column.as_ref()),
        found => Err(TrainError::EvaluationColumn {
            model: spec.name.clone(),
            column: name.to_owned(),
            fault: if found.is_some() { "holds nulls" } else { "is missing" },
        }),
    }
}
