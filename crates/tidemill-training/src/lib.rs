//! The training pipeline: check the data, build the training set, start a run, fit, evaluate, judge, register.
//!
//! Invariants:
//! - A run sees only what was known when its model would have gone live: labels that became known after the evaluation
//!   window begins are not in the training set.
//! - The same Delta versions, SQL, hyperparameters and seed give the same artifact, byte for byte: rows come in the order
//!   (event time, key), and the fit is deterministic.
//! - A version, its artifact, its lineage and the end of its run are one change of the registry. A training that is killed
//!   leaves a run that the next start marks as killed, and nothing else.
//! - Checks of severity `fail` stop a training before anything is fitted.
//!
//! Absent on purpose: what is served (control deploys), and when to train (triggers decide).

mod champion;
mod compare;
mod error;
mod evaluation;
mod order;
mod pipeline;
mod reference;
mod registering;
mod sets;
mod validate;
mod windows;

#[cfg(test)]
mod tests;

pub use champion::MadeFrom;
pub use compare::{Champion, CompareFacts, Comparison, Verdict, judge};
pub use error::TrainError;
pub use evaluation::{Evaluation, evaluate};
pub use order::{Opponent, TrainEnd, TrainOrder, TrainStep, Trained};
pub use pipeline::{ALGORITHM_PARAM, AS_OF_PARAM, MODEL_TAG, OnStep, TRAIN_TO_PARAM, Trainer};
pub use reference::SCORE;
pub use registering::CHALLENGER;
pub use sets::SetCounts;
pub use validate::{figures, validate};
pub use windows::{Windows, decide_windows};
