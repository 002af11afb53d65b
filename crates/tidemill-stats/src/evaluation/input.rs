//! The checks that every metric makes of its input, in one place.

use super::EvaluationError;

/// Same length, not empty, every score finite.
pub(super) fn check_scores(scores: &[f64], labels: &[bool]) -> Result<(), EvaluationError> {
    if scores.len() != labels.len() {
        return Err(EvaluationError::LengthMismatch {
            scores: scores.len(),
            labels: labels.len(),
        });
    }
    if scores.is_empty() {
        return Err(EvaluationError::Empty);
    }
    match scores.iter().position(|score| !score.is_finite()) {
        Some(row) => Err(EvaluationError::NotFinite {
            row,
            score: scores[row],
        }),
        None => Ok(()),
    }
}

/// As [`check_scores`], and every score within 0..=1.
pub(super) fn check_probabilities(scores: &[f64], labels: &[bool]) -> Result<(), EvaluationError> {
    check_scores(scores, labels)?;
    match scores.iter().position(|score| !(0.0..=1.0).contains(score)) {
        Some(row) => Err(EvaluationError::NotProbability {
            row,
            score: scores[row],
        }),
        None => Ok(()),
    }
}

/// The number of positives and of negatives, both at least one.
pub(super) fn count_classes(labels: &[bool]) -> Result<(usize, usize), EvaluationError> {
    let positives = labels.iter().filter(|label| **label).count();
    let negatives = labels.len() - positives;
    if positives == 0 || negatives == 0 {
        return Err(EvaluationError::OneClass {
            rows: labels.len(),
            positive: negatives == 0,
        });
    }
    Ok((positives, negatives))
}

/// Rows that share one score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TieGroup {
    pub(super) positives: usize,
    pub(super) negatives: usize,
}

/// The rows in groups of equal score, the highest score first. The scores are finite.
pub(super) fn tie_groups(scores: &[f64], labels: &[bool]) -> Vec<TieGroup> {
    let mut rows: Vec<(f64, bool)> = scores.iter().copied().zip(labels.iter().copied()).collect();
    // Minus zero and zero are one score, though `total_cmp` tells them apart: groups are cut by `==` below, and the two
    // are neighbours.
    rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    rows.chunk_by(|a, b| a.0 == b.0)
        .map(|group| {
            let positives = group.iter().filter(|row| row.1).count();
            TieGroup {
                positives,
                negatives: group.len() - positives,
            }
        })
        .collect()
}
