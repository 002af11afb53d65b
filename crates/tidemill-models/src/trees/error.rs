//! Why trees have no flat form.

use tidemill_types::{ErrorCode, Explain};

use super::flat::{DEPTH_MAX, NODES_MAX};

/// Trees that have no flat form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlatTreesError {
    /// No tree.
    #[error("a tree model needs at least one tree")]
    NoTrees,
    /// A node that points outside, back, or at a node that has another parent.
    #[error("node {node} of tree {tree} does not lead to a tree")]
    NotATree {
        /// The tree, from 0.
        tree: usize,
        /// The node in it.
        node: usize,
    },
    /// A threshold, leaf or base that is not a number.
    #[error("node {node} of tree {tree} holds a value that is not finite")]
    NotFinite {
        /// The tree, from 0.
        tree: usize,
        /// The node in it.
        node: usize,
    },
    /// A leaf of a tree or forest that is no probability.
    #[error("leaf {node} of tree {tree} says {value}, not a probability")]
    NotProbability {
        /// The tree, from 0.
        tree: usize,
        /// The node in it.
        node: usize,
        /// What it says, as text.
        value: String,
    },
    /// A node that looks beyond the row.
    #[error("node {node} of tree {tree} looks at feature {feature} of {features}")]
    NoSuchFeature {
        /// The tree, from 0.
        tree: usize,
        /// The node in it.
        node: usize,
        /// The position it looks at.
        feature: usize,
        /// The number of features.
        features: usize,
    },
    /// Longer walks than any sane model has.
    #[error("tree {tree} is deeper than {DEPTH_MAX} steps")]
    TooDeep {
        /// The tree, from 0.
        tree: usize,
    },
    /// More nodes than fit.
    #[error("the trees have more than {NODES_MAX} nodes")]
    TooManyNodes,
}

impl Explain for FlatTreesError {
    fn code(&self) -> ErrorCode {
        match self {
            FlatTreesError::TooDeep { .. } | FlatTreesError::TooManyNodes => ErrorCode::LimitReached,
            FlatTreesError::NoTrees
            | FlatTreesError::NotATree { .. }
            | FlatTreesError::NotFinite { .. }
            | FlatTreesError::NotProbability { .. }
            | FlatTreesError::NoSuchFeature { .. } => ErrorCode::InvalidInput,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            FlatTreesError::TooDeep { .. } | FlatTreesError::TooManyNodes => {
                Some("set `max_depth`, fewer trees, or a larger `min_samples_leaf`".to_owned())
            }
            _ => None,
        }
    }
}
