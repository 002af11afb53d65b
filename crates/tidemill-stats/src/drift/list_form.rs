//! A state as one list of numbers: what SQL hands from one part of a query to the next, and stores in a column.

use super::{BinCounts, DriftError, Moments};

/// Numbers behind the bins: null, NaN, −∞, +∞, then mean, squared deviations, smallest and largest of the finite numbers.
const BESIDE: usize = 8;

impl BinCounts {
    /// The rows per bin, then null, NaN, −∞ and +∞, then mean, sum of squared deviations, smallest and largest of the
    /// finite numbers; NaN where there are none of them. Counts are exact up to 2⁵³ rows.
    pub fn to_list(&self) -> Vec<f64> {
        let mut list: Vec<f64> = self.bins.iter().map(|count| *count as f64).collect();
        list.extend([self.null, self.nan, self.minus_infinity, self.plus_infinity].map(|count| count as f64));
        list.extend(self.moments.to_list());
        list
    }

    /// The state that [`BinCounts::to_list`] gave this list for. Errors when no state gives such a list.
    pub fn from_list(list: &[f64]) -> Result<BinCounts, DriftError> {
        let refuse = |reason| Err(DriftError::NotAState { reason });
        let Some(bins) = list.len().checked_sub(BESIDE).filter(|bins| *bins > 0) else {
            return refuse("it has no bins");
        };
        let (counts, moments) = list.split_at(list.len() - 4);
        if counts.iter().any(|count| *count < 0.0 || count.fract() != 0.0) {
            return refuse("a count is not a whole number from 0 on");
        }
        // No count is negative or has a fraction here, NaN and ∞ have one that is NaN.
        let counts: Vec<u64> = counts.iter().map(|count| *count as u64).collect();
        let (bins, beside) = counts.split_at(bins);
        let binned = bins.iter().sum();
        let Some(moments) = Moments::from_list(binned, moments) else {
            return refuse("its mean and spread are not those of its rows");
        };
        Ok(BinCounts {
            bins: bins.to_vec(),
            null: beside[0],
            nan: beside[1],
            minus_infinity: beside[2],
            plus_infinity: beside[3],
            moments,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::drift::{BinCounts, CategoricalProfile, NumericProfile};

    #[test]
    fn a_list_is_its_counts_then_what_is_beside_them() {
        let profile = NumericProfile::with_edges([Some(1.0)], vec![1.0, 2.0]).unwrap();
        let state = profile.count([Some(1.0), Some(3.0), Some(3.0), None, Some(f64::NAN)]);
        let list = state.to_list();
        assert_eq!(list[..7], [1.0, 0.0, 2.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!([list[9], list[10]], [1.0, 3.0]);
        assert_eq!(BinCounts::from_list(&list), Ok(state));
        let nothing = profile.empty_counts();
        assert_eq!(BinCounts::from_list(&nothing.to_list()), Ok(nothing));
        let levels = CategoricalProfile::new([Some("a"), None]).unwrap();
        assert_eq!(
            BinCounts::from_list(&levels.reference().to_list()).as_ref(),
            Ok(levels.reference())
        );
    }

    #[test]
    fn no_state_gives_such_a_list() {
        let state = NumericProfile::new([Some(1.0), Some(2.0)])
            .unwrap()
            .reference()
            .to_list();
        let refused = |list: &[f64]| BinCounts::from_list(list).unwrap_err().to_string();
        assert_eq!(refused(&[]), "not a list of bin counts: it has no bins");
        for wrong in [-1.0, 0.5, f64::NAN, f64::INFINITY] {
            let mut list = state.clone();
            list[0] = wrong;
            assert_eq!(
                refused(&list),
                "not a list of bin counts: a count is not a whole number from 0 on"
            );
        }
        let mut list = state;
        *list.last_mut().unwrap() = f64::NAN;
        assert_eq!(
            refused(&list),
            "not a list of bin counts: its mean and spread are not those of its rows"
        );
    }

    proptest! {
        #[test]
        fn lists_hold_the_state(values in prop::collection::vec(prop::option::of(-9.0..9.0_f64), 1..200)) {
            let profile = NumericProfile::with_edges([Some(0.0)], vec![-1.0, 0.0, 1.0]).unwrap();
            let state = profile.count(values);
            prop_assert_eq!(BinCounts::from_list(&state.to_list()), Ok(state));
        }
    }
}
