//! The rows of a batch: where each comes from, when it happened, and its features as the model takes them.

use arrow::array::{Array as _, AsArray as _, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use tidemill_models::ModelSignature;
use tidemill_types::{ColumnName, DeploymentName, KafkaColumn, KafkaPartition, LastOffset, TopicName};

use super::{PredictionError, SourceRef};

/// The features of every row, one row after the other, in the model's order; null is NaN. Columns are found by name.
pub(super) fn feature_rows(
    batch: &RecordBatch,
    signature: &ModelSignature,
    deployment: &DeploymentName,
) -> Result<Vec<f32>, PredictionError> {
    let width = signature.features.len();
    let mut rows = vec![f32::NAN; batch.num_rows() * width];
    for (position, feature) in signature.features.iter().enumerate() {
        let column = batch.column_by_name(&feature.name);
        let column = column.and_then(|column| cast(column, &DataType::Float64).ok());
        let Some(column) = column else {
            return Err(PredictionError::MissingFeature {
                deployment: deployment.clone(),
                feature: feature.name.clone(),
            });
        };
        let values = column.as_primitive::<Float64Type>();
        for (row, value) in values.iter().enumerate() {
            if let Some(value) = value {
                // Rounded once, as in training.
                rows[row * width + position] = value as f32;
            }
        }
    }
    Ok(rows)
}

/// Where the rows of a batch come from.
#[derive(Debug)]
pub(super) struct Events {
    topics: StringArray,
    partitions: arrow::array::Int32Array,
    offsets: arrow::array::Int64Array,
    /// When they happened.
    pub(super) times: TimestampMicrosecondArray,
}

impl Events {
    pub(super) fn of(
        batch: &RecordBatch,
        time_column: &ColumnName,
        deployment: &DeploymentName,
    ) -> Result<Events, PredictionError> {
        let column = |name: &str, data_type: &DataType| {
            let found = batch.column_by_name(name);
            let cast = found.and_then(|column| cast(column, data_type).ok());
            cast.filter(|column| column.null_count() == 0)
                .ok_or_else(|| PredictionError::MissingColumn {
                    deployment: deployment.clone(),
                    column: name.to_owned(),
                })
        };
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        Ok(Events {
            topics: column(KafkaColumn::Topic.name(), &DataType::Utf8)?
                .as_string::<i32>()
                .clone(),
            partitions: column(KafkaColumn::Partition.name(), &DataType::Int32)?
                .as_primitive::<Int32Type>()
                .clone(),
            offsets: column(KafkaColumn::Offset.name(), &DataType::Int64)?
                .as_primitive::<Int64Type>()
                .clone(),
            times: column(time_column.as_str(), &time)?
                .as_primitive::<TimestampMicrosecondType>()
                .clone(),
        })
    }

    /// The event behind a row; none where the topic's name is no name, which ingest never writes.
    pub(super) fn event(&self, row: usize) -> Option<SourceRef> {
        Some(SourceRef {
            topic: TopicName::new(self.topics.value(row)).ok()?,
            partition: KafkaPartition(self.partitions.value(row)),
            offset: LastOffset(self.offsets.value(row)),
        })
    }
}
