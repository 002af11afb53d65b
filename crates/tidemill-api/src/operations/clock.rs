//! The event clock: how far it is, what it is doing, and waiting for it.

use std::fmt;

use serde::{Deserialize, Serialize};
use tidemill_types::{DurationText, Micros, Problem, StreamName};
use utoipa::ToSchema;

use crate::schema;

/// Longest wait for the event clock when nobody says how long.
pub const CLOCK_WAIT: DurationText = DurationText::from_secs(10 * 60);

/// What the event clock is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClockState {
    /// This house does not run it: `tidemill up` does.
    Resting,
    /// It is at work on a tick.
    Stepping,
    /// It has caught up with the watermark.
    Waiting,
    /// A tick failed; it is tried again.
    Failing,
}

/// How far the event clock is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventClock {
    /// What it is doing.
    pub state: ClockState,
    /// Length of a tick.
    #[schema(value_type = String)]
    pub tick: DurationText,
    /// The last tick that is finished; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub at: Option<Micros>,
    /// Up to here every stream that models read or learn from has landed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub watermark: Option<Micros>,
    /// The stream that the watermark waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub held_by: Option<StreamName>,
    /// Ticks that can be stepped and are not finished.
    pub behind_ticks: u64,
    /// The tick in progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub stepping: Option<Micros>,
    /// What is done in it, as `score` or `train`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Why the last try of a tick failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Problem>)]
    pub problem: Option<Problem>,
    /// Where the time went since the process that runs it began, by the parts of a tick.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spent: Vec<ClockPart>,
}

/// What a part of the ticks took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ClockPart {
    /// `features`, `scoring`, `sending`, `landing`, `monitors`, `triggers` or `training`.
    pub part: String,
    /// Time that passed, in seconds.
    pub seconds: f64,
    /// CPU time of the whole process meanwhile, in seconds: ingest beside it is in it.
    pub cpu_seconds: f64,
}

/// Waits for the event clock.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClockWaitRequest {
    /// Until this tick is finished, RFC 3339 or a date; by default until it has caught up with the watermark.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub until: Option<Micros>,
    /// At most this long; 10 minutes when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub timeout: Option<DurationText>,
}

impl fmt::Display for ClockState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ClockState::Resting => "resting",
            ClockState::Stepping => "stepping",
            ClockState::Waiting => "waiting",
            ClockState::Failing => "failing",
        })
    }
}
