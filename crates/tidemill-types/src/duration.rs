//! Durations as people write them in settings and headers: `7d`, `12h`, `30s`, `250ms`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A length of time, written as a number and a unit (`ms`, `s`, `m`, `h`, `d`, `w`), several of them if need be (`1d12h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DurationText(Duration);

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration: write 7d, 12h, 30m, 10s, 250ms or a sum such as 1d12h")]
pub struct InvalidDuration(pub String);

/// Units, largest first, in milliseconds.
const UNITS: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

impl DurationText {
    /// `millis` milliseconds.
    pub const fn from_millis(millis: u64) -> DurationText {
        DurationText(Duration::from_millis(millis))
    }

    /// `seconds` seconds.
    pub const fn from_secs(seconds: u64) -> DurationText {
        DurationText(Duration::from_secs(seconds))
    }

    /// As the standard library's type.
    pub fn duration(self) -> Duration {
        self.0
    }

    /// In microseconds, clamped at the end of time.
    pub fn as_micros(self) -> i64 {
        i64::try_from(self.0.as_micros()).unwrap_or(i64::MAX)
    }

    /// In milliseconds, clamped at the end of time.
    pub fn as_millis(self) -> i64 {
        i64::try_from(self.0.as_millis()).unwrap_or(i64::MAX)
    }
}

impl fmt::Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_millis() as u64;
        if rest == 0 {
            return f.pad("0s");
        }
        let mut text = String::new();
        // Weeks are read but not printed: 30d says more than 4w2d.
        for (unit, millis) in &UNITS[1..] {
            let count = rest / millis;
            if count > 0 {
                text.push_str(&format!("{count}{unit}"));
                rest %= millis;
            }
        }
        f.pad(&text)
    }
}

impl FromStr for DurationText {
    type Err = InvalidDuration;
    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        let invalid = || InvalidDuration(text.chars().take(40).collect());
        let mut rest = text.trim();
        let mut millis = 0_u64;
        if rest.is_empty() {
            return Err(invalid());
        }
        while !rest.is_empty() {
            let digits_end = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(invalid)?;
            let (digits, tail) = rest.split_at(digits_end);
            let unit_end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(unit_end);
            let count: u64 = digits.parse().map_err(|_| invalid())?;
            let (_, unit_millis) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(invalid)?;
            let part = count.checked_mul(*unit_millis).ok_or_else(invalid)?;
            millis = millis.checked_add(part).ok_or_else(invalid)?;
            rest = tail;
        }
        Ok(DurationText::from_millis(millis))
    }
}

impl TryFrom<String> for DurationText {
    type Error = InvalidDuration;
    fn try_from(text: String) -> Result<Self, InvalidDuration> {
        text.parse()
    }
}

impl From<DurationText> for String {
    fn from(duration: DurationText) -> String {
        duration.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print() {
        for (text, millis, printed) in [
            ("7d", 604_800_000, "7d"),
            ("1w", 604_800_000, "7d"),
            ("1d12h", 129_600_000, "1d12h"),
            ("250ms", 250, "250ms"),
            ("90s", 90_000, "1m30s"),
            ("0s", 0, "0s"),
        ] {
            let duration: DurationText = text.parse().unwrap();
            assert_eq!(duration.as_millis(), millis, "{text}");
            assert_eq!(duration.to_string(), printed, "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "7",
            "d",
            "7 d",
            "-7d",
            "7y",
            "99999999999999999999d",
            "18446744073709551615w",
        ] {
            assert!(text.parse::<DurationText>().is_err(), "{text}");
        }
    }
}
