//! How far the event clock is, for whoever looks.

use serde::Serialize;
use tidemill_serve::Spent;
use tidemill_types::{Micros, Problem};

/// What the clock is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockStep {
    /// It waits for event time to go on.
    #[default]
    Waiting,
    /// The tick's events are scored.
    Scoring,
    /// Monitors run.
    Monitoring,
    /// Triggers are looked at.
    Triggers,
    /// A firing is acted on.
    Training,
    /// It waits before it tries again what failed.
    Retrying,
    /// It has ended.
    Stopped,
}

impl ClockStep {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            ClockStep::Waiting => "waiting",
            ClockStep::Scoring => "scoring",
            ClockStep::Monitoring => "monitoring",
            ClockStep::Triggers => "triggers",
            ClockStep::Training => "training",
            ClockStep::Retrying => "retrying",
            ClockStep::Stopped => "stopped",
        }
    }
}

/// Where the clock stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClockStatus {
    /// The last tick that is finished.
    pub at: Option<Micros>,
    /// The tick that is being stepped.
    pub tick: Option<Micros>,
    /// How far event time has come, as of the last look.
    pub watermark: Option<Micros>,
    /// What it is doing.
    pub step: ClockStep,
    /// Whether it had stepped all that the watermark lets it, when it last looked.
    pub caught_up: bool,
    /// Ticks since this process began.
    pub ticks: u64,
    /// Predictions that were made of events since this process began.
    pub predictions: u64,
    /// What went wrong at the last try; gone once the tick is through.
    pub last_error: Option<Problem>,
    /// Where the time went since this process began.
    pub times: ClockTimes,
}

/// Where the time went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockTimes {
    /// Features of events.
    pub features: Spent,
    /// Their scores.
    pub scoring: Spent,
    /// Predictions, until the broker had them.
    pub sending: Spent,
    /// Predictions, until they were in the lake.
    pub landing: Spent,
    /// Monitors.
    pub monitors: Spent,
    /// Triggers.
    pub triggers: Spent,
    /// Trainings, comparisons and promotions.
    pub training: Spent,
}

impl ClockTimes {
    /// The parts by name, in the order of a tick.
    pub fn parts(&self) -> [(&'static str, Spent); 7] {
        [
            ("features", self.features),
            ("scoring", self.scoring),
            ("sending", self.sending),
            ("landing", self.landing),
            ("monitors", self.monitors),
            ("triggers", self.triggers),
            ("training", self.training),
        ]
    }
}
