//! What a request says of its rows: `"parameters": {"keys": {"CUSTOMER_ID": 596}}`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use serde_json::{Map, Value};
use tidemill_project::{Field, FieldType};
use tidemill_types::{ColumnName, ErrorCode, Explain, Micros};

use super::PredictionContract;

/// The parameter that holds them.
const KEYS: &str = "keys";
/// The most characters of a wrong value that are shown.
const SHOWN_CHARS: usize = 40;

/// Columns of the model's stream that a request gave of its rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CarriedKeys(pub(super) BTreeMap<ColumnName, ArrayRef>);

/// Keys that do not fit the predictions stream. Nothing is scored then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// `keys` is no object.
    #[error("the parameter `keys` is not an object")]
    NotAnObject,
    /// A name that the predictions do not carry.
    #[error("predictions carry no column `{column}`")]
    Unknown {
        /// The name.
        column: String,
        /// Those that they carry.
        carried: Vec<String>,
    },
    /// Not one value a row.
    #[error("`keys` has {values} values of `{column}` for {rows} rows")]
    Rows {
        /// The column.
        column: ColumnName,
        /// Its values.
        values: usize,
        /// Rows of the request.
        rows: usize,
    },
    /// A value of another type.
    #[error("`keys` has {value} as `{column}`, which is {wanted}")]
    Value {
        /// The column.
        column: ColumnName,
        /// The value as JSON, cut.
        value: String,
        /// The column's type.
        wanted: &'static str,
    },
}

impl Explain for KeysError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidInput
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            KeysError::NotAnObject => {
                r#"send {"keys": {"COLUMN": value}}, or a list with a value for each row"#.to_owned()
            }
            KeysError::Unknown { carried, .. } if carried.is_empty() => "they carry none at all".to_owned(),
            KeysError::Unknown { carried, .. } => format!("they carry {}", carried.join(", ")),
            KeysError::Rows { rows, .. } => format!("give one value for all rows, or a list of {rows}"),
            KeysError::Value { wanted, .. } => match *wanted {
                "timestamp-micros" | "timestamp-millis" => "write it as 2018-07-25T12:00:00Z".to_owned(),
                "date" => "write it as 2018-07-25".to_owned(),
                "bytes" => "write them as hexadecimal digits".to_owned(),
                "enum" => "only the symbols of the schema are values of it".to_owned(),
                _ => return None,
            },
        })
    }
}

impl PredictionContract {
    /// The carried columns that the parameters of a request of `rows` rows give; null where they say nothing.
    pub fn keys(&self, parameters: &Map<String, Value>, rows: usize) -> Result<CarriedKeys, KeysError> {
        let Some(given) = parameters.get(KEYS) else {
            return Ok(CarriedKeys::default());
        };
        let given = given.as_object().ok_or(KeysError::NotAnObject)?;
        let mut columns = BTreeMap::new();
        for (name, value) in given {
            let field = self.carried().find(|field| field.name.as_str() == name);
            let field = field.ok_or_else(|| KeysError::Unknown {
                column: name.chars().take(SHOWN_CHARS).collect(),
                carried: self.carried().map(|field| format!("`{}`", field.name)).collect(),
            })?;
            let values: Vec<&Value> = match value {
                Value::Array(values) => values.iter().collect(),
                one => vec![one; rows],
            };
            if values.len() != rows {
                return Err(KeysError::Rows {
                    column: field.name.clone(),
                    values: values.len(),
                    rows,
                });
            }
            columns.insert(field.name.clone(), column(field, &values)?);
        }
        Ok(CarriedKeys(columns))
    }
}

fn column(field: &Field, values: &[&Value]) -> Result<ArrayRef, KeysError> {
    Ok(match &field.kind {
        FieldType::Boolean => Arc::new(BooleanArray::from(read(field, values, Value::as_bool)?)),
        FieldType::Int => {
            let int = |value: &Value| value.as_i64().and_then(|value| i32::try_from(value).ok());
            Arc::new(Int32Array::from(read(field, values, int)?))
        }
        FieldType::Long => Arc::new(Int64Array::from(read(field, values, Value::as_i64)?)),
        FieldType::Float => {
            let float = |value: &Value| value.as_f64().map(|value| value as f32);
            Arc::new(Float32Array::from(read(field, values, float)?))
        }
        FieldType::Double => Arc::new(Float64Array::from(read(field, values, Value::as_f64)?)),
        FieldType::String => Arc::new(StringArray::from(read(field, values, text)?)),
        FieldType::Enum(symbols) => {
            let symbol = |value: &Value| text(value).filter(|text| symbols.contains(text));
            Arc::new(StringArray::from(read(field, values, symbol)?))
        }
        FieldType::Bytes => {
            let bytes = read(field, values, |value| hex::decode(value.as_str()?).ok())?;
            Arc::new(BinaryArray::from_iter(bytes))
        }
        FieldType::TimestampMillis | FieldType::TimestampMicros => {
            let times = read(field, values, |value| Some(time(value)?.0))?;
            Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"))
        }
        FieldType::Date => {
            let days = read(field, values, |value| i32::try_from(date(value)?.day()).ok())?;
            Arc::new(Date32Array::from(days))
        }
    })
}

/// Every value as `of` reads it; null stays null.
fn read<T>(field: &Field, values: &[&Value], of: impl Fn(&Value) -> Option<T>) -> Result<Vec<Option<T>>, KeysError> {
    let mut all = Vec::with_capacity(values.len());
    for value in values {
        if value.is_null() {
            all.push(None);
            continue;
        }
        let read = of(value).ok_or_else(|| KeysError::Value {
            column: field.name.clone(),
            value: value.to_string().chars().take(SHOWN_CHARS).collect(),
            wanted: field.kind.as_str(),
        })?;
        all.push(Some(read));
    }
    Ok(all)
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn time(value: &Value) -> Option<Micros> {
    value.as_str()?.parse().ok()
}

/// A day and nothing finer.
fn date(value: &Value) -> Option<Micros> {
    let time = time(value)?;
    (Micros::of_day(time.day()) == time).then_some(time)
}
