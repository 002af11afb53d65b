//! Training: rows, hyperparameters and a seed to a model in our own form.
//!
//! CPU-bound and synchronous: a caller in an async runtime puts it on a blocking thread. Deterministic: the number of
//! threads changes the time it takes, never the model.

mod boosting;
mod error;
mod logistic_regression;
mod smartcore_trees;

use std::num::NonZeroUsize;
use std::ops::ControlFlow;

pub use error::FitError;

use crate::trees::{FlatTrees, SourceTree, TreeOutput};
use crate::{Algorithm, FittedModel, Hyperparameters, Scorer, TrainingData};

/// What a fit depends on beside data and hyperparameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FitOptions {
    /// Source of every random choice.
    pub seed: u64,
    /// Threads that fit in parallel, where the algorithm can; without it as many as the machine has.
    pub threads: Option<NonZeroUsize>,
}

impl FitOptions {
    /// A seed, with as many threads as the machine has.
    pub fn with_seed(seed: u64) -> FitOptions {
        FitOptions { seed, threads: None }
    }

    fn threads(self) -> NonZeroUsize {
        self.threads
            .or_else(|| std::thread::available_parallelism().ok())
            .unwrap_or(NonZeroUsize::MIN)
    }
}

/// How far a fit is. Libraries that cannot be watched report their beginning and their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FitProgress {
    /// Steps that are done.
    pub done: u64,
    /// All steps.
    pub total: u64,
}

/// What a fit looks like from outside: for runs and logs, not part of the model.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FitSummary {
    /// Rows it was fitted on.
    pub rows: usize,
    /// Those of the positive class.
    pub positives: usize,
    /// Number of trees; 0 for a linear model, as the next two.
    pub trees: usize,
    /// All nodes of all trees.
    pub nodes: usize,
    /// Steps from a root to the deepest leaf.
    pub depth: usize,
    /// Euclidean norm of the gradient where the solver ended; absent for trees.
    pub gradient_norm: Option<f64>,
}

/// A model and how its fit went.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// The model.
    pub model: FittedModel,
    /// How it went.
    pub summary: FitSummary,
}

/// Called as a fit goes on, on the thread that called [`fit`]; `Break` gives it up.
pub(crate) type OnProgress<'a> = &'a mut dyn FnMut(FitProgress) -> ControlFlow<()>;

/// Fits a model.
///
/// The rows need both classes and finite values; only boosting takes rows with missing values. A constant feature is
/// allowed and has no influence. Errors name the feature and the row that they are about. `on_progress` is called on this
/// thread, at least at the beginning and at the end.
pub fn fit(
    parameters: &Hyperparameters,
    data: &TrainingData,
    options: FitOptions,
    on_progress: OnProgress<'_>,
) -> Result<Fit, FitError> {
    let algorithm = parameters.algorithm();
    check_data(algorithm, data)?;
    let mut gradient_norm = None;
    let scorer = match parameters {
        Hyperparameters::LogisticRegression(parameters) => {
            let fitted = logistic_regression::fit(parameters, data, on_progress)?;
            gradient_norm = Some(fitted.gradient_norm);
            Scorer::Linear(fitted.model)
        }
        Hyperparameters::DecisionTree(parameters) => {
            let trees = smartcore_trees::fit_tree(parameters, data, options, on_progress)?;
            flatten(&trees, data, TreeOutput::Mean)?
        }
        Hyperparameters::RandomForest(parameters) => {
            let trees = smartcore_trees::fit_forest(parameters, data, options, on_progress)?;
            flatten(&trees, data, TreeOutput::Mean)?
        }
        Hyperparameters::Xgboost(parameters) => {
            let fitted = boosting::fit(parameters, data, options, on_progress)?;
            flatten(&fitted.trees, data, TreeOutput::Logistic { base: fitted.base })?
        }
    };
    let mut summary = FitSummary {
        rows: data.rows(),
        positives: data.positives(),
        gradient_norm,
        ..FitSummary::default()
    };
    if let Scorer::Trees(trees) = &scorer {
        summary.trees = trees.trees();
        summary.nodes = trees.nodes().len();
        summary.depth = trees.depth();
    }
    let model = FittedModel::new(algorithm, data.signature(algorithm.allows_missing()), scorer)?;
    Ok(Fit { model, summary })
}

fn flatten(trees: &[SourceTree], data: &TrainingData, output: TreeOutput) -> Result<Scorer, FitError> {
    Ok(Scorer::Trees(FlatTrees::from_trees(
        trees,
        data.matrix().columns(),
        output,
    )?))
}

/// Both classes, and no value that the algorithm cannot take.
fn check_data(algorithm: Algorithm, data: &TrainingData) -> Result<(), FitError> {
    let (rows, positives) = (data.rows(), data.positives());
    if rows == 0 {
        return Err(FitError::NoRows);
    }
    if positives == 0 || positives == rows {
        return Err(FitError::OneClass {
            rows,
            positive: positives > 0,
        });
    }
    let matrix = data.matrix();
    for (column, feature) in data.features().iter().enumerate() {
        for (row, value) in matrix.column(column).iter().enumerate() {
            if value.is_infinite() {
                return Err(FitError::Infinite {
                    feature: feature.name.clone(),
                    row,
                });
            }
            if value.is_nan() && !algorithm.allows_missing() {
                return Err(FitError::Missing {
                    algorithm,
                    feature: feature.name.clone(),
                    row,
                });
            }
        }
    }
    Ok(())
}

/// Tells the caller, and gives up where it says so.
fn report(on_progress: OnProgress<'_>, done: u64, total: u64) -> Result<(), FitError> {
    match on_progress(FitProgress { done, total }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(FitError::GivenUp),
    }
}

#[cfg(test)]
mod tests;
