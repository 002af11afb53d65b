//! The mergeable state: how many rows fell into each bin.

use serde::{Deserialize, Serialize};

use super::{DriftError, Moments};

/// Rows of one column counted into the bins of a reference profile.
///
/// A vector of integers: merging is addition, a sliding window subtracts, and neither depends on order. The bins hold
/// finite numbers (or levels); what has no place among them is counted beside them. A state knows the number of its bins,
/// not the reference it was counted against: whoever stores states keys them by it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BinCounts {
    /// Rows per bin. Of numbers, in ascending order; of levels, the profile's levels, then other, then new.
    pub(super) bins: Vec<u64>,
    /// Rows without a value.
    pub(super) null: u64,
    /// Rows whose value is NaN.
    pub(super) nan: u64,
    /// Rows whose value is −∞.
    pub(super) minus_infinity: u64,
    /// Rows whose value is +∞.
    pub(super) plus_infinity: u64,
    /// Of the finite numbers; of levels, nothing.
    pub(super) moments: Moments,
}

impl BinCounts {
    /// No rows yet, in this many bins.
    pub(super) fn empty(bins: usize) -> BinCounts {
        BinCounts {
            bins: vec![0; bins],
            null: 0,
            nan: 0,
            minus_infinity: 0,
            plus_infinity: 0,
            moments: Moments::default(),
        }
    }

    /// Adds the rows of `other`. Errors when the two have different numbers of bins; then nothing has changed.
    pub fn merge(&mut self, other: &BinCounts) -> Result<(), DriftError> {
        self.check_bins(other)?;
        for (count, added) in self.counters_mut().zip(other.counters()) {
            *count += added;
        }
        self.moments = self.moments.merge(&other.moments);
        Ok(())
    }

    /// Takes the rows of `part` away again, as a window that slides on does.
    ///
    /// Counts come back exactly, mean and spread up to rounding; smallest and largest stay as bounds. Errors when `part`
    /// has other bins or rows that are not in `self`; then nothing has changed.
    pub fn subtract(&mut self, part: &BinCounts) -> Result<(), DriftError> {
        self.check_bins(part)?;
        for (held, subtracted) in self.counters().zip(part.counters()) {
            if subtracted > held {
                return Err(DriftError::NotContained { subtracted, held });
            }
        }
        self.moments = self.moments.subtract(&part.moments)?;
        for (count, subtracted) in self.counters_mut().zip(part.counters()) {
            *count -= subtracted;
        }
        Ok(())
    }

    /// Rows per bin. Of numbers, in ascending order; of levels, the profile's levels, then other, then new.
    pub fn bins(&self) -> &[u64] {
        &self.bins
    }

    /// Rows that are in a bin: finite numbers, or levels.
    pub fn binned_rows(&self) -> u64 {
        self.bins.iter().sum()
    }

    /// All rows that were counted.
    pub fn rows(&self) -> u64 {
        self.counters().sum()
    }

    /// Rows without a value.
    pub fn null(&self) -> u64 {
        self.null
    }

    /// Rows whose value is NaN.
    pub fn nan(&self) -> u64 {
        self.nan
    }

    /// Rows whose value is −∞.
    pub fn minus_infinity(&self) -> u64 {
        self.minus_infinity
    }

    /// Rows whose value is +∞.
    pub fn plus_infinity(&self) -> u64 {
        self.plus_infinity
    }

    /// Count, mean, spread and range of the finite numbers; of levels, nothing.
    pub fn moments(&self) -> &Moments {
        &self.moments
    }

    /// The rows outside the bins as three bins of their own: missing (null and NaN), −∞, +∞.
    pub(super) fn bins_beside(&self) -> [u64; 3] {
        [self.null + self.nan, self.minus_infinity, self.plus_infinity]
    }

    pub(super) fn check_bins(&self, other: &BinCounts) -> Result<(), DriftError> {
        match self.bins.len() == other.bins.len() {
            true => Ok(()),
            false => Err(DriftError::DifferentBins {
                left: self.bins.len(),
                right: other.bins.len(),
            }),
        }
    }

    fn counters(&self) -> impl Iterator<Item = u64> {
        let beside = [self.null, self.nan, self.minus_infinity, self.plus_infinity];
        self.bins.iter().copied().chain(beside)
    }

    fn counters_mut(&mut self) -> impl Iterator<Item = &mut u64> {
        let beside = [
            &mut self.null,
            &mut self.nan,
            &mut self.minus_infinity,
            &mut self.plus_infinity,
        ];
        self.bins.iter_mut().chain(beside)
    }
}
