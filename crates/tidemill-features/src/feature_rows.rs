//! The rows of a stream with a model's features beside them, labelled or not: what is scored in bulk.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use tidemill_engine::Engine;
use tidemill_project::{ModelSpec, Project};
use tidemill_types::{ColumnName, FeatureHash, Micros, TimeRange, ViewName};

use crate::FeaturesError;
use crate::assemble::Assembly;
use crate::lineage::feature_hash;

/// Which rows, for which model.
#[derive(Debug, Clone, Copy)]
pub struct FeatureRowsRequest<'a> {
    /// The model: its stream, views and features.
    pub model: &'a ModelSpec,
    /// The event times of the rows.
    pub range: TimeRange,
    /// Only what was known at this time; absent, all that landed.
    pub as_of: Option<Micros>,
}

/// Rows of a stream with features, in the order (event time, key).
#[derive(Debug, Clone)]
pub struct FeatureRows {
    /// Columns of the stream, then where each row comes from and when it was known (`_tm_topic`, `_tm_partition`, `_tm_offset`,
    /// `_tm_kafka_time`), then the features as `Float64`. A column of the stream that is a feature stands among the features
    /// only.
    pub batch: RecordBatch,
    /// The columns that identify a row.
    pub key_columns: Vec<ColumnName>,
    /// The column of the event time.
    pub time_column: ColumnName,
    /// The features in the model's order.
    pub feature_columns: Vec<ColumnName>,
    /// Which view gives each feature; those of the stream itself are not in it.
    pub feature_homes: BTreeMap<ColumnName, ViewName>,
    /// The SQL of the model's views.
    pub feature_hash: FeatureHash,
}

/// The rows of the model's stream in the range with their features.
pub async fn feature_rows(
    engine: &Engine,
    project: &Project,
    request: FeatureRowsRequest<'_>,
) -> Result<FeatureRows, FeaturesError> {
    let assembly = Assembly {
        engine,
        project,
        model: request.model,
        range: request.range,
        as_of: request.as_of,
        conditions: &[],
        versions: &BTreeMap::new(),
        with_label: false,
        with_origin: true,
    };
    let assembled = assembly.run().await?;
    let views = request.model.views.iter().filter_map(|name| project.views.get(name));
    Ok(FeatureRows {
        batch: assembled.batch,
        key_columns: assembled.key,
        time_column: assembled.time,
        feature_columns: assembled.features,
        feature_homes: assembled.homes,
        feature_hash: feature_hash(views),
    })
}
