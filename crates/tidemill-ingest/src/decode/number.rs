//! Numbers from their JSON text: whole ones without going through floating point, the others correctly rounded.

use super::scan::Number;

/// Digits that fit a 64-bit integer whatever they are.
const SAFE_DIGITS: usize = 18;
/// The largest whole number below which all are exact in a double.
const EXACT_MAX: u64 = 1 << 53;
/// Powers of ten that are exact in a double.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// A whole number. None where it is written with a fraction or exponent, or does not fit 64 bits.
#[inline]
pub(crate) fn whole(number: Number<'_>) -> Option<i64> {
    if !number.whole {
        return None;
    }
    let bytes = number.text.as_bytes();
    let (negative, digits) = match bytes.split_first() {
        Some((b'-', digits)) => (true, digits),
        _ => (false, bytes),
    };
    if digits.len() > SAFE_DIGITS {
        return number.text.parse().ok();
    }
    let value = digits
        .iter()
        .fold(0_i64, |value, digit| value * 10 + i64::from(digit - b'0'));
    Some(if negative { -value } else { value })
}

/// The double nearest to the number, ties to even. None where that is infinite.
#[inline]
pub(crate) fn double(number: Number<'_>) -> Option<f64> {
    exact_double(number.text.as_bytes())
        .or_else(|| number.text.parse().ok())
        .filter(|value| value.is_finite())
}

/// The common case, after Clinger: when mantissa and power of ten are both exact, one operation rounds correctly.
#[inline]
fn exact_double(text: &[u8]) -> Option<f64> {
    let (negative, text) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, text),
    };
    if text.len() > SAFE_DIGITS + 1 {
        return None;
    }
    let mut mantissa = 0_u64;
    let mut digits = 0_usize;
    let mut point = None;
    for byte in text {
        match byte {
            b'0'..=b'9' => {
                mantissa = mantissa * 10 + u64::from(byte - b'0');
                digits += 1;
            }
            b'.' => point = Some(digits),
            _ => return None,
        }
    }
    if mantissa > EXACT_MAX {
        return None;
    }
    let fraction_digits = point.map_or(0, |point| digits - point);
    let value = mantissa as f64 / EXACT_POWERS.get(fraction_digits)?;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decode::scan::Scanner;

    fn scanned(text: &str) -> Number<'_> {
        Scanner::new(text).number().unwrap()
    }

    #[test]
    fn whole_numbers_fit_or_do_not() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("-12", Some(-12)),
            ("999999999999999999", Some(999_999_999_999_999_999)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("1.0", None),
            ("1e3", None),
        ] {
            assert_eq!(whole(scanned(text)), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn doubles_are_rounded_as_the_standard_library_does(text in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,22})?([eE][+-]?[0-9]{1,3})?") {
            let expected: f64 = text.parse().unwrap();
            let got = double(scanned(&text));
            if expected.is_finite() {
                prop_assert_eq!(got.map(f64::to_bits), Some(expected.to_bits()));
            } else {
                prop_assert_eq!(got, None);
            }
        }
    }
}
