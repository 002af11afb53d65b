//! Times from text: RFC 3339, without a zone UTC; dates.

use chrono::{Datelike, NaiveDate};
use tidemill_types::Micros;

/// Days from 0001-01-01 (day 1 of the calendar that chrono counts) to 1970-01-01.
const EPOCH_DAYS: i32 = 719_163;
const SECOND_MICROS: i64 = 1_000_000;

/// Microseconds since 1970 in UTC.
#[inline]
pub(crate) fn instant(text: &str) -> Option<i64> {
    // The common form is read by hand; whatever else people write goes the long way, to the same answer.
    plain_instant(text.as_bytes()).or_else(|| text.parse::<Micros>().ok().map(|time| time.0))
}

/// Days since 1970.
pub(crate) fn date(text: &str) -> Option<i32> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(date.num_days_from_ce() - EPOCH_DAYS)
}

/// `YYYY-MM-DD`, `T` or a space, `HH:MM:SS`, a fraction if there is one, and nothing or `Z`.
fn plain_instant(text: &[u8]) -> Option<i64> {
    let (head, tail) = text.split_at_checked(19)?;
    let separators = [head[4], head[7], head[13], head[16]];
    if separators != *b"--::" || !matches!(head[10], b'T' | b' ') {
        return None;
    }
    let year = i64::from(two(head, 0)?) * 100 + i64::from(two(head, 2)?);
    let (month, day) = (two(head, 5)?, two(head, 8)?);
    let (hour, minute, second) = (two(head, 11)?, two(head, 14)?, two(head, 17)?);
    let in_day = hour < 24 && minute < 60 && second < 60;
    let in_month = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    if !in_day || !in_month {
        return None;
    }
    let mut micros = 0_i64;
    let mut rest = tail;
    if let Some((b'.', digits)) = tail.split_first() {
        let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 || count > 9 {
            return None;
        }
        let fraction = digits[..count].iter().map(|digit| digit - b'0');
        for digit in fraction.chain(std::iter::repeat(0)).take(6) {
            micros = micros * 10 + i64::from(digit);
        }
        rest = &digits[count..];
    }
    if !matches!(rest, b"" | b"Z") {
        return None;
    }
    let seconds =
        days_before(year, month, day) * 86_400 + i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second);
    Some(seconds * SECOND_MICROS + micros)
}

/// Two digits at `place`.
#[inline]
fn two(text: &[u8], place: usize) -> Option<u32> {
    let (tens, ones) = (text[place].wrapping_sub(b'0'), text[place + 1].wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u32::from(tens) * 10 + u32::from(ones))
}

fn days_in(year: i64, month: u32) -> u32 {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the date, by counting years from March on. Source: Howard Hinnant, `days_from_civil`.
fn days_before(year: i64, month: u32, day: u32) -> i64 {
    let from_march = i64::from((month + 9) % 12);
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * from_march + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_short_way_agrees_with_the_long_one(micros in -62_135_596_800_000_000_i64..253_402_300_800_000_000) {
            let text = Micros(micros).to_string();
            prop_assert_eq!(plain_instant(text.as_bytes()), Some(micros), "{}", text);
        }

        #[test]
        fn neither_way_panics(text in "\\PC{0,30}", digits in "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}[.Z0-9+]{0,8}") {
            let _ = instant(&text);
            if let Some(short) = plain_instant(digits.as_bytes()) {
                prop_assert_eq!(digits.parse::<Micros>().map(|time| time.0), Ok(short), "{}", digits);
            }
        }
    }

    #[test]
    fn zones_count_and_their_absence_is_utc() {
        let noon = 1_532_520_000_000_000;
        for text in [
            "2018-07-25T12:00:00Z",
            "2018-07-25T12:00:00",
            "2018-07-25 12:00:00.000",
            "2018-07-25T14:00:00+02:00",
            "2018-07-25T12:00",
        ] {
            assert_eq!(instant(text), Some(noon), "{text}");
        }
        for text in [
            "",
            "noon",
            "2018-02-29T00:00:00Z",
            "2018-07-25T24:00:00Z",
            "2018-07-25T12:00:00.",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
        assert_eq!(date("1970-01-02"), Some(1));
        assert_eq!(date("2018-02-30"), None);
    }
}
