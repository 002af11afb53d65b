//! Population stability index, and how large it grows by chance.

use super::DriftError;
use super::chi_squared::chi_squared_tail;
use super::shares::{check_sides, shares, used_bins};

/// A share below this counts as this: an empty bin says much, not everything.
pub const SHARE_FLOOR: f64 = 1e-4;

/// Population stability index Σ (c−r) ln(c ÷ r) of `current` against `reference`, in nats.
///
/// Both hold rows per bin, in the same bins. Shares are floored at [`SHARE_FLOOR`] and not made to sum to one again; so a
/// bin that is empty on both sides adds nothing. Errors when a side is empty or the bins differ in number. Source: Siddiqi
/// 2006, Credit Risk Scorecards, ch. 10.
pub fn psi(reference: &[u64], current: &[u64]) -> Result<f64, DriftError> {
    let shares = shares(reference, current)?;
    let floored = shares.iter().map(|(r, c)| (r.max(SHARE_FLOOR), c.max(SHARE_FLOOR)));
    Ok(floored.map(|(r, c)| (c - r) * (c / r).ln()).sum())
}

/// Probability of an index of at least `psi` between two samples of one distribution.
///
/// Without drift, PSI ÷ (1/n + 1/m) is χ² distributed with one degree of freedom less than bins in use; an index is above
/// χ²_{1−α}·(1/n + 1/m) exactly where this is below α. Errors as [`psi`] does. Source: Yurdakul and Naranjo 2020, Journal
/// of Risk Model Validation 14.
pub fn psi_p_value(psi: f64, reference: &[u64], current: &[u64]) -> Result<f64, DriftError> {
    let (n, m) = check_sides(reference, current)?;
    let degrees = used_bins(reference, current) - 1;
    Ok(chi_squared_tail(psi / (1.0 / n as f64 + 1.0 / m as f64), degrees))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::drift::Side;

    fn check(reference: &[u64], current: &[u64], expected: f64) {
        let actual = psi(reference, current).unwrap();
        assert!((actual - expected).abs() < 1e-12, "{actual} is not {expected}");
    }

    #[test]
    fn small_tables() {
        // .4 · ln 1.8 + (−.4) · ln .2, with shares .5 .5 and .9 .1.
        check(&[50, 50], &[9, 1], 0.4 * 1.8_f64.ln() - 0.4 * 0.2_f64.ln());
        check(&[1, 2, 3], &[10, 20, 30], 0.0);
        // An empty bin counts as 1e-4, and the other share stays 1.
        check(
            &[1, 1],
            &[7, 0],
            0.5 * 2.0_f64.ln() + (1e-4 - 0.5) * (1e-4 / 0.5_f64).ln(),
        );
        check(&[4, 0], &[9, 0], 0.0);
    }

    #[test]
    fn chance_alone_gives_a_small_index() {
        // χ²_{.999} of nine degrees is 27.877: an index of that times (1/n + 1/m) has probability .001.
        let (reference, current) = ([100_u64; 10], [50_u64; 10]);
        let p = psi_p_value(27.877_164_87 * (0.001 + 0.002), &reference, &current).unwrap();
        assert!((p - 0.001).abs() < 1e-9, "{p}");
        // One bin in use is no comparison: nothing is ever significant.
        assert_eq!(psi_p_value(0.0, &[3, 0], &[4, 0]), Ok(1.0));
    }

    #[test]
    fn an_empty_side_is_an_error() {
        assert_eq!(psi(&[0, 0], &[1, 0]), Err(DriftError::Empty { side: Side::Reference }));
        assert_eq!(psi(&[1, 0], &[0, 0]), Err(DriftError::Empty { side: Side::Current }));
        assert_eq!(psi(&[], &[]), Err(DriftError::Empty { side: Side::Reference }));
        assert_eq!(psi(&[1], &[1, 1]), Err(DriftError::DifferentBins { left: 1, right: 2 }));
    }

    /// Rows per bin of both sides; a first bin that is never empty.
    fn sides() -> impl Strategy<Value = (Vec<u64>, Vec<u64>)> {
        prop::collection::vec((0_u64..500, 0_u64..500), 0..20).prop_map(|mut bins| {
            bins.insert(0, (1, 1));
            bins.into_iter().unzip()
        })
    }

    proptest! {
        #[test]
        fn is_never_negative_and_symmetric((reference, current) in sides()) {
            let there = psi(&reference, &current).unwrap();
            let back = psi(&current, &reference).unwrap();
            prop_assert!(there >= 0.0);
            prop_assert!((there - back).abs() < 1e-12);
        }

        #[test]
        fn is_zero_on_equal_sides((reference, _) in sides(), times in 1_u64..9) {
            let current: Vec<u64> = reference.iter().map(|rows| rows * times).collect();
            prop_assert!(psi(&reference, &current).unwrap() < 1e-15);
            prop_assert_eq!(psi(&reference, &reference), Ok(0.0));
        }

        #[test]
        fn the_order_of_bins_does_not_count((reference, current) in sides()) {
            let turned = |bins: &[u64]| bins.iter().rev().copied().collect::<Vec<u64>>();
            let forward = psi(&reference, &current).unwrap();
            let backward = psi(&turned(&reference), &turned(&current)).unwrap();
            prop_assert!((forward - backward).abs() < 1e-12);
        }
    }
}
