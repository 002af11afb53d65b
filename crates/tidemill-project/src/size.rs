//! Sizes in bytes as people write them: `128MB`, `4GiB`.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A number of bytes, written as a number and a unit: `B`, `KB`, `MB`, `GB`, `TB` by thousands, `KiB`, `MiB`, `GiB`, `TiB` by 1,024.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ByteSize(u64);

/// A text that is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a size: write 512KB, 128MB, 4GiB or a number of bytes such as 65536B")]
pub struct InvalidByteSize(pub String);

/// Units by their factor, largest first, so that printing finds the shortest form.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("B", 1),
];

impl ByteSize {
    /// So many bytes.
    pub const fn bytes(bytes: u64) -> ByteSize {
        ByteSize(bytes)
    }

    /// So many times 1,000,000 bytes.
    pub const fn mb(megabytes: u64) -> ByteSize {
        ByteSize(megabytes * 1_000_000)
    }

    /// So many times 1,048,576 bytes.
    pub const fn mib(mebibytes: u64) -> ByteSize {
        ByteSize(mebibytes << 20)
    }

    /// In bytes.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// In bytes, for sizes in memory.
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |(_, factor): &&(&str, u64)| self.0 >= *factor && self.0.is_multiple_of(*factor);
        match UNITS.iter().find(whole) {
            Some((unit, factor)) => f.pad(&format!("{}{unit}", self.0 / factor)),
            None => f.pad("0B"),
        }
    }
}

impl FromStr for ByteSize {
    type Err = InvalidByteSize;
    fn from_str(text: &str) -> Result<ByteSize, InvalidByteSize> {
        let invalid = || InvalidByteSize(text.chars().take(40).collect());
        let trimmed = text.trim();
        let digits_end = trimmed.find(|c: char| !c.is_ascii_digit()).ok_or_else(invalid)?;
        let (digits, unit) = trimmed.split_at(digits_end);
        let count: u64 = digits.parse().map_err(|_| invalid())?;
        let unit = unit.trim_start();
        let (_, factor) = UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit))
            .ok_or_else(invalid)?;
        count.checked_mul(*factor).map(ByteSize).ok_or_else(invalid)
    }
}

impl TryFrom<String> for ByteSize {
    type Error = InvalidByteSize;
    fn try_from(text: String) -> Result<ByteSize, InvalidByteSize> {
        text.parse()
    }
}

impl From<ByteSize> for String {
    fn from(size: ByteSize) -> String {
        size.to_string()
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ByteSize".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9]+ ?([KMGTkmgt][iI]?)?[Bb]$",
            "examples": ["128MB", "4GiB"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_and_print() {
        for (text, bytes, printed) in [
            ("128MB", 128_000_000, "128MB"),
            ("4GiB", 4 << 30, "4GiB"),
            ("4 gib", 4 << 30, "4GiB"),
            ("1024KiB", 1 << 20, "1MiB"),
            ("1500B", 1_500, "1500B"),
            ("0B", 0, "0B"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!(size.as_u64(), bytes, "{text}");
            assert_eq!(size.to_string(), printed, "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "12", "MB", "-1MB", "1.5GB", "1XB", "99999999999TiB", "1MB2"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }
}
