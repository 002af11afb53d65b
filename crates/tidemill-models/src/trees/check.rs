//! Whether an array of nodes is a tree.

use super::FlatTreesError;
use super::flat::{DEPTH_MAX, FlatNode};

/// Checks one tree's nodes, which start at `start` in the model's array, and returns its depth.
pub(super) fn check_tree(
    tree: usize,
    start: usize,
    nodes: &[FlatNode],
    values: &[f32],
    features: usize,
) -> Result<u32, FlatTreesError> {
    // Children come after their parent, so that one pass knows each node's depth before it gets there. A node that no
    // parent claimed is not part of the tree; one that two claim makes it a graph.
    let mut depth_of: Vec<Option<u32>> = vec![None; nodes.len()];
    depth_of[0] = Some(0);
    let mut deepest = 0;
    for (at, node) in nodes.iter().enumerate() {
        let not_a_tree = FlatTreesError::NotATree { tree, node: at };
        let Some(depth) = depth_of[at] else {
            return Err(not_a_tree);
        };
        deepest = deepest.max(depth);
        if depth as usize > DEPTH_MAX {
            return Err(FlatTreesError::TooDeep { tree });
        }
        if !values[at].is_finite() || node.threshold.is_nan() {
            return Err(FlatTreesError::NotFinite { tree, node: at });
        }
        if node.position() >= features {
            return Err(FlatTreesError::NoSuchFeature {
                tree,
                node: at,
                feature: node.position(),
                features,
            });
        }
        let child = (node.child as usize).checked_sub(start);
        match child {
            Some(child) if child == at => {
                if *node != FlatNode::leaf(node.child) {
                    return Err(not_a_tree);
                }
            }
            Some(child) if child > at && child + 1 < nodes.len() => {
                if depth_of[child].is_some() || depth_of[child + 1].is_some() || values[at].to_bits() != 0 {
                    return Err(not_a_tree);
                }
                depth_of[child] = Some(depth + 1);
                depth_of[child + 1] = Some(depth + 1);
            }
            _ => return Err(not_a_tree),
        }
    }
    Ok(deepest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trees::{FlatTrees, TreeOutput};

    fn split(feature: u32, child: u32) -> FlatNode {
        FlatNode {
            threshold: 0.5,
            child,
            feature,
        }
    }

    fn check(nodes: &[FlatNode], roots: &[u32], expected: &Result<usize, FlatTreesError>) {
        let values = vec![0.0; nodes.len()];
        let trees = FlatTrees::from_parts(nodes.to_vec(), values, roots.to_vec(), 2, TreeOutput::Mean);
        assert_eq!(&trees.map(|trees| trees.depth()), expected);
    }

    #[test]
    fn only_trees_are_trees() {
        let not_a_tree = |tree, node| Err(FlatTreesError::NotATree { tree, node });
        let leaf = FlatNode::leaf;
        check(&[leaf(0)], &[0], &Ok(0));
        check(&[split(1, 1), leaf(1), leaf(2)], &[0], &Ok(1));
        check(&[split(1, 1), leaf(1), split(0, 3), leaf(3), leaf(4)], &[0], &Ok(2));
        check(&[leaf(0), split(1, 2), leaf(2), leaf(3)], &[0, 1], &Ok(1));
        check(&[], &[], &Err(FlatTreesError::NoTrees));
        check(&[leaf(0)], &[1], &not_a_tree(0, 0));
        // A child outside, a child before its parent, an orphan, a node with two parents, a leaf that is not one.
        check(&[split(1, 1), leaf(1)], &[0], &not_a_tree(0, 0));
        check(&[split(1, 1), leaf(1), split(1, 0)], &[0], &not_a_tree(0, 2));
        check(&[leaf(0), leaf(1)], &[0], &not_a_tree(0, 1));
        check(&[split(1, 1), split(1, 2), leaf(2), leaf(3)], &[0], &not_a_tree(0, 1));
        check(&[split(0, 0)], &[0], &not_a_tree(0, 0));
        check(&[leaf(0), leaf(0)], &[0, 1], &not_a_tree(1, 0));
        check(
            &[split(7, 1), leaf(1), leaf(2)],
            &[0],
            &Err(FlatTreesError::NoSuchFeature {
                tree: 0,
                node: 0,
                feature: 7,
                features: 2,
            }),
        );
    }

    #[test]
    fn values_are_numbers() {
        let trees = |value, threshold| {
            let nodes = vec![
                FlatNode {
                    threshold,
                    ..split(0, 1)
                },
                FlatNode::leaf(1),
                FlatNode::leaf(2),
            ];
            FlatTrees::from_parts(nodes, vec![0.0, value, 1.0], vec![0], 1, TreeOutput::Mean)
        };
        assert!(trees(0.5, 1.0).is_ok());
        assert_eq!(
            trees(f32::NAN, 1.0),
            Err(FlatTreesError::NotFinite { tree: 0, node: 1 })
        );
        assert_eq!(
            trees(0.5, f32::NAN),
            Err(FlatTreesError::NotFinite { tree: 0, node: 0 })
        );
    }
}
