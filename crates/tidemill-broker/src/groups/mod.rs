//! Classic consumer groups: who is in one, in which generation, and the offsets that groups have committed.
//!
//! The state of a group is a pure machine (`group`): requests and the time go in, answers come out. `coordinator` holds the
//! machines and the requests that wait; `offsets` is the file. Absent on purpose: assignment, which is the clients' work.

pub(crate) mod coordinator;
pub(crate) mod group;
mod joining;
mod member;
mod messages;
pub(crate) mod offsets;
#[cfg(test)]
mod simulation;

pub(crate) use coordinator::Coordinator;
pub(crate) use group::{Group, GroupLimits};
pub(crate) use messages::{Commit, JoinOutcome, JoinRequest, SyncRequest};
pub(crate) use offsets::{Committed, OffsetStore};
