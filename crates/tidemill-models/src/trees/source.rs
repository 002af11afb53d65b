//! A tree as libraries have it: nodes that point at each other, in any order.

/// One node of a tree that is to be flattened.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SourceNode {
    /// Where a walk ends.
    Leaf {
        /// What the tree says there.
        value: f32,
    },
    /// Where a walk turns: left where `row[feature] <= threshold`.
    Split {
        /// Position in the row.
        feature: usize,
        /// Of the flat form; see [`at_most`](super::at_most) and [`below`](super::below).
        threshold: f32,
        /// Whether a missing value goes left.
        missing_left: bool,
        /// Node for values up to the threshold.
        left: usize,
        /// Node for the others.
        right: usize,
    },
}

/// A tree whose root is node 0.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SourceTree {
    pub(crate) nodes: Vec<SourceNode>,
}
