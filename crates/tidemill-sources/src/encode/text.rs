//! Numbers, times and bytes as text, without allocation: some ten million of them are written in a replay.

const DAY_MICROS: i64 = 86_400_000_000;

/// Decimal digits, with a sign where it is negative.
pub(super) fn write_int(value: i64, into: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut rest = value.unsigned_abs();
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        into.push(b'-');
    }
    into.extend_from_slice(&digits[start..]);
}

/// `2018-04-01T00:00:31Z`, with three or six fractional digits where it has them; none outside the years 0 to 9999.
pub(super) fn write_time(micros: i64, into: &mut Vec<u8>) -> Option<()> {
    write_date(micros.div_euclid(DAY_MICROS), into)?;
    let of_day = micros.rem_euclid(DAY_MICROS);
    let (seconds, fraction) = (of_day / 1_000_000, of_day % 1_000_000);
    into.push(b'T');
    write_padded::<2>(seconds / 3_600, into);
    into.push(b':');
    write_padded::<2>(seconds / 60 % 60, into);
    into.push(b':');
    write_padded::<2>(seconds % 60, into);
    if fraction % 1_000 != 0 {
        into.push(b'.');
        write_padded::<6>(fraction, into);
    } else if fraction != 0 {
        into.push(b'.');
        write_padded::<3>(fraction / 1_000, into);
    }
    into.push(b'Z');
    Some(())
}

/// `2018-04-01` of a day that is counted from 1970; none outside the years 0 to 9999.
pub(super) fn write_date(days: i64, into: &mut Vec<u8>) -> Option<()> {
    let (year, month, day) = civil(days);
    if !(0..=9_999).contains(&year) {
        return None;
    }
    write_padded::<4>(year, into);
    into.push(b'-');
    write_padded::<2>(month, into);
    into.push(b'-');
    write_padded::<2>(day, into);
    Some(())
}

/// Year, month and day of the proleptic Gregorian calendar (Howard Hinnant's `civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the leap day is the last.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Two lower-case hexadecimal digits a byte.
pub(super) fn write_hex(bytes: &[u8], into: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        into.push(DIGITS[usize::from(byte >> 4)]);
        into.push(DIGITS[usize::from(byte & 15)]);
    }
}

/// The last `WIDTH` decimal digits of a number that is not negative.
fn write_padded<const WIDTH: usize>(value: i64, into: &mut Vec<u8>) {
    let mut digits = [b'0'; WIDTH];
    let mut rest = value;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    into.extend_from_slice(&digits);
}

#[cfg(test)]
mod tests {
    use tidemill_types::Micros;

    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut into = Vec::new();
        write(&mut into);
        String::from_utf8(into).unwrap()
    }

    #[test]
    fn integers_are_written_as_the_standard_library_does() {
        for value in [0, 1, -1, 9, 10, -10, 1_754_154, i64::MAX, i64::MIN] {
            assert_eq!(text(|into| write_int(value, into)), value.to_string());
        }
    }

    #[test]
    fn times_are_written_as_the_house_prints_them() {
        let seconds = (0..200_000).map(|n| n * 1_234_567 - 62_000_000_000);
        for micros in seconds
            .map(|s: i64| s * 1_000_000)
            .chain([0, -1, 1_000, 1_522_540_831_123_456])
        {
            let written = text(|into| write_time(micros, into).unwrap());
            assert_eq!(written, Micros(micros).to_string(), "{micros}");
        }
    }

    #[test]
    fn years_with_more_than_four_digits_are_refused() {
        assert_eq!(write_time(253_402_300_800_000_000, &mut Vec::new()), None);
        assert_eq!(write_time(253_402_300_799_999_999, &mut Vec::new()), Some(()));
        assert_eq!(write_time(i64::MIN, &mut Vec::new()), None);
    }

    #[test]
    fn bytes_are_hexadecimal() {
        assert_eq!(text(|into| write_hex(&[0, 15, 255], into)), "000fff");
    }
}
