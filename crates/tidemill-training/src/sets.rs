//! Training and evaluation set: from the feature views' rows to what a fit takes. The last ones are kept, so that several
//! algorithms on the same windows share them.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::cast::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use serde::{Deserialize, Serialize};
use tidemill_features::TrainingSet;
use tidemill_models::{
    LabelMap, Matrix, ModelSignature, TrainingData, feature_specs, labels_from_batches, matrix_from_batches,
};
use tidemill_project::ModelSpec;
use tidemill_types::{Micros, ModelName};

use crate::{TrainError, Windows};

/// Largest pair of sets that is kept for the next run, in bytes of Arrow.
const KEPT_BYTES_MAX: usize = 512 * 1024 * 1024;

/// Rows of a set, and those of them with a positive label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SetCounts {
    /// All rows.
    pub rows: u64,
    /// Those with a positive label.
    pub positives: u64,
}

/// The two sets of a run.
#[derive(Debug)]
pub(crate) struct Sets {
    pub train: TrainingSet,
    pub evaluate: TrainingSet,
}

/// What two runs of one trainer must agree on to share their sets. A trainer has one project, so that views, labels and
/// checks follow from the model; as of when labels are known follows from the windows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SetsKey {
    pub model: ModelName,
    pub windows: Windows,
    /// When the evaluated labels had to be known; absent, all that landed.
    pub as_of: Option<Micros>,
    /// The Delta versions of the project's streams.
    pub versions: Vec<(String, i64)>,
}

/// The sets of the last run.
#[derive(Debug, Default)]
pub(crate) struct KeptSets(Mutex<Option<(SetsKey, Arc<Sets>)>>);

impl KeptSets {
    /// The kept sets, if they are those.
    pub fn get(&self, key: &SetsKey) -> Option<Arc<Sets>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref()
            .filter(|(of, _)| of == key)
            .map(|(_, sets)| Arc::clone(sets))
    }

    /// Lets go of them.
    pub fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Keeps these instead of the last, unless they are too large.
    pub fn put(&self, key: SetsKey, sets: &Arc<Sets>) {
        let bytes = sets.train.batch.get_array_memory_size() + sets.evaluate.batch.get_array_memory_size();
        let kept = (bytes <= KEPT_BYTES_MAX).then(|| (key, Arc::clone(sets)));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = kept;
    }
}

/// The matrix, labels and names that a fit takes, from a training set.
pub(crate) fn training_data(spec: &ModelSpec, set: &TrainingSet) -> Result<TrainingData, TrainError> {
    let failed = |source| TrainError::Column {
        model: spec.name.clone(),
        source,
    };
    let batches = std::slice::from_ref(&set.batch);
    let names = feature_names(set);
    let specs = feature_specs(set.batch.schema_ref(), &names).map_err(failed)?;
    let matrix = matrix_from_batches(batches, &names).map_err(failed)?;
    let labels = labels_from_batches(batches, set.label_column.as_str()).map_err(failed)?;
    let label = LabelMap::zero_one(spec.label.column.as_str());
    TrainingData::new(specs, label, matrix, labels).map_err(|source| TrainError::Data {
        model: spec.name.clone(),
        source,
    })
}

/// The matrix of a model's features, found by name, to be scored.
pub(crate) fn matrix_for(
    spec: &ModelSpec,
    set: &TrainingSet,
    signature: &ModelSignature,
) -> Result<Matrix, TrainError> {
    let names: Vec<&str> = signature.features.iter().map(|feature| feature.name.as_str()).collect();
    matrix_from_batches(std::slice::from_ref(&set.batch), &names).map_err(|source| TrainError::Column {
        model: spec.name.clone(),
        source,
    })
}

/// Rows and positive labels of a set.
pub(crate) fn counts(set: &TrainingSet) -> Result<SetCounts, TrainError> {
    let Some(labels) = set.batch.column_by_name(set.label_column.as_str()) else {
        return Ok(SetCounts::default());
    };
    let labels = cast(labels, &DataType::Float64)?;
    let positives = labels
        .as_primitive::<Float64Type>()
        .iter()
        .filter(|label| label.is_some_and(|l| l > 0.5))
        .count();
    Ok(SetCounts {
        rows: set.batch.num_rows() as u64,
        positives: positives as u64,
    })
}

fn feature_names(set: &TrainingSet) -> Vec<String> {
    set.feature_columns.iter().map(ToString::to_string).collect()
}
