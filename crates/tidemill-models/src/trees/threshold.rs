//! Thresholds of other libraries as thresholds of ours, exactly.
//!
//! Sources compare in f64, with `<=` (smartcore, scikit-learn, LightGBM) or with `<` (forust, XGBoost); flat trees
//! compare f32 with `<=`. For every f32 value x and every finite f64 threshold t
//!
//! - x <= t exactly when x <= [`at_most`]`(t)`, the largest f32 that is not above t: rounding toward minus infinity;
//! - x <  t exactly when x <= [`below`]`(t)`, the largest f32 that is below t.
//!
//! Rounding to the nearest would send values between t and its rounding to the wrong side.

/// The largest f32 not above `threshold`; `None` where the threshold is not finite.
pub(crate) fn at_most(threshold: f64) -> Option<f32> {
    let nearest = threshold as f32;
    threshold.is_finite().then(|| {
        if f64::from(nearest) <= threshold {
            nearest
        } else {
            nearest.next_down()
        }
    })
}

/// The largest f32 below `threshold`; `None` where the threshold is not finite.
pub(crate) fn below(threshold: f64) -> Option<f32> {
    let nearest = threshold as f32;
    threshold.is_finite().then(|| {
        if f64::from(nearest) < threshold {
            nearest
        } else {
            nearest.next_down()
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(threshold: f64) {
        let neighbours = |value: f32| [value.next_down().next_down(), value.next_down(), value, value.next_up()];
        let mut values = vec![
            0.0,
            -0.0,
            1.0,
            -1.0,
            f32::MIN,
            f32::MAX,
            f32::INFINITY,
            f32::NEG_INFINITY,
        ];
        values.extend([
            f32::MIN_POSITIVE,
            -f32::MIN_POSITIVE,
            f32::from_bits(1),
            -f32::from_bits(1),
        ]);
        values.extend(neighbours(threshold as f32));
        let (at_most, below) = (at_most(threshold).unwrap(), below(threshold).unwrap());
        for value in values {
            assert_eq!(
                f64::from(value) <= threshold,
                value <= at_most,
                "{value:e} <= {threshold:e}"
            );
            assert_eq!(
                f64::from(value) < threshold,
                value <= below,
                "{value:e} < {threshold:e}"
            );
        }
    }

    #[test]
    fn branches_are_kept_at_the_edges() {
        for threshold in [
            0.0,
            -0.0,
            0.1,
            0.5,
            16_777_217.0,
            1e-60,
            -1e-60,
            1e300,
            -1e300,
            f64::MAX,
            f64::MIN,
            220.0,
        ] {
            check(threshold);
        }
        check(f64::from(f32::MAX));
        check(f64::from(f32::MIN));
        for threshold in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!((at_most(threshold), below(threshold)), (None, None));
        }
    }

    proptest! {
        #[test]
        fn branches_are_kept_everywhere(bits in any::<u64>(), value in any::<f32>()) {
            let threshold = f64::from_bits(bits);
            if threshold.is_finite() {
                check(threshold);
            }
            check(f64::from(value));
            check(f64::from(value).next_up());
            check(f64::from(value).next_down());
        }
    }
}
