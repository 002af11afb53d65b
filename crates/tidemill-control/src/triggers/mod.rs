//! Triggers: what a query says, held against cooldown, quota and data, becomes a firing, once for a time.

mod decide;
mod evaluate;
mod look;
mod wall;

pub use decide::{Decision, TriggerFacts, decide};
pub use look::{Looked, Serving, Triggers};
pub use wall::{WallSchedules, due_at};
