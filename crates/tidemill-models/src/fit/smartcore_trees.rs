//! Trees and forests by smartcore's regressors on labels of 0 and 1, whose leaves hold probabilities.
//!
//! smartcore keeps its nodes private, and its serde form is the way to them. It is read right after the fit and never
//! stored: other versions of smartcore do not read it.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use serde::{Deserialize, Serialize};
use smartcore::ensemble::random_forest_regressor::{RandomForestRegressor, RandomForestRegressorParameters};
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::tree::decision_tree_regressor::{DecisionTreeRegressor, DecisionTreeRegressorParameters};

use super::{FitError, FitOptions, OnProgress, report};
use crate::hyperparameters::GROWN_DEPTH_MAX;
use crate::trees::{SourceNode, SourceTree, at_most};
use crate::{Algorithm, DecisionTreeParameters, RandomForestParameters, TrainingData};

/// Trees of one task. Tasks are what threads share out and what progress counts, and each has a seed of its own, so that
/// the forest does not depend on the number of threads; smartcore sorts all columns once per task, so it is not 1.
const TREES_PER_TASK: u32 = 5;

pub(super) fn fit_tree(
    parameters: &DecisionTreeParameters,
    data: &TrainingData,
    options: FitOptions,
    on_progress: OnProgress<'_>,
) -> Result<Vec<SourceTree>, FitError> {
    report(on_progress, 0, 1)?;
    let fitting = Fitting::new(Algorithm::DecisionTree, data)?;
    let settings = DecisionTreeRegressorParameters {
        max_depth: Some(levels(parameters.max_depth)),
        min_samples_leaf: parameters.min_samples_leaf,
        min_samples_split: parameters.min_samples_split,
        seed: Some(options.seed),
    };
    let fitted =
        DecisionTreeRegressor::fit(&fitting.rows, &fitting.labels, settings).map_err(|error| fitting.failed(error))?;
    let shape: TreeShape = fitting.reread(&fitted)?;
    let tree = fitting.convert(shape.tree_regressor)?;
    report(on_progress, 1, 1)?;
    Ok(vec![tree])
}

pub(super) fn fit_forest(
    parameters: &RandomForestParameters,
    data: &TrainingData,
    options: FitOptions,
    on_progress: OnProgress<'_>,
) -> Result<Vec<SourceTree>, FitError> {
    let features = data.matrix().columns();
    if parameters.max_features > features {
        return Err(FitError::DoesNotFit {
            name: "max_features",
            value: parameters.max_features.to_string(),
            features,
            rule: "at most the number of features",
        });
    }
    let total = u64::from(parameters.n_trees);
    report(on_progress, 0, total)?;
    let fitting = Fitting::new(Algorithm::RandomForest, data)?;
    let tasks = parameters.n_trees.div_ceil(TREES_PER_TASK) as usize;
    let mut done: Vec<Vec<SourceTree>> = vec![Vec::new(); tasks];
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let threads = options
        .threads()
        .min(NonZeroUsize::new(tasks).unwrap_or(NonZeroUsize::MIN));
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(threads.get());
        for _ in 0..threads.get() {
            let sender = sender.clone();
            let (fitting, next, stop) = (&fitting, &next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let task = next.fetch_add(1, Ordering::Relaxed);
                    // Nobody listens any more once the caller has given up.
                    if task >= tasks
                        || sender
                            .send((task, fitting.fit_task(parameters, options.seed, task)))
                            .is_err()
                    {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut trees = 0;
        let outcome = receiver.iter().try_for_each(|(task, result)| {
            done[task] = result?;
            trees += done[task].len() as u64;
            report(on_progress, trees, total)
        });
        stop.store(true, Ordering::Relaxed);
        outcome
    })?;
    Ok(done.into_iter().flatten().collect())
}

/// Levels of nodes as smartcore counts them, the root included, from splits between root and leaf.
fn levels(max_depth: u16) -> u16 {
    let depth = if max_depth == 0 { GROWN_DEPTH_MAX } else { max_depth };
    depth.saturating_add(1)
}

/// The training set as smartcore wants it.
struct Fitting {
    algorithm: Algorithm,
    rows: DenseMatrix<f32>,
    labels: Vec<f64>,
}

impl Fitting {
    fn new(algorithm: Algorithm, data: &TrainingData) -> Result<Fitting, FitError> {
        let matrix = data.matrix();
        let rows = DenseMatrix::new(matrix.rows(), matrix.columns(), matrix.values().to_vec(), true);
        let rows = rows.map_err(|source| FitError::Library {
            algorithm,
            rows: matrix.rows(),
            source: source.into(),
        })?;
        let labels = data.labels().iter().map(|label| f64::from(u8::from(*label))).collect();
        Ok(Fitting {
            algorithm,
            rows,
            labels,
        })
    }

    fn fit_task(
        &self,
        parameters: &RandomForestParameters,
        seed: u64,
        task: usize,
    ) -> Result<Vec<SourceTree>, FitError> {
        let before = task as u32 * TREES_PER_TASK;
        let settings = RandomForestRegressorParameters {
            max_depth: Some(levels(parameters.max_depth)),
            min_samples_leaf: parameters.min_samples_leaf,
            min_samples_split: parameters.min_samples_split,
            n_trees: (parameters.n_trees - before).min(TREES_PER_TASK) as usize,
            m: (parameters.max_features > 0).then_some(parameters.max_features),
            keep_samples: false,
            seed: task_seed(seed, task as u64),
        };
        let fitted =
            RandomForestRegressor::fit(&self.rows, &self.labels, settings).map_err(|error| self.failed(error))?;
        let shape: ForestShape = self.reread(&fitted)?;
        shape
            .forest_regressor
            .trees
            .into_iter()
            .map(|tree| self.convert(tree))
            .collect()
    }

    fn failed(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> FitError {
        FitError::Library {
            algorithm: self.algorithm,
            rows: self.labels.len(),
            source: source.into(),
        }
    }

    fn reread<S: for<'de> Deserialize<'de>>(&self, fitted: &impl Serialize) -> Result<S, FitError> {
        let bytes = serde_json::to_vec(fitted).map_err(|error| self.failed(error))?;
        serde_json::from_slice(&bytes).map_err(|error| self.failed(error))
    }

    fn convert(&self, tree: NodesShape) -> Result<SourceTree, FitError> {
        let nodes = tree
            .nodes
            .into_iter()
            .map(|node| match (node.true_child, node.false_child, node.split_value) {
                (None, None, _) => Ok(SourceNode::Leaf {
                    value: node.output as f32,
                }),
                (Some(left), Some(right), Some(threshold)) => Ok(SourceNode::Split {
                    feature: node.split_feature,
                    threshold: at_most(threshold).ok_or_else(|| self.failed("a threshold is not a number"))?,
                    // smartcore asks `value <= threshold`, which NaN never is.
                    missing_left: false,
                    left,
                    right,
                }),
                _ => Err(self.failed("a node has one child")),
            });
        Ok(SourceTree {
            nodes: nodes.collect::<Result<_, _>>()?,
        })
    }
}

/// A seed for each task, far from its neighbours: smartcore counts up from it, tree by tree. SplitMix64 (Steele, Lea and
/// Flood 2014).
pub(super) fn task_seed(seed: u64, task: u64) -> u64 {
    let mut z = seed.wrapping_add(task.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[derive(Deserialize)]
struct TreeShape {
    tree_regressor: NodesShape,
}

#[derive(Deserialize)]
struct ForestShape {
    forest_regressor: TreesShape,
}

#[derive(Deserialize)]
struct TreesShape {
    trees: Vec<NodesShape>,
}

#[derive(Deserialize)]
struct NodesShape {
    nodes: Vec<NodeShape>,
}

#[derive(Deserialize)]
struct NodeShape {
    output: f64,
    split_feature: usize,
    split_value: Option<f64>,
    true_child: Option<usize>,
    false_child: Option<usize>,
}
