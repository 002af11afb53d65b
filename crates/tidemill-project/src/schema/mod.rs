//! A stream's columns, read from its Avro schema (`schemas/<stream>.avsc`).
//!
//! Supported are records of primitive fields, enums (as text), `["null", T]` unions and the logical types timestamp-millis,
//! timestamp-micros and date. Absent on purpose: nested records, arrays, maps, decimals and other unions; each is refused
//! with a sentence that says what to do.

mod parse;
mod write;

use std::sync::Arc;

use arrow_schema::{DataType, Field as ArrowField, Schema as ArrowSchema, SchemaRef, TimeUnit};
use serde::Serialize;
use tidemill_types::{ColumnName, KafkaColumn, LANDED_COLUMNS};

/// The columns of a stream, in the order of its schema file.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamSchema {
    /// The record's name.
    pub name: String,
    /// Its namespace.
    pub namespace: Option<String>,
    /// What the records are, in words.
    pub doc: Option<String>,
    /// At least one; names differ.
    pub fields: Vec<Field>,
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name, in the case of the file.
    pub name: ColumnName,
    /// Its type.
    pub kind: FieldType,
    /// Whether null is a value of it.
    pub nullable: bool,
    /// Which union its type is written as, which says how Avro counts the branches.
    pub union: UnionForm,
    /// The value of records that lack it, as in JSON; `Some(Null)` where the default is null.
    pub default: Option<serde_json::Value>,
    /// What it means, in words.
    pub doc: Option<String>,
}

/// The union that a column's type is written as. In binary Avro a value of a union stands behind the number of its branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum UnionForm {
    /// None: `T`.
    #[default]
    Plain,
    /// `["null", T]`.
    NullFirst,
    /// `[T, "null"]`.
    NullLast,
    /// `[T]`.
    Alone,
}

impl UnionForm {
    /// The customary form of a column that may be null or not.
    pub fn of(nullable: bool) -> UnionForm {
        if nullable {
            UnionForm::NullFirst
        } else {
            UnionForm::Plain
        }
    }
}

/// The type of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum FieldType {
    /// True or false.
    Boolean,
    /// 32 bits, signed.
    Int,
    /// 64 bits, signed.
    Long,
    /// 32-bit floating point.
    Float,
    /// 64-bit floating point.
    Double,
    /// Text.
    String,
    /// Text out of a list.
    Enum(Vec<String>),
    /// Bytes.
    Bytes,
    /// An instant; numbers count milliseconds since 1970 in UTC.
    TimestampMillis,
    /// An instant; numbers count microseconds since 1970 in UTC.
    TimestampMicros,
    /// A day; numbers count days since 1970-01-01.
    Date,
}

/// The Arrow type of every instant: microseconds in UTC.
pub fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

impl FieldType {
    /// The Arrow type of the column.
    pub fn arrow(&self) -> DataType {
        match self {
            FieldType::Boolean => DataType::Boolean,
            FieldType::Int => DataType::Int32,
            FieldType::Long => DataType::Int64,
            FieldType::Float => DataType::Float32,
            FieldType::Double => DataType::Float64,
            FieldType::String | FieldType::Enum(_) => DataType::Utf8,
            FieldType::Bytes => DataType::Binary,
            FieldType::TimestampMillis | FieldType::TimestampMicros => time_type(),
            FieldType::Date => DataType::Date32,
        }
    }

    /// Whether it is an instant, as an event time must be.
    pub fn is_time(&self) -> bool {
        matches!(self, FieldType::TimestampMillis | FieldType::TimestampMicros)
    }

    /// Whether it can identify rows: floating point cannot.
    pub fn fits_key(&self) -> bool {
        !matches!(self, FieldType::Float | FieldType::Double)
    }

    /// Whether it can be a label: a number or a truth.
    pub fn fits_label(&self) -> bool {
        matches!(
            self,
            FieldType::Boolean | FieldType::Int | FieldType::Long | FieldType::Float | FieldType::Double
        )
    }

    /// As people call it: the Avro name.
    pub fn as_str(&self) -> &'static str {
        match self {
            FieldType::Boolean => "boolean",
            FieldType::Int => "int",
            FieldType::Long => "long",
            FieldType::Float => "float",
            FieldType::Double => "double",
            FieldType::String => "string",
            FieldType::Enum(_) => "enum",
            FieldType::Bytes => "bytes",
            FieldType::TimestampMillis => "timestamp-millis",
            FieldType::TimestampMicros => "timestamp-micros",
            FieldType::Date => "date",
        }
    }
}

impl StreamSchema {
    /// The column called `name`.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name.as_str() == name)
    }

    /// The record's own columns; every time is a timestamp in microseconds, UTC.
    pub fn arrow(&self) -> SchemaRef {
        Arc::new(ArrowSchema::new(self.arrow_fields()))
    }

    /// The columns of the landed table: the record's own, then [`LANDED_COLUMNS`], which are never null.
    pub fn landed_arrow(&self) -> SchemaRef {
        let mut fields = self.arrow_fields();
        fields.extend(LANDED_COLUMNS.map(|column| {
            let kind = match column {
                KafkaColumn::Topic => DataType::Utf8,
                KafkaColumn::Partition => DataType::Int32,
                KafkaColumn::Offset => DataType::Int64,
                KafkaColumn::KnownTime => time_type(),
                KafkaColumn::Late => DataType::Boolean,
            };
            ArrowField::new(column.name(), kind, false)
        }));
        Arc::new(ArrowSchema::new(fields))
    }

    fn arrow_fields(&self) -> Vec<ArrowField> {
        let fields = self.fields.iter();
        fields
            .map(|field| ArrowField::new(field.name.as_str(), field.kind.arrow(), field.nullable))
            .collect()
    }
}
