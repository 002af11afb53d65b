//! Scores the rows of a tick and sends a record of each.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use tidemill_kafka::{Producer, ProducerLimits, ProducerRecord};
use tidemill_types::{ColumnName, DeploymentName, Micros};

use super::records::ScoredRows;
use super::rows::{Events, feature_rows};
use super::{HEADERS, ModelPredictions, Origin, PredictionError, PredictionSource, SourceRef};
use crate::Deployed;
use crate::{Spent, Stopwatch};

/// How long the broker may take to acknowledge what was sent of a tick.
pub const PREDICTIONS_FLUSH_LIMIT: Duration = Duration::from_mins(2);

/// Rows to score.
#[derive(Debug, Clone)]
pub struct ScoreBatch {
    /// In the order in which they are sent. The columns are those of the model's stream with where each row came from
    /// (`_tm_topic`, `_tm_partition`, `_tm_offset`), and its features.
    pub rows: RecordBatch,
    /// The column of the event time.
    pub time_column: ColumnName,
    /// The tick: when they are scored, and when the predictions are known.
    pub at: Micros,
}

/// What became of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scored {
    /// Rows of the batch.
    pub rows: u64,
    /// Records that were sent.
    pub sent: u64,
    /// Rows whose record was in the topic already.
    pub already: u64,
    /// Rows that have no score: a feature is missing, and the model needs every value.
    pub unscored: u64,
    /// What it took to score them.
    pub scoring: Spent,
    /// What it took to write the records and hand them to the client.
    pub sending: Spent,
}

/// Scores rows of a model's stream and sends their predictions.
#[derive(Debug, Clone)]
pub struct Scorer {
    producer: Producer,
    predictions: Arc<ModelPredictions>,
}

/// Limits of the producer behind a [`Scorer`].
pub fn scorer_limits() -> ProducerLimits {
    ProducerLimits {
        records_in_flight: 100_000,
        linger: Duration::from_millis(5),
        ..ProducerLimits::default()
    }
}

impl Scorer {
    /// A scorer. Scorers may share a producer.
    pub fn new(producer: Producer, predictions: Arc<ModelPredictions>) -> Scorer {
        Scorer { producer, predictions }
    }

    /// How its records are made.
    pub fn predictions(&self) -> &Arc<ModelPredictions> {
        &self.predictions
    }

    /// Scores every row by `deployed` and sends its record, in the order of the batch, unless its event is in `already`.
    ///
    /// On a blocking thread, which goes on to the end of the batch even if whoever asked goes away. What was sent is
    /// acknowledged after [`flush`](Self::flush); after an error some of it may be in the topic.
    pub async fn score(
        &self,
        deployment: &DeploymentName,
        deployed: &Arc<Deployed>,
        batch: ScoreBatch,
        already: Arc<HashSet<SourceRef>>,
    ) -> Result<Scored, PredictionError> {
        let (scorer, name, deployed) = (self.clone(), deployment.clone(), Arc::clone(deployed));
        let scored =
            tokio::task::spawn_blocking(move || scorer.score_blocking(&name, &deployed, batch, &already)).await;
        scored.map_err(|source| PredictionError::BrokeOff {
            deployment: deployment.clone(),
            source,
        })?
    }

    fn score_blocking(
        &self,
        deployment: &DeploymentName,
        deployed: &Deployed,
        batch: ScoreBatch,
        already: &HashSet<SourceRef>,
    ) -> Result<Scored, PredictionError> {
        let watch = Stopwatch::start();
        let all_rows = batch.rows.num_rows();
        let (batch, values) = scorable(deployment, deployed, batch)?;
        let scores = deployed.score_rows(&values);
        let scores = scores.map_err(|source| PredictionError::Score {
            deployment: deployment.clone(),
            source,
        })?;
        let events = Events::of(&batch.rows, &batch.time_column, deployment)?;
        let mut origins = Vec::with_capacity(scores.len());
        for row in 0..scores.len() {
            let event = events.event(row).ok_or_else(|| PredictionError::MissingColumn {
                deployment: deployment.clone(),
                column: HEADERS[0].to_owned(),
            })?;
            origins.push(Origin {
                event,
                deployment: deployment.clone(),
                tick: batch.at,
            });
        }
        let columns = self.predictions.columns(&ScoredRows {
            deployment,
            model: &deployed.model,
            version: deployed.version,
            source: PredictionSource::Stream,
            scored_at: batch.at,
            ids: origins.iter().map(prediction_id).collect(),
            event_times: events.times.clone(),
            scores: &scores,
            features: &deployed.signature().features,
            values: &values,
            carried: self.carried(&batch.rows),
        })?;
        let scoring = watch.spent();
        let sent = self.send(&columns, &origins, already)?;
        Ok(Scored {
            rows: all_rows as u64,
            sent,
            already: scores.len() as u64 - sent,
            unscored: (all_rows - scores.len()) as u64,
            scoring,
            sending: watch.spent() - scoring,
        })
    }

    fn carried(&self, rows: &RecordBatch) -> BTreeMap<ColumnName, arrow::array::ArrayRef> {
        let fields = self.predictions.contract.carried();
        let found = fields.filter_map(|field| {
            let column = rows.column_by_name(field.name.as_str())?;
            Some((field.name.clone(), Arc::clone(column)))
        });
        found.collect()
    }

    fn send(
        &self,
        columns: &RecordBatch,
        origins: &[Origin],
        already: &HashSet<SourceRef>,
    ) -> Result<u64, PredictionError> {
        let topic = self.predictions.contract.topic();
        let encoder = self.predictions.encoder(columns)?;
        let (mut key, mut value) = (Vec::new(), Vec::new());
        let mut sent = 0;
        for (row, origin) in origins.iter().enumerate() {
            if already.contains(&origin.event) {
                continue;
            }
            let keyed = encoder.write(row, &mut key, &mut value)?;
            let texts = origin.texts();
            let headers: [(&str, &[u8]); 5] = std::array::from_fn(|place| (HEADERS[place], texts[place].as_bytes()));
            let record = ProducerRecord {
                topic,
                partition: None,
                key: keyed.then_some(key.as_slice()),
                value: Some(&value),
                headers: &headers,
                timestamp: origin.tick,
            };
            let offered = self.producer.send_blocking(record);
            offered.map_err(PredictionError::kafka("send predictions to", topic))?;
            sent += 1;
        }
        Ok(sent)
    }

    /// Waits until everything that was sent is acknowledged, at most [`PREDICTIONS_FLUSH_LIMIT`].
    pub async fn flush(&self) -> Result<(), PredictionError> {
        let flushed = self.producer.flush(PREDICTIONS_FLUSH_LIMIT).await;
        flushed.map_err(PredictionError::kafka(
            "send predictions to",
            self.predictions.contract.topic(),
        ))?;
        Ok(())
    }
}

/// One event is scored by a deployment once, whatever is sent again: its id is the same.
fn prediction_id(origin: &Origin) -> String {
    let SourceRef {
        topic,
        partition,
        offset,
    } = &origin.event;
    format!("{}:{topic}:{partition}:{offset}", origin.deployment)
}

/// The rows that the model can score, with their features.
fn scorable(
    deployment: &DeploymentName,
    deployed: &Deployed,
    batch: ScoreBatch,
) -> Result<(ScoreBatch, Vec<f32>), PredictionError> {
    let signature = deployed.signature();
    let values = feature_rows(&batch.rows, signature, deployment)?;
    let width = signature.features.len();
    if signature.missing_allowed || !values.iter().any(|value| value.is_nan()) {
        return Ok((batch, values));
    }
    let complete: Vec<bool> = values
        .chunks_exact(width)
        .map(|row| !row.iter().any(|value| value.is_nan()))
        .collect();
    let rows = values.chunks_exact(width).zip(&complete);
    let values = rows
        .filter(|(_, complete)| **complete)
        .flat_map(|(row, _)| row.to_vec());
    let values = values.collect();
    let filtered = filter_record_batch(&batch.rows, &BooleanArray::from(complete));
    let rows = filtered.map_err(|_| PredictionError::MissingColumn {
        deployment: deployment.clone(),
        column: batch.time_column.to_string(),
    })?;
    Ok((ScoreBatch { rows, ..batch }, values))
}
