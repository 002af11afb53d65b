//! The rows and labels that a model is fitted on.

use tidemill_types::{ErrorCode, Explain};

use crate::features::check_features;
use crate::{FeatureSpec, LabelMap, Matrix, ModelSignature, SignatureError};

/// Rows with their labels, checked: as many labels as rows, as many names as columns.
///
/// The order of the rows is part of the data: fits sum and sample in it, so that the same rows in another order give
/// another model, a little.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingData {
    features: Vec<FeatureSpec>,
    label: LabelMap,
    matrix: Matrix,
    labels: Vec<bool>,
}

/// Rows, names and labels that do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrainingDataError {
    /// The features cannot be those of a model.
    #[error("the features of the training set are unusable")]
    Signature(#[from] SignatureError),
    /// Names and columns differ in number.
    #[error("{features} features are named and {columns} columns are given")]
    Columns {
        /// Named features.
        features: usize,
        /// Columns of the matrix.
        columns: usize,
    },
    /// Labels and rows differ in number.
    #[error("{rows} rows have {labels} labels")]
    Labels {
        /// Rows of the matrix.
        rows: usize,
        /// Labels.
        labels: usize,
    },
}

impl Explain for TrainingDataError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidInput
    }
}

impl TrainingData {
    /// Puts rows and labels together; `true` is the positive class of `label`.
    pub fn new(
        features: Vec<FeatureSpec>,
        label: LabelMap,
        matrix: Matrix,
        labels: Vec<bool>,
    ) -> Result<TrainingData, TrainingDataError> {
        check_features(&features)?;
        if features.len() != matrix.columns() {
            return Err(TrainingDataError::Columns {
                features: features.len(),
                columns: matrix.columns(),
            });
        }
        if matrix.rows() != labels.len() {
            return Err(TrainingDataError::Labels {
                rows: matrix.rows(),
                labels: labels.len(),
            });
        }
        Ok(TrainingData {
            features,
            label,
            matrix,
            labels,
        })
    }

    /// The features in the order of the columns.
    pub fn features(&self) -> &[FeatureSpec] {
        &self.features
    }

    /// The rows.
    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// One label per row.
    pub fn labels(&self) -> &[bool] {
        &self.labels
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.labels.len()
    }

    /// Number of rows of the positive class.
    pub fn positives(&self) -> usize {
        self.labels.iter().filter(|label| **label).count()
    }

    pub(crate) fn signature(&self, missing_allowed: bool) -> ModelSignature {
        ModelSignature {
            features: self.features.clone(),
            output: ModelSignature::OUTPUT.to_owned(),
            label: self.label.clone(),
            missing_allowed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FeatureKind;

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let features = || vec![FeatureSpec::new("amount", FeatureKind::Float64)];
        let make = |features, columns: &[Vec<f64>], labels: &[bool]| {
            let matrix = Matrix::from_f64_columns(columns).unwrap();
            TrainingData::new(features, LabelMap::zero_one("fraud"), matrix, labels.to_vec()).map(|data| data.rows())
        };
        assert_eq!(make(features(), &[vec![1.0, 2.0]], &[true, false]), Ok(2));
        assert_eq!(
            make(features(), &[vec![1.0], vec![2.0]], &[true]),
            Err(TrainingDataError::Columns {
                features: 1,
                columns: 2
            })
        );
        assert_eq!(
            make(features(), &[vec![1.0, 2.0]], &[true]),
            Err(TrainingDataError::Labels { rows: 2, labels: 1 })
        );
    }
}
