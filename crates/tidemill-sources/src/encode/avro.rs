//! Rows as binary Avro records of the stream's own schema, without a frame.

use serde_json::Value;
use tidemill_project::{Field, FieldType, StreamSchema, UnionForm};

use super::values::{Fault, Values};
use super::{BatchEncoder, EncodedColumn};
use crate::SourceError;

/// What is written for each field of the schema, in its order; made once for all batches.
#[derive(Debug, Clone)]
pub struct AvroShape {
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
struct Step {
    /// Its place among the columns; none where it is not sent.
    column: Option<usize>,
    kind: FieldType,
    /// The number of the branch of a value, written before it.
    branch: &'static [u8],
    /// What is written where there is no value: null or the default; none where there must be one.
    absent: Option<Vec<u8>>,
}

impl AvroShape {
    /// How rows that have `columns` are records of `schema`.
    pub fn new(schema: &StreamSchema, columns: &[EncodedColumn]) -> AvroShape {
        let step = |field: &Field| Step {
            column: columns.iter().position(|column| column.field.name == field.name),
            kind: field.kind.clone(),
            branch: branch(field.union),
            absent: absent(field),
        };
        AvroShape {
            steps: schema.fields.iter().map(step).collect(),
        }
    }
}

/// Branches are numbers in zigzag: 0 is 0, 1 is 2.
fn branch(union: UnionForm) -> &'static [u8] {
    match union {
        UnionForm::Plain => &[],
        UnionForm::NullFirst => &[2],
        UnionForm::NullLast | UnionForm::Alone => &[0],
    }
}

fn absent(field: &Field) -> Option<Vec<u8>> {
    match (&field.default, field.union) {
        (Some(Value::Null) | None, UnionForm::NullFirst) => Some(vec![0]),
        (Some(Value::Null) | None, UnionForm::NullLast) => Some(vec![2]),
        (None, _) => None,
        (Some(default), union) => {
            let mut bytes = branch(union).to_vec();
            write_default(&field.kind, default, &mut bytes)?;
            Some(bytes)
        }
    }
}

/// A default, which was held against its type when the schema was read.
fn write_default(kind: &FieldType, default: &Value, into: &mut Vec<u8>) -> Option<()> {
    match kind {
        FieldType::Boolean => into.push(u8::from(default.as_bool()?)),
        FieldType::Float => into.extend_from_slice(&(default.as_f64()? as f32).to_le_bytes()),
        FieldType::Double => into.extend_from_slice(&default.as_f64()?.to_le_bytes()),
        FieldType::String => write_bytes(default.as_str()?.as_bytes(), into),
        FieldType::Enum(symbols) => {
            let text = default.as_str()?;
            write_long(symbols.iter().position(|symbol| symbol == text)? as i64, into);
        }
        FieldType::Bytes => {
            let bytes: Option<Vec<u8>> = default
                .as_str()?
                .chars()
                .map(|character| u8::try_from(u32::from(character)).ok())
                .collect();
            write_bytes(&bytes?, into);
        }
        FieldType::Int
        | FieldType::Long
        | FieldType::Date
        | FieldType::TimestampMillis
        | FieldType::TimestampMicros => write_long(default.as_i64()?, into),
    }
    Some(())
}

impl BatchEncoder<'_> {
    /// Appends the row at `place` as a record of `shape`.
    pub fn write_avro(&self, shape: &AvroShape, place: usize, into: &mut Vec<u8>) -> Result<(), SourceError> {
        for step in &shape.steps {
            let value = step.column.map(|column| &self.columns[column]);
            match value.filter(|(_, values)| !values.is_absent(place)) {
                Some((column, values)) => {
                    into.extend_from_slice(step.branch);
                    let written = values.write_avro(place, &step.kind, into);
                    written.map_err(|fault| self.bad(column, place, fault))?;
                }
                None => match (&step.absent, value) {
                    (Some(absent), _) => into.extend_from_slice(absent),
                    (None, Some((column, _))) => {
                        return Err(self.bad(column, place, "is null, which the schema does not allow"));
                    }
                    // A plan has every column that must be there.
                    (None, None) => (),
                },
            }
        }
        Ok(())
    }
}

impl Values {
    fn write_avro(&self, place: usize, kind: &FieldType, into: &mut Vec<u8>) -> Result<(), Fault> {
        match self {
            Values::Boolean(array) => into.push(u8::from(array.value(place))),
            Values::Int(array) => write_long(i64::from(array.value(place)), into),
            Values::Long(array) => write_long(array.value(place), into),
            Values::Float(array) => into.extend_from_slice(&array.value(place).to_le_bytes()),
            Values::Double(array) => into.extend_from_slice(&array.value(place).to_le_bytes()),
            Values::Text(array) => match kind {
                FieldType::Enum(symbols) => {
                    let text = array.value(place);
                    let symbol = symbols.iter().position(|symbol| symbol == text);
                    write_long(
                        symbol.ok_or("is none of the symbols that the schema lists")? as i64,
                        into,
                    );
                }
                _ => write_bytes(array.value(place).as_bytes(), into),
            },
            Values::Bytes(array) => write_bytes(array.value(place), into),
            Values::Time(array) => {
                let micros = array.value(place);
                let value = match kind {
                    FieldType::TimestampMillis if micros % 1_000 != 0 => {
                        return Err("is no whole number of milliseconds");
                    }
                    FieldType::TimestampMillis => micros / 1_000,
                    _ => micros,
                };
                write_long(value, into);
            }
            Values::Date(array) => write_long(i64::from(array.value(place)), into),
        }
        Ok(())
    }
}

/// Zigzag in groups of seven bits, the lowest first.
fn write_long(value: i64, into: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        into.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    into.push(rest as u8);
}

fn write_bytes(bytes: &[u8], into: &mut Vec<u8>) {
    write_long(bytes.len() as i64, into);
    into.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
    use serde_json::json;

    use super::*;
    use crate::encode::quoted_names;

    #[test]
    fn records_have_every_field_of_the_schema() {
        let avsc = json!({ "type": "record", "name": "r", "fields": [
            { "name": "id", "type": "long" },
            { "name": "absent", "type": ["null", "string"] },
            { "name": "amount", "type": ["double", "null"] },
            { "name": "at", "type": { "type": "long", "logicalType": "timestamp-millis" } },
            { "name": "kind", "type": { "type": "enum", "name": "k", "symbols": ["in", "out"] } },
            { "name": "count", "type": "int", "default": -2 },
        ]});
        let schema = StreamSchema::parse(&avsc.to_string(), Path::new("r.avsc")).unwrap();
        let sent = ["id", "amount", "at", "kind"];
        let columns: Vec<EncodedColumn> = sent
            .iter()
            .enumerate()
            .map(|(place, name)| EncodedColumn {
                place,
                field: schema.field(name).unwrap().clone(),
            })
            .collect();
        let arrays: Vec<(&str, ArrayRef)> = vec![
            ("id", Arc::new(Int64Array::from(vec![-65, 3]))),
            ("amount", Arc::new(Float64Array::from(vec![Some(1.5), None]))),
            ("at", Arc::new(TimestampMicrosecondArray::from(vec![2_000, 1]))),
            ("kind", Arc::new(StringArray::from(vec!["out", "in"]))),
        ];
        let batch = RecordBatch::try_from_iter(arrays).unwrap();
        let names = quoted_names(&columns);
        let encoder = BatchEncoder::new(&columns, &names, &batch, 0).unwrap();
        let shape = AvroShape::new(&schema, &columns);
        let mut record = Vec::new();
        encoder.write_avro(&shape, 0, &mut record).unwrap();
        let amount = 1.5_f64.to_le_bytes();
        let expected = [&[0x81, 1][..], &[0], &[0], &amount, &[4], &[2], &[3]].concat();
        assert_eq!(record, expected);
        let error = encoder.write_avro(&shape, 1, &mut record).unwrap_err();
        assert!(error.to_string().contains("whole number of milliseconds"), "{error}");
    }
}
