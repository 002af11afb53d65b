//! Time as a parameter: instants in UTC microseconds, ranges of them, and the clock that the edge injects.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// An instant in microseconds since 1970-01-01T00:00:00Z: event times, known times, run times.
///
/// Reads RFC 3339 (`2018-07-25T00:00:00Z`), a time without a zone (taken as UTC) and a date (its midnight);
/// prints RFC 3339 in UTC with as many fractional digits as it needs. A plain number in JSON would lose its unit, so it
/// is text there too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Micros(pub i64);

/// Microseconds in a second.
const SECOND_MICROS: i64 = 1_000_000;

/// A text that names no instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time: write 2018-07-25, 2018-07-25T12:00:00 (UTC) or 2018-07-25T12:00:00+02:00")]
pub struct InvalidTime(pub String);

impl Micros {
    /// The instant `millis` milliseconds after the epoch, as Kafka counts.
    pub fn from_millis(millis: i64) -> Micros {
        Micros(millis.saturating_mul(1_000))
    }

    /// Milliseconds since the epoch, rounded down.
    pub fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Whole seconds since the epoch, rounded down.
    pub fn as_seconds(self) -> i64 {
        self.0.div_euclid(SECOND_MICROS)
    }

    /// Days since the epoch, rounded down: two instants of one UTC day have the same.
    pub fn day(self) -> i64 {
        self.0.div_euclid(86_400 * SECOND_MICROS)
    }

    /// The first instant of a day that is counted from the epoch.
    pub fn of_day(day: i64) -> Micros {
        Micros(day.saturating_mul(86_400 * SECOND_MICROS))
    }

    /// This instant moved by `micros`, clamped at the ends of time.
    pub fn plus(self, micros: i64) -> Micros {
        Micros(self.0.saturating_add(micros))
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::<Utc>::from_timestamp_micros(self.0) {
            Some(time) => f.pad(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            None => write!(f, "{} µs", self.0),
        }
    }
}

impl FromStr for Micros {
    type Err = InvalidTime;
    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let trimmed = text.trim();
        if let Ok(time) = DateTime::parse_from_rfc3339(trimmed) {
            return Ok(Micros(time.timestamp_micros()));
        }
        for format in [
            "%Y-%m-%dT%H:%M:%S%.f",
            "%Y-%m-%d %H:%M:%S%.f",
            "%Y-%m-%dT%H:%M",
            "%Y-%m-%d %H:%M",
        ] {
            if let Ok(time) = NaiveDateTime::parse_from_str(trimmed, format) {
                return Ok(Micros(time.and_utc().timestamp_micros()));
            }
        }
        match NaiveDate::parse_from_str(trimmed, "%Y-%m-%d")
            .ok()
            .and_then(|date| date.and_hms_opt(0, 0, 0))
        {
            Some(midnight) => Ok(Micros(midnight.and_utc().timestamp_micros())),
            None => Err(InvalidTime(text.chars().take(80).collect())),
        }
    }
}

impl TryFrom<String> for Micros {
    type Error = InvalidTime;
    fn try_from(text: String) -> Result<Self, InvalidTime> {
        text.parse()
    }
}

impl From<Micros> for String {
    fn from(time: Micros) -> String {
        time.to_string()
    }
}

/// The half-open range of instants `[from, to)`; an absent end is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TimeRange {
    /// First instant inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Micros>,
    /// First instant after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Micros>,
}

impl TimeRange {
    /// All of time.
    pub const ALL: TimeRange = TimeRange { from: None, to: None };

    /// The range `[from, to)`.
    pub fn new(from: Micros, to: Micros) -> TimeRange {
        TimeRange {
            from: Some(from),
            to: Some(to),
        }
    }

    /// Whether `time` lies inside.
    pub fn contains(&self, time: Micros) -> bool {
        self.from.is_none_or(|from| from <= time) && self.to.is_none_or(|to| time < to)
    }

    /// The same range with its start `micros` earlier: what a view must read to compute this range.
    pub fn with_lookback(&self, micros: i64) -> TimeRange {
        TimeRange {
            from: self.from.map(|from| from.plus(-micros)),
            to: self.to,
        }
    }
}

impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.to) {
            (None, None) => f.pad("all time"),
            (Some(from), None) => write!(f, "from {from}"),
            (None, Some(to)) => write!(f, "before {to}"),
            (Some(from), Some(to)) => write!(f, "{from} to {to}"),
        }
    }
}

/// Where the present comes from. The binary injects it; nothing else asks the operating system.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Micros;
}

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Micros {
        Micros(Utc::now().timestamp_micros())
    }
}

/// A clock that stands where it was put: for tests and for the event clock.
#[derive(Debug, Default)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// A clock that shows `now`.
    pub fn at(now: Micros) -> FixedClock {
        FixedClock(AtomicI64::new(now.0))
    }

    /// Moves the clock; it never goes back.
    pub fn advance_to(&self, now: Micros) {
        self.0.fetch_max(now.0, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Micros {
        Micros(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_with_and_without_zone() {
        let noon = Micros(1_532_520_000 * SECOND_MICROS);
        for text in [
            "2018-07-25T12:00:00Z",
            "2018-07-25T14:00:00+02:00",
            "2018-07-25T12:00:00",
            "2018-07-25 12:00:00.000",
            "2018-07-25T12:00",
        ] {
            assert_eq!(text.parse(), Ok(noon), "{text}");
        }
        assert_eq!("2018-07-25".parse(), Ok(noon.plus(-43_200 * SECOND_MICROS)));
        for text in ["", "yesterday", "2018-13-01", "2018-07-25T25:00:00"] {
            assert!(text.parse::<Micros>().is_err(), "{text}");
        }
    }

    #[test]
    fn printing_then_reading_is_the_identity() {
        for micros in [0, 1, 1_000, 1_532_520_000_123_456, -1] {
            assert_eq!(Micros(micros).to_string().parse(), Ok(Micros(micros)));
        }
    }

    #[test]
    fn days_and_millis_round_down_before_the_epoch() {
        assert_eq!(Micros(-1).day(), -1);
        assert_eq!(Micros(-1).as_millis(), -1);
        assert_eq!(Micros::of_day(3).day(), 3);
    }

    #[test]
    fn a_range_is_half_open() {
        let range = TimeRange::new(Micros(1), Micros(3));
        assert_eq!(
            [0, 1, 2, 3].map(|t| range.contains(Micros(t))),
            [false, true, true, false]
        );
        assert_eq!(range.with_lookback(5).from, Some(Micros(-4)));
        assert!(TimeRange::ALL.contains(Micros(i64::MIN)));
    }
}
