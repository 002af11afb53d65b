//! The flat form and what it keeps.

use super::FlatTreesError;
use super::check::check_tree;

/// Most nodes of all trees of a model together.
pub(crate) const NODES_MAX: usize = 1 << 30;
/// Deepest tree, in steps from the root to a leaf.
pub(crate) const DEPTH_MAX: usize = 4_096;
/// Set in [`FlatNode::feature`] where a missing value goes left.
pub(crate) const MISSING_LEFT: u32 = 1 << 31;

/// One node: 12 bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub struct FlatNode {
    /// Values up to this go left. Infinity in a leaf, never NaN.
    pub threshold: f32,
    /// The left child; the right child is the node after it. A leaf is its own child.
    pub child: u32,
    /// Position in the row in the low 31 bits; the high bit is set where a missing value goes left.
    pub feature: u32,
}

impl FlatNode {
    pub(crate) fn leaf(at: u32) -> FlatNode {
        FlatNode {
            threshold: f32::INFINITY,
            child: at,
            feature: MISSING_LEFT,
        }
    }

    /// Position of the value that this node looks at.
    pub fn position(self) -> usize {
        (self.feature & !MISSING_LEFT) as usize
    }

    /// Whether a missing value goes left.
    pub fn missing_left(self) -> bool {
        self.feature & MISSING_LEFT != 0
    }
}

/// How the leaves that a row reaches become its probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TreeOutput {
    /// Mean of the leaves, which hold probabilities: a tree or a forest.
    Mean,
    /// Logistic function of `base` plus the sum of the leaves, which hold log-odds: boosting.
    Logistic {
        /// Log-odds before the first tree.
        base: f64,
    },
}

/// Trees in the flat form, checked: a walk from every root ends in a leaf after the tree's depth, and every node looks at
/// a value that the row has.
#[derive(Debug, Clone, PartialEq)]
pub struct FlatTrees {
    pub(super) nodes: Vec<FlatNode>,
    /// What a leaf says; 0 at inner nodes.
    pub(super) values: Vec<f32>,
    pub(super) roots: Vec<u32>,
    /// Steps from the root to the deepest leaf, by tree.
    pub(super) depths: Vec<u32>,
    pub(super) features: usize,
    pub(super) output: TreeOutput,
}

impl FlatTrees {
    /// Checks arrays as they come out of an artifact: everything that the type promises.
    pub(crate) fn from_parts(
        nodes: Vec<FlatNode>,
        values: Vec<f32>,
        roots: Vec<u32>,
        features: usize,
        output: TreeOutput,
    ) -> Result<FlatTrees, FlatTreesError> {
        if roots.is_empty() {
            return Err(FlatTreesError::NoTrees);
        }
        if nodes.len() > NODES_MAX {
            return Err(FlatTreesError::TooManyNodes);
        }
        if let TreeOutput::Logistic { base } = output
            && !base.is_finite()
        {
            return Err(FlatTreesError::NotFinite { tree: 0, node: 0 });
        }
        if values.len() != nodes.len() || roots[0] != 0 {
            return Err(FlatTreesError::NotATree { tree: 0, node: 0 });
        }
        let mut depths = Vec::with_capacity(roots.len());
        for (tree, root) in roots.iter().enumerate() {
            // A tree's nodes lie together, up to the next root.
            let end = roots.get(tree + 1).map_or(nodes.len(), |next| *next as usize);
            let start = *root as usize;
            if end <= start || end > nodes.len() {
                return Err(FlatTreesError::NotATree { tree, node: 0 });
            }
            let values = &values[start..end];
            depths.push(check_tree(tree, start, &nodes[start..end], values, features)?);
            let no_probability = |value: &f32| !(0.0..=1.0).contains(value);
            if output == TreeOutput::Mean
                && let Some(node) = values.iter().position(no_probability)
            {
                let value = values[node].to_string();
                return Err(FlatTreesError::NotProbability { tree, node, value });
            }
        }
        Ok(FlatTrees {
            nodes,
            values,
            roots,
            depths,
            features,
            output,
        })
    }

    /// Number of trees.
    pub fn trees(&self) -> usize {
        self.roots.len()
    }

    /// All nodes, tree after tree.
    pub fn nodes(&self) -> &[FlatNode] {
        &self.nodes
    }

    /// What the leaves say, at the positions of their nodes.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Positions of the trees' first nodes.
    pub fn roots(&self) -> &[u32] {
        &self.roots
    }

    /// Steps from the root to the deepest leaf of the deepest tree.
    pub fn depth(&self) -> usize {
        self.depths.iter().max().map_or(0, |depth| *depth as usize)
    }

    /// Length of a row.
    pub fn features(&self) -> usize {
        self.features
    }

    /// How leaves become a probability.
    pub fn output(&self) -> TreeOutput {
        self.output
    }
}
