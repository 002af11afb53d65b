//! Linear models: a weighted sum of standardised features through the logistic function.

use crate::Standardizer;

/// Largest mean, slope or intercept. Within it no row of f32 overflows the sum, so that a score is always a number.
const MAGNITUDE_MAX: f64 = 1e60;

/// A logistic regression with the standardisation it was fitted on.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearModel {
    standardizer: Standardizer,
    weights: Vec<f64>,
    intercept: f64,
    /// Weight ÷ deviation: one multiplication a feature when scoring.
    slopes: Vec<f64>,
}

impl LinearModel {
    /// Weights on standardised features; `None` where they do not match the standardiser, or a mean, a weight by
    /// deviation or the intercept is not a number up to 1e60.
    pub fn new(standardizer: Standardizer, weights: Vec<f64>, intercept: f64) -> Option<LinearModel> {
        let bounded = |value: &f64| value.abs() <= MAGNITUDE_MAX;
        if weights.len() != standardizer.means().len() {
            return None;
        }
        let slopes: Vec<f64> = weights
            .iter()
            .zip(standardizer.deviations())
            .map(|(weight, deviation)| weight / deviation)
            .collect();
        let usable = slopes.iter().chain(standardizer.means()).all(bounded) && bounded(&intercept);
        usable.then_some(LinearModel {
            standardizer,
            weights,
            intercept,
            slopes,
        })
    }

    /// The standardisation of the inputs.
    pub fn standardizer(&self) -> &Standardizer {
        &self.standardizer
    }

    /// Log-odds per standard deviation of each feature.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Log-odds of the mean row.
    pub fn intercept(&self) -> f64 {
        self.intercept
    }

    /// The probability of a row with one finite value per feature.
    pub(crate) fn score_row(&self, row: &[f32]) -> f64 {
        // The mean is taken off first: folding it into the intercept would cancel digits of features far from zero.
        let log_odds = row
            .iter()
            .zip(self.standardizer.means())
            .zip(&self.slopes)
            .fold(self.intercept, |sum, ((value, mean), slope)| {
                sum + (f64::from(*value) - mean) * slope
            });
        sigmoid(log_odds)
    }
}

/// The logistic function: log-odds to probability.
pub(crate) fn sigmoid(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_a_hand_computed_row() {
        let standardizer = Standardizer::from_parts(vec![10.0, 0.0], vec![2.0, 1.0]).unwrap();
        let model = LinearModel::new(standardizer, vec![1.0, -3.0], 0.5).unwrap();
        // (14 − 10) ÷ 2 − 3 · 0.5 + 0.5 = 1.
        assert!((model.score_row(&[14.0, 0.5]) - 1.0 / (1.0 + (-1.0_f64).exp())).abs() < 1e-15);
        assert_eq!((sigmoid(-800.0), sigmoid(800.0)), (0.0, 1.0));
    }

    #[test]
    fn weights_that_are_not_numbers_make_no_model() {
        let standardizer = || Standardizer::from_parts(vec![0.0], vec![1.0]).unwrap();
        assert!(LinearModel::new(standardizer(), vec![f64::NAN], 0.0).is_none());
        assert!(LinearModel::new(standardizer(), vec![], 0.0).is_none());
        assert!(LinearModel::new(standardizer(), vec![1.0], f64::INFINITY).is_none());
    }
}
