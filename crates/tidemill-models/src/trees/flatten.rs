//! From trees that point to the flat form.

use super::flat::{FlatNode, FlatTrees, MISSING_LEFT, NODES_MAX, TreeOutput};
use super::{FlatTreesError, SourceNode, SourceTree};

impl FlatTrees {
    /// Lays trees out flat, in breadth-first order. Subtrees whose leaves all say the same become one leaf: libraries
    /// that go on splitting pure nodes leave thousands of them, and no row can tell the difference.
    pub(crate) fn from_trees(
        trees: &[SourceTree],
        features: usize,
        output: TreeOutput,
    ) -> Result<FlatTrees, FlatTreesError> {
        let (mut nodes, mut values, mut roots) = (Vec::new(), Vec::new(), Vec::with_capacity(trees.len()));
        for (tree, source) in trees.iter().enumerate() {
            roots.push(nodes.len() as u32);
            push_tree(tree, source, &mut nodes, &mut values)?;
            if nodes.len() > NODES_MAX {
                return Err(FlatTreesError::TooManyNodes);
            }
        }
        FlatTrees::from_parts(nodes, values, roots, features, output)
    }
}

fn push_tree(
    tree: usize,
    source: &SourceTree,
    nodes: &mut Vec<FlatNode>,
    values: &mut Vec<f32>,
) -> Result<(), FlatTreesError> {
    let pure = pure_values(tree, source)?;
    let root = nodes.len();
    // `pending[i]` is the source node that goes to position `root + i`.
    let mut pending = vec![0_usize];
    let mut next = 0;
    while next < pending.len() {
        let at = (root + next) as u32;
        match (&pure[pending[next]], &source.nodes[pending[next]]) {
            (Some(value), _) | (None, SourceNode::Leaf { value }) => {
                nodes.push(FlatNode::leaf(at));
                values.push(*value);
            }
            (
                None,
                SourceNode::Split {
                    feature,
                    threshold,
                    missing_left,
                    left,
                    right,
                },
            ) => {
                let position = u32::try_from(*feature)
                    .ok()
                    .filter(|position| position & MISSING_LEFT == 0);
                let Some(position) = position else {
                    return Err(FlatTreesError::NoSuchFeature {
                        tree,
                        node: pending[next],
                        feature: *feature,
                        features: MISSING_LEFT as usize,
                    });
                };
                nodes.push(FlatNode {
                    threshold: *threshold,
                    child: (root + pending.len()) as u32,
                    feature: if *missing_left {
                        position | MISSING_LEFT
                    } else {
                        position
                    },
                });
                values.push(0.0);
                pending.extend([*left, *right]);
                if root + pending.len() > NODES_MAX {
                    return Err(FlatTreesError::TooManyNodes);
                }
            }
        }
        next += 1;
    }
    Ok(())
}

/// For each source node the one value that all leaves below it say, where there is one. Errors where the nodes are not a
/// tree.
fn pure_values(tree: usize, source: &SourceTree) -> Result<Vec<Option<f32>>, FlatTreesError> {
    let mut seen = vec![false; source.nodes.len()];
    let mut order = Vec::with_capacity(source.nodes.len());
    let visit = |node: usize, seen: &mut Vec<bool>, order: &mut Vec<usize>| match seen.get_mut(node) {
        Some(flag) if !*flag => {
            *flag = true;
            order.push(node);
            Ok(())
        }
        _ => Err(FlatTreesError::NotATree { tree, node }),
    };
    visit(0, &mut seen, &mut order)?;
    let mut next = 0;
    while next < order.len() {
        if let SourceNode::Split { left, right, .. } = source.nodes[order[next]] {
            visit(left, &mut seen, &mut order)?;
            visit(right, &mut seen, &mut order)?;
        }
        next += 1;
    }
    let mut pure = vec![None; source.nodes.len()];
    for node in order.into_iter().rev() {
        pure[node] = match source.nodes[node] {
            SourceNode::Leaf { value } => Some(value),
            SourceNode::Split { left, right, .. } => match (pure[left], pure[right]) {
                (Some(a), Some(b)) if f32::to_bits(a) == f32::to_bits(b) => Some(a),
                _ => None,
            },
        };
    }
    Ok(pure)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn leaf(value: f32) -> SourceNode {
        SourceNode::Leaf { value }
    }

    fn split(feature: usize, left: usize, right: usize) -> SourceNode {
        SourceNode::Split {
            feature,
            threshold: 1.0,
            missing_left: feature == 0,
            left,
            right,
        }
    }

    fn check(nodes: Vec<SourceNode>, expected: &Expect) {
        let text = match FlatTrees::from_trees(&[SourceTree { nodes }], 3, TreeOutput::Mean) {
            Ok(trees) => trees
                .nodes()
                .iter()
                .zip(trees.values())
                .map(
                    |(node, value)| match (node.threshold.is_finite(), node.missing_left()) {
                        (false, _) => format!("leaf {value}"),
                        (true, true) => format!("{}?->{}", node.position(), node.child),
                        (true, false) => format!("{}->{}", node.position(), node.child),
                    },
                )
                .collect::<Vec<_>>()
                .join(", "),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&text);
    }

    #[test]
    fn siblings_become_neighbours() {
        let nodes = vec![split(0, 4, 1), split(2, 3, 2), leaf(0.25), leaf(0.5), leaf(1.0)];
        check(nodes, &expect!["0?->1, leaf 1, 2->3, leaf 0.5, leaf 0.25"]);
    }

    #[test]
    fn subtrees_that_say_one_thing_become_a_leaf() {
        let nodes = vec![
            split(0, 1, 2),
            split(1, 3, 4),
            leaf(1.0),
            leaf(0.0),
            split(2, 5, 6),
            leaf(0.0),
            leaf(0.0),
        ];
        check(nodes, &expect!["0?->1, leaf 0, leaf 1"]);
        check(vec![split(0, 1, 2), leaf(0.5), leaf(0.5)], &expect!["leaf 0.5"]);
    }

    #[test]
    fn graphs_and_gaps_are_refused() {
        check(vec![], &expect!["node 0 of tree 0 does not lead to a tree"]);
        check(
            vec![split(0, 0, 1), leaf(0.0)],
            &expect!["node 0 of tree 0 does not lead to a tree"],
        );
        check(
            vec![split(0, 1, 9), leaf(0.0)],
            &expect!["node 9 of tree 0 does not lead to a tree"],
        );
        check(
            vec![split(7, 1, 2), leaf(0.0), leaf(1.0)],
            &expect!["node 0 of tree 0 looks at feature 7 of 3"],
        );
    }
}
