//! How far rows would have to move: Wasserstein-1, exact from values, bounded from bins.

use serde::{Deserialize, Serialize};

use super::numeric_profile::cumulate;
use super::samples::steps;
use super::shares::check_sides;
use super::{BinCounts, DriftError, NumericProfile};

/// The least spread of a reference by which distances are divided: a constant column has none.
pub const SPREAD_FLOOR: f64 = 0.001;

/// What bins alone say of the distance, in the unit of the column.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WassersteinBounds {
    /// The distance is at least this, up to rounding.
    pub low: f64,
    /// The distance is at most this, up to rounding.
    pub high: f64,
}

/// Wasserstein-1 distance ∫ |F − G| of finite values in any order, in the unit of the column.
///
/// Errors when a side is empty or holds a value that is not finite. Source: Vallender 1974, Theory of Probability 18.
pub fn wasserstein_exact(reference: &[f64], current: &[f64]) -> Result<f64, DriftError> {
    let steps = steps(reference, current)?;
    let pieces = steps.windows(2);
    Ok(pieces
        .map(|pair| (pair[0].reference - pair[0].current).abs() * (pair[1].value - pair[0].value))
        .sum())
}

/// Bounds of the distance of the finite values, from the bins of `profile` and the two means.
///
/// ∫ (F − G) is the difference of the means, so the distance is its size plus twice the smaller of what F is above G and
/// what G is above F. Within a bin (lo, hi], F − G lies between F(lo) − G(hi) and F(hi) − G(lo); the outer bins end at the
/// smallest and the largest value. So the bounds are close where one side is mostly below the other, as after a shift.
/// Errors when `current` has other bins or a side has no finite values.
pub fn wasserstein_bounds(profile: &NumericProfile, current: &BinCounts) -> Result<WassersteinBounds, DriftError> {
    let reference = profile.reference();
    let (n, m) = check_sides(reference.bins(), current.bins())?;
    let moments = [reference.moments(), current.moments()];
    let smallest = moments
        .iter()
        .filter_map(|side| side.min())
        .fold(f64::INFINITY, f64::min);
    let largest = moments
        .iter()
        .filter_map(|side| side.max())
        .fold(f64::NEG_INFINITY, f64::max);

    let (mut f_above, mut g_above) = (Area::default(), Area::default());
    let (mut f_before, mut g_before, mut below) = (0.0, 0.0, smallest);
    let functions = cumulate(reference.bins()).zip(cumulate(current.bins()));
    for (bin, (f, g)) in functions.enumerate() {
        let (f, g) = (f as f64 / n as f64, g as f64 / m as f64);
        let above = profile.edges().get(bin).map_or(largest, |edge| edge.min(largest));
        let width = (above - below).max(0.0);
        f_above.add(width, f_before - g, f - g_before);
        g_above.add(width, g_before - f, g - f_before);
        (f_before, g_before, below) = (f, g, below.max(above));
    }
    let means = moments[0].mean().zip(moments[1].mean());
    let between_means = means.map_or(0.0, |(r, c)| (r - c).abs());
    Ok(WassersteinBounds {
        low: (between_means + 2.0 * f_above.low.min(g_above.low)).max(f_above.low + g_above.low),
        high: (between_means + 2.0 * f_above.high.min(g_above.high)).min(f_above.high + g_above.high),
    })
}

/// Bounds of the area by which one function is above the other.
#[derive(Debug, Clone, Copy, Default)]
struct Area {
    low: f64,
    high: f64,
}

impl Area {
    /// A bin of this width, in which the one is above the other by `least` to `most`.
    fn add(&mut self, width: f64, least: f64, most: f64) {
        self.low += width * least.max(0.0);
        self.high += width * most.max(0.0);
    }
}

/// A distance in spreads of the reference: divided by its standard deviation, or [`SPREAD_FLOOR`] if that is more.
pub fn in_spreads(distance: f64, profile: &NumericProfile) -> f64 {
    let variance = profile.reference().moments().variance().unwrap_or(0.0);
    distance / variance.sqrt().max(SPREAD_FLOOR)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::drift::Side;

    fn check(reference: &[f64], current: &[f64], expected: f64) {
        let actual = wasserstein_exact(reference, current).unwrap();
        assert!((actual - expected).abs() < 1e-12, "{actual} is not {expected}");
    }

    #[test]
    fn small_samples() {
        // The first three are scipy's examples of wasserstein_distance.
        check(&[0.0, 1.0, 3.0], &[5.0, 6.0, 8.0], 5.0);
        check(&[0.0, 0.0, 0.0, 1.0], &[0.0, 1.0, 1.0, 1.0], 0.5);
        check(&[0.0, 1.0], &[0.0, 1.0, 0.0, 1.0], 0.0);
        check(&[1.0], &[-2.0], 3.0);
    }

    #[test]
    fn the_bounds_of_a_shift_are_close() {
        let of = |shift: i32| (0..1_000).map(move |value| Some(f64::from((value * 37 % 1_000) + shift)));
        let profile = NumericProfile::with_grid(of(0), 100).unwrap();
        for shift in [-5_000, -30, 0, 300, 5_000] {
            let bounds = wasserstein_bounds(&profile, &profile.count(of(shift))).unwrap();
            let distance = f64::from(shift.abs());
            assert!(
                bounds.low <= distance + 1e-9 && bounds.low > distance - 1e-9,
                "{bounds:?} of {shift}"
            );
            // Within a bin nobody knows the order: the 11 rows of a thousand in one may lie anywhere in it, which counts
            // twice, and an outer bin is as wide as the shift.
            let unknown = 2.0 * 0.011 * (1_000.0 + distance);
            assert!(
                bounds.high >= distance - 1e-9 && bounds.high < distance + unknown,
                "{bounds:?} of {shift}"
            );
        }
    }

    #[test]
    fn spreads_have_a_floor() {
        let of = |values: &[f64]| NumericProfile::new(values.iter().copied().map(Some)).unwrap();
        assert_eq!(in_spreads(4.0, &of(&[-2.0, 2.0])), 2.0);
        assert_eq!(in_spreads(4.0, &of(&[7.0, 7.0])), 4_000.0);
    }

    #[test]
    fn an_empty_side_is_an_error() {
        let empty = DriftError::Empty { side: Side::Current };
        assert_eq!(wasserstein_exact(&[1.0], &[]), Err(empty.clone()));
        let profile = NumericProfile::new([Some(1.0)]).unwrap();
        assert_eq!(wasserstein_bounds(&profile, &profile.empty_counts()), Err(empty));
    }

    fn sample() -> impl Strategy<Value = Vec<f64>> {
        let value = prop_oneof![-4.0..4.0_f64, (-3_i8..4).prop_map(f64::from)];
        prop::collection::vec(value, 1..200)
    }

    proptest! {
        #[test]
        fn the_bounds_hold_the_distance(reference in sample(), current in sample(), bins in 2_usize..64) {
            let some = |values: &[f64]| values.iter().copied().map(Some).collect::<Vec<_>>();
            let profile = NumericProfile::with_grid(some(&reference), bins).unwrap();
            let bounds = wasserstein_bounds(&profile, &profile.count(some(&current))).unwrap();
            let exact = wasserstein_exact(&reference, &current).unwrap();
            prop_assert!(bounds.low <= exact + 1e-9 && exact <= bounds.high + 1e-9, "{bounds:?} of {exact}");
        }

        #[test]
        fn a_shift_is_its_own_distance(reference in sample(), shift in -9.0..9.0_f64) {
            let moved: Vec<f64> = reference.iter().map(|value| value + shift).collect();
            prop_assert!((wasserstein_exact(&reference, &moved).unwrap() - shift.abs()).abs() < 1e-9);
        }
    }
}
