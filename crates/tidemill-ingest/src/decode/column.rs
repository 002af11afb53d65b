//! One column while it is being filled: plain vectors that can be cut back when a message turns out broken.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, BooleanBufferBuilder, Date32Array, Float32Array, Float64Array, Int32Array,
    Int64Array, NullBufferBuilder, StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use serde_json::Value;
use tidemill_project::{Field, FieldType};

use super::avro::{BEYOND_ENUM, BEYOND_UNION, Cursor, Wire};
use super::fault::{Fault, FaultCode};
use super::number::{double, whole};
use super::scan::{Kind, Scanner};
use super::time;

/// A column and the rule for its values.
pub(crate) struct Column {
    name: String,
    /// `"name":`, as most producers write it; none where the name would need escapes.
    as_key: Option<String>,
    nullable: bool,
    missing: Missing,
    values: Values,
    nulls: NullBufferBuilder,
}

/// What a record without the column has in it.
enum Missing {
    Fault,
    Null,
    /// The default as JSON text. It was held against the type when the schema was read.
    Default(String),
}

/// The values, one variant for each type of a schema.
enum Values {
    Boolean(BooleanBufferBuilder),
    Int(Vec<i32>),
    Long(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Text {
        ends: Vec<i32>,
        bytes: Vec<u8>,
    },
    Symbol {
        ends: Vec<i32>,
        bytes: Vec<u8>,
        symbols: Vec<String>,
    },
    Bytes {
        ends: Vec<i32>,
        bytes: Vec<u8>,
    },
    /// UTC microseconds; a number in the message counts so many of them.
    Time {
        unit_micros: i64,
        values: Vec<i64>,
    },
    Date(Vec<i32>),
}

fn as_key(name: &str) -> Option<String> {
    let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    name.bytes().all(is_plain).then(|| format!("\"{name}\":"))
}

impl Column {
    pub(crate) fn new(field: &Field) -> Column {
        let text = || (vec![0], Vec::new());
        let values = match &field.kind {
            FieldType::Boolean => Values::Boolean(BooleanBufferBuilder::new(0)),
            FieldType::Int => Values::Int(Vec::new()),
            FieldType::Long => Values::Long(Vec::new()),
            FieldType::Float => Values::Float(Vec::new()),
            FieldType::Double => Values::Double(Vec::new()),
            FieldType::String => {
                let (ends, bytes) = text();
                Values::Text { ends, bytes }
            }
            FieldType::Enum(symbols) => {
                let (ends, bytes) = text();
                let symbols = symbols.clone();
                Values::Symbol { ends, bytes, symbols }
            }
            FieldType::Bytes => {
                let (ends, bytes) = text();
                Values::Bytes { ends, bytes }
            }
            FieldType::TimestampMillis => Values::Time {
                unit_micros: 1_000,
                values: Vec::new(),
            },
            FieldType::TimestampMicros => Values::Time {
                unit_micros: 1,
                values: Vec::new(),
            },
            FieldType::Date => Values::Date(Vec::new()),
        };
        let missing = match &field.default {
            Some(Value::Null) | None if field.nullable => Missing::Null,
            Some(default) => Missing::Default(default.to_string()),
            None => Missing::Fault,
        };
        Column {
            name: field.name.as_str().to_owned(),
            as_key: as_key(field.name.as_str()),
            nullable: field.nullable,
            missing,
            values,
            nulls: NullBufferBuilder::new(0),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its name with quotes and the colon behind it.
    #[inline]
    pub(crate) fn as_key(&self) -> Option<&str> {
        self.as_key.as_deref()
    }

    /// Rows so far.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.nulls.len()
    }

    /// Takes the value at the scanner. On a fault the column may hold half of it: cut it back.
    #[inline]
    pub(crate) fn push(&mut self, scanner: &mut Scanner<'_>, scratch: &mut String) -> Result<(), Fault> {
        let kind = scanner.kind()?;
        if kind == Kind::Null {
            let at = scanner.at();
            scanner.word("null")?;
            return self.push_null(at);
        }
        match self.values.push(kind, scanner, scratch) {
            Ok(()) => {
                self.nulls.append_non_null();
                Ok(())
            }
            Err(fault) => Err(fault.of_column(&self.name)),
        }
    }

    /// Takes the value at the cursor, which is written as `wire`. On a fault the column may hold half of it: cut it back.
    #[inline]
    pub(crate) fn push_avro(&mut self, wire: &Wire, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        let wire = match wire {
            Wire::Union(branches) => {
                let branch = cursor.place(branches.len(), BEYOND_UNION);
                &branches[branch.map_err(|fault| fault.of_column(&self.name))?]
            }
            wire => wire,
        };
        if let Wire::Null = wire {
            return self.push_null(cursor.at());
        }
        match self.values.push_avro(wire, cursor) {
            Ok(()) => {
                self.nulls.append_non_null();
                Ok(())
            }
            Err(fault) => Err(fault.of_column(&self.name)),
        }
    }

    fn push_null(&mut self, at: usize) -> Result<(), Fault> {
        if !self.nullable {
            let fault = Fault::new(FaultCode::NullValue, at, "null where a value is due");
            return Err(fault.of_column(&self.name));
        }
        self.values.push_nothing();
        self.nulls.append_null();
        Ok(())
    }

    /// Takes what a record has that does not name the column.
    pub(crate) fn push_missing(&mut self, at: usize, scratch: &mut String) -> Result<(), Fault> {
        match &self.missing {
            Missing::Null => {
                self.values.push_nothing();
                self.nulls.append_null();
                Ok(())
            }
            Missing::Default(text) => {
                let text = text.clone();
                self.push(&mut Scanner::new(&text), scratch)
            }
            Missing::Fault => Err(Fault::new(FaultCode::MissingField, at, "it is missing").of_column(&self.name)),
        }
    }

    /// Forgets the rows from `rows` on, and half a value behind them.
    pub(crate) fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
        self.nulls.truncate(rows);
    }

    /// Makes room for `rows` more.
    pub(crate) fn reserve(&mut self, rows: usize) {
        self.values.reserve(rows);
    }

    /// The rows as an array; the column starts anew.
    pub(crate) fn take(&mut self) -> ArrayRef {
        let nulls = self.nulls.finish();
        self.nulls = NullBufferBuilder::new(0);
        let offsets = |ends: &mut Vec<i32>| OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(ends, vec![0])));
        match &mut self.values {
            Values::Boolean(values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Values::Int(values) => Arc::new(Int32Array::new(std::mem::take(values).into(), nulls)),
            Values::Long(values) => Arc::new(Int64Array::new(std::mem::take(values).into(), nulls)),
            Values::Float(values) => Arc::new(Float32Array::new(std::mem::take(values).into(), nulls)),
            Values::Double(values) => Arc::new(Float64Array::new(std::mem::take(values).into(), nulls)),
            Values::Text { ends, bytes } | Values::Symbol { ends, bytes, .. } => {
                let bytes = Buffer::from_vec(std::mem::take(bytes));
                Arc::new(StringArray::new(offsets(ends), bytes, nulls))
            }
            Values::Bytes { ends, bytes } => {
                let bytes = Buffer::from_vec(std::mem::take(bytes));
                Arc::new(BinaryArray::new(offsets(ends), bytes, nulls))
            }
            Values::Time { values, .. } => {
                let times = TimestampMicrosecondArray::new(std::mem::take(values).into(), nulls);
                Arc::new(times.with_timezone("UTC"))
            }
            Values::Date(values) => Arc::new(Date32Array::new(std::mem::take(values).into(), nulls)),
        }
    }
}

impl Values {
    #[inline]
    fn push(&mut self, kind: Kind, scanner: &mut Scanner<'_>, scratch: &mut String) -> Result<(), Fault> {
        let at = scanner.at();
        let wrong = || Fault::new(FaultCode::WrongType, at, kind.found());
        let range = || Fault::new(FaultCode::OutOfRange, at, "a number that the type cannot hold");
        match self {
            Values::Boolean(values) => {
                let (value, word) = match kind {
                    Kind::True => (true, "true"),
                    Kind::False => (false, "false"),
                    _ => return Err(wrong()),
                };
                scanner.word(word)?;
                values.append(value);
            }
            Values::Int(values) => {
                let value = whole_at(kind, scanner)?;
                values.push(i32::try_from(value).map_err(|_| range())?);
            }
            Values::Long(values) => values.push(whole_at(kind, scanner)?),
            Values::Float(values) => {
                let value = double_at(kind, scanner)? as f32;
                if value.is_infinite() {
                    return Err(range());
                }
                values.push(value);
            }
            Values::Double(values) => values.push(double_at(kind, scanner)?),
            Values::Text { ends, bytes } => {
                let text = text_at(kind, scanner, scratch)?;
                bytes.extend_from_slice(text.as_bytes());
                ends.push(end_of(bytes).ok_or_else(range)?);
            }
            Values::Symbol { ends, bytes, symbols } => {
                let text = text_at(kind, scanner, scratch)?;
                if !symbols.iter().any(|symbol| symbol == text) {
                    return Err(Fault::new(FaultCode::UnknownSymbol, at, "none of the enum's symbols"));
                }
                bytes.extend_from_slice(text.as_bytes());
                ends.push(end_of(bytes).ok_or_else(range)?);
            }
            Values::Bytes { ends, bytes } => {
                // As Avro writes bytes in JSON: one character up to U+00FF for each.
                for character in text_at(kind, scanner, scratch)?.chars() {
                    let byte = u8::try_from(u32::from(character));
                    bytes.push(byte.map_err(|_| Fault::new(FaultCode::WrongType, at, "text beyond U+00FF"))?);
                }
                ends.push(end_of(bytes).ok_or_else(range)?);
            }
            Values::Time { unit_micros, values } => {
                let value = if kind == Kind::Text {
                    let text = text_at(kind, scanner, scratch)?;
                    time::instant(text)
                        .ok_or_else(|| Fault::new(FaultCode::InvalidTime, at, "a text that is no time"))?
                } else {
                    whole_at(kind, scanner)?.checked_mul(*unit_micros).ok_or_else(range)?
                };
                values.push(value);
            }
            Values::Date(values) => {
                let value = if kind == Kind::Text {
                    let text = text_at(kind, scanner, scratch)?;
                    time::date(text).ok_or_else(|| Fault::new(FaultCode::InvalidTime, at, "a text that is no date"))?
                } else {
                    i32::try_from(whole_at(kind, scanner)?).map_err(|_| range())?
                };
                values.push(value);
            }
        }
        Ok(())
    }

    /// Only what the plan of a writer's schema lets through comes here; anything else is a wrong type.
    #[inline]
    fn push_avro(&mut self, wire: &Wire, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        let at = cursor.at();
        let range = || Fault::new(FaultCode::OutOfRange, at, "a number that the type cannot hold");
        match (self, wire) {
            (Values::Boolean(values), Wire::Boolean) => values.append(cursor.boolean()?),
            (Values::Int(values) | Values::Date(values), Wire::Int) => values.push(cursor.int()?),
            // An int that became wider here is still one of 32 bits there.
            (Values::Long(values), Wire::Int) => values.push(cursor.int()?.into()),
            (Values::Long(values), Wire::Long { .. }) => values.push(cursor.long()?),
            (Values::Time { values, .. }, Wire::Long { unit_micros }) => {
                values.push(cursor.long()?.checked_mul(*unit_micros).ok_or_else(range)?);
            }
            (Values::Float(values), Wire::Int) => values.push(cursor.int()? as f32),
            (Values::Float(values), Wire::Long { .. }) => values.push(cursor.long()? as f32),
            (Values::Float(values), Wire::Float) => values.push(finite(cursor.float()?.into(), at)? as f32),
            (Values::Double(values), Wire::Int) => values.push(cursor.int()?.into()),
            (Values::Double(values), Wire::Long { .. }) => values.push(cursor.long()? as f64),
            (Values::Double(values), Wire::Float) => values.push(finite(cursor.float()?.into(), at)?),
            (Values::Double(values), Wire::Double) => values.push(finite(cursor.double()?, at)?),
            (Values::Text { ends, bytes }, Wire::Text) => {
                bytes.extend_from_slice(cursor.text()?.as_bytes());
                ends.push(end_of(bytes).ok_or_else(range)?);
            }
            (Values::Bytes { ends, bytes }, Wire::Bytes) => {
                bytes.extend_from_slice(cursor.bytes()?);
                ends.push(end_of(bytes).ok_or_else(range)?);
            }
            (Values::Symbol { ends, bytes, symbols }, Wire::Enum(written)) => {
                let text = &written[cursor.place(written.len(), BEYOND_ENUM)?];
                if !symbols.contains(text) {
                    return Err(Fault::new(FaultCode::UnknownSymbol, at, "none of the enum's symbols"));
                }
                bytes.extend_from_slice(text.as_bytes());
                ends.push(end_of(bytes).ok_or_else(range)?);
            }
            (_, Wire::Mismatch(found)) => return Err(Fault::new(FaultCode::WrongType, at, *found)),
            _ => return Err(Fault::new(FaultCode::WrongType, at, "a value of another type")),
        }
        Ok(())
    }

    /// Takes the place of a null.
    fn push_nothing(&mut self) {
        match self {
            Values::Boolean(values) => values.append(false),
            Values::Int(values) | Values::Date(values) => values.push(0),
            Values::Long(values) | Values::Time { values, .. } => values.push(0),
            Values::Float(values) => values.push(0.0),
            Values::Double(values) => values.push(0.0),
            Values::Text { ends, .. } | Values::Symbol { ends, .. } | Values::Bytes { ends, .. } => {
                ends.push(ends.last().copied().unwrap_or(0));
            }
        }
    }

    fn truncate(&mut self, rows: usize) {
        match self {
            Values::Boolean(values) => values.truncate(rows),
            Values::Int(values) | Values::Date(values) => values.truncate(rows),
            Values::Long(values) | Values::Time { values, .. } => values.truncate(rows),
            Values::Float(values) => values.truncate(rows),
            Values::Double(values) => values.truncate(rows),
            Values::Text { ends, bytes } | Values::Symbol { ends, bytes, .. } | Values::Bytes { ends, bytes } => {
                ends.truncate(rows + 1);
                bytes.truncate(ends.last().map_or(0, |end| *end as usize));
            }
        }
    }

    fn reserve(&mut self, rows: usize) {
        match self {
            Values::Boolean(values) => values.reserve(rows),
            Values::Int(values) | Values::Date(values) => values.reserve(rows),
            Values::Long(values) | Values::Time { values, .. } => values.reserve(rows),
            Values::Float(values) => values.reserve(rows),
            Values::Double(values) => values.reserve(rows),
            Values::Text { ends, .. } | Values::Symbol { ends, .. } | Values::Bytes { ends, .. } => ends.reserve(rows),
        }
    }
}

/// The end of what was pushed, as Arrow counts; none where a batch holds more than 2 GiB of text.
#[inline]
fn end_of(bytes: &[u8]) -> Option<i32> {
    i32::try_from(bytes.len()).ok()
}

#[inline]
fn finite(value: f64, at: usize) -> Result<f64, Fault> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Fault::new(FaultCode::NotFinite, at, "a number that is not finite"))
    }
}

#[inline]
fn whole_at(kind: Kind, scanner: &mut Scanner<'_>) -> Result<i64, Fault> {
    let at = scanner.at();
    if kind != Kind::Number {
        return Err(Fault::new(FaultCode::WrongType, at, kind.found()));
    }
    let number = scanner.number()?;
    whole(number).ok_or_else(|| {
        if number.whole {
            Fault::new(FaultCode::OutOfRange, at, "a number that the type cannot hold")
        } else {
            Fault::new(FaultCode::WrongType, at, "a number with a fraction or an exponent")
        }
    })
}

#[inline]
fn double_at(kind: Kind, scanner: &mut Scanner<'_>) -> Result<f64, Fault> {
    let at = scanner.at();
    if kind != Kind::Number {
        return Err(Fault::new(FaultCode::WrongType, at, kind.found()));
    }
    let number = scanner.number()?;
    double(number).ok_or_else(|| Fault::new(FaultCode::OutOfRange, at, "a number that the type cannot hold"))
}

#[inline]
fn text_at<'s, 'a: 's>(kind: Kind, scanner: &mut Scanner<'a>, scratch: &'s mut String) -> Result<&'s str, Fault> {
    if kind != Kind::Text {
        return Err(Fault::new(FaultCode::WrongType, scanner.at(), kind.found()));
    }
    scanner.text(scratch)
}
