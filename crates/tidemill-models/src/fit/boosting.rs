//! Gradient boosting by forust, with XGBoost's hyperparameters.

use forust_ml::gradientbooster::{GradientBooster, GrowPolicy as ForustGrowPolicy};
use forust_ml::sampler::SampleMethod;
use forust_ml::tree::Tree;

use super::{FitError, FitOptions, OnProgress, report};
use crate::trees::{SourceNode, SourceTree, below};
use crate::{Algorithm, BaseScore, GrowPolicy, TrainingData, XgboostParameters};

/// Trees and the log-odds they start from.
pub(super) struct BoostedTrees {
    pub(super) trees: Vec<SourceTree>,
    pub(super) base: f64,
}

pub(super) fn fit(
    parameters: &XgboostParameters,
    data: &TrainingData,
    options: FitOptions,
    on_progress: OnProgress<'_>,
) -> Result<BoostedTrees, FitError> {
    let (rows, features) = (data.rows(), data.matrix().columns());
    let total = u64::from(parameters.n_estimators);
    report(on_progress, 0, total)?;
    let values: Vec<f64> = data.matrix().values().iter().map(|value| f64::from(*value)).collect();
    let matrix = forust_ml::Matrix::new(&values, rows, features);
    let labels: Vec<f64> = data.labels().iter().map(|label| f64::from(u8::from(*label))).collect();
    let weight_of = |label: &bool| if *label { parameters.scale_pos_weight } else { 1.0 };
    let weights: Vec<f64> = data.labels().iter().map(weight_of).collect();
    let mut booster = booster(parameters, features, options);
    booster
        .fit(&matrix, &labels, &weights, None)
        .map_err(|error| failed(rows, error))?;
    let trees = booster
        .trees
        .iter()
        .map(|tree| convert(rows, tree))
        .collect::<Result<_, _>>()?;
    report(on_progress, total, total)?;
    Ok(BoostedTrees {
        trees,
        base: booster.base_score,
    })
}

pub(super) fn booster(parameters: &XgboostParameters, features: usize, options: FitOptions) -> GradientBooster {
    let unbounded = |bound: usize| if bound == 0 { usize::MAX } else { bound };
    let mut booster = GradientBooster::default();
    booster.iterations = parameters.n_estimators as usize;
    booster.learning_rate = parameters.learning_rate as f32;
    booster.max_depth = unbounded(parameters.max_depth);
    booster.max_leaves = unbounded(parameters.max_leaves);
    booster.l1 = parameters.reg_alpha as f32;
    booster.l2 = parameters.reg_lambda as f32;
    booster.gamma = parameters.gamma as f32;
    booster.max_delta_step = parameters.max_delta_step as f32;
    booster.min_leaf_weight = parameters.min_child_weight as f32;
    booster.nbins = parameters.max_bin;
    booster.subsample = parameters.subsample as f32;
    // XGBoost keeps at least one feature, forust rounds down to none. The share is a little over 1 in `features`, so that
    // it does not round down either.
    booster.colsample_bytree = parameters.colsample_bytree.max((1.0 + 1e-9) / features as f64).min(1.0);
    booster.seed = options.seed;
    booster.missing = f64::NAN;
    booster.parallel = true;
    booster.num_threads = Some(options.threads().get());
    booster.grow_policy = match parameters.grow_policy {
        GrowPolicy::Depthwise => ForustGrowPolicy::DepthWise,
        GrowPolicy::Lossguide => ForustGrowPolicy::LossGuide,
    };
    booster.sample_method = if parameters.subsample < 1.0 {
        SampleMethod::Random
    } else {
        SampleMethod::None
    };
    match parameters.base_score {
        // XGBoost takes a probability, forust log-odds.
        BaseScore::Probability(probability) => {
            booster.initialize_base_score = false;
            booster.base_score = (probability / (1.0 - probability)).ln();
        }
        BaseScore::Automatic(_) => booster.initialize_base_score = true,
    }
    booster
}

fn convert(rows: usize, tree: &Tree) -> Result<SourceTree, FitError> {
    let mut nodes = Vec::with_capacity(tree.nodes.len());
    for node in &tree.nodes {
        nodes.push(if node.is_leaf {
            SourceNode::Leaf {
                value: node.weight_value,
            }
        } else {
            SourceNode::Split {
                feature: node.split_feature,
                // forust asks `value < split_value`.
                threshold: below(node.split_value).ok_or_else(|| failed(rows, "a threshold is not a number"))?,
                missing_left: node.missing_node == node.left_child,
                left: node.left_child,
                right: node.right_child,
            }
        });
    }
    Ok(SourceTree { nodes })
}

fn failed(rows: usize, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> FitError {
    FitError::Library {
        algorithm: Algorithm::Xgboost,
        rows,
        source: source.into(),
    }
}
