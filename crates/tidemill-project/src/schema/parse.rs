//! Avro schema JSON to a [`StreamSchema`].

use std::path::Path;

use serde_json::{Map, Value};
use tidemill_types::{ColumnName, LANDED_COLUMNS};

use super::{Field, FieldType, StreamSchema, UnionForm};
use crate::fault::{Fault, did_you_mean};

/// The logical types that are read, and the Avro type that each stands on.
const LOGICAL_TYPES: [(&str, &str); 4] = [
    ("timestamp-micros", "long"),
    ("timestamp-millis", "long"),
    ("date", "int"),
    ("uuid", "string"),
];

const PRIMITIVES: [&str; 7] = ["boolean", "int", "long", "float", "double", "string", "bytes"];

impl StreamSchema {
    /// Reads the text of an Avro schema file; `file` names it in faults, of which all are given.
    pub fn parse(text: &str, file: &Path) -> Result<StreamSchema, Vec<Fault>> {
        let document: Value = serde_json::from_str(text).map_err(|error| {
            let fault = Fault::new(format!("cannot read `{}`: {error}", file.display()));
            vec![fault.at_line(file, error.line().max(1))]
        })?;
        let reader = Reader { text, file };
        reader.record(&document)
    }
}

struct Reader<'a> {
    text: &'a str,
    file: &'a Path,
}

impl Reader<'_> {
    fn record(&self, document: &Value) -> Result<StreamSchema, Vec<Fault>> {
        let whole = |message: String| vec![Fault::new(message).at_line(self.file, 1)];
        let record = document
            .as_object()
            .filter(|object| object.get("type").and_then(Value::as_str) == Some("record"));
        let Some(record) = record else {
            let fault = Fault::new(format!("`{}` is not an Avro record", self.file.display()))
                .with_hint("write { \"type\": \"record\", \"name\": \"…\", \"fields\": [ … ] }")
                .at_line(self.file, 1);
            return Err(vec![fault]);
        };
        let Some(name) = text_of(record, "name") else {
            return Err(whole(format!("the record of `{}` has no name", self.file.display())));
        };
        let fields = match record.get("fields") {
            Some(Value::Array(fields)) if !fields.is_empty() => fields,
            _ => return Err(whole(format!("the record `{name}` has no fields"))),
        };
        let mut read: Vec<Field> = Vec::new();
        let mut faults = Vec::new();
        for field in fields {
            match self.field(field) {
                Ok(field) if read.iter().any(|other| other.name == field.name) => {
                    faults.push(self.fault(field.name.as_str(), "stands twice"));
                }
                Ok(field) => read.push(field),
                Err(fault) => faults.push(*fault),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(StreamSchema {
            name,
            namespace: text_of(record, "namespace"),
            doc: text_of(record, "doc"),
            fields: read,
        })
    }

    fn field(&self, field: &Value) -> Result<Field, Box<Fault>> {
        let nameless = || Fault::new("a field has no name").at_line(self.file, 1);
        let field = field.as_object().ok_or_else(nameless)?;
        let name = text_of(field, "name").ok_or_else(nameless)?;
        let column = ColumnName::new(name.clone()).map_err(|error| {
            let fault = Fault::new(error.to_string()).at_line(self.file, self.line(&name));
            Box::new(fault)
        })?;
        if name.starts_with("_tm_") {
            let own: Vec<&str> = LANDED_COLUMNS.iter().map(|column| column.name()).collect();
            let fault = self.fault(&name, "takes a name that tidemill keeps for its own columns");
            return Err(Box::new(fault.with_hint(format!("ingest adds {}", own.join(", ")))));
        }
        let Some(declared) = field.get("type") else {
            return Err(Box::new(self.fault(&name, "has no type")));
        };
        // Some writers put the logical type beside `type` instead of inside it; Avro ignores it there, people do not.
        let declared = match (declared, field.get("logicalType")) {
            (Value::String(_), Some(logical)) => {
                let mut inner = Map::new();
                inner.insert("type".to_owned(), declared.clone());
                inner.insert("logicalType".to_owned(), logical.clone());
                Value::Object(inner)
            }
            (other, _) => other.clone(),
        };
        let (kind, union) = self.type_in_union(&name, &declared)?;
        let default = field.get("default").cloned();
        let field = Field {
            name: column,
            kind,
            nullable: matches!(union, UnionForm::NullFirst | UnionForm::NullLast),
            union,
            default,
            doc: text_of(field, "doc"),
        };
        if field.default.as_ref().is_some_and(|default| !fits(&field, default)) {
            let problem = format!("has a default that is no {}", field.kind.as_str());
            return Err(Box::new(self.fault(&name, &problem)));
        }
        Ok(field)
    }

    fn type_in_union(&self, name: &str, declared: &Value) -> Result<(FieldType, UnionForm), Box<Fault>> {
        let Value::Array(branches) = declared else {
            return Ok((self.plain_type(name, declared)?, UnionForm::Plain));
        };
        let others: Vec<&Value> = branches.iter().filter(|branch| !is_null(branch)).collect();
        let [one] = others.as_slice() else {
            let fault = self.fault(name, "is a union of several types, which is not supported");
            return Err(Box::new(fault.with_hint("write [\"null\", T] with one T")));
        };
        let union = match branches.iter().position(is_null) {
            None => UnionForm::Alone,
            Some(0) => UnionForm::NullFirst,
            Some(_) => UnionForm::NullLast,
        };
        Ok((self.plain_type(name, one)?, union))
    }

    fn plain_type(&self, name: &str, declared: &Value) -> Result<FieldType, Box<Fault>> {
        if let Some(primitive) = declared.as_str() {
            return self.primitive(name, primitive);
        }
        let object = declared.as_object();
        let Some((object, kind)) = object.and_then(|object| Some((object, text_of(object, "type")?))) else {
            return Err(Box::new(
                self.fault(name, "has a type that is neither a name nor an object with a type"),
            ));
        };
        if let Some(logical) = text_of(object, "logicalType") {
            return self.logical(name, &kind, &logical);
        }
        if kind != "enum" {
            return self.primitive(name, &kind);
        }
        let symbols = object.get("symbols").and_then(Value::as_array);
        let symbols: Option<Vec<String>> =
            symbols.and_then(|list| list.iter().map(|symbol| symbol.as_str().map(str::to_owned)).collect());
        match symbols {
            Some(symbols) if !symbols.is_empty() => Ok(FieldType::Enum(symbols)),
            _ => Err(Box::new(self.fault(name, "is an enum without symbols"))),
        }
    }

    fn primitive(&self, name: &str, kind: &str) -> Result<FieldType, Box<Fault>> {
        let refuse = |problem: &str, hint: &str| Err(Box::new(self.fault(name, problem).with_hint(hint)));
        match kind {
            "boolean" => Ok(FieldType::Boolean),
            "int" => Ok(FieldType::Int),
            "long" => Ok(FieldType::Long),
            "float" => Ok(FieldType::Float),
            "double" => Ok(FieldType::Double),
            "string" => Ok(FieldType::String),
            "bytes" => Ok(FieldType::Bytes),
            "null" => refuse("is always null", "write [\"null\", T]"),
            "record" | "array" | "map" => refuse(
                &format!("is nested ({kind}), which is not supported"),
                "lift what you need into fields of the record, or keep it as text in a string field",
            ),
            "fixed" => refuse("is fixed, which is not supported", "write bytes or string"),
            other => refuse(
                &format!("has the unknown type `{other}`"),
                &did_you_mean(other, PRIMITIVES.into_iter().chain(["enum"])),
            ),
        }
    }

    fn logical(&self, name: &str, kind: &str, logical: &str) -> Result<FieldType, Box<Fault>> {
        let refuse = |problem: String, hint: String| Err(Box::new(self.fault(name, &problem).with_hint(hint)));
        let known = LOGICAL_TYPES.iter().find(|(known, _)| *known == logical);
        match known {
            Some((_, base)) if *base != kind => refuse(
                format!("is {logical} on {kind}"),
                format!("write {{ \"type\": \"{base}\", \"logicalType\": \"{logical}\" }}"),
            ),
            Some(("timestamp-micros", _)) => Ok(FieldType::TimestampMicros),
            Some(("timestamp-millis", _)) => Ok(FieldType::TimestampMillis),
            Some(("date", _)) => Ok(FieldType::Date),
            Some(_) => Ok(FieldType::String),
            None if logical == "decimal" => refuse(
                "is a decimal, which is not supported".to_owned(),
                "write long in the smallest unit (cents), or double".to_owned(),
            ),
            None => refuse(
                format!("has the logical type `{logical}`, which is not supported"),
                did_you_mean(logical, LOGICAL_TYPES.iter().map(|(known, _)| *known)),
            ),
        }
    }

    fn fault(&self, name: &str, problem: &str) -> Fault {
        Fault::new(format!("field `{name}` {problem}")).at_line(self.file, self.line(name))
    }

    /// The line where the field is named: JSON values carry no places, but its name stands in quotes behind `"name"`.
    fn line(&self, name: &str) -> usize {
        let quoted = format!("\"{name}\"");
        let found = self.text.match_indices(&quoted).find(|(at, _)| {
            let before = self.text[..*at].trim_end();
            before
                .strip_suffix(':')
                .is_some_and(|before| before.trim_end().ends_with("\"name\""))
        });
        let end = found.map_or(0, |(at, _)| at);
        self.text[..end].matches('\n').count() + 1
    }
}

fn text_of(object: &Map<String, Value>, key: &str) -> Option<String> {
    object.get(key).and_then(Value::as_str).map(str::to_owned)
}

fn is_null(branch: &Value) -> bool {
    branch.as_str() == Some("null")
}

/// Whether a default is a value of its field.
fn fits(field: &Field, default: &Value) -> bool {
    if default.is_null() {
        return field.nullable;
    }
    match &field.kind {
        FieldType::Boolean => default.is_boolean(),
        FieldType::Int | FieldType::Date => default.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        FieldType::Long | FieldType::TimestampMillis | FieldType::TimestampMicros => default.is_i64(),
        FieldType::Float | FieldType::Double => default.is_number(),
        FieldType::String | FieldType::Bytes => default.is_string(),
        FieldType::Enum(symbols) => default.as_str().is_some_and(|text| symbols.iter().any(|s| s == text)),
    }
}
