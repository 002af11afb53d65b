//! The schema that a message was written with: any Avro schema of a record, since what is no column must be passed over.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::super::fault::{Fault, FaultCode};
use super::super::scan::DEPTH_MAX;
use super::cursor::Cursor;

/// Types that one schema may be made of.
const NODES_MAX: usize = 10_000;
/// Values without any bytes (`null`, empty records) that one message may hold in arrays.
const EMPTY_ITEMS_MAX: usize = 100_000;

/// A type's place in [`WriterSchema::nodes`]; types that refer to themselves do so by place.
pub(crate) type NodeId = usize;

/// A writer's schema. Its root is a record.
pub(crate) struct WriterSchema {
    nodes: Vec<Node>,
    /// The fields of the record, in the order in which they are written.
    pub(crate) fields: Vec<(String, NodeId)>,
}

pub(crate) enum Node {
    Null,
    Boolean,
    Int,
    Long(Unit),
    Float,
    Double,
    Bytes,
    Text,
    Fixed(usize),
    Enum(Vec<String>),
    Array(NodeId),
    Map(NodeId),
    Union(Vec<NodeId>),
    Record(Vec<(String, NodeId)>),
}

/// What a `long` counts, by its logical type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// It does not say.
    Unsaid,
    Millis,
    Micros,
    Nanos,
}

impl Node {
    /// What a person calls it, where something else was meant.
    pub(crate) fn found(&self) -> &'static str {
        match self {
            Node::Null => "null",
            Node::Boolean => "a truth value",
            Node::Int => "an int",
            Node::Long(Unit::Nanos) => "a time in nanoseconds",
            Node::Long(_) => "a long",
            Node::Float => "a float",
            Node::Double => "a double",
            Node::Bytes => "bytes",
            Node::Text => "text",
            Node::Fixed(_) => "bytes of a fixed length",
            Node::Enum(_) => "an enum",
            Node::Array(_) => "an array",
            Node::Map(_) => "a map",
            Node::Union(_) => "a union",
            Node::Record(_) => "a record",
        }
    }
}

impl WriterSchema {
    /// Reads the text of an Avro schema. An error is a clause that says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<WriterSchema, String> {
        let schema: Value = serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
        let mut reader = Reader::default();
        let root = reader.node(&schema, "")?;
        match std::mem::replace(&mut reader.nodes[root], Node::Null) {
            Node::Record(fields) => {
                // A record that holds itself needs its own node as well.
                reader.nodes[root] = Node::Record(fields.clone());
                let nodes = reader.nodes;
                Ok(WriterSchema { nodes, fields })
            }
            other => Err(format!("is {} where a record is meant", other.found())),
        }
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    /// Passes over a value. It must be well formed.
    pub(crate) fn skip(&self, id: NodeId, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        let mut empty_left = EMPTY_ITEMS_MAX;
        self.skip_at_depth(id, cursor, 1, &mut empty_left)
    }

    fn skip_at_depth(
        &self,
        id: NodeId,
        cursor: &mut Cursor<'_>,
        depth: usize,
        empty_left: &mut usize,
    ) -> Result<(), Fault> {
        if depth > DEPTH_MAX {
            return Err(Fault::new(FaultCode::TooDeep, cursor.at(), "values nested too deep"));
        }
        match &self.nodes[id] {
            // What has no bytes costs the writer nothing, so its number must not cost the reader much.
            Node::Null | Node::Fixed(0) => spend(empty_left, cursor),
            Node::Record(fields) if fields.is_empty() => spend(empty_left, cursor),
            Node::Boolean => cursor.boolean().map(|_| ()),
            Node::Int => cursor.int().map(|_| ()),
            Node::Long(_) => cursor.long().map(|_| ()),
            Node::Float => cursor.fixed(4).map(|_| ()),
            Node::Double => cursor.fixed(8).map(|_| ()),
            Node::Bytes => cursor.bytes().map(|_| ()),
            Node::Text => cursor.text().map(|_| ()),
            Node::Fixed(length) => cursor.fixed(*length).map(|_| ()),
            Node::Enum(symbols) => cursor.place(symbols.len(), BEYOND_ENUM).map(|_| ()),
            Node::Union(branches) => {
                let branch = branches[cursor.place(branches.len(), BEYOND_UNION)?];
                self.skip_at_depth(branch, cursor, depth + 1, empty_left)
            }
            Node::Record(fields) => {
                let mut fields = fields.iter();
                fields.try_for_each(|(_, field)| self.skip_at_depth(*field, cursor, depth + 1, empty_left))
            }
            Node::Array(item) => self.skip_blocks(false, *item, cursor, depth, empty_left),
            Node::Map(value) => self.skip_blocks(true, *value, cursor, depth, empty_left),
        }
    }

    /// Passes over the blocks of an array or map; the items of a map have text before them.
    fn skip_blocks(
        &self,
        keyed: bool,
        item: NodeId,
        cursor: &mut Cursor<'_>,
        depth: usize,
        empty_left: &mut usize,
    ) -> Result<(), Fault> {
        loop {
            let count = cursor.long()?;
            if count == 0 {
                return Ok(());
            }
            // Below zero the block's length in bytes follows; it is not needed to read the items one by one.
            if count < 0 {
                cursor.long()?;
            }
            for _ in 0..count.unsigned_abs() {
                if keyed {
                    cursor.text()?;
                }
                self.skip_at_depth(item, cursor, depth + 1, empty_left)?;
            }
        }
    }
}

fn spend(empty_left: &mut usize, cursor: &Cursor<'_>) -> Result<(), Fault> {
    let Some(left) = empty_left.checked_sub(1) else {
        let found = "more empty values than may be";
        return Err(Fault::new(FaultCode::MalformedAvro, cursor.at(), found));
    };
    *empty_left = left;
    Ok(())
}

/// A branch that the union does not have.
pub(crate) const BEYOND_UNION: &str = "a branch that the union does not have";
/// A symbol that the enum does not have.
pub(crate) const BEYOND_ENUM: &str = "a symbol that the enum does not have";

/// Reads a schema's JSON.
#[derive(Default)]
struct Reader {
    nodes: Vec<Node>,
    /// By full name.
    named: HashMap<String, NodeId>,
}

impl Reader {
    fn push(&mut self, node: Node) -> Result<NodeId, String> {
        if self.nodes.len() >= NODES_MAX {
            return Err(format!("has more than {NODES_MAX} types"));
        }
        self.nodes.push(node);
        Ok(self.nodes.len() - 1)
    }

    /// `space` is the namespace that encloses it.
    fn node(&mut self, schema: &Value, space: &str) -> Result<NodeId, String> {
        match schema {
            Value::String(name) => self.by_name(name, space, Unit::Unsaid),
            Value::Array(branches) => {
                let branches: Result<Vec<NodeId>, String> =
                    branches.iter().map(|branch| self.node(branch, space)).collect();
                self.push(Node::Union(branches?))
            }
            Value::Object(object) => self.object(object, space),
            other => Err(format!("has `{other}` where a type is meant")),
        }
    }

    fn by_name(&mut self, name: &str, space: &str, unit: Unit) -> Result<NodeId, String> {
        let node = match name {
            "null" => Node::Null,
            "boolean" => Node::Boolean,
            "int" => Node::Int,
            "long" => Node::Long(unit),
            "float" => Node::Float,
            "double" => Node::Double,
            "bytes" => Node::Bytes,
            "string" => Node::Text,
            _ => {
                let found = self.named.get(&full_name(name, space)).or_else(|| self.named.get(name));
                return found
                    .copied()
                    .ok_or_else(|| format!("names type `{name}`, which is not there"));
            }
        };
        self.push(node)
    }

    fn object(&mut self, object: &Map<String, Value>, space: &str) -> Result<NodeId, String> {
        let kind = match object.get("type") {
            Some(Value::String(kind)) => kind.as_str(),
            Some(inner) => return self.node(inner, space),
            None => return Err("has a type without `type`".to_owned()),
        };
        let part = |name: &str| {
            object
                .get(name)
                .ok_or_else(|| format!("has a type {kind} without `{name}`"))
        };
        match kind {
            "array" => {
                let item = self.node(part("items")?, space)?;
                self.push(Node::Array(item))
            }
            "map" => {
                let value = self.node(part("values")?, space)?;
                self.push(Node::Map(value))
            }
            "fixed" => {
                let size = part("size")?.as_u64().and_then(|size| usize::try_from(size).ok());
                let size = size.ok_or_else(|| "has a fixed type whose size is no number".to_owned())?;
                let id = self.push(Node::Fixed(size))?;
                self.name(object, space, id).map(|_| id)
            }
            "enum" => {
                let symbols = part("symbols")?.as_array();
                let symbols: Option<Vec<String>> =
                    symbols.and_then(|list| list.iter().map(|symbol| symbol.as_str().map(str::to_owned)).collect());
                let symbols = symbols.ok_or_else(|| "has an enum whose symbols are no texts".to_owned())?;
                let id = self.push(Node::Enum(symbols))?;
                self.name(object, space, id).map(|_| id)
            }
            "record" | "error" => {
                // Named before its fields are read, since they may refer to it.
                let id = self.push(Node::Null)?;
                let space = self.name(object, space, id)?;
                let declared = part("fields")?.as_array();
                let declared = declared.ok_or_else(|| "has a record whose fields are no list".to_owned())?;
                let mut fields = Vec::with_capacity(declared.len());
                for field in declared {
                    let name = field.get("name").and_then(Value::as_str);
                    let (Some(name), Some(kind)) = (name, field.get("type")) else {
                        return Err("has a field without name or type".to_owned());
                    };
                    fields.push((name.to_owned(), self.node(kind, &space)?));
                }
                self.nodes[id] = Node::Record(fields);
                Ok(id)
            }
            other => {
                let unit = match object.get("logicalType").and_then(Value::as_str) {
                    Some("timestamp-millis" | "local-timestamp-millis") => Unit::Millis,
                    Some("timestamp-micros" | "local-timestamp-micros") => Unit::Micros,
                    Some("timestamp-nanos" | "local-timestamp-nanos") => Unit::Nanos,
                    _ => Unit::Unsaid,
                };
                self.by_name(other, space, unit)
            }
        }
    }

    /// Takes in the name of a type; returns the namespace of what is inside it.
    fn name(&mut self, object: &Map<String, Value>, space: &str, id: NodeId) -> Result<String, String> {
        let name = object.get("name").and_then(Value::as_str);
        let name = name.ok_or_else(|| "has a record, enum or fixed type without a name".to_owned())?;
        let space = object.get("namespace").and_then(Value::as_str).unwrap_or(space);
        let full = full_name(name, space);
        let space = full
            .rsplit_once('.')
            .map_or_else(String::new, |(space, _)| space.to_owned());
        self.named.insert(full, id);
        Ok(space)
    }
}

fn full_name(name: &str, space: &str) -> String {
    if space.is_empty() || name.contains('.') {
        name.to_owned()
    } else {
        format!("{space}.{name}")
    }
}
