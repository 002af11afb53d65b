//! What can be set on a single tree.

use serde::{Deserialize, Serialize};

use super::HyperparameterError;
use super::parse::{Parameters, Refused};
use crate::Algorithm;

/// Deepest tree that is grown where `max_depth` sets no bound, in splits from root to leaf.
///
/// smartcore goes on splitting nodes of one class, one value at a time, so that a tree without a bound takes time that
/// grows with the square of the rows. Nodes of two classes are rarely left at this depth; what was split in vain is cut
/// off again when the tree is laid out flat.
pub(crate) const GROWN_DEPTH_MAX: u16 = 48;

pub(super) const SEED: Refused = Refused {
    name: "seed",
    harmless: &[],
    instead: "the seed is a setting of the model, not of its algorithm",
};

pub(super) const RANDOM_STATE: Refused = Refused {
    name: "random_state",
    ..SEED
};

/// One tree that splits by squared error, which for labels of 0 and 1 chooses as the Gini index does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DecisionTreeParameters {
    /// Splits from root to leaf, at most; 0 is as deep as useful, to 48.
    pub max_depth: u16,
    /// Rows that each side of a split keeps, at least.
    pub min_samples_leaf: usize,
    /// Rows that a node has to have to be split.
    pub min_samples_split: usize,
}

impl Default for DecisionTreeParameters {
    fn default() -> Self {
        DecisionTreeParameters {
            max_depth: 0,
            min_samples_leaf: 1,
            min_samples_split: 2,
        }
    }
}

impl Parameters for DecisionTreeParameters {
    const ALGORITHM: Algorithm = Algorithm::DecisionTree;
    const NAMES: &'static [&'static str] = &["max_depth", "min_samples_leaf", "min_samples_split"];
    const SPELLINGS: &'static [(&'static str, &'static str)] = &[];
    const REFUSED: &'static [Refused] = &[SEED, RANDOM_STATE];

    fn check(&self) -> Result<(), HyperparameterError> {
        check_growth::<Self>(self.max_depth, self.min_samples_leaf, self.min_samples_split)
    }
}

pub(super) fn check_growth<P: Parameters>(
    max_depth: u16,
    min_samples_leaf: usize,
    min_samples_split: usize,
) -> Result<(), HyperparameterError> {
    let fits = usize::from(max_depth) <= crate::trees::DEPTH_MAX;
    P::bound("max_depth", max_depth, fits, "at most 4096; 0 is no bound")?;
    P::bound(
        "min_samples_leaf",
        min_samples_leaf,
        min_samples_leaf >= 1,
        "at least 1",
    )?;
    P::bound(
        "min_samples_split",
        min_samples_split,
        min_samples_split >= 2,
        "at least 2",
    )
}
