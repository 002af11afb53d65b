//! Lifecycle of what is served: deploy, roll back, move aliases, reconcile slots with the registry; and the scoring of a
//! tick's events by what is deployed.
//!
//! Invariants: the registry is the truth and a slot follows it. A version is warmed (its bytes read and hashed, its golden
//! rows replayed) before anything is recorded; then registry and slot change in one step under one turn: the registry's
//! transaction moves deployment and alias together, and the swap after it cannot fail. A process that dies between the
//! two finds the registry's word at its next start.
//! Absent on purpose: HTTP, and any decision about whether a version is good (that is the gate's and the rollout's).

mod error;
mod lifecycle;
mod order;
mod scoring;

#[cfg(test)]
mod tests;

pub use error::ControlError;
pub use lifecycle::{Lifecycle, Reconciled};
pub use order::{AliasOrder, Binding, DeployOrder, MoveOrder};
pub use scoring::{
    ScoredDeployment, ScoredTick, Scoring, ScoringState, ScoringTimes, ScoringWiring, model_predictions,
};
