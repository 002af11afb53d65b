//! Resolution: what each field of a writer's record becomes, by Avro's rules, decided once for a schema.
//!
//! Fields meet columns by name; the records' own names do not matter. An int may become a long, float or double, a long or
//! float what is wider, text bytes and bytes text. A time keeps its instant when writer and column count in different
//! units. Absent on purpose: aliases, and defaults of enums, which a stream's schema does not have.

use tidemill_project::{FieldType, StreamSchema};

use super::super::column::Column;
use super::super::fault::{Fault, FaultCode};
use super::cursor::Cursor;
use super::writer::{Node, NodeId, Unit, WriterSchema};

/// How the messages of one writer's schema are read into the columns of a stream.
pub(crate) struct Plan {
    writer: WriterSchema,
    steps: Vec<Step>,
    /// Columns that the writer does not know.
    missing: Vec<usize>,
    /// Fields of the writer that are no columns.
    unknown_fields: u64,
}

enum Step {
    Column { place: usize, wire: Wire },
    Skip(NodeId),
}

/// How a value is written, as far as a column can take it.
pub(crate) enum Wire {
    Null,
    Boolean,
    Int,
    /// A number, or a time of so many microseconds each.
    Long {
        unit_micros: i64,
    },
    Float,
    Double,
    Text,
    Bytes,
    Enum(Vec<String>),
    Union(Vec<Wire>),
    /// A branch of a union that the column cannot take: a fault where it comes.
    Mismatch(&'static str),
}

impl Plan {
    /// An error is a clause that says why messages of this schema cannot be rows.
    pub(crate) fn new(writer: WriterSchema, schema: &StreamSchema) -> Result<Plan, String> {
        let mut steps = Vec::with_capacity(writer.fields.len());
        let mut seen = vec![false; schema.fields.len()];
        let mut unknown_fields = 0;
        for (name, node) in &writer.fields {
            let place = schema.fields.iter().position(|field| field.name.as_str() == name);
            let Some(place) = place else {
                unknown_fields += 1;
                steps.push(Step::Skip(*node));
                continue;
            };
            let field = &schema.fields[place];
            let wire = wire(&writer, *node, &field.kind);
            if !wire.may_fit(field.nullable) {
                let found = writer.node(*node).found();
                let wanted = field.kind.as_str();
                return Err(format!("has {found} for column `{name}`, which is {wanted}"));
            }
            if std::mem::replace(&mut seen[place], true) {
                return Err(format!("has field `{name}` twice"));
            }
            steps.push(Step::Column { place, wire });
        }
        let missing: Vec<usize> = (0..seen.len()).filter(|place| !seen[*place]).collect();
        let needed = missing.iter().map(|place| &schema.fields[*place]);
        if let Some(field) = needed
            .into_iter()
            .find(|field| !field.nullable && field.default.is_none())
        {
            return Err(format!("has no field for column `{}`, which must be there", field.name));
        }
        Ok(Plan {
            writer,
            steps,
            missing,
            unknown_fields,
        })
    }

    /// Reads one record, which ends where the message ends. Returns how many fields were passed over.
    pub(crate) fn row(
        &self,
        cursor: &mut Cursor<'_>,
        columns: &mut [Column],
        scratch: &mut String,
    ) -> Result<u64, Fault> {
        for step in &self.steps {
            match step {
                Step::Column { place, wire } => columns[*place].push_avro(wire, cursor)?,
                Step::Skip(node) => self.writer.skip(*node, cursor)?,
            }
        }
        if cursor.left() > 0 {
            let found = "more bytes behind the record";
            return Err(Fault::new(FaultCode::TrailingData, cursor.at(), found));
        }
        for place in &self.missing {
            columns[*place].push_missing(cursor.at(), scratch)?;
        }
        Ok(self.unknown_fields)
    }
}

impl Wire {
    /// Whether some value of it is one of the column.
    fn may_fit(&self, nullable: bool) -> bool {
        match self {
            Wire::Mismatch(_) => false,
            Wire::Null => nullable,
            Wire::Union(branches) => branches.iter().any(|branch| branch.may_fit(nullable)),
            _ => true,
        }
    }
}

fn wire(writer: &WriterSchema, id: NodeId, kind: &FieldType) -> Wire {
    let node = writer.node(id);
    let long = |unit| match (kind, unit) {
        (FieldType::TimestampMillis, Unit::Unsaid) | (_, Unit::Millis) => Wire::Long { unit_micros: 1_000 },
        _ => Wire::Long { unit_micros: 1 },
    };
    match (kind, node) {
        (_, Node::Null) => Wire::Null,
        (_, Node::Union(branches)) => {
            // A union in a union is no Avro; read as a mismatch, it cannot send this round in circles.
            let branch = |branch: &NodeId| match writer.node(*branch) {
                Node::Union(_) => Wire::Mismatch("a union"),
                _ => wire(writer, *branch, kind),
            };
            Wire::Union(branches.iter().map(branch).collect())
        }
        (FieldType::Boolean, Node::Boolean) => Wire::Boolean,
        (FieldType::Int | FieldType::Long | FieldType::Float | FieldType::Double | FieldType::Date, Node::Int) => {
            Wire::Int
        }
        (FieldType::TimestampMillis | FieldType::TimestampMicros, Node::Int) => long(Unit::Unsaid),
        (FieldType::Long | FieldType::Float | FieldType::Double, Node::Long(_)) => Wire::Long { unit_micros: 1 },
        (FieldType::TimestampMillis | FieldType::TimestampMicros, Node::Long(unit)) if *unit != Unit::Nanos => {
            long(*unit)
        }
        (FieldType::Float | FieldType::Double, Node::Float) => Wire::Float,
        (FieldType::Double, Node::Double) => Wire::Double,
        (FieldType::String, Node::Text | Node::Bytes) => Wire::Text,
        (FieldType::Bytes, Node::Text | Node::Bytes) => Wire::Bytes,
        (FieldType::Enum(_), Node::Enum(symbols)) => Wire::Enum(symbols.clone()),
        (_, other) => Wire::Mismatch(other.found()),
    }
}
