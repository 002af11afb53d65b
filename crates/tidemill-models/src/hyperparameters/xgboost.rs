//! What can be set on boosted trees: XGBoost's names and defaults, on forust.

use serde::{Deserialize, Serialize};

use super::decision_tree::{RANDOM_STATE, SEED};
use super::parse::{Parameters, Refused};
use super::{HyperparameterError, TREES_MAX};
use crate::Algorithm;

/// How a tree chooses the next node to split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GrowPolicy {
    /// Level by level.
    Depthwise,
    /// The node with the largest gain first.
    Lossguide,
}

/// The probability before the first tree.
///
/// The default, one half, is what XGBoost had before version 2, and ranks better where positives are rare.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a probability or \"auto\"")]
pub enum BaseScore {
    /// A given one, between 0 and 1.
    Probability(f64),
    /// `"auto"`: the share of positives among the rows, by weight.
    Automatic(Automatic),
}

/// The word for what is taken from the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Automatic {
    /// `"auto"`.
    Auto,
}

/// Gradient-boosted trees for the objective `binary:logistic`, grown on histograms. forust, like XGBoost, computes in
/// f32.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct XgboostParameters {
    /// Where the trees start from.
    pub base_score: BaseScore,
    /// Share of the features that each tree may use.
    pub colsample_bytree: f64,
    /// Gain that a split has to bring.
    pub gamma: f64,
    /// The next node to split.
    pub grow_policy: GrowPolicy,
    /// What each tree's leaves are multiplied by.
    pub learning_rate: f64,
    /// Bins per feature.
    pub max_bin: u16,
    /// Largest leaf of a tree before the learning rate; 0 is no bound.
    pub max_delta_step: f64,
    /// Splits from root to leaf, at most; 0 is no bound.
    pub max_depth: usize,
    /// Leaves of a tree, at most; 0 is no bound.
    pub max_leaves: usize,
    /// Sum of hessians that each side of a split keeps, at least.
    pub min_child_weight: f64,
    /// Number of trees.
    pub n_estimators: u32,
    /// L1 penalty on leaves.
    pub reg_alpha: f64,
    /// L2 penalty on leaves.
    pub reg_lambda: f64,
    /// Weight of a positive row; a negative one weighs 1.
    pub scale_pos_weight: f64,
    /// Share of the rows that each tree is grown on.
    pub subsample: f64,
}

impl Default for XgboostParameters {
    fn default() -> Self {
        XgboostParameters {
            base_score: BaseScore::Probability(0.5),
            colsample_bytree: 1.0,
            gamma: 0.0,
            grow_policy: GrowPolicy::Depthwise,
            learning_rate: 0.3,
            max_bin: 256,
            max_delta_step: 0.0,
            max_depth: 6,
            max_leaves: 0,
            min_child_weight: 1.0,
            n_estimators: 100,
            reg_alpha: 0.0,
            reg_lambda: 1.0,
            scale_pos_weight: 1.0,
            subsample: 1.0,
        }
    }
}

const fn only(name: &'static str, harmless: &'static [&'static str], instead: &'static str) -> Refused {
    Refused {
        name,
        harmless,
        instead,
    }
}

impl Parameters for XgboostParameters {
    const ALGORITHM: Algorithm = Algorithm::Xgboost;
    const NAMES: &'static [&'static str] = &[
        "n_estimators",
        "max_depth",
        "learning_rate",
        "reg_lambda",
        "reg_alpha",
        "gamma",
        "min_child_weight",
        "subsample",
        "colsample_bytree",
        "base_score",
        "scale_pos_weight",
        "max_bin",
        "max_leaves",
        "max_delta_step",
        "grow_policy",
    ];
    const SPELLINGS: &'static [(&'static str, &'static str)] = &[
        ("eta", "learning_rate"),
        ("lambda", "reg_lambda"),
        ("alpha", "reg_alpha"),
        ("min_split_loss", "gamma"),
        ("num_boost_round", "n_estimators"),
        ("num_round", "n_estimators"),
    ];
    const REFUSED: &'static [Refused] = &[
        SEED,
        RANDOM_STATE,
        only("booster", &["\"gbtree\""], "only `gbtree` is there"),
        only("objective", &["\"binary:logistic\""], "only `binary:logistic` is there"),
        only(
            "tree_method",
            &["\"hist\"", "\"auto\""],
            "trees are grown on histograms (`hist`); raise `max_bin` for finer ones",
        ),
        only("device", &["\"cpu\""], "only `cpu` is there"),
        only("sampling_method", &["\"uniform\""], "only `uniform` is there"),
        only("colsample_bylevel", &["1", "1.0"], "use `colsample_bytree`"),
        only(
            "colsample_bynode",
            &["1", "1.0"],
            "use `colsample_bytree`, or `random_forest`",
        ),
        only("num_parallel_tree", &["1"], "use `random_forest` for a forest"),
        only(
            "monotone_constraints",
            &[],
            "leave it out; constraints are not there yet",
        ),
        only(
            "interaction_constraints",
            &[],
            "leave it out; constraints are not there yet",
        ),
        only("early_stopping_rounds", &[], "leave it out and set `n_estimators`"),
        only(
            "eval_metric",
            &[],
            "metrics are computed after the fit, on the evaluation rows",
        ),
        only(
            "enable_categorical",
            &["false"],
            "encode categories as numbers in the feature view",
        ),
        only("missing", &[], "a missing value is NULL in the feature view"),
        only("n_jobs", &[], "the number of threads is a setting of the process"),
        only("nthread", &[], "the number of threads is a setting of the process"),
    ];

    fn check(&self) -> Result<(), HyperparameterError> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let not_negative = |value: f64| value.is_finite() && value >= 0.0;
        let trees = self.n_estimators;
        Self::bound("n_estimators", trees, (1..=TREES_MAX).contains(&trees), "1 to 10000")?;
        Self::bound(
            "max_depth",
            self.max_depth,
            self.max_depth <= crate::trees::DEPTH_MAX,
            "at most 4096",
        )?;
        Self::bound(
            "learning_rate",
            self.learning_rate,
            positive(self.learning_rate),
            "above 0",
        )?;
        Self::bound(
            "reg_lambda",
            self.reg_lambda,
            not_negative(self.reg_lambda),
            "at least 0",
        )?;
        Self::bound("reg_alpha", self.reg_alpha, not_negative(self.reg_alpha), "at least 0")?;
        Self::bound("gamma", self.gamma, not_negative(self.gamma), "at least 0")?;
        let weight = self.min_child_weight;
        Self::bound("min_child_weight", weight, not_negative(weight), "at least 0")?;
        let share = self.subsample;
        Self::bound("subsample", share, share > 0.0 && share <= 1.0, "above 0 and at most 1")?;
        let share = self.colsample_bytree;
        Self::bound(
            "colsample_bytree",
            share,
            share > 0.0 && share <= 1.0,
            "above 0 and at most 1",
        )?;
        if let BaseScore::Probability(score) = self.base_score {
            Self::bound(
                "base_score",
                score,
                score > 0.0 && score < 1.0,
                "a probability between 0 and 1",
            )?;
        }
        let weight = self.scale_pos_weight;
        Self::bound(
            "scale_pos_weight",
            weight,
            weight.is_finite() && weight > 0.0,
            "above 0",
        )?;
        Self::bound("max_bin", self.max_bin, self.max_bin >= 2, "at least 2")?;
        Self::bound(
            "max_delta_step",
            self.max_delta_step,
            not_negative(self.max_delta_step),
            "at least 0",
        )
    }
}
