//! TOML text to a tree with places.

use std::path::Path as FilePath;

use toml::de::{DeTable, DeValue};

use super::{Node, Table, Value};
use crate::fault::{Fault, Origin};

/// Reads the text of `file`. What cannot be read is a fault each; the tree holds what could be.
pub(crate) fn parse_document(text: &str, file: &FilePath) -> (Node, Vec<Fault>) {
    let lines = Lines::of(text);
    let place = |offset: usize| Origin::line(file, lines.line(offset));
    let (document, errors) = DeTable::parse_recoverable(text);
    let faults = errors.iter().map(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let message = error.message().trim().replace('\n', ", ");
        Fault::new(format!("cannot read `{}`: {message}", file.display())).at(place(offset))
    });
    let root = Node {
        origin: place(0),
        value: Value::Table(table(document.get_ref(), &place)),
    };
    (root, faults.collect())
}

/// Reads one TOML value, as the right side of a `=`; none where the text is not one.
pub(crate) fn parse_value(text: &str, origin: &Origin) -> Option<Value> {
    let parsed = DeValue::parse(text).ok()?;
    Some(value(parsed.get_ref(), &|_| origin.clone()))
}

/// Splits `a.b."c.d"` at its dots, except for those in quotes. None where a part is empty or a quote stays open.
pub(crate) fn split_path(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(std::mem::take(&mut part)),
            c => part.push(c),
        }
    }
    parts.push(part);
    (!quoted && parts.iter().all(|part| !part.is_empty())).then_some(parts)
}

fn table(from: &DeTable<'_>, place: &dyn Fn(usize) -> Origin) -> Table {
    let mut entries: Vec<_> = from.iter().collect();
    // The parser sorts by name; people expect the order of their file.
    entries.sort_by_key(|(key, _)| key.span().start);
    let nodes = entries.into_iter().map(|(key, inner)| {
        let node = Node {
            origin: place(key.span().start),
            value: value(inner.get_ref(), place),
        };
        (key.get_ref().to_string(), node)
    });
    nodes.collect()
}

fn value(from: &DeValue<'_>, place: &dyn Fn(usize) -> Origin) -> Value {
    match from {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Integer(number),
            // Beyond 64 bits: no setting takes it, and as text the error shows it.
            Err(_) => Value::Text(number.as_str().to_owned()),
        },
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(number) => Value::Float(number),
            Err(_) => Value::Text(number.as_str().to_owned()),
        },
        DeValue::Boolean(truth) => Value::Boolean(*truth),
        DeValue::Datetime(time) => Value::Text(time.to_string()),
        DeValue::Array(items) => {
            let nodes = items.iter().map(|item| Node {
                origin: place(item.span().start),
                value: value(item.get_ref(), place),
            });
            Value::Array(nodes.collect())
        }
        DeValue::Table(inner) => Value::Table(table(inner, place)),
    }
}

/// The starts of lines, to find an offset's line.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Lines {
        let starts = text.match_indices('\n').map(|(at, _)| at + 1);
        Lines(std::iter::once(0).chain(starts).collect())
    }

    /// From 1.
    fn line(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset)
    }
}
