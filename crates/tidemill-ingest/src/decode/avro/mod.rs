//! Binary Avro straight into the columns, plain or behind Confluent's frame.
//!
//! Written by hand rather than through arrow-avro, which it is held against in tests: there a broken message leaves half a
//! row in columns that cannot be cut back, so that each one costs its whole batch again.

mod cursor;
mod plan;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use tidemill_project::StreamSchema;

pub(crate) use self::cursor::Cursor;
pub(crate) use self::plan::Wire;
pub(crate) use self::writer::BEYOND_ENUM;
pub(crate) use self::writer::BEYOND_UNION;

use self::plan::Plan;
use self::writer::WriterSchema;
use super::column::Column;
use super::fault::{Fault, FaultCode};

/// The first byte of Confluent's frame.
const MAGIC: u8 = 0;
/// The frame: the magic byte and the schema's id.
const FRAME_BYTES: usize = 5;

/// Messages without a frame: every one is written with the stream's own schema.
pub(crate) struct PlainAvro {
    /// An error is the clause of a schema that binary Avro cannot be read with.
    plan: Result<Plan, String>,
}

impl PlainAvro {
    pub(crate) fn new(schema: &StreamSchema) -> PlainAvro {
        let writer = WriterSchema::parse(&schema.to_avsc());
        PlainAvro {
            plan: writer.and_then(|writer| Plan::new(writer, schema)),
        }
    }

    pub(crate) fn row(&self, message: &[u8], columns: &mut [Column], scratch: &mut String) -> Result<u64, Fault> {
        if message.is_empty() {
            return Err(Fault::new(FaultCode::Empty, 0, "nothing"));
        }
        let plan = self.plan.as_ref();
        let plan = plan.map_err(|clause| Fault::new(FaultCode::UnusableSchema, 0, format!("the schema {clause}")))?;
        plan.row(&mut Cursor::new(message, 0), columns, scratch)
    }
}

/// What is known of a schema's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WriterText {
    /// The text of an Avro schema.
    Avro(std::sync::Arc<str>),
    /// A schema of another kind, with a clause that says so.
    Unusable(String),
    /// The registry has none.
    Unknown,
}

/// Messages behind Confluent's frame. The schemas that they name must be learned before they are decoded.
pub(crate) struct FramedAvro {
    schema: StreamSchema,
    plans: BTreeMap<u32, Learned>,
    schemas_max: usize,
}

enum Learned {
    Plan(Box<Plan>),
    Unusable(String),
    Unknown,
}

impl FramedAvro {
    pub(crate) fn new(schema: &StreamSchema, schemas_max: usize) -> FramedAvro {
        FramedAvro {
            schema: schema.clone(),
            plans: BTreeMap::new(),
            schemas_max,
        }
    }

    /// Those of `wanted` that have to be learned. What was unknown is asked for again, and where there are too many, those
    /// that are not wanted now are forgotten.
    pub(crate) fn unlearned(&mut self, wanted: &BTreeSet<u32>) -> BTreeSet<u32> {
        let too_many = self.plans.len() > self.schemas_max;
        self.plans
            .retain(|id, learned| !matches!(learned, Learned::Unknown) && (!too_many || wanted.contains(id)));
        let new = wanted.iter().filter(|id| !self.plans.contains_key(id));
        new.copied().collect()
    }

    pub(crate) fn learn(&mut self, id: u32, text: &WriterText) {
        let learned = match text {
            WriterText::Unknown => Learned::Unknown,
            WriterText::Unusable(clause) => Learned::Unusable(clause.clone()),
            WriterText::Avro(text) => {
                let plan = WriterSchema::parse(text).and_then(|writer| Plan::new(writer, &self.schema));
                match plan {
                    Ok(plan) => Learned::Plan(Box::new(plan)),
                    Err(clause) => Learned::Unusable(clause),
                }
            }
        };
        self.plans.insert(id, learned);
    }

    pub(crate) fn row(&self, message: &[u8], columns: &mut [Column], scratch: &mut String) -> Result<u64, Fault> {
        let id = frame_of(message)?;
        match self.plans.get(&id) {
            Some(Learned::Plan(plan)) => plan.row(&mut Cursor::new(message, FRAME_BYTES), columns, scratch),
            Some(Learned::Unusable(clause)) => {
                let found = format!("schema {id}, which {clause},");
                Err(Fault::new(FaultCode::UnusableSchema, 1, found))
            }
            Some(Learned::Unknown) | None => {
                let found = format!("schema {id}, which the registry does not have,");
                Err(Fault::new(FaultCode::UnknownSchema, 1, found))
            }
        }
    }
}

/// The id of the schema that a message names.
pub(crate) fn frame_of(message: &[u8]) -> Result<u32, Fault> {
    match message {
        [] => Err(Fault::new(FaultCode::Empty, 0, "nothing")),
        [MAGIC, a, b, c, d, ..] => Ok(u32::from_be_bytes([*a, *b, *c, *d])),
        [MAGIC, ..] => Err(Fault::new(FaultCode::Truncated, message.len(), "the message ends")),
        _ => Err(Fault::new(FaultCode::BadFrame, 0, "no frame of a schema registry")),
    }
}
