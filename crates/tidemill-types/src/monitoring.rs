//! What a monitor measures and what makes a trigger fire, in one word each.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a monitor measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MonitorKind {
    /// How far columns are from the reference that a model was trained on.
    Drift,
    /// How good predictions were, as far as their labels are known.
    Performance,
}

/// The measure by which a drift monitor raises an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftMeasure {
    /// The population stability index.
    Psi,
    /// The largest distance of the two distribution functions, after Kolmogorov and Smirnov.
    Ks,
}

/// Why a retraining is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerKind {
    /// What comes in has changed.
    Drift,
    /// The predictions have become worse.
    Performance,
    /// There is more to learn from.
    Data,
    /// It is time.
    Schedule,
    /// Somebody said so.
    Manual,
}

/// The clock that a schedule follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerClock {
    /// The events' own time, tick by tick.
    Event,
    /// The machine's: for projects whose data comes in files and not in a stream.
    Wall,
}

macro_rules! words {
    ($($type:ident { $($variant:ident => $word:literal),* $(,)? })*) => {
        $(
            impl $type {
                /// The word, as it stands in headers and tables.
                pub const fn as_str(self) -> &'static str {
                    match self {
                        $($type::$variant => $word),*
                    }
                }
            }

            impl fmt::Display for $type {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.pad(self.as_str())
                }
            }
        )*
    };
}

words! {
    MonitorKind { Drift => "drift", Performance => "performance" }
    DriftMeasure { Psi => "psi", Ks => "ks" }
    TriggerKind {
        Drift => "drift",
        Performance => "performance",
        Data => "data",
        Schedule => "schedule",
        Manual => "manual",
    }
    TriggerClock { Event => "event", Wall => "wall" }
}
