//! Golden rows: which ones, and whether they still score as they did.

use super::GoldenMismatch;
use crate::{FittedModel, Matrix, ScoreError};

/// Most golden rows of an artifact.
pub const GOLDEN_ROWS_MAX: usize = 32;
/// Largest difference of a score from what it was. Scores are computed in f64; only the exponential function may differ
/// between machines, in its last digit.
pub const GOLDEN_TOLERANCE: f64 = 1e-9;
/// Rows among which golden ones are looked for.
const CANDIDATES_MAX: usize = 4_096;

/// A row of input with the score it had when the model was made.
#[derive(Debug, Clone, PartialEq)]
pub struct GoldenRow {
    /// The features in the order of the signature; NaN is missing.
    pub values: Vec<f32>,
    /// The probability.
    pub score: f64,
}

/// Rows at evenly spaced ranks of the score, from the lowest to the highest, and where the model allows it one more whose
/// odd features are missing.
pub(super) fn choose(model: &FittedModel, rows: &Matrix) -> Result<Vec<GoldenRow>, ScoreError> {
    if rows.rows() == 0 {
        return Ok(Vec::new());
    }
    let candidates = rows.rows().min(CANDIDATES_MAX);
    let mut scored: Vec<GoldenRow> = Vec::with_capacity(candidates);
    for candidate in 0..candidates {
        let values = rows.row(candidate * rows.rows() / candidates);
        let score = model.score_row(&values)?;
        scored.push(GoldenRow { values, score });
    }
    // Stable: rows of the same score stay in their order.
    scored.sort_by(|a, b| a.score.total_cmp(&b.score));
    let missing_allowed = model.signature().missing_allowed;
    let spread = (GOLDEN_ROWS_MAX - usize::from(missing_allowed)).min(scored.len());
    let rank = |index: usize| {
        if spread == 1 {
            0
        } else {
            index * (scored.len() - 1) / (spread - 1)
        }
    };
    let mut golden: Vec<GoldenRow> = (0..spread).map(|index| scored[rank(index)].clone()).collect();
    if missing_allowed {
        let mut values = scored[scored.len() / 2].values.clone();
        for value in values.iter_mut().step_by(2) {
            *value = f32::NAN;
        }
        let score = model.score_row(&values)?;
        golden.push(GoldenRow { values, score });
    }
    Ok(golden)
}

pub(super) fn replay(model: &FittedModel, golden: &[GoldenRow]) -> Result<(), GoldenMismatch> {
    let rows: Vec<f32> = golden.iter().flat_map(|row| row.values.iter().copied()).collect();
    let batch = model.score_rows(&rows).unwrap_or_else(|_| vec![f64::NAN; golden.len()]);
    for (row, (expected, in_batch)) in golden.iter().zip(batch).enumerate() {
        let alone = model.score_row(&expected.values).unwrap_or(f64::NAN);
        for actual in [alone, in_batch] {
            let same = (actual - expected.score).abs() <= GOLDEN_TOLERANCE;
            if !same {
                return Err(GoldenMismatch {
                    row,
                    expected: expected.score,
                    actual,
                });
            }
        }
    }
    Ok(())
}
