//! A fitted model: a signature and what scores it.

use tidemill_types::{ErrorCode, Explain};

use crate::linear::LinearModel;
use crate::trees::FlatTrees;
use crate::{Algorithm, Matrix, ModelSignature, SignatureError};

/// Rows that are put in row order at a time when a matrix is scored.
const BLOCK_ROWS: usize = 1_024;

/// What turns a row into a probability.
#[derive(Debug, Clone, PartialEq)]
pub enum Scorer {
    /// A weighted sum.
    Linear(LinearModel),
    /// Trees.
    Trees(FlatTrees),
}

impl Scorer {
    fn features(&self) -> usize {
        match self {
            Scorer::Linear(model) => model.weights().len(),
            Scorer::Trees(trees) => trees.features(),
        }
    }
}

/// A model as it is scored: immutable, shared by threads, the same whether it was just fitted or decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedModel {
    algorithm: Algorithm,
    signature: ModelSignature,
    scorer: Scorer,
}

/// A row that a model cannot score.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ScoreError {
    /// Another number of values than the model has features.
    #[error("{given} values were given for {expected} features")]
    Width {
        /// Values of the row, or columns of the matrix.
        given: usize,
        /// Features of the model.
        expected: usize,
    },
    /// A missing value where the model needs one.
    #[error("feature `{feature}` of row {row} is missing")]
    Missing {
        /// The feature's name.
        feature: String,
        /// The row, from 0.
        row: usize,
    },
    /// An infinite value in a linear model.
    #[error("feature `{feature}` of row {row} is {value}")]
    Infinite {
        /// The feature's name.
        feature: String,
        /// The row, from 0.
        row: usize,
        /// The value.
        value: f32,
    },
}

impl Explain for ScoreError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidInput
    }
}

impl FittedModel {
    /// Puts a signature and a scorer together. Errors where the signature is not one, or is of another width.
    pub fn new(algorithm: Algorithm, signature: ModelSignature, scorer: Scorer) -> Result<FittedModel, SignatureError> {
        signature.check()?;
        if signature.features.len() != scorer.features() {
            return Err(SignatureError::Width {
                features: signature.features.len(),
                expected: scorer.features(),
            });
        }
        Ok(FittedModel {
            algorithm,
            signature,
            scorer,
        })
    }

    /// What fitted it.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What it takes and gives.
    pub fn signature(&self) -> &ModelSignature {
        &self.signature
    }

    /// What scores it.
    pub fn scorer(&self) -> &Scorer {
        &self.scorer
    }

    /// The probability of the positive class for one row in the order of the signature; NaN is missing.
    ///
    /// Errors where the row has another width, lacks a value that the model needs, or, for linear models, is infinite
    /// somewhere. So the result is always a number between 0 and 1.
    pub fn score_row(&self, row: &[f32]) -> Result<f64, ScoreError> {
        self.check_width(row.len())?;
        self.check_rows(row, 0)?;
        Ok(self.score_checked(row))
    }

    /// The probabilities of rows that lie one after the other; the same bits as row by row.
    ///
    /// Errors as [`FittedModel::score_row`] does; `rows` has a whole number of rows.
    pub fn score_rows(&self, rows: &[f32]) -> Result<Vec<f64>, ScoreError> {
        let width = self.signature.features.len();
        if !rows.len().is_multiple_of(width) {
            return Err(ScoreError::Width {
                given: rows.len() % width,
                expected: width,
            });
        }
        let mut scores = vec![0.0; rows.len() / width];
        self.score_block(rows, 0, &mut scores)?;
        Ok(scores)
    }

    /// The probabilities of the rows of a matrix whose columns are in the order of the signature.
    ///
    /// Errors as [`FittedModel::score_row`] does.
    pub fn score(&self, matrix: &Matrix) -> Result<Vec<f64>, ScoreError> {
        self.check_width(matrix.columns())?;
        let mut scores = vec![0.0; matrix.rows()];
        let mut block = vec![0.0; BLOCK_ROWS.min(matrix.rows()) * matrix.columns()];
        for (index, scores) in scores.chunks_mut(BLOCK_ROWS).enumerate() {
            let rows = &mut block[..scores.len() * matrix.columns()];
            matrix.copy_rows(index * BLOCK_ROWS, scores.len(), rows);
            self.score_block(rows, index * BLOCK_ROWS, scores)?;
        }
        Ok(scores)
    }

    fn score_block(&self, rows: &[f32], first_row: usize, scores: &mut [f64]) -> Result<(), ScoreError> {
        self.check_rows(rows, first_row)?;
        for (row, score) in rows.chunks_exact(self.signature.features.len()).zip(scores) {
            *score = self.score_checked(row);
        }
        Ok(())
    }

    fn score_checked(&self, row: &[f32]) -> f64 {
        match &self.scorer {
            Scorer::Linear(model) => model.score_row(row),
            Scorer::Trees(trees) => trees.score_row(row),
        }
    }

    fn check_width(&self, given: usize) -> Result<(), ScoreError> {
        let expected = self.signature.features.len();
        if given == expected {
            return Ok(());
        }
        Err(ScoreError::Width { given, expected })
    }

    fn check_rows(&self, rows: &[f32], first_row: usize) -> Result<(), ScoreError> {
        let unusable = match self.scorer {
            Scorer::Linear(_) => |value: &f32| !value.is_finite(),
            Scorer::Trees(_) if self.signature.missing_allowed => return Ok(()),
            Scorer::Trees(_) => |value: &f32| value.is_nan(),
        };
        let Some(position) = rows.iter().position(unusable) else {
            return Ok(());
        };
        let width = self.signature.features.len();
        let (feature, row) = (
            self.signature.features[position % width].name.clone(),
            first_row + position / width,
        );
        Err(if rows[position].is_nan() {
            ScoreError::Missing { feature, row }
        } else {
            ScoreError::Infinite {
                feature,
                row,
                value: rows[position],
            }
        })
    }
}
