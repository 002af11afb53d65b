//! The largest distance of two distribution functions: exact from values, certified from bins.

use serde::{Deserialize, Serialize};

use super::numeric_profile::cumulate;
use super::samples::steps;
use super::shares::check_sides;
use super::{BinCounts, DriftError, NumericProfile};

/// The two-sample Kolmogorov–Smirnov test on the values themselves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KsTest {
    /// D = max |F − G|, 0 to 1.
    pub distance: f64,
    /// Probability of a distance at least as large without drift; see [`ks_p_value`].
    pub p_value: f64,
}

/// What bins alone say of the test: D lies within, whatever the values in the bins.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KsInterval {
    /// D is at least this.
    pub low: f64,
    /// D is at most this; no more than 2 ÷ grid bins above `low`.
    pub high: f64,
    /// The p-value if D were `low`: the larger of the two.
    pub p_value_at_low: f64,
    /// The p-value if D were `high`.
    pub p_value_at_high: f64,
}

/// What a test decides at a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KsDecision {
    /// The two sides differ by more than chance.
    Differs,
    /// Chance explains the distance.
    ChanceExplains,
    /// The two ends of the interval decide differently: the values themselves must be asked, with [`ks_exact`].
    AskTheValues,
}

impl KsInterval {
    /// The decision at level `alpha`: a p-value below it is no chance.
    pub fn decide(&self, alpha: f64) -> KsDecision {
        match (self.p_value_at_low < alpha, self.p_value_at_high < alpha) {
            (true, true) => KsDecision::Differs,
            (false, false) => KsDecision::ChanceExplains,
            _ => KsDecision::AskTheValues,
        }
    }
}

/// The test on finite values in any order: sort and merge.
///
/// Errors when a side is empty or holds a value that is not finite.
pub fn ks_exact(reference: &[f64], current: &[f64]) -> Result<KsTest, DriftError> {
    let steps = steps(reference, current)?;
    let distance = steps
        .iter()
        .map(|step| (step.reference - step.current).abs())
        .fold(0.0, f64::max);
    Ok(KsTest {
        distance,
        p_value: ks_p_value(distance, reference.len() as u64, current.len() as u64),
    })
}

/// The interval that holds D of the finite values, from the bins of `profile`.
///
/// At an edge both functions are known. Within (lo, hi] both only rise: F − G is at most F(hi) − G(lo), and G − F at most
/// G(hi) − F(lo). A bin that is a single float has no interior. The bounds hold as floats too, against [`ks_exact`].
/// Errors when `current` has other bins or a side has no finite values.
pub fn ks_interval(profile: &NumericProfile, current: &BinCounts) -> Result<KsInterval, DriftError> {
    let reference = profile.reference();
    let (n, m) = check_sides(reference.bins(), current.bins())?;
    let (mut low, mut high) = (0.0_f64, 0.0_f64);
    let (mut f_before, mut g_before) = (0.0, 0.0);
    let functions = cumulate(reference.bins()).zip(cumulate(current.bins()));
    for (bin, (f, g)) in functions.enumerate() {
        let (f, g) = (f as f64 / n as f64, g as f64 / m as f64);
        low = low.max((f - g).abs());
        if has_interior(profile.edges(), bin) {
            high = high.max(f - g_before).max(g - f_before);
        }
        (f_before, g_before) = (f, g);
    }
    let high = high.max(low);
    Ok(KsInterval {
        low,
        high,
        p_value_at_low: ks_p_value(low, n, m),
        p_value_at_high: ks_p_value(high, n, m),
    })
}

/// Whether a finite float lies strictly between the edges of a bin.
fn has_interior(edges: &[f64], bin: usize) -> bool {
    let below = if bin == 0 { f64::NEG_INFINITY } else { edges[bin - 1] };
    let inner = below.next_up();
    inner.is_finite() && edges.get(bin).is_none_or(|edge| inner < *edge)
}

/// Probability that two samples of n and m rows of one distribution are at least `distance` apart.
///
/// Stephens' form of the asymptotic: Q(λ) with λ = D(√e + .12 + .11 ÷ √e), e = nm ÷ (n+m). Source: Stephens 1970, Journal
/// of the Royal Statistical Society B 32.
pub fn ks_p_value(distance: f64, reference_rows: u64, current_rows: u64) -> f64 {
    let (n, m) = (reference_rows as f64, current_rows as f64);
    let root = (n * m / (n + m)).sqrt();
    kolmogorov_tail(distance * (root + 0.12 + 0.11 / root))
}

/// Terms of either series; both have converged to the last bit long before.
const SERIES_TERMS: u32 = 40;

/// Below this the one series is the faster, above it the other.
const SERIES_CROSSOVER: f64 = 1.18;

/// Q(λ) = 2 Σ (−1)^(k−1) exp(−2k²λ²), for small λ by its transform 1 − √(2π) ÷ λ · Σ exp(−(2k−1)²π² ÷ 8λ²).
fn kolmogorov_tail(lambda: f64) -> f64 {
    use std::f64::consts::PI;
    let terms = (1..=SERIES_TERMS).map(f64::from);
    let tail = if lambda <= 0.0 {
        1.0
    } else if lambda < SERIES_CROSSOVER {
        let scale = -PI * PI / (8.0 * lambda * lambda);
        let sum: f64 = terms.map(|k| ((2.0 * k - 1.0).powi(2) * scale).exp()).sum();
        1.0 - (2.0 * PI).sqrt() / lambda * sum
    } else {
        let term = |k: f64| (-2.0 * k * k * lambda * lambda).exp();
        2.0 * terms
            .map(|k| if k % 2.0 == 0.0 { -term(k) } else { term(k) })
            .sum::<f64>()
    };
    tail.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::drift::Side;

    fn check_exact(reference: &[f64], current: &[f64], distance: f64) {
        let test = ks_exact(reference, current).unwrap();
        assert!((test.distance - distance).abs() < 1e-15, "{test:?}");
        assert_eq!(ks_exact(current, reference).unwrap(), test);
    }

    #[test]
    fn small_samples() {
        check_exact(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0], 0.0);
        check_exact(&[1.0, 2.0], &[3.0, 4.0, 5.0], 1.0);
        check_exact(&[1.0, 3.0], &[2.0, 4.0], 0.5);
        // Ties move both functions at once: at 1, F is ¾ and G is ¼.
        check_exact(&[1.0, 1.0, 1.0, 2.0], &[1.0, 2.0, 2.0, 2.0], 0.5);
        check_exact(&[-0.0], &[0.0], 0.0);
    }

    #[test]
    fn the_tail_is_the_published_one() {
        // Smirnov 1948: critical values of Kolmogorov's distribution; both series at their border.
        for (lambda, tail) in [
            (0.5, 0.963_945_243_664_875_1),
            (0.8, 0.544_142_411_574_153_4),
            (1.0, 0.269_999_671_677_354_6),
            (1.2, 0.112_249_666_670_724_9),
            (1.5, 0.022_217_962_616_525_1),
            (2.0, 0.000_670_925_230_272_4),
        ] {
            let actual = kolmogorov_tail(lambda);
            assert!((actual - tail).abs() < 1e-6, "{lambda}: {actual} is not {tail}");
        }
        let (before, after) = (
            kolmogorov_tail(SERIES_CROSSOVER - 1e-12),
            kolmogorov_tail(SERIES_CROSSOVER),
        );
        assert!((before - after).abs() < 1e-11);
        assert_eq!(
            (kolmogorov_tail(0.0), kolmogorov_tail(1e-300), kolmogorov_tail(1e300)),
            (1.0, 1.0, 0.0)
        );
    }

    #[test]
    fn the_ends_decide_together_or_not_at_all() {
        let interval = KsInterval {
            low: 0.1,
            high: 0.2,
            p_value_at_low: 0.04,
            p_value_at_high: 0.01,
        };
        assert_eq!(interval.decide(0.05), KsDecision::Differs);
        assert_eq!(interval.decide(0.02), KsDecision::AskTheValues);
        assert_eq!(interval.decide(0.01), KsDecision::ChanceExplains);
    }

    #[test]
    fn input_without_a_distance() {
        let empty = |side| Err(DriftError::Empty { side });
        assert_eq!(ks_exact(&[], &[1.0]), empty(Side::Reference));
        assert_eq!(ks_exact(&[1.0], &[]), empty(Side::Current));
        let infinite = ks_exact(&[1.0], &[2.0, f64::INFINITY]);
        let expected = DriftError::NotFinite {
            side: Side::Current,
            position: 1,
            value: f64::INFINITY,
        };
        assert_eq!(infinite, Err(expected));
        let profile = NumericProfile::new([Some(1.0)]).unwrap();
        let nulls = profile.count([None, None]);
        assert_eq!(
            ks_interval(&profile, &nulls).map(|found| found.low).map_err(Some),
            Err(Some(DriftError::Empty { side: Side::Current }))
        );
    }

    /// Smooth values and coarse ones, so that atoms are frequent.
    fn sample() -> impl Strategy<Value = Vec<f64>> {
        let value = prop_oneof![-4.0..4.0_f64, (-3_i8..4).prop_map(f64::from)];
        prop::collection::vec(value, 1..300)
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_distance(reference in sample(), current in sample(), bins in 2_usize..64) {
            let some = |values: &[f64]| values.iter().copied().map(Some).collect::<Vec<_>>();
            let profile = NumericProfile::with_grid(some(&reference), bins).unwrap();
            let interval = ks_interval(&profile, &profile.count(some(&current))).unwrap();
            let exact = ks_exact(&reference, &current).unwrap();
            prop_assert!(interval.low <= exact.distance && exact.distance <= interval.high);
            prop_assert!(interval.high - interval.low <= 2.0 / bins as f64 + 1e-12, "{interval:?} of {bins} bins");
            prop_assert!(interval.p_value_at_high <= exact.p_value && exact.p_value <= interval.p_value_at_low);
        }

        #[test]
        fn the_order_of_rows_does_not_count(mut reference in sample(), current in sample()) {
            let before = ks_exact(&reference, &current).unwrap();
            reference.reverse();
            prop_assert_eq!(ks_exact(&reference, &current).unwrap(), before);
        }
    }
}
