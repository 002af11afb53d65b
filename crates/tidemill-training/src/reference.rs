//! The reference of a version: profiles of what it was trained on, frozen beside it.

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use tidemill_features::TrainingSet;
use tidemill_stats::drift::{DriftError, NumericProfile, ReferenceProfile, ReferenceSet};

use crate::TrainError;

/// The column of the scores, as predictions have it.
pub const SCORE: &str = "score";

/// Profiles of a training set's features, and of the scores on the evaluation set. CPU work: call it where blocking is
/// allowed. A feature without a single value has no profile.
pub(crate) fn reference_set(set: &TrainingSet, scores: &[f64]) -> Result<ReferenceSet, TrainError> {
    let mut reference = ReferenceSet::default();
    for feature in &set.feature_columns {
        let Some(column) = set.batch.column_by_name(feature.as_str()) else {
            continue;
        };
        let column = cast(column, &DataType::Float64)?;
        let values = column.as_primitive::<Float64Type>();
        let profile = NumericProfile::new((0..values.len()).map(|row| values.is_valid(row).then(|| values.value(row))));
        keep(&mut reference, feature.as_str(), profile)?;
    }
    keep(
        &mut reference,
        SCORE,
        NumericProfile::new(scores.iter().copied().map(Some)),
    )?;
    Ok(reference)
}

fn keep(
    reference: &mut ReferenceSet,
    name: &str,
    profile: Result<NumericProfile, DriftError>,
) -> Result<(), TrainError> {
    match profile {
        Ok(profile) => {
            reference
                .columns
                .insert(name.to_owned(), ReferenceProfile::Numeric(profile));
            Ok(())
        }
        Err(DriftError::Empty { .. }) => Ok(()),
        Err(source) => Err(TrainError::Reference {
            column: name.to_owned(),
            source,
        }),
    }
}
