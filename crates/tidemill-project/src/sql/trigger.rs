//! `sql/triggers/*.sql`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use tidemill_types::{DurationText, ModelName, TriggerClock, TriggerKind, TriggerName};

use super::SqlFile;
use crate::fault::Fault;
use crate::schedule::Schedule;

/// A trigger: a query that returns a row when its model is due to be trained again.
///
/// The query reads everything as it was known at the tick, with the parameters `$now` (the tick), `$trained_to` (where the
/// training window of the version that serves ended), `$champion` (the version that serves, 0 without one) and
/// `$last_fired`; times that are not there yet are the epoch. The rows it returns are the evidence of the firing.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    /// Its name.
    pub name: TriggerName,
    /// Why it fires.
    pub kind: TriggerKind,
    /// The model that is trained again.
    pub model: ModelName,
    /// When it is looked at: the times of a schedule, else every tick.
    pub schedule: Option<Schedule>,
    /// The clock that the schedule follows.
    pub clock: TriggerClock,
    /// The least time between two firings.
    pub cooldown: DurationText,
    /// Labels that must have become known since the newest training of the model.
    pub min_rows: u64,
    /// How often it may fire at most.
    pub quota: Option<Quota>,
    /// What it is, in words: the comment below the header.
    pub description: Option<String>,
    /// The statement, without semicolon, its lines numbered as in the file (the header is in it, as comments).
    pub sql: String,
    /// The file, relative to the project.
    pub file: PathBuf,
    /// Lines of the header.
    pub header_lines: usize,
    /// SHA-256 of the file's text, in hexadecimal.
    pub sha256: String,
    /// The line of the header that names the model.
    pub(crate) model_line: usize,
}

/// A number of firings in a length of time, written `4 per 30d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Firings.
    pub firings: u32,
    /// In any stretch of this length.
    pub per: DurationText,
}

/// A text that is no quota.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a quota: write a number above zero and a length of time, as `4 per 30d`")]
pub struct InvalidQuota(pub String);

impl FromStr for Quota {
    type Err = InvalidQuota;
    fn from_str(text: &str) -> Result<Quota, InvalidQuota> {
        let invalid = || InvalidQuota(text.chars().take(40).collect());
        let (firings, per) = text.split_once(" per ").ok_or_else(invalid)?;
        let quota = Quota {
            firings: firings.trim().parse().map_err(|_| invalid())?,
            per: per.parse().map_err(|_| invalid())?,
        };
        let allows_one = quota.firings > 0 && quota.per > DurationText::from_millis(0);
        allows_one.then_some(quota).ok_or_else(invalid)
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} per {}", self.firings, self.per)
    }
}

const KINDS: [(&str, TriggerKind); 4] = [
    ("drift", TriggerKind::Drift),
    ("performance", TriggerKind::Performance),
    ("data", TriggerKind::Data),
    ("schedule", TriggerKind::Schedule),
];
const CLOCKS: [(&str, TriggerClock); 2] = [("event", TriggerClock::Event), ("wall", TriggerClock::Wall)];
/// The zone of a schedule that names none.
const ZONE: &str = "UTC";

impl Trigger {
    /// Reads a file; every fault is pushed, and where there is one that matters there is no trigger.
    pub(crate) fn read(file: &SqlFile, faults: &mut Vec<Fault>) -> Option<Trigger> {
        let header = file.header(faults);
        let body = file.body(header.as_ref().map_or(0, |header| header.lines), faults);
        let header = header?;
        let name = header.value("trigger", faults);
        let kind = header.word("kind", &KINDS, faults);
        let model = header.value("model", faults);
        let pattern: Option<String> = header.value("schedule", faults);
        let zone: Option<String> = header.value("zone", faults);
        let clock = header.word("clock", &CLOCKS, faults);
        let cooldown = header.value("cooldown", faults);
        let min_rows = header.value("min rows", faults);
        let quota = header.value("quota", faults);
        let mut refuse = |key: &str, message: &str, hint: &str| {
            let fault = Fault::new(format!("trigger `{}`: {message}", file.stem)).with_hint(hint);
            faults.push(fault.at_line(&file.file, header.line(key)));
        };
        let schedule = match (&pattern, &zone) {
            (Some(pattern), zone) => match Schedule::new(pattern, zone.as_deref().unwrap_or(ZONE)) {
                Ok(schedule) => Some(schedule),
                Err(error) => {
                    let key = match error {
                        crate::schedule::InvalidSchedule::Pattern { .. } => "schedule",
                        crate::schedule::InvalidSchedule::Zone(_) => "zone",
                    };
                    refuse(key, &error.to_string(), "`zone` is UTC where it is left out");
                    None
                }
            },
            (None, Some(_)) => {
                refuse(
                    "zone",
                    "`zone` is the zone of a `schedule`",
                    "add `-- schedule: 0 4 * * 1`",
                );
                None
            }
            (None, None) => None,
        };
        if kind == Some(TriggerKind::Schedule) && pattern.is_none() {
            refuse(
                "kind",
                "a trigger of kind `schedule` needs a schedule",
                "add `-- schedule: 0 4 * * 1`",
            );
        }
        if clock == Some(TriggerClock::Wall) && pattern.is_none() {
            refuse(
                "clock",
                "only a `schedule` can follow the machine's clock",
                "add `-- schedule: 0 4 * * 1`, or leave `clock` out",
            );
        }
        let body = body?;
        Some(Trigger {
            name: name?,
            kind: kind?,
            model: model?,
            schedule,
            clock: clock.unwrap_or(TriggerClock::Event),
            cooldown: cooldown.unwrap_or(DurationText::from_millis(0)),
            min_rows: min_rows.unwrap_or(0),
            quota,
            description: body.description,
            sql: body.sql,
            file: file.file.clone(),
            header_lines: header.lines,
            sha256: body.sha256,
            model_line: header.line("model"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_reads_and_prints() {
        let quota: Quota = "4 per 30d".parse().expect("a quota");
        assert_eq!(quota.to_string(), "4 per 30d");
        for text in ["", "4", "0 per 30d", "4 per", "four per 30d", "4 per 0s", "-1 per 1d"] {
            assert!(text.parse::<Quota>().is_err(), "{text}");
        }
    }
}
