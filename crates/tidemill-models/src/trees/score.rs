//! Walking flat trees: a row goes through 16 trees side by side, so that the processor always has a node to wait for and
//! 15 to go on with.
//!
//! The leaves are added in the order of the trees, in f64: a row scores the same bits alone and in a batch. A batch is its
//! rows one after the other; walking 16 rows through one tree was tried and is slower, until the trees outgrow the cache.

use super::flat::{FlatNode, FlatTrees, MISSING_LEFT, TreeOutput};
use crate::linear::sigmoid;

/// Trees that are walked side by side.
const LANES: usize = 16;
/// Those of what is left over, where it is fewer than [`LANES`].
const LANES_OF_REST: usize = 4;
/// Steps between two looks at whether all walks have ended, which pays only in deep and lopsided trees.
const STEPS_BETWEEN_LOOKS: u32 = 8;

impl FlatTrees {
    /// The probability of one row of [`FlatTrees::features`] values; NaN is missing.
    pub(crate) fn score_row(&self, row: &[f32]) -> f64 {
        let mut sum = LeafSum {
            trees: self,
            row,
            sum: 0.0,
        };
        if row.iter().any(|value| value.is_nan()) {
            sum.add_all::<true>();
        } else {
            sum.add_all::<false>();
        }
        match self.output {
            TreeOutput::Mean => sum.sum / self.roots.len() as f64,
            TreeOutput::Logistic { base } => sigmoid(base + sum.sum),
        }
    }
}

/// The leaves that a row reaches, added up tree by tree.
struct LeafSum<'a> {
    trees: &'a FlatTrees,
    row: &'a [f32],
    sum: f64,
}

impl LeafSum<'_> {
    fn add_all<const MISSING: bool>(&mut self) {
        let (roots, rest) = self.trees.roots.as_chunks::<LANES>();
        let depths = self.trees.depths.chunks(LANES);
        for (roots, depths) in roots.iter().zip(depths) {
            self.add::<MISSING, LANES>(*roots, depths);
        }
        let depths_of_rest = &self.trees.depths[self.trees.depths.len() - rest.len()..];
        let (roots, last) = rest.as_chunks::<LANES_OF_REST>();
        for (roots, depths) in roots.iter().zip(depths_of_rest.chunks(LANES_OF_REST)) {
            self.add::<MISSING, LANES_OF_REST>(*roots, depths);
        }
        let depths_of_last = &depths_of_rest[depths_of_rest.len() - last.len()..];
        for (root, depth) in last.iter().zip(depths_of_last) {
            self.add::<MISSING, 1>([*root], &[*depth]);
        }
    }

    /// Walks `N` trees from their roots to their leaves, side by side, as deep as the deepest.
    fn add<const MISSING: bool, const N: usize>(&mut self, mut at: [u32; N], depths: &[u32]) {
        let mut left = depths.iter().copied().max().unwrap_or(0);
        while left > 0 {
            let before = at;
            for _ in 0..left.min(STEPS_BETWEEN_LOOKS) {
                for node in &mut at {
                    *node = step::<MISSING>(&self.trees.nodes, *node, self.row);
                }
            }
            left = left.saturating_sub(STEPS_BETWEEN_LOOKS);
            if at == before {
                break;
            }
        }
        for leaf in at {
            self.sum += f64::from(self.trees.values[leaf as usize]);
        }
    }
}

/// The node after `node` on the walk of `row`. Without a NaN in the row `MISSING` may be false, which saves a comparison.
#[inline]
#[expect(
    clippy::neg_cmp_op_on_partial_ord,
    reason = "a NaN is not <= anything and has to go right here; `>` would send it left"
)]
fn step<const MISSING: bool>(nodes: &[FlatNode], node: u32, row: &[f32]) -> u32 {
    let FlatNode {
        threshold,
        child,
        feature,
    } = nodes[node as usize];
    let value = row[(feature & !MISSING_LEFT) as usize];
    let mut right = !(value <= threshold);
    if MISSING {
        right &= !(value.is_nan() && feature & MISSING_LEFT != 0);
    }
    child + u32::from(right)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::trees::{SourceNode, SourceTree};

    /// Walks the tree that points, as its library would.
    fn walk_source(tree: &SourceTree, row: &[f32]) -> f32 {
        let mut at = 0;
        loop {
            match tree.nodes[at] {
                SourceNode::Leaf { value } => return value,
                SourceNode::Split {
                    feature,
                    threshold,
                    missing_left,
                    left,
                    right,
                } => {
                    let value = row[feature];
                    let goes_left = if value.is_nan() {
                        missing_left
                    } else {
                        value <= threshold
                    };
                    at = if goes_left { left } else { right };
                }
            }
        }
    }

    const FEATURES: usize = 3;

    /// A tree that is grown by splitting leaf after leaf, so that it may be bushy or a long list.
    fn tree() -> impl Strategy<Value = SourceTree> {
        let grown = (0_usize..1000, 0..FEATURES, -3_i8..4, any::<bool>(), 0_u8..9);
        prop::collection::vec(grown, 0..40).prop_map(|steps| {
            let mut nodes = vec![SourceNode::Leaf { value: 0.5 }];
            for (pick, feature, threshold, missing_left, value) in steps {
                let leaves: Vec<usize> = (0..nodes.len())
                    .filter(|node| matches!(nodes[*node], SourceNode::Leaf { .. }))
                    .collect();
                let (at, left) = (leaves[pick % leaves.len()], nodes.len());
                let value = f32::from(value) / 16.0;
                nodes[at] = SourceNode::Split {
                    feature,
                    threshold: f32::from(threshold),
                    missing_left,
                    left,
                    right: left + 1,
                };
                nodes.extend([SourceNode::Leaf { value }, SourceNode::Leaf { value: value + 0.5 }]);
            }
            SourceTree { nodes }
        })
    }

    fn value() -> impl Strategy<Value = f32> {
        prop_oneof![
            4 => (-4_i8..5).prop_map(f32::from),
            1 => Just(f32::NAN),
            1 => prop_oneof![Just(f32::INFINITY), Just(f32::NEG_INFINITY), Just(-0.0), any::<f32>()],
        ]
    }

    proptest! {
        #[test]
        fn flat_trees_take_the_branches_of_their_source(
            trees in prop::collection::vec(tree(), 1..40),
            rows in prop::collection::vec(prop::array::uniform3(value()), 1..90),
            logistic in any::<bool>(),
        ) {
            let output = if logistic { TreeOutput::Logistic { base: -0.25 } } else { TreeOutput::Mean };
            let flat = FlatTrees::from_trees(&trees, FEATURES, output).unwrap();
            for row in &rows {
                let sum: f64 = trees.iter().map(|tree| f64::from(walk_source(tree, row))).sum();
                let expected = if logistic { sigmoid(sum - 0.25) } else { sum / trees.len() as f64 };
                prop_assert_eq!(flat.score_row(row).to_bits(), expected.to_bits());
            }
        }
    }
}
