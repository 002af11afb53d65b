//! Why a drift measure has no value.

use super::Side;

/// Input of which a measure is not defined, or states that do not belong together.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DriftError {
    /// One side has no rows that the measure can use.
    #[error("the {side} side is empty: drift compares two sides")]
    Empty {
        /// The side without rows.
        side: Side,
    },
    /// Two states do not count into the same bins.
    #[error("a state of {left} bins does not match one of {right}: they were counted against different references")]
    DifferentBins {
        /// Bins of the one.
        left: usize,
        /// Bins of the other.
        right: usize,
    },
    /// What is subtracted was never added.
    #[error("the state to subtract counts {subtracted} where there are only {held}")]
    NotContained {
        /// The count to take away.
        subtracted: u64,
        /// The count that is there.
        held: u64,
    },
    /// A value that has no place among numbers in order.
    #[error("value {position} of the {side} side is {value}")]
    NotFinite {
        /// The side that holds it.
        side: Side,
        /// Position in the slice, from 0.
        position: usize,
        /// The value as given.
        value: f64,
    },
    /// A contingency table of one column compares nothing.
    #[error("a contingency table needs two bins that are not empty, not {bins}")]
    TooFewBins {
        /// Bins that hold a row of either side.
        bins: usize,
    },
    /// A grid of fewer than two bins.
    #[error("a grid needs at least 2 bins, not {bins}")]
    Grid {
        /// Bins asked for.
        bins: usize,
    },
    /// A stored profile that no reference can have given.
    #[error("not a reference profile: {reason}")]
    NotAProfile {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A list that no state gives.
    #[error("not a list of bin counts: {reason}")]
    NotAState {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A profile of numbers met a column of levels, or the other way round.
    #[error("the profile is of {profile} values, the column is not")]
    OtherKind {
        /// What the profile is of: `numeric` or `categorical`.
        profile: &'static str,
    },
    /// A setting of the alarm rule outside its range.
    #[error("the alarm rule's {setting} cannot be {value}")]
    Setting {
        /// Name of the setting.
        setting: &'static str,
        /// The value as given.
        value: f64,
    },
    /// Evidence that is not a number, or a p-value outside 0..=1.
    #[error("evidence {position} has effect {effect} and p-value {p_value}")]
    Evidence {
        /// Position in the slice, from 0.
        position: usize,
        /// The effect as given.
        effect: f64,
        /// The p-value as given.
        p_value: f64,
    },
}
