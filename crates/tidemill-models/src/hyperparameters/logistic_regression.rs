//! What can be set on a logistic regression.

use serde::{Deserialize, Serialize};

use super::HyperparameterError;
use super::parse::{Parameters, Refused};
use crate::Algorithm;

/// Logistic regression: minimises Σ log-loss + `alpha` ÷ 2 · ‖weights‖² over standardised features, the intercept free.
///
/// `alpha` is 1 ÷ C of scikit-learn, whose default C = 1 is the default here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogisticRegressionParameters {
    /// Strength of the L2 penalty, at least 0.
    pub alpha: f64,
    /// The solver (L-BFGS) ends where the Euclidean norm of the gradient of the sum above falls below this.
    pub gradient_tolerance: f64,
    /// The solver ends after this many iterations at the latest.
    pub max_iterations: u64,
}

impl Default for LogisticRegressionParameters {
    fn default() -> Self {
        LogisticRegressionParameters {
            alpha: 1.0,
            gradient_tolerance: 1e-4,
            max_iterations: 100,
        }
    }
}

impl Parameters for LogisticRegressionParameters {
    const ALGORITHM: Algorithm = Algorithm::LogisticRegression;
    const NAMES: &'static [&'static str] = &["alpha", "gradient_tolerance", "max_iterations"];
    const SPELLINGS: &'static [(&'static str, &'static str)] =
        &[("max_iter", "max_iterations"), ("tol", "gradient_tolerance")];
    const REFUSED: &'static [Refused] = &[
        Refused {
            name: "C",
            harmless: &[],
            instead: "set `alpha` to 1 / C",
        },
        Refused {
            name: "penalty",
            harmless: &["\"l2\""],
            instead: "the penalty is L2; `alpha` = 0 switches it off",
        },
    ];

    fn check(&self) -> Result<(), HyperparameterError> {
        Self::bound(
            "alpha",
            self.alpha,
            self.alpha.is_finite() && self.alpha >= 0.0,
            "at least 0",
        )?;
        let tolerance = self.gradient_tolerance;
        Self::bound(
            "gradient_tolerance",
            tolerance,
            tolerance.is_finite() && tolerance > 0.0,
            "above 0",
        )?;
        Self::bound(
            "max_iterations",
            self.max_iterations,
            self.max_iterations >= 1,
            "at least 1",
        )
    }
}
