//! Numbers and times as people read them.

use tidemill_types::Micros;

/// A count with its thousands apart: `1,754,155`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count of something: `1 stream`, `3 streams`.
pub fn counted(value: usize, noun: &str) -> String {
    let plural = if value == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(value as u64))
}

/// A figure with as many digits as say something: four after the point below ten, fewer above.
pub fn figure(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        value.to_string()
    } else if size < 10.0 {
        format!("{value:.4}")
    } else if size < 1_000.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.0}")
    }
}

/// A share as a percentage: `0.84 %`.
pub fn share(value: f64) -> String {
    format!("{:.2} %", value * 100.0)
}

/// A size in bytes with a unit: `13.5 MB`.
pub fn bytes(value: u64) -> String {
    let mut size = value as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if size < 1_000.0 {
            return if unit == "B" {
                format!("{value} B")
            } else {
                format!("{size:.1} {unit}")
            };
        }
        size /= 1_000.0;
    }
    format!("{size:.1} TB")
}

/// An instant to the second, in UTC: `2018-07-25 12:00:00`.
pub fn instant(at: Micros) -> String {
    let text = Micros(at.as_seconds() * 1_000_000).to_string();
    text.trim_end_matches('Z').replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            [0, 999, 1_000, 1_754_155].map(count),
            ["0", "999", "1,000", "1,754,155"]
        );
        assert_eq!(
            [0.87131, 57.2, 12_345.6, f64::NAN].map(figure),
            ["0.8713", "57.20", "12346", "NaN"]
        );
        assert_eq!([12, 1_500, 13_500_000].map(bytes), ["12 B", "1.5 kB", "13.5 MB"]);
        assert_eq!(counted(1, "stream") + ", " + &counted(0, "model"), "1 stream, 0 models");
        assert_eq!(share(0.00837), "0.84 %");
        assert_eq!(instant(Micros(1_532_520_000_123_456)), "2018-07-25 12:00:00");
    }
}
