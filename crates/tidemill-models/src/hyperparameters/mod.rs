//! Hyperparameters: what a user may set per algorithm, with every default, checked before a row is read.
//!
//! They come as one JSON object (from `tidemill.toml` or the API). Unknown names are errors with a suggestion; what the
//! library behind an algorithm cannot do is an error that says so, never something that is silently ignored.

mod decision_tree;
mod error;
mod logistic_regression;
mod parse;
mod random_forest;
mod xgboost;

use serde::Serialize;
use serde_json::{Map, Value};

pub use decision_tree::DecisionTreeParameters;
pub(crate) use decision_tree::GROWN_DEPTH_MAX;
pub use error::HyperparameterError;
pub(crate) use error::suggest;
pub use logistic_regression::LogisticRegressionParameters;
pub use random_forest::RandomForestParameters;
pub use xgboost::{Automatic, BaseScore, GrowPolicy, XgboostParameters};

use crate::Algorithm;

/// Most trees of one model.
pub const TREES_MAX: u32 = 10_000;

/// An algorithm with everything that can be set on it, within bounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Hyperparameters {
    /// See [`LogisticRegressionParameters`].
    LogisticRegression(LogisticRegressionParameters),
    /// See [`DecisionTreeParameters`].
    DecisionTree(DecisionTreeParameters),
    /// See [`RandomForestParameters`].
    RandomForest(RandomForestParameters),
    /// See [`XgboostParameters`].
    Xgboost(XgboostParameters),
}

impl Hyperparameters {
    /// The defaults of an algorithm.
    pub fn defaults(algorithm: Algorithm) -> Hyperparameters {
        match algorithm {
            Algorithm::LogisticRegression => {
                Hyperparameters::LogisticRegression(LogisticRegressionParameters::default())
            }
            Algorithm::DecisionTree => Hyperparameters::DecisionTree(DecisionTreeParameters::default()),
            Algorithm::RandomForest => Hyperparameters::RandomForest(RandomForestParameters::default()),
            Algorithm::Xgboost => Hyperparameters::Xgboost(XgboostParameters::default()),
        }
    }

    /// The defaults with what `settings` sets.
    ///
    /// Errors on a name that the algorithm does not have, one that its library cannot honour, a name given under two
    /// spellings, a value of another type and a value out of bounds.
    pub fn parse(algorithm: Algorithm, settings: &Map<String, Value>) -> Result<Hyperparameters, HyperparameterError> {
        Ok(match algorithm {
            Algorithm::LogisticRegression => Hyperparameters::LogisticRegression(parse::parse(settings)?),
            Algorithm::DecisionTree => Hyperparameters::DecisionTree(parse::parse(settings)?),
            Algorithm::RandomForest => Hyperparameters::RandomForest(parse::parse(settings)?),
            Algorithm::Xgboost => Hyperparameters::Xgboost(parse::parse(settings)?),
        })
    }

    /// What they are for.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Hyperparameters::LogisticRegression(_) => Algorithm::LogisticRegression,
            Hyperparameters::DecisionTree(_) => Algorithm::DecisionTree,
            Hyperparameters::RandomForest(_) => Algorithm::RandomForest,
            Hyperparameters::Xgboost(_) => Algorithm::Xgboost,
        }
    }

    /// All of them by name, defaults included and in a stable order: what a run records.
    pub fn to_json(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(map)) => map,
            _ => Map::new(),
        }
    }
}

#[cfg(test)]
mod tests;
