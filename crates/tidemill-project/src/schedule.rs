//! When something is due by the calendar: a cron pattern in a time zone.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use tidemill_types::Micros;

/// A cron pattern of five fields (minute, hour, day of month, month, day of week) and the zone whose wall clock it reads.
///
/// Where a zone's clock is put forward, a time that does not exist that day comes right after the gap; where it is put back,
/// a time that exists twice comes once.
#[derive(Debug, Clone)]
pub struct Schedule {
    pattern: String,
    zone: Tz,
    cron: Cron,
}

/// A text that is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchedule {
    /// Not a pattern of five fields.
    #[error("`{pattern}` is not a cron pattern: {reason}; write minute, hour, day, month, weekday, as `0 4 * * 1`")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A zone that nobody knows.
    #[error("`{0}` is not a time zone: write UTC, Europe/Berlin or another name of the IANA list")]
    Zone(String),
}

/// Fields of a pattern.
const FIELDS: usize = 5;

impl Schedule {
    /// A schedule from a pattern and the name of a zone.
    pub fn new(pattern: &str, zone: &str) -> Result<Schedule, InvalidSchedule> {
        let fields: Vec<&str> = pattern.split_whitespace().collect();
        let refuse = |reason: String| InvalidSchedule::Pattern {
            pattern: pattern.chars().take(80).collect(),
            reason,
        };
        if fields.len() != FIELDS {
            return Err(refuse(format!("it has {} fields", fields.len())));
        }
        let cron = Cron::from_str(pattern).map_err(|error| refuse(error.to_string()))?;
        let zone = zone
            .parse()
            .map_err(|_| InvalidSchedule::Zone(zone.chars().take(80).collect()))?;
        Ok(Schedule {
            pattern: fields.join(" "),
            zone,
            cron,
        })
    }

    /// The first time after `after` at which it is due; none where that never comes.
    pub fn next_after(&self, after: Micros) -> Option<Micros> {
        let after = DateTime::<Utc>::from_timestamp_micros(after.0)?.with_timezone(&self.zone);
        let next = self.cron.find_next_occurrence(&after, false).ok()?;
        Some(Micros(next.timestamp_micros()))
    }

    /// The last time in `(after, until]` at which it was due.
    pub fn last_within(&self, after: Micros, until: Micros) -> Option<Micros> {
        if until <= after {
            return None;
        }
        let until_local = DateTime::<Utc>::from_timestamp_micros(until.0)?.with_timezone(&self.zone);
        let last = self.cron.find_previous_occurrence(&until_local, true).ok()?;
        Some(Micros(last.timestamp_micros())).filter(|last| *last > after)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.pattern, self.zone)
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Schedule) -> bool {
        self.pattern == other.pattern && self.zone == other.zone
    }
}

impl Eq for Schedule {}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(pattern: &str, zone: &str, after: &str) -> Option<String> {
        let schedule = Schedule::new(pattern, zone).unwrap_or_else(|error| panic!("{error}"));
        let next = schedule.next_after(after.parse().expect("a time"))?;
        Some(next.to_string())
    }

    #[test]
    fn it_reads_the_clock_of_its_zone() {
        for (pattern, zone, after, expected) in [
            ("0 4 * * 1", "UTC", "2018-04-01", Some("2018-04-02T04:00:00Z")),
            ("0 4 * * 1", "UTC", "2018-04-02T04:00:00Z", Some("2018-04-09T04:00:00Z")),
            (
                "30 3 * * *",
                "Europe/Berlin",
                "2018-07-01",
                Some("2018-07-01T01:30:00Z"),
            ),
            (
                "30 3 * * *",
                "Europe/Berlin",
                "2018-12-01",
                Some("2018-12-01T02:30:00Z"),
            ),
            // On 2018-03-25 the clock went from 2 to 3; on 2018-10-28 from 3 back to 2.
            (
                "30 2 * * *",
                "Europe/Berlin",
                "2018-03-25T00:00:00Z",
                Some("2018-03-25T01:00:00Z"),
            ),
            (
                "30 2 * * *",
                "Europe/Berlin",
                "2018-10-27T12:00:00Z",
                Some("2018-10-28T00:30:00Z"),
            ),
            (
                "30 2 * * *",
                "Europe/Berlin",
                "2018-10-28T00:30:00Z",
                Some("2018-10-29T01:30:00Z"),
            ),
            ("0 0 30 2 *", "UTC", "2018-01-01", None),
            // Both day fields: either of them, as in Vixie's cron.
            ("0 0 13 * 5", "UTC", "2018-04-01", Some("2018-04-06T00:00:00Z")),
        ] {
            let found = next(pattern, zone, after);
            assert_eq!(found.as_deref(), expected, "{pattern} {zone} after {after}");
        }
    }

    #[test]
    fn the_last_time_within_a_tick_is_found() {
        let schedule = Schedule::new("0 4 * * *", "UTC").expect("a schedule");
        let at = |text: &str| text.parse::<Micros>().expect("a time");
        let last = |after, until| schedule.last_within(at(after), at(until)).map(|at| at.to_string());
        assert_eq!(
            last("2018-04-01", "2018-04-02").as_deref(),
            Some("2018-04-01T04:00:00Z")
        );
        assert_eq!(last("2018-04-01T04:00:00Z", "2018-04-02"), None);
        assert_eq!(
            last("2018-04-01", "2018-04-01T04:00:00Z").as_deref(),
            Some("2018-04-01T04:00:00Z")
        );
        assert_eq!(
            last("2018-04-01", "2018-04-05").as_deref(),
            Some("2018-04-04T04:00:00Z")
        );
        assert_eq!(last("2018-04-02", "2018-04-01"), None);
    }

    #[test]
    fn nonsense_is_refused() {
        for (pattern, zone) in [
            ("", "UTC"),
            ("0 4 * *", "UTC"),
            ("0 0 4 * * 1", "UTC"),
            ("61 4 * * 1", "UTC"),
            ("every monday at four", "UTC"),
            ("0 4 * * 1", "Mars/Olympus"),
        ] {
            assert!(Schedule::new(pattern, zone).is_err(), "{pattern} {zone}");
        }
    }
}
