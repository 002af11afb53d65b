//! Scored rows as records: the columns of the predictions stream, written by its schema.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{Field as ArrowField, Schema};
use arrow::error::ArrowError;
use tidemill_models::FeatureSpec;
use tidemill_project::{Field, PredictionColumn as Column, RecordedFeatures};
use tidemill_sources::BatchEncoder;
use tidemill_types::{ColumnName, DeploymentName, FeatureHash, Micros, ModelName, VersionNumber};

use super::{ColumnRole, PredictionContract, PredictionError, row_hash};

/// A carried value that does not fit is an error and never a null.
const STRICT: CastOptions<'static> = CastOptions {
    safe: false,
    format_options: arrow::util::display::FormatOptions::new(),
};

/// How the predictions of a model become records.
#[derive(Debug, Clone)]
pub struct ModelPredictions {
    /// Where they go, and what its columns hold.
    pub contract: Arc<PredictionContract>,
    /// The score from which the decision is 1.
    pub threshold: f64,
    /// What is kept of the features.
    pub kept: RecordedFeatures,
    /// The SQL of the model's views.
    pub views: FeatureHash,
}

/// Why something was scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PredictionSource {
    /// It is an event of the model's stream.
    Stream,
    /// Somebody asked.
    Request,
}

impl PredictionSource {
    /// As in the column `source`.
    pub fn as_str(self) -> &'static str {
        match self {
            PredictionSource::Stream => "stream",
            PredictionSource::Request => "request",
        }
    }
}

/// Rows with their scores. All parts have the same number of rows.
pub(super) struct ScoredRows<'a> {
    pub(super) deployment: &'a DeploymentName,
    pub(super) model: &'a ModelName,
    pub(super) version: VersionNumber,
    pub(super) source: PredictionSource,
    pub(super) scored_at: Micros,
    pub(super) ids: Vec<String>,
    pub(super) event_times: TimestampMicrosecondArray,
    pub(super) scores: &'a [f64],
    pub(super) features: &'a [FeatureSpec],
    /// Features row by row, as the model was given them.
    pub(super) values: &'a [f32],
    /// What is known of the carried columns.
    pub(super) carried: BTreeMap<ColumnName, ArrayRef>,
}

impl ModelPredictions {
    /// The columns of the predictions stream, in the order of its schema.
    pub(super) fn columns(&self, rows: &ScoredRows<'_>) -> Result<RecordBatch, PredictionError> {
        let mut fields = Vec::new();
        let mut columns = Vec::new();
        for (field, role) in self.contract.columns() {
            fields.push(ArrowField::new(field.name.as_str(), field.kind.arrow(), true));
            let column = self.column(field, role, rows);
            columns.push(column.map_err(|source| PredictionError::Carry {
                column: field.name.clone(),
                stream: self.contract.stream().clone(),
                source,
            })?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.scores.len()));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options);
        batch.map_err(|source| PredictionError::Carry {
            column: self.contract.encoded()[0].field.name.clone(),
            stream: self.contract.stream().clone(),
            source,
        })
    }

    fn column(&self, field: &Field, role: ColumnRole, rows: &ScoredRows<'_>) -> Result<ArrayRef, ArrowError> {
        let count = rows.scores.len();
        let text = |text: &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(vec![text; count])) };
        let nothing = || new_null_array(&field.kind.arrow(), count);
        let width = rows.features.len();
        let ours = match role {
            ColumnRole::Ours(ours) => ours,
            ColumnRole::Carried => {
                return match rows.carried.get(&field.name) {
                    Some(column) => cast_with_options(column, &field.kind.arrow(), &STRICT),
                    None => Ok(nothing()),
                };
            }
        };
        Ok(match ours {
            Column::PredictionId => Arc::new(StringArray::from_iter_values(&rows.ids)),
            Column::Model => text(rows.model.as_str()),
            Column::ModelVersion => Arc::new(Int64Array::from_value(i64::from(rows.version.0), count)),
            Column::Deployment => text(rows.deployment.as_str()),
            Column::Score => Arc::new(Float64Array::from_iter_values(rows.scores.iter().copied())),
            Column::Decision => {
                let decisions = rows.scores.iter().map(|score| i32::from(*score >= self.threshold));
                Arc::new(Int32Array::from_iter_values(decisions))
            }
            Column::Source => text(rows.source.as_str()),
            Column::ScoredAt => {
                Arc::new(TimestampMicrosecondArray::from_value(rows.scored_at.0, count).with_timezone("UTC"))
            }
            Column::EventTime => Arc::new(rows.event_times.clone()),
            Column::FeatureAgeMs if rows.source == PredictionSource::Request => nothing(),
            Column::FeatureAgeMs => {
                let ages = rows.event_times.values().iter();
                let ages = ages.map(|time| rows.scored_at.0.saturating_sub(*time).div_euclid(1_000));
                Arc::new(Int64Array::from_iter_values(ages))
            }
            Column::FeatureHash => {
                let hashes = (0..count).map(|row| row_hash(&self.views, &rows.values[row * width..][..width]));
                Arc::new(StringArray::from_iter_values(hashes))
            }
            Column::Features if self.kept == RecordedFeatures::Values => {
                let objects = (0..count).map(|row| features_json(rows.features, &rows.values[row * width..][..width]));
                Arc::new(StringArray::from_iter_values(objects))
            }
            Column::Features => nothing(),
        })
    }

    /// What writes the rows of such columns.
    pub(super) fn encoder<'a>(&'a self, columns: &RecordBatch) -> Result<RecordEncoder<'a>, PredictionError> {
        let contract = &*self.contract;
        let rows = BatchEncoder::new(contract.encoded(), contract.names(), columns, 0);
        Ok(RecordEncoder {
            rows: rows.map_err(|source| encode_failed(contract, source))?,
            contract,
        })
    }
}

/// Writes keys and values of records.
pub(super) struct RecordEncoder<'a> {
    rows: BatchEncoder<'a>,
    contract: &'a PredictionContract,
}

impl RecordEncoder<'_> {
    /// Puts the value and the key of a row into the buffers, whose contents go; false where the row has no key.
    pub(super) fn write(&self, row: usize, key: &mut Vec<u8>, value: &mut Vec<u8>) -> Result<bool, PredictionError> {
        key.clear();
        value.clear();
        let failed = |source| encode_failed(self.contract, source);
        self.rows.write(row, value).map_err(failed)?;
        match self.contract.key() {
            Some(column) => self.rows.write_key(column, row, key).map_err(failed),
            None => Ok(false),
        }
    }
}

fn encode_failed(contract: &PredictionContract, source: tidemill_sources::SourceError) -> PredictionError {
    PredictionError::Encode {
        stream: contract.stream().clone(),
        source: Box::new(source),
    }
}

/// `{"AMOUNT":57.16,"COUNT":null}`: each number the shortest text that reads back as the f32 that the model was given.
fn features_json(features: &[FeatureSpec], row: &[f32]) -> String {
    let mut text = String::from("{");
    for (feature, value) in features.iter().zip(row) {
        if text.len() > 1 {
            text.push(',');
        }
        // A text and a number are always JSON; a number that is none is null there.
        text.push_str(&serde_json::to_string(&feature.name).unwrap_or_default());
        text.push(':');
        text.push_str(&serde_json::to_string(value).unwrap_or_default());
    }
    text.push('}');
    text
}
