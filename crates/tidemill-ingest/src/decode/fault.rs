//! Why a message cannot be decoded: a stable code for tables and alerts, and a sentence for people.

use std::borrow::Cow;
use std::fmt;

/// The kind of fault. The text of a code never changes: it stands in dead-letter tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum FaultCode {
    /// No bytes at all, or white space only.
    Empty,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// The message ends in the middle.
    Truncated,
    /// Not JSON.
    MalformedJson,
    /// JSON, but not an object.
    NotAnObject,
    /// More text behind the object.
    TrailingData,
    /// Arrays or objects too deep in a field that is not looked at.
    TooDeep,
    /// A column's name stands twice.
    DuplicateKey,
    /// A column that must be there is not.
    MissingField,
    /// Null where the schema forbids it.
    NullValue,
    /// A value of another type than the schema's.
    WrongType,
    /// A number that its type cannot hold.
    OutOfRange,
    /// A text that is no time.
    InvalidTime,
    /// A text that is none of the enum's.
    UnknownSymbol,
    /// More bytes than a message may have.
    TooLarge,
    /// Not a number, or an infinite one.
    NotFinite,
    /// Not Avro.
    MalformedAvro,
    /// No frame of a schema registry.
    BadFrame,
    /// A schema that the registry does not have.
    UnknownSchema,
    /// A schema whose records cannot be rows of the stream.
    UnusableSchema,
}

impl FaultCode {
    /// As in dead-letter tables.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            FaultCode::Empty => "empty",
            FaultCode::NotUtf8 => "not_utf8",
            FaultCode::Truncated => "truncated",
            FaultCode::MalformedJson => "malformed_json",
            FaultCode::NotAnObject => "not_an_object",
            FaultCode::TrailingData => "trailing_data",
            FaultCode::TooDeep => "too_deep",
            FaultCode::DuplicateKey => "duplicate_key",
            FaultCode::MissingField => "missing_field",
            FaultCode::NullValue => "null_value",
            FaultCode::WrongType => "wrong_type",
            FaultCode::OutOfRange => "out_of_range",
            FaultCode::InvalidTime => "invalid_time",
            FaultCode::UnknownSymbol => "unknown_symbol",
            FaultCode::TooLarge => "too_large",
            FaultCode::NotFinite => "not_finite",
            FaultCode::MalformedAvro => "malformed_avro",
            FaultCode::BadFrame => "bad_frame",
            FaultCode::UnknownSchema => "unknown_schema",
            FaultCode::UnusableSchema => "unusable_schema",
        }
    }
}

/// Why one message cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The kind.
    pub(crate) code: FaultCode,
    /// Where in the message, in bytes from its start.
    pub(crate) at: usize,
    /// The column, where it is about one.
    pub(crate) column: Option<String>,
    /// What was found, as in `text where a number is meant`.
    pub(crate) found: Cow<'static, str>,
}

impl Fault {
    pub(crate) fn new(code: FaultCode, at: usize, found: impl Into<Cow<'static, str>>) -> Fault {
        Fault {
            code,
            at,
            column: None,
            found: found.into(),
        }
    }

    pub(crate) fn of_column(mut self, column: &str) -> Fault {
        self.column = Some(column.to_owned());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(column) = &self.column {
            write!(f, "`{column}`: ")?;
        }
        write!(f, "{} at byte {}", self.found, self.at)
    }
}
