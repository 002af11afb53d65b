//! The element types of tensors.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The element type of a tensor, as the protocol spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Datatype {
    /// `BOOL`.
    Bool,
    /// `UINT8`.
    Uint8,
    /// `UINT16`.
    Uint16,
    /// `UINT32`.
    Uint32,
    /// `UINT64`.
    Uint64,
    /// `INT8`.
    Int8,
    /// `INT16`.
    Int16,
    /// `INT32`.
    Int32,
    /// `INT64`.
    Int64,
    /// `FP16`.
    Fp16,
    /// `FP32`.
    Fp32,
    /// `FP64`.
    Fp64,
    /// `BYTES`.
    Bytes,
}

/// All of them.
const ALL: [Datatype; 13] = [
    Datatype::Bool,
    Datatype::Uint8,
    Datatype::Uint16,
    Datatype::Uint32,
    Datatype::Uint64,
    Datatype::Int8,
    Datatype::Int16,
    Datatype::Int32,
    Datatype::Int64,
    Datatype::Fp16,
    Datatype::Fp32,
    Datatype::Fp64,
    Datatype::Bytes,
];

/// A text that is no datatype of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a datatype: BOOL, UINT8, UINT16, UINT32, UINT64, INT8, INT16, INT32, INT64, FP16, FP32, FP64 or BYTES"
)]
pub struct UnknownDatatype(pub String);

impl Datatype {
    /// As the protocol spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Datatype::Bool => "BOOL",
            Datatype::Uint8 => "UINT8",
            Datatype::Uint16 => "UINT16",
            Datatype::Uint32 => "UINT32",
            Datatype::Uint64 => "UINT64",
            Datatype::Int8 => "INT8",
            Datatype::Int16 => "INT16",
            Datatype::Int32 => "INT32",
            Datatype::Int64 => "INT64",
            Datatype::Fp16 => "FP16",
            Datatype::Fp32 => "FP32",
            Datatype::Fp64 => "FP64",
            Datatype::Bytes => "BYTES",
        }
    }

    /// The smallest and largest value of an integer type.
    pub(crate) fn integer_bounds(self) -> Option<(f64, f64)> {
        Some(match self {
            Datatype::Uint8 => (0.0, f64::from(u8::MAX)),
            Datatype::Uint16 => (0.0, f64::from(u16::MAX)),
            Datatype::Uint32 => (0.0, f64::from(u32::MAX)),
            Datatype::Uint64 => (0.0, u64::MAX as f64),
            Datatype::Int8 => (f64::from(i8::MIN), f64::from(i8::MAX)),
            Datatype::Int16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
            Datatype::Int32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
            Datatype::Int64 => (i64::MIN as f64, i64::MAX as f64),
            Datatype::Bool | Datatype::Fp16 | Datatype::Fp32 | Datatype::Fp64 | Datatype::Bytes => return None,
        })
    }
}

impl fmt::Display for Datatype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Datatype {
    type Err = UnknownDatatype;
    fn from_str(text: &str) -> Result<Datatype, UnknownDatatype> {
        ALL.into_iter()
            .find(|datatype| datatype.as_str() == text)
            .ok_or_else(|| UnknownDatatype(text.chars().take(40).collect()))
    }
}

impl TryFrom<String> for Datatype {
    type Error = UnknownDatatype;
    fn try_from(text: String) -> Result<Datatype, UnknownDatatype> {
        text.parse()
    }
}

impl From<Datatype> for String {
    fn from(datatype: Datatype) -> String {
        datatype.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for datatype in ALL {
            assert_eq!(datatype.as_str().parse(), Ok(datatype));
        }
        assert!("fp64".parse::<Datatype>().is_err());
    }
}
