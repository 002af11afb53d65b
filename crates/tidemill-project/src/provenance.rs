//! Every setting with its value and where that comes from, for `tidemill config`.

use std::fmt;

use indexmap::IndexMap;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};

use crate::fault::Origin;
use crate::settings::Settings;
use crate::tree::{Node, Path};

/// All settings, in the order of the documentation, secrets masked.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(transparent)]
pub struct Provenance(Vec<SettingOrigin>);

/// One setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SettingOrigin {
    /// Its dotted path.
    pub setting: String,
    /// Its value; none where it is not set and has no default value.
    pub value: Option<Shown>,
    /// Where the value comes from.
    pub origin: Origin,
}

/// A value as it is shown: in TOML as text, as itself in JSON.
#[derive(Debug, Clone, PartialEq)]
pub enum Shown {
    /// Nothing, inside an array.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// Text.
    Text(String),
    /// Several values.
    Array(Vec<Shown>),
    /// Names and values, in their order.
    Table(IndexMap<String, Shown>),
}

impl Provenance {
    /// Every setting of `settings`; `root` is the tree that they were read from.
    pub(crate) fn of(settings: &Settings, root: &Node) -> Provenance {
        let mut origins = Vec::new();
        collect(&shown(settings), &Path::default(), root, &mut origins);
        Provenance(origins)
    }

    /// In the order of the documentation.
    pub fn iter(&self) -> impl Iterator<Item = &SettingOrigin> {
        self.0.iter()
    }

    /// The setting at a dotted path.
    pub fn get(&self, setting: &str) -> Option<&SettingOrigin> {
        self.0.iter().find(|origin| origin.setting == setting)
    }
}

/// Settings as an ordered value, secrets masked.
pub(crate) fn shown(settings: &impl Serialize) -> Shown {
    // The JSON text keeps the order of the fields; serde_json's own map may not.
    let text = serde_json::to_string(settings).expect("settings hold text keys and numbers, which JSON can say");
    serde_json::from_str(&text).expect("what serde_json wrote reads back")
}

fn collect(value: &Shown, path: &Path, root: &Node, origins: &mut Vec<SettingOrigin>) {
    match value {
        Shown::Table(table) if !table.is_empty() => {
            for (key, inner) in table {
                collect(inner, &path.key(key), root, origins);
            }
        }
        _ => origins.push(SettingOrigin {
            setting: path.to_string(),
            value: (*value != Shown::Null).then(|| value.clone()),
            origin: root.get(&path.0).map_or(Origin::Default, |node| node.origin.clone()),
        }),
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shown::Null => f.write_str("null"),
            Shown::Boolean(truth) => truth.fmt(f),
            Shown::Integer(number) => number.fmt(f),
            Shown::Float(number) => write!(f, "{number:?}"),
            Shown::Text(text) => write!(f, "{}", toml::Value::from(text.as_str())),
            Shown::Array(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}{item}")?;
                }
                f.write_str("]")
            }
            Shown::Table(table) if table.is_empty() => f.write_str("{}"),
            Shown::Table(table) => {
                for (i, (key, value)) in table.iter().enumerate() {
                    let before = if i == 0 { "{ " } else { ", " };
                    write!(f, "{before}{} = {value}", Path::of(&[key]))?;
                }
                f.write_str(" }")
            }
        }
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Shown::Null => serializer.serialize_unit(),
            Shown::Boolean(truth) => serializer.serialize_bool(*truth),
            Shown::Integer(number) => serializer.serialize_i64(*number),
            Shown::Float(number) => serializer.serialize_f64(*number),
            Shown::Text(text) => serializer.serialize_str(text),
            Shown::Array(items) => serializer.collect_seq(items),
            Shown::Table(table) => serializer.collect_map(table),
        }
    }
}

impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Shown, D::Error> {
        deserializer.deserialize_any(ShownVisitor)
    }
}

struct ShownVisitor;

impl<'de> Visitor<'de> for ShownVisitor {
    type Value = Shown;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Shown, E> {
        Ok(Shown::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Shown, E> {
        Ok(Shown::Boolean(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Shown, E> {
        Ok(Shown::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Shown, E> {
        Ok(i64::try_from(number).map_or(Shown::Float(number as f64), Shown::Integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Shown, E> {
        Ok(Shown::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Shown, E> {
        Ok(Shown::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shown, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Shown::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shown, A::Error> {
        let mut table = IndexMap::new();
        while let Some((key, value)) = map.next_entry()? {
            table.insert(key, value);
        }
        Ok(Shown::Table(table))
    }
}
