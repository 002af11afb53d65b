//! A [`StreamSchema`] as the text of an Avro schema file.

use serde_json::Value;

use super::{Field, FieldType, StreamSchema, UnionForm};

impl StreamSchema {
    /// The schema file: keys in Avro's customary order, one field a line or four. Reads back as the same schema.
    pub fn to_avsc(&self) -> String {
        let mut text = String::from("{\n  \"type\": \"record\",\n");
        text.push_str(&format!("  \"name\": {},\n", quoted(&self.name)));
        if let Some(namespace) = &self.namespace {
            text.push_str(&format!("  \"namespace\": {},\n", quoted(namespace)));
        }
        if let Some(doc) = &self.doc {
            text.push_str(&format!("  \"doc\": {},\n", quoted(doc)));
        }
        text.push_str("  \"fields\": [\n");
        let fields: Vec<String> = self.fields.iter().map(field_text).collect();
        text.push_str(&fields.join(",\n"));
        text.push_str("\n  ]\n}\n");
        text
    }
}

fn field_text(field: &Field) -> String {
    let kind = type_text(&field.kind, field.name.as_str());
    let kind = match field.union {
        UnionForm::Plain => kind,
        UnionForm::NullFirst => format!("[\"null\", {kind}]"),
        UnionForm::NullLast => format!("[{kind}, \"null\"]"),
        UnionForm::Alone => format!("[{kind}]"),
    };
    let mut text = format!("    {{ \"name\": {}, \"type\": {kind}", quoted(field.name.as_str()));
    if let Some(default) = &field.default {
        text.push_str(&format!(", \"default\": {default}"));
    }
    if let Some(doc) = &field.doc {
        text.push_str(&format!(",\n      \"doc\": {}", quoted(doc)));
    }
    text.push_str(" }");
    text
}

fn type_text(kind: &FieldType, field: &str) -> String {
    let logical = |base: &str| format!("{{ \"type\": \"{base}\", \"logicalType\": \"{}\" }}", kind.as_str());
    match kind {
        FieldType::TimestampMillis | FieldType::TimestampMicros => logical("long"),
        FieldType::Date => logical("int"),
        FieldType::Enum(symbols) => {
            let symbols: Vec<String> = symbols.iter().map(|symbol| quoted(symbol)).collect();
            // Avro enums are named; the field's name will do, as records have one field of a name.
            format!(
                "{{ \"type\": \"enum\", \"name\": {}, \"symbols\": [{}] }}",
                quoted(&format!("{field}_values")),
                symbols.join(", ")
            )
        }
        primitive => quoted(primitive.as_str()),
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
