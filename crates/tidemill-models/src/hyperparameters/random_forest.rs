//! What can be set on a forest.

use serde::{Deserialize, Serialize};

use super::decision_tree::{RANDOM_STATE, SEED, check_growth};
use super::parse::{Parameters, Refused};
use super::{HyperparameterError, TREES_MAX};
use crate::Algorithm;

/// Trees on bootstrap samples of the rows, each split chosen among a random few of the features; a probability is the
/// mean of the trees' leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RandomForestParameters {
    /// Splits from root to leaf, at most; 0 is as deep as useful, to 48. Trees deeper than the default are slower to
    /// fit and to score and rank no better.
    pub max_depth: u16,
    /// Features tried at each split; 0 is the square root of their number, rounded down.
    pub max_features: usize,
    /// Rows that each side of a split keeps, at least.
    pub min_samples_leaf: usize,
    /// Rows that a node has to have to be split.
    pub min_samples_split: usize,
    /// Number of trees.
    pub n_trees: u32,
}

impl Default for RandomForestParameters {
    fn default() -> Self {
        RandomForestParameters {
            max_depth: 20,
            max_features: 0,
            min_samples_leaf: 1,
            min_samples_split: 2,
            n_trees: 100,
        }
    }
}

impl Parameters for RandomForestParameters {
    const ALGORITHM: Algorithm = Algorithm::RandomForest;
    const NAMES: &'static [&'static str] = &[
        "n_trees",
        "max_depth",
        "max_features",
        "min_samples_leaf",
        "min_samples_split",
    ];
    const SPELLINGS: &'static [(&'static str, &'static str)] = &[("n_estimators", "n_trees"), ("m", "max_features")];
    const REFUSED: &'static [Refused] = &[SEED, RANDOM_STATE];

    fn check(&self) -> Result<(), HyperparameterError> {
        check_growth::<Self>(self.max_depth, self.min_samples_leaf, self.min_samples_split)?;
        Self::bound(
            "n_trees",
            self.n_trees,
            (1..=TREES_MAX).contains(&self.n_trees),
            "1 to 10000",
        )
    }
}
