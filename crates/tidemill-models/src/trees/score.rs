//! Walking flat trees: one row through 16 trees at a time, or 16 rows through one tree.
//!
//! Both add the leaves of a row in the order of the trees, in f64: a row scores the same bits alone and in a batch.

use super::flat::{FlatNode, FlatTrees, LANES, MISSING_LEFT, TreeOutput};
use crate::linear::sigmoid;

/// Rows that a batch walks through a tree before it takes the next: their values and sums stay in the L1 cache.
const BLOCK_ROWS: usize = 64;
/// Steps between two looks at whether all walks have ended, which pays only in deep and lopsided trees.
const STEPS_BETWEEN_LOOKS: u32 = 8;

impl FlatTrees {
    /// The probability of one row of [`FlatTrees::features`] values; NaN is missing.
    pub(crate) fn score_row(&self, row: &[f32]) -> f64 {
        let sum = if row.iter().any(|value| value.is_nan()) {
            self.sum_leaves::<true>(row)
        } else {
            self.sum_leaves::<false>(row)
        };
        self.probability(sum)
    }

    /// The probabilities of rows that lie one after the other in `rows`, written to `scores`.
    pub(crate) fn score_rows(&self, rows: &[f32], scores: &mut [f64]) {
        let width = self.features;
        for (block, scores) in rows.chunks(width * BLOCK_ROWS).zip(scores.chunks_mut(BLOCK_ROWS)) {
            if scores.len() < LANES {
                for (row, score) in block.chunks_exact(width).zip(scores) {
                    *score = self.score_row(row);
                }
                continue;
            }
            scores.fill(0.0);
            if block.iter().any(|value| value.is_nan()) {
                self.add_block::<true>(block, scores);
            } else {
                self.add_block::<false>(block, scores);
            }
            for score in scores {
                *score = self.probability(*score);
            }
        }
    }

    fn sum_leaves<const MISSING: bool>(&self, row: &[f32]) -> f64 {
        let mut sum = 0.0;
        for (roots, depths) in self.roots.chunks(LANES).zip(self.depths.chunks(LANES)) {
            let depth = depths.iter().copied().max().unwrap_or(0);
            if let Ok(mut at) = <[u32; LANES]>::try_from(roots) {
                walk(depth, &mut at, |_, node| step::<MISSING>(&self.nodes, node, row));
                for leaf in at {
                    sum += f64::from(self.values[leaf as usize]);
                }
            } else {
                for (root, depth) in roots.iter().zip(depths) {
                    let leaf = (0..*depth).fold(*root, |node, _| step::<MISSING>(&self.nodes, node, row));
                    sum += f64::from(self.values[leaf as usize]);
                }
            }
        }
        sum
    }

    fn add_block<const MISSING: bool>(&self, block: &[f32], sums: &mut [f64]) {
        let width = self.features;
        for (root, depth) in self.roots.iter().zip(&self.depths) {
            let rows = block.chunks(width * LANES).zip(sums.chunks_mut(LANES));
            for (rows, sums) in rows {
                let mut at = [*root; LANES];
                if sums.len() == LANES {
                    walk(*depth, &mut at, |lane, node| {
                        step::<MISSING>(&self.nodes, node, &rows[lane * width..(lane + 1) * width])
                    });
                } else {
                    for (row, node) in rows.chunks_exact(width).zip(&mut at) {
                        *node = (0..*depth).fold(*node, |node, _| step::<MISSING>(&self.nodes, node, row));
                    }
                }
                for (sum, leaf) in sums.iter_mut().zip(at) {
                    *sum += f64::from(self.values[leaf as usize]);
                }
            }
        }
    }

    fn probability(&self, sum: f64) -> f64 {
        match self.output {
            TreeOutput::Mean => sum / self.roots.len() as f64,
            TreeOutput::Logistic { base } => sigmoid(base + sum),
        }
    }
}

/// Takes `depth` steps in every lane, or fewer where all have come to a leaf.
#[inline]
fn walk(depth: u32, at: &mut [u32; LANES], step: impl Fn(usize, u32) -> u32) {
    let mut left = depth;
    loop {
        let before = *at;
        for _ in 0..left.min(STEPS_BETWEEN_LOOKS) {
            for (lane, node) in at.iter_mut().enumerate() {
                *node = step(lane, *node);
            }
        }
        left = left.saturating_sub(STEPS_BETWEEN_LOOKS);
        if left == 0 || *at == before {
            return;
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
            let row_major: Vec<f32> = rows.iter().flatten().copied().collect();
            let mut scores = vec![0.0; rows.len()];
            flat.score_rows(&row_major, &mut scores);
            for (row, batch_score) in rows.iter().zip(scores) {
                let sum: f64 = trees.iter().map(|tree| f64::from(walk_source(tree, row))).sum();
                let expected = if logistic { sigmoid(sum - 0.25) } else { sum / trees.len() as f64 };
                prop_assert_eq!(flat.score_row(row).to_bits(), expected.to_bits());
                prop_assert_eq!(batch_score.to_bits(), expected.to_bits());
            }
        }
    }
}
