//! The loop: the event clock steps ticks of the events' own time; in each one events are scored by what is deployed, monitors
//! run, triggers are looked at, and what fired is trained, compared and promoted or not. And the lifecycle of what is served:
//! deploy, roll back, move aliases, reconcile slots with the registry.
//!
//! Invariants: the registry is the truth and a slot follows it. A version is warmed (its bytes read and hashed, its golden
//! rows replayed) before anything is recorded; then registry and slot change in one step under one turn: the registry's
//! transaction moves deployment and alias together, and the swap after it cannot fail. A process that dies between the
//! two finds the registry's word at its next start.
//! Absent on purpose: HTTP, and how two versions are compared (that is training's).

mod error;
mod event_clock;
mod lifecycle;
mod order;
mod retraining;
mod scoring;
mod triggers;

#[cfg(test)]
mod tests;

pub use error::ControlError;
pub use event_clock::{
    ClockStatus, ClockStep, ClockTimes, EventClock, EventClockWiring, StreamClock, clock_watermark, next_tick,
};
pub use lifecycle::{Lifecycle, Reconciled};
pub use order::{AliasOrder, Binding, DeployOrder, MoveOrder};
pub use retraining::{NO_TICK, Retraining};
pub use scoring::{
    ScoredDeployment, ScoredTick, Scoring, ScoringState, ScoringTimes, ScoringWiring, model_predictions,
};
pub use triggers::{Decision, Looked, Serving, TriggerFacts, Triggers, WallSchedules, decide, due_at};
