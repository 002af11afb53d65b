//! Mean and spread of the training set, part of the models that need them.

use crate::Matrix;

/// Shifts and scales features to mean 0 and standard deviation 1 on the rows it was fitted on.
#[derive(Debug, Clone, PartialEq)]
pub struct Standardizer {
    means: Vec<f64>,
    deviations: Vec<f64>,
}

impl Standardizer {
    /// Mean and population standard deviation (divisor n, as scikit-learn's StandardScaler) of every column.
    ///
    /// A constant column has deviation 1, so that it becomes zero and not NaN; "constant" allows for the rounding of the
    /// sums, else a column of 0.1 would be scaled by 1e-17. The values are finite and there is at least one row.
    pub fn fit(matrix: &Matrix) -> Standardizer {
        let rows = matrix.rows() as f64;
        let (means, deviations) = (0..matrix.columns())
            .map(|column| {
                let values = matrix.column(column);
                let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / rows;
                let squares: f64 = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum();
                // The second pass leaves what the mean is wrong by; taking it off is the corrected two-pass algorithm
                // (Chan, Golub and LeVeque 1983).
                let rest: f64 = values.iter().map(|value| f64::from(*value) - mean).sum();
                let variance = ((squares - rest * rest / rows) / rows).max(0.0);
                let noise = rows * f64::EPSILON * variance + (rows * mean * f64::EPSILON).powi(2);
                (mean, if variance <= noise { 1.0 } else { variance.sqrt() })
            })
            .unzip();
        Standardizer { means, deviations }
    }

    /// One of given means and deviations; `None` where they differ in number or a deviation is not above zero.
    pub fn from_parts(means: Vec<f64>, deviations: Vec<f64>) -> Option<Standardizer> {
        let usable = means.len() == deviations.len()
            && means.iter().all(|mean| mean.is_finite())
            && deviations
                .iter()
                .all(|deviation| deviation.is_finite() && *deviation > 0.0);
        usable.then_some(Standardizer { means, deviations })
    }

    /// Means, in feature order.
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// Standard deviations, in feature order, all above zero.
    pub fn deviations(&self) -> &[f64] {
        &self.deviations
    }

    /// The standardised value of `value` in feature `feature`.
    pub fn apply(&self, feature: usize, value: f32) -> f64 {
        (f64::from(value) - self.means[feature]) / self.deviations[feature]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[f64], mean: f64, deviation: f64) {
        let standardizer = Standardizer::fit(&Matrix::from_f64_columns(&[values]).unwrap());
        assert!(
            (standardizer.means()[0] - mean).abs() <= 1e-7 * mean.abs().max(1.0),
            "mean {standardizer:?}"
        );
        assert!(
            (standardizer.deviations()[0] - deviation).abs() <= 1e-7 * deviation,
            "deviation {standardizer:?}"
        );
    }

    #[test]
    fn known_spreads() {
        check(&[1.0, 2.0, 3.0, 4.0], 2.5, 1.25_f64.sqrt());
        check(&[7.0, 7.0, 7.0], 7.0, 1.0);
        check(&[0.1; 1000], 0.1, 1.0);
        check(&[5.0], 5.0, 1.0);
        // Far from zero, where the textbook formula loses all digits.
        check(
            &[16_000_000.0, 16_000_001.0, 16_000_002.0],
            16_000_001.0,
            (2.0_f64 / 3.0).sqrt(),
        );
    }

    #[test]
    fn parts_that_would_divide_by_nothing_are_refused() {
        assert!(Standardizer::from_parts(vec![0.0], vec![0.0]).is_none());
        assert!(Standardizer::from_parts(vec![0.0], vec![1.0, 1.0]).is_none());
        assert!(Standardizer::from_parts(vec![f64::NAN], vec![1.0]).is_none());
    }
}
