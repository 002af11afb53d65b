//! Counts of two sides as shares, checked in one place.

use super::DriftError;

/// The two sides of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// What is compared with: usually a model's training set.
    Reference,
    /// What is compared: a window of what came later.
    Current,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Side::Reference => "reference",
            Side::Current => "current",
        })
    }
}

/// The rows of both sides. Errors when the bins differ in number or a side is empty.
pub(super) fn check_sides(reference: &[u64], current: &[u64]) -> Result<(u64, u64), DriftError> {
    if reference.len() != current.len() {
        return Err(DriftError::DifferentBins {
            left: reference.len(),
            right: current.len(),
        });
    }
    let (n, m) = (reference.iter().sum(), current.iter().sum());
    match (n, m) {
        (0, _) => Err(DriftError::Empty { side: Side::Reference }),
        (_, 0) => Err(DriftError::Empty { side: Side::Current }),
        _ => Ok((n, m)),
    }
}

/// The shares (r, c) of each bin, checked as by [`check_sides`].
pub(super) fn shares(reference: &[u64], current: &[u64]) -> Result<Vec<(f64, f64)>, DriftError> {
    let (n, m) = check_sides(reference, current)?;
    let pairs = reference.iter().zip(current);
    Ok(pairs
        .map(|(r, c)| (*r as f64 / n as f64, *c as f64 / m as f64))
        .collect())
}

/// Bins that hold a row of either side.
pub(super) fn used_bins(reference: &[u64], current: &[u64]) -> usize {
    reference.iter().zip(current).filter(|(r, c)| **r + **c > 0).count()
}
