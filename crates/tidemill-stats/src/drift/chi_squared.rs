//! χ²: the test of a contingency table, and the tail that other tests share.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::DriftError;
use super::shares::{check_sides, used_bins};

/// What the test of a contingency table found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ChiSquaredTest {
    /// Σ (observed − expected)² ÷ expected.
    pub statistic: f64,
    /// Bins in use less one.
    pub degrees: usize,
    /// Probability of a statistic at least as large without drift.
    pub p_value: f64,
}

/// Pearson's test that both sides are samples of one distribution, on the table of two rows.
///
/// Both hold rows per bin, in the same bins; a bin that is empty on both sides is left out. No correction of continuity.
/// Errors when a side is empty, the bins differ in number, or fewer than two are in use. Source: Pearson 1900.
pub fn chi_squared(reference: &[u64], current: &[u64]) -> Result<ChiSquaredTest, DriftError> {
    let (n, m) = check_sides(reference, current)?;
    let bins = used_bins(reference, current);
    if bins < 2 {
        return Err(DriftError::TooFewBins { bins });
    }
    let (n, m) = (n as f64, m as f64);
    let mut statistic = 0.0;
    for (r, c) in reference.iter().zip(current).filter(|(r, c)| **r + **c > 0) {
        let both = (r + c) as f64;
        let (expected_r, expected_c) = (both * n / (n + m), both * m / (n + m));
        statistic += (*r as f64 - expected_r).powi(2) / expected_r + (*c as f64 - expected_c).powi(2) / expected_c;
    }
    Ok(ChiSquaredTest {
        statistic,
        degrees: bins - 1,
        p_value: chi_squared_tail(statistic, bins - 1),
    })
}

/// Probability of at least `statistic`; 1 with no degrees of freedom.
pub(super) fn chi_squared_tail(statistic: f64, degrees: usize) -> f64 {
    match ChiSquared::new(degrees as f64) {
        Ok(distribution) => distribution.sf(statistic),
        Err(_) => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::Side;

    fn check(reference: &[u64], current: &[u64], statistic: f64, degrees: usize, p_value: f64) {
        let test = chi_squared(reference, current).unwrap();
        assert_eq!(test.degrees, degrees);
        assert!((test.statistic - statistic).abs() < 1e-12, "{test:?}");
        assert!((test.p_value - p_value).abs() < 1e-9, "{test:?}");
    }

    #[test]
    fn small_tables() {
        // Expected 15 each: 4 · 25 ÷ 15. With one degree the tail is erfc(√(x ÷ 2)).
        check(&[10, 20], &[20, 10], 20.0 / 3.0, 1, 0.009_823_274_5);
        // The example of scipy's chi2_contingency: 2.777…, p .24935 with two degrees: exp(−x ÷ 2).
        check(&[10, 10, 20], &[20, 20, 20], 25.0 / 9.0, 2, (-25.0_f64 / 18.0).exp());
        check(
            &[10, 0, 10, 20],
            &[20, 0, 20, 20],
            25.0 / 9.0,
            2,
            (-25.0_f64 / 18.0).exp(),
        );
        check(&[3, 5], &[6, 10], 0.0, 1, 1.0);
    }

    #[test]
    fn tables_without_a_test() {
        assert_eq!(chi_squared(&[3, 0], &[5, 0]), Err(DriftError::TooFewBins { bins: 1 }));
        assert_eq!(chi_squared(&[3], &[0]), Err(DriftError::Empty { side: Side::Current }));
    }
}
