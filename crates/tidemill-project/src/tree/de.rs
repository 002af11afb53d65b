//! A tree to typed settings, collecting every fault on the way.
//!
//! serde stops at the first error. Here the value at fault is noted, taken out of the tree (its default takes its place) and
//! the rest is read again, until nothing is wrong or [`PASSES_MAX`] is reached. Unknown keys are known from the names that a
//! struct gives to its deserializer.

use std::cell::RefCell;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Unexpected, Visitor};

use super::{Node, Path, Step, Value};
use crate::fault::{Fault, Origin, did_you_mean, nearest};

/// How many wrong values are reported before reading ends.
const PASSES_MAX: usize = 100;

/// Reads `root` as a `T`. Every fault is pushed; none is returned only where not even the defaults make a `T`, or where
/// more than [`PASSES_MAX`] values are wrong.
pub(crate) fn read<T: DeserializeOwned>(mut root: Node, faults: &mut Vec<Fault>) -> Option<T> {
    let mut removed: Vec<Path> = Vec::new();
    for _ in 0..PASSES_MAX {
        let unknown = RefCell::new(Vec::new());
        let outcome = T::deserialize(NodeDeserializer {
            node: &root,
            path: Path::default(),
            unknown: &unknown,
        });
        for (path, fault) in unknown.into_inner() {
            root.remove(&path.0);
            faults.push(fault);
        }
        let error = match outcome {
            Ok(settings) => return Some(settings),
            Err(error) => error,
        };
        let path = error.path.clone().unwrap_or_default();
        // A field that is missing because it was wrong has been reported already.
        let follows = error.missing.is_some_and(|field| removed.contains(&path.key(field)));
        if !follows {
            faults.push(error.fault(&path, &root));
        }
        if path.0.is_empty() {
            return None;
        }
        root.remove(&path.0);
        removed.push(path);
    }
    None
}

/// A value that does not fit, with its path as soon as that is known.
#[derive(Debug)]
struct ReadError {
    message: String,
    hint: Option<String>,
    path: Option<Path>,
    missing: Option<&'static str>,
}

impl ReadError {
    fn at(mut self, path: &Path) -> ReadError {
        self.path.get_or_insert_with(|| path.clone());
        self
    }

    fn fault(&self, path: &Path, root: &Node) -> Fault {
        let message = if path.0.is_empty() {
            self.message.clone()
        } else {
            format!("`{path}`: {}", self.message)
        };
        let fault = Fault::new(message).at(root.origin_near(path));
        match &self.hint {
            Some(hint) => fault.with_hint(hint),
            None => fault,
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> ReadError {
        ReadError {
            message: message.to_string(),
            hint: None,
            path: None,
            missing: None,
        }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn de::Expected) -> ReadError {
        ReadError::custom(format!("expected {}, found {}", wanted(expected), describe(&found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn de::Expected) -> ReadError {
        ReadError::custom(format!("expected {}, found {}", wanted(expected), describe(&found)))
    }

    fn missing_field(field: &'static str) -> ReadError {
        ReadError {
            missing: Some(field),
            ..ReadError::custom(format!("`{field}` is missing"))
        }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> ReadError {
        ReadError {
            hint: Some(did_you_mean(variant, expected.iter().copied())),
            ..ReadError::custom(format!("`{variant}` is not known"))
        }
    }
}

/// What a type is called by people who write settings.
fn wanted(expected: &dyn de::Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "u16" => format!("a whole number from 0 to {}", u16::MAX),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "u64" | "usize" => "a whole number from 0".to_owned(),
        "i32" => format!("a whole number from {} to {}", i32::MIN, i32::MAX),
        "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" => "a text in quotes".to_owned(),
        "a sequence" => "an array".to_owned(),
        "a map" => "a table".to_owned(),
        _ => text,
    }
}

fn describe(found: &Unexpected<'_>) -> String {
    match found {
        Unexpected::Str(text) => format!("the text \"{text}\""),
        Unexpected::Signed(number) => format!("the number {number}"),
        Unexpected::Float(number) => format!("the number {number}"),
        Unexpected::Bool(truth) => truth.to_string(),
        Unexpected::Map => "a table".to_owned(),
        Unexpected::Seq => "an array".to_owned(),
        other => other.to_string(),
    }
}

type Unknown = RefCell<Vec<(Path, Fault)>>;

struct NodeDeserializer<'a> {
    node: &'a Node,
    path: Path,
    unknown: &'a Unknown,
}

impl<'a> NodeDeserializer<'a> {
    /// As the value itself says what it is.
    fn visit<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let path = self.path.clone();
        let visited = match self.node.value.parsed_form() {
            Value::Text(text) | Value::Raw { text, .. } => visitor.visit_str(text),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Boolean(truth) => visitor.visit_bool(*truth),
            Value::Array(items) => visitor.visit_seq(ItemsOf {
                of: self,
                items: items.iter().enumerate(),
            }),
            Value::Table(table) => visitor.visit_map(EntriesOf {
                of: self,
                entries: table.iter(),
                current: None,
                fields: None,
            }),
        };
        visited.map_err(|error| error.at(&path))
    }

    /// As text, where text is wanted.
    fn visit_text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.value {
            Value::Raw { text, .. } => visitor.visit_str(text).map_err(|error: ReadError| error.at(&self.path)),
            _ => self.visit(visitor),
        }
    }

    fn child(&self, node: &'a Node, step: Step) -> NodeDeserializer<'a> {
        NodeDeserializer {
            node,
            path: self.path.then(step),
            unknown: self.unknown,
        }
    }

    fn note_unknown(&self, key: &str, origin: &Origin, fields: &'static [&'static str]) {
        let path = self.path.key(key);
        let hint = if nearest(key, fields.iter().copied()).is_none() && fields.len() > 12 {
            "`tidemill config` lists them all".to_owned()
        } else {
            did_you_mean(key, fields.iter().copied())
        };
        let fault = Fault::new(format!("unknown setting `{path}`"))
            .with_hint(hint)
            .at(origin.clone());
        self.unknown.borrow_mut().push((path, fault));
    }
}

impl<'de> de::Deserializer<'de> for NodeDeserializer<'_> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.visit(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.visit_text(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.visit_text(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let path = self.path.clone();
        let visited = match self.node.value.parsed_form() {
            Value::Table(table) => visitor.visit_map(EntriesOf {
                of: self,
                entries: table.iter(),
                current: None,
                fields: Some(fields),
            }),
            Value::Array(_) => Err(de::Error::custom("expected a table, found an array")),
            _ => Err(de::Error::custom("expected a table, found a single value")),
        };
        visited.map_err(|error| error.at(&path))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match &self.node.value {
            Value::Text(text) | Value::Raw { text, .. } => {
                let variant: StrDeserializer<'_, ReadError> = text.as_str().into_deserializer();
                visitor.visit_enum(variant).map_err(|error| error.at(&self.path))
            }
            _ => {
                let error = de::Error::custom(format!("expected one of {}", variants.join(", ")));
                Err(ReadError::at(error, &self.path))
            }
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

struct ItemsOf<'a, I> {
    of: NodeDeserializer<'a>,
    items: I,
}

impl<'de, 'a, I: Iterator<Item = (usize, &'a Node)>> de::SeqAccess<'de> for ItemsOf<'a, I> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        let Some((index, node)) = self.items.next() else {
            return Ok(None);
        };
        let child = self.of.child(node, Step::Index(index));
        let path = child.path.clone();
        seed.deserialize(child).map(Some).map_err(|error| error.at(&path))
    }
}

struct EntriesOf<'a, I> {
    of: NodeDeserializer<'a>,
    entries: I,
    current: Option<(&'a str, &'a Node)>,
    /// The keys that there are; absent in maps, which take any.
    fields: Option<&'static [&'static str]>,
}

impl<'de, 'a, I: Iterator<Item = (&'a String, &'a Node)>> de::MapAccess<'de> for EntriesOf<'a, I> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        for (key, node) in self.entries.by_ref() {
            match self.fields {
                Some(fields) if !fields.contains(&key.as_str()) => {
                    self.of.note_unknown(key, &node.origin, fields);
                }
                _ => {
                    self.current = Some((key, node));
                    let name: StrDeserializer<'_, ReadError> = key.as_str().into_deserializer();
                    let path = self.of.path.key(key);
                    return seed.deserialize(name).map(Some).map_err(|error| error.at(&path));
                }
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let Some((key, node)) = self.current.take() else {
            return Err(de::Error::custom("a value was asked for before its key"));
        };
        let child = self.of.child(node, Step::Key(key.to_owned()));
        let path = child.path.clone();
        seed.deserialize(child).map_err(|error| error.at(&path))
    }
}
