//! The algorithms that can be trained, by the names that users write.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{ErrorCode, Explain};

/// What trains a model. Persisted in artifacts by name, never by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// L2-penalised logistic regression on standardised features.
    LogisticRegression,
    /// One CART tree on squared error, which for 0/1 labels is the Gini split.
    DecisionTree,
    /// Bagged CART trees whose leaves hold probabilities.
    RandomForest,
    /// Gradient-boosted trees with XGBoost's hyperparameter names.
    Xgboost,
}

impl Algorithm {
    /// All of them, the simplest first: the order in which tables show them.
    pub const ALL: [Algorithm; 4] = [
        Algorithm::LogisticRegression,
        Algorithm::DecisionTree,
        Algorithm::RandomForest,
        Algorithm::Xgboost,
    ];

    /// As in settings and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Algorithm::LogisticRegression => "logistic_regression",
            Algorithm::DecisionTree => "decision_tree",
            Algorithm::RandomForest => "random_forest",
            Algorithm::Xgboost => "xgboost",
        }
    }

    /// Whether rows may lack a value of a feature, in training and in scoring.
    pub const fn allows_missing(self) -> bool {
        match self {
            Algorithm::Xgboost => true,
            Algorithm::LogisticRegression | Algorithm::DecisionTree | Algorithm::RandomForest => false,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A name that no algorithm has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an algorithm: there is logistic_regression, decision_tree, random_forest, xgboost")]
pub struct UnknownAlgorithm(pub String);

impl Explain for UnknownAlgorithm {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidInput
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Algorithm::ALL.into_iter().find(|algorithm| algorithm.as_str() == name);
        found.ok_or_else(|| UnknownAlgorithm(name.chars().take(80).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
            assert_eq!(serde_json::to_value(algorithm).unwrap(), algorithm.as_str());
        }
        assert_eq!("xgbost".parse::<Algorithm>(), Err(UnknownAlgorithm("xgbost".into())));
    }
}
