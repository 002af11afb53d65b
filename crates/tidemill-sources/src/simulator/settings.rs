//! What the simulator can be told.

use serde::{Deserialize, Serialize};
use tidemill_types::{ErrorCode, Explain, Micros};

use super::DAY_SECONDS;

/// Customers or terminals, at most: their numbers share a random stream's number with the day.
const COUNT_MAX: u32 = 1 << 28;
/// Pairs of customers and terminals that may be compared when they are placed.
const PAIRS_MAX: u64 = 2_000_000_000;
/// Days, at most: a thousand years.
const DAYS_MAX: u32 = 365_250;

/// The simulator's settings. The default is the handbook's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SimulatorSettings {
    /// Number of customers.
    pub customers: u32,
    /// Number of terminals.
    pub terminals: u32,
    /// How far a customer goes, on a square of 100 × 100.
    pub radius: f64,
    /// The first day's midnight, UTC.
    pub start: Micros,
    /// Number of days; absent, it never ends.
    pub days: Option<u32>,
    /// Transactions a day, as a factor on the customers' own habits (0 to 4 a day each).
    pub rate: f64,
    /// The seed.
    pub seed: u64,
    /// From when on the world is another one.
    pub drift: Option<DriftSwitch>,
}

/// A world that changes on a day: amounts and habits shift, fraud does not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriftSwitch {
    /// The first day of the changed world, from 0.
    pub from_day: u32,
    /// Factor on every amount.
    #[serde(default = "one")]
    pub amount_factor: f64,
    /// Factor on the number of transactions a day.
    #[serde(default = "one")]
    pub rate_factor: f64,
    /// By how much later in the day people spend, in seconds; negative is earlier.
    #[serde(default)]
    pub later_seconds: i32,
}

fn one() -> f64 {
    1.0
}

impl Default for SimulatorSettings {
    fn default() -> Self {
        SimulatorSettings {
            customers: 5_000,
            terminals: 10_000,
            radius: 5.0,
            // 2018-04-01.
            start: Micros(1_522_540_800_000_000),
            days: Some(183),
            rate: 1.0,
            seed: 0,
            drift: None,
        }
    }
}

/// A setting that makes no world.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the simulator's `{setting}` {rule}")]
pub struct InvalidSimulator {
    /// Its name.
    pub setting: &'static str,
    /// What it must be.
    pub rule: &'static str,
}

impl Explain for InvalidSimulator {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidInput
    }
}

impl SimulatorSettings {
    pub(super) fn start_seconds(&self) -> i64 {
        self.start.as_seconds()
    }

    /// The drift that holds on `day`.
    pub(super) fn drift_on(&self, day: u32) -> Option<&DriftSwitch> {
        self.drift.as_ref().filter(|drift| day >= drift.from_day)
    }

    pub(super) fn check(&self) -> Result<(), InvalidSimulator> {
        let invalid = |setting, rule| Err(InvalidSimulator { setting, rule });
        let factor = |value: f64| value.is_finite() && value > 0.0 && value <= 1_000.0;
        if !(1..=COUNT_MAX).contains(&self.customers) {
            return invalid("customers", "is at least 1 and at most 268435456");
        }
        if !(1..=COUNT_MAX).contains(&self.terminals) {
            return invalid("terminals", "is at least 1 and at most 268435456");
        }
        if u64::from(self.customers) * u64::from(self.terminals) > PAIRS_MAX {
            return invalid("customers", "times `terminals` is at most 2 × 10⁹");
        }
        if !(self.radius.is_finite() && self.radius > 0.0) {
            return invalid("radius", "is above 0");
        }
        if !factor(self.rate) {
            return invalid("rate", "is above 0 and at most 1000");
        }
        if self.days.is_some_and(|days| days > DAYS_MAX) {
            return invalid("days", "is at most 365250");
        }
        if self.start.0 % (DAY_SECONDS * 1_000_000) != 0 || self.start.0 <= 0 {
            return invalid("start", "is a midnight in UTC after 1970-01-01");
        }
        if let Some(drift) = &self.drift {
            if !factor(drift.amount_factor) {
                return invalid("drift.amount_factor", "is above 0 and at most 1000");
            }
            if !factor(drift.rate_factor) {
                return invalid("drift.rate_factor", "is above 0 and at most 1000");
            }
            if i64::from(drift.later_seconds).abs() >= DAY_SECONDS {
                return invalid("drift.later_seconds", "is less than a day");
            }
        }
        Ok(())
    }
}
