//! Training sets: the rows of a stream with their features and with the labels that were known.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use tidemill_engine::Engine;
use tidemill_project::{ModelSpec, Project};
use tidemill_types::{ColumnName, FeatureHash, Micros, StreamRange, TableName, TimeRange, TrainingInput};

use crate::assemble::Assembly;
use crate::lineage::feature_hash;
use crate::{FeaturesError, RowCondition};

/// What a training set is to hold.
#[derive(Debug, Clone, Copy)]
pub struct TrainingSetRequest<'a> {
    /// The model: its stream, label, views and features.
    pub model: &'a ModelSpec,
    /// The event times of its rows.
    pub range: TimeRange,
    /// Only rows and labels that were known at this time count; absent, all that landed.
    pub as_of: Option<Micros>,
    /// What rows must meet to be in it.
    pub conditions: &'a [RowCondition],
}

/// Rows to learn from, in the order (event time, key), and what they were made from.
#[derive(Debug, Clone)]
pub struct TrainingSet {
    /// Columns of the stream (keys, event time, entities), then the label, then the features; label and features are
    /// `Float64`. A column of the stream that is a feature stands among the features only.
    pub batch: RecordBatch,
    /// The columns that identify a row.
    pub key_columns: Vec<ColumnName>,
    /// The column of the event time, `Timestamp(µs, "UTC")`.
    pub time_column: ColumnName,
    /// The column of the label, never null.
    pub label_column: ColumnName,
    /// The features in the model's order. Null where a view had no row or no value.
    pub feature_columns: Vec<ColumnName>,
    /// Rows of the stream that a condition left out.
    pub excluded_rows: u64,
    /// Rows of the stream whose label was not known.
    pub unlabelled_rows: u64,
    /// The tables that were read, at which versions.
    pub inputs: Vec<TrainingInput>,
    /// The Kafka offsets behind the rows that were read.
    pub streams: Vec<StreamRange>,
    /// The SQL of the model's views.
    pub feature_hash: FeatureHash,
}

/// Makes a training set. Each row of the stream in the range with a known label is in it once; of several labels of a row the
/// one with the largest (event time, known time) counts. Errors when a key of the stream or of a view is not unique.
pub async fn training_set(
    engine: &Engine,
    project: &Project,
    request: TrainingSetRequest<'_>,
) -> Result<TrainingSet, FeaturesError> {
    training_set_at(engine, project, request, &BTreeMap::new()).await
}

/// The same over tables as they were at Delta versions: those of a lineage give the rows of its training set again. Tables that
/// are not named are read at their newest version.
pub async fn training_set_at(
    engine: &Engine,
    project: &Project,
    request: TrainingSetRequest<'_>,
    versions: &BTreeMap<TableName, i64>,
) -> Result<TrainingSet, FeaturesError> {
    let assembly = Assembly {
        engine,
        project,
        model: request.model,
        range: request.range,
        as_of: request.as_of,
        conditions: request.conditions,
        versions,
        with_label: true,
        with_origin: false,
    };
    let assembled = assembly.run().await?;
    let views = request.model.views.iter().filter_map(|name| project.views.get(name));
    Ok(TrainingSet {
        batch: assembled.batch,
        key_columns: assembled.key,
        time_column: assembled.time,
        label_column: request.model.label.column.clone(),
        feature_columns: assembled.features,
        excluded_rows: assembled.excluded,
        unlabelled_rows: assembled.unlabelled,
        inputs: assembled.inputs,
        streams: assembled.streams,
        feature_hash: feature_hash(views),
    })
}
