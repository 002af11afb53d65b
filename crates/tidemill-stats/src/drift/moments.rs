//! Count, mean, spread and range of the finite values of a column, in a form that merges.

use serde::{Deserialize, Serialize};

use super::DriftError;

/// Count, mean, sum of squared deviations, smallest and largest of finite values.
///
/// Stands for Σx and Σx² without their cancellation: sums are of deviations from the mean (Welford), and two states merge
/// after Chan, Golub and LeVeque 1979. [`Moments::merge`] is commutative to the bit. Every figure stays finite, so that it
/// survives JSON: what would overflow stays at the largest float.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Moments {
    n: u64,
    mean: f64,
    deviations: f64,
    min: Option<f64>,
    max: Option<f64>,
}

impl Moments {
    /// Of the values, all of them finite.
    pub(super) fn of(values: &[f64]) -> Moments {
        let n = values.len() as u64;
        let sum: f64 = values.iter().sum();
        if n == 0 {
            return Moments::default();
        }
        let mean = sum / n as f64;
        let deviations: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        if !(sum.is_finite() && deviations.is_finite()) {
            // Values near the limit of floats: one by one, where every step is kept finite.
            return values
                .iter()
                .fold(Moments::default(), |sum, value| sum.merge(&Moments::of_one(*value)));
        }
        Moments {
            n,
            mean,
            deviations,
            min: values.iter().copied().reduce(f64::min),
            max: values.iter().copied().reduce(f64::max),
        }
    }

    fn of_one(value: f64) -> Moments {
        Moments {
            n: 1,
            mean: value,
            deviations: 0.0,
            min: Some(value),
            max: Some(value),
        }
    }

    /// Of the values of both.
    pub fn merge(&self, other: &Moments) -> Moments {
        if self.n == 0 {
            return *other;
        }
        if other.n == 0 {
            return *self;
        }
        let n = self.n + other.n;
        let (weight, other_weight) = (self.n as f64 / n as f64, other.n as f64 / n as f64);
        let between = spread_between(self, other, n);
        Moments {
            n,
            mean: finite(self.mean * weight + other.mean * other_weight),
            deviations: finite(self.deviations + other.deviations + between),
            min: self.min.into_iter().chain(other.min).reduce(f64::min),
            max: self.max.into_iter().chain(other.max).reduce(f64::max),
        }
    }

    /// Of the values of `self` that are left when those of `part` leave.
    ///
    /// Smallest and largest cannot be taken back: they stay those of `self`, bounds of what is left. Errors when `part`
    /// counts more values.
    pub fn subtract(&self, part: &Moments) -> Result<Moments, DriftError> {
        let n = self.n.checked_sub(part.n).ok_or(DriftError::NotContained {
            subtracted: part.n,
            held: self.n,
        })?;
        if n == 0 {
            return Ok(Moments::default());
        }
        if part.n == 0 {
            return Ok(*self);
        }
        let share_of_part = part.n as f64 / n as f64;
        let mean = finite(self.mean + finite(self.mean - part.mean) * share_of_part);
        let rest = Moments { n, mean, ..*self };
        let between = spread_between(&rest, part, self.n);
        Ok(Moments {
            deviations: finite(self.deviations - part.deviations - between).max(0.0),
            ..rest
        })
    }

    /// Mean, squared deviations, smallest and largest; NaN without values.
    pub(super) fn to_list(self) -> [f64; 4] {
        match (self.min, self.max) {
            (Some(min), Some(max)) => [self.mean, self.deviations, min, max],
            _ => [f64::NAN; 4],
        }
    }

    /// Of rows whose bins hold `binned` rows: of numbers each is among the values, of levels none is. `None` when the list
    /// is of neither.
    pub(super) fn from_list(binned: u64, list: &[f64]) -> Option<Moments> {
        let [mean, deviations, min, max] = *list else {
            return None;
        };
        if list.iter().all(|figure| figure.is_nan()) {
            return Some(Moments::default());
        }
        let of_values = binned > 0 && list.iter().all(|figure| figure.is_finite()) && deviations >= 0.0 && min <= max;
        of_values.then_some(Moments {
            n: binned,
            mean,
            deviations,
            min: Some(min),
            max: Some(max),
        })
    }

    /// Number of values.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// Mean; `None` without values.
    pub fn mean(&self) -> Option<f64> {
        (self.n > 0).then_some(self.mean)
    }

    /// Variance of the values themselves (divided by n); `None` without values.
    pub fn variance(&self) -> Option<f64> {
        (self.n > 0).then(|| self.deviations / self.n as f64)
    }

    /// Σx.
    pub fn sum(&self) -> f64 {
        finite(self.mean * self.n as f64)
    }

    /// Σx².
    pub fn sum_of_squares(&self) -> f64 {
        finite(self.deviations + finite(self.mean * self.mean * self.n as f64))
    }

    /// Smallest value, or a lower bound of it after [`Moments::subtract`]; `None` without values.
    pub fn min(&self) -> Option<f64> {
        self.min
    }

    /// Largest value, or an upper bound of it after [`Moments::subtract`]; `None` without values.
    pub fn max(&self) -> Option<f64> {
        self.max
    }
}

/// What the distance of two means adds to the squared deviations of both together, `n` values.
fn spread_between(left: &Moments, right: &Moments, n: u64) -> f64 {
    let distance = finite(left.mean - right.mean);
    finite(finite(distance * distance) * (left.n as f64 * right.n as f64 / n as f64))
}

fn finite(value: f64) -> f64 {
    value.clamp(-f64::MAX, f64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_small_table() {
        // Mean 5 and variance 4 are the textbook's.
        let moments = Moments::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert_eq!(
            (moments.n(), moments.mean(), moments.variance()),
            (8, Some(5.0), Some(4.0))
        );
        assert_eq!((moments.sum(), moments.sum_of_squares()), (40.0, 232.0));
        assert_eq!((moments.min(), moments.max()), (Some(2.0), Some(9.0)));
        let nothing = Moments::of(&[]);
        assert_eq!((nothing.mean(), nothing.variance(), nothing.min()), (None, None, None));
    }

    #[test]
    fn a_large_offset_does_not_eat_the_spread() {
        let near = Moments::of(&[1e9 + 4.0, 1e9 + 7.0]).merge(&Moments::of(&[1e9 + 13.0, 1e9 + 16.0]));
        assert_eq!(near.variance(), Some(22.5));
    }

    #[test]
    fn the_largest_floats_stay_finite() {
        let high = Moments::of(&[f64::MAX, f64::MAX, -f64::MAX]);
        let all = high.merge(&Moments::of(&[-f64::MAX, 1.0]));
        for moments in [high, all, all.subtract(&high).unwrap()] {
            let figures = [
                moments.mean,
                moments.deviations,
                moments.sum(),
                moments.sum_of_squares(),
            ];
            assert!(figures.iter().all(|figure| figure.is_finite()), "{moments:?}");
        }
    }

    #[test]
    fn more_cannot_leave_than_is_there() {
        let one = Moments::of(&[1.0]);
        let two = Moments::of(&[1.0, 2.0]);
        assert_eq!(
            one.subtract(&two),
            Err(DriftError::NotContained { subtracted: 2, held: 1 })
        );
        assert_eq!(two.subtract(&two), Ok(Moments::default()));
        assert_eq!(two.subtract(&one).unwrap().mean(), Some(2.0));
    }
}
