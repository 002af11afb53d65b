//! Estimators of binary classifiers, the flat form they are scored in, and the artifact that holds it.
//!
//! Owns: hyperparameters by algorithm ([`Hyperparameters`]), training ([`fit`]), scoring ([`FittedModel`]) and the bytes
//! of a model ([`Artifact`]). Training happens in linfa, smartcore and forust; what leaves this crate never is a type of
//! theirs: every model is converted to one of two forms of our own, linear or flat trees, and only those are persisted.
//!
//! Invariants:
//! - The same data, hyperparameters and seed give the same bytes, with any number of threads.
//! - Model input is f32. Values are rounded once, when they enter a [`Matrix`], in training as in serving, so that no
//!   model sees in production a value that it could not have seen in training.
//! - For every f32 input a flat tree takes the branches of the tree that it was made from.
//! - Decoding an artifact never panics and never yields a model that could, whatever the bytes are.
//!
//! Absent on purpose: reading tables (the floors above bring Arrow batches or columns), run identifiers and times inside
//! artifacts, class decisions (a threshold belongs to the deployment, not to the model).

mod arrow;
mod artifact;
mod features;
mod fit;
mod hyperparameters;
mod linear;
mod matrix;
mod model;
mod standardizer;
#[cfg(test)]
mod testing;
mod training_data;
mod trees;

pub use arrow::{ColumnError, feature_specs, labels_from_batches, matrix_from_batches};
pub use artifact::{
    ARTIFACT_VERSION, Artifact, ArtifactError, GOLDEN_ROWS_MAX, GOLDEN_TOLERANCE, GoldenMismatch, GoldenRow,
};
pub use features::{FEATURES_MAX, FeatureKind, FeatureSpec, LabelMap, ModelSignature, NAME_BYTES_MAX, SignatureError};
pub use fit::{Fit, FitError, FitOptions, FitProgress, FitSummary, fit};
pub use hyperparameters::{
    Automatic, BaseScore, DecisionTreeParameters, GrowPolicy, HyperparameterError, Hyperparameters,
    LogisticRegressionParameters, RandomForestParameters, TREES_MAX, XgboostParameters,
};
pub use linear::LinearModel;
pub use matrix::{Matrix, MatrixError};
pub use model::{FittedModel, ScoreError, Scorer};
pub use standardizer::Standardizer;
pub use tidemill_types::Algorithm;
pub use training_data::{TrainingData, TrainingDataError};
pub use trees::{FlatNode, FlatTrees, FlatTreesError, TreeOutput};
