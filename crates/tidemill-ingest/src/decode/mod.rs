//! Messages straight into Arrow columns, one message at a time, all of it or nothing.
//!
//! A JSON message is an object whose names are the columns of the stream's schema. Times are text (RFC 3339, UTC without a
//! zone) or numbers in the schema's unit. An Avro message is a record of the schema itself, or of a writer's schema that is
//! resolved against it. A name that is no column is passed over and counted; a column that is not named has its default,
//! else null where it may be null.
//! Invariant: after a fault the columns are as they were before the message.

mod avro;
mod column;
mod fault;
mod json;
mod number;
mod scan;
mod time;

#[cfg(test)]
mod beside_arrow;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use arrow::array::ArrayRef;
use tidemill_project::{Format, StreamSchema};

pub(crate) use self::avro::WriterText;
pub(crate) use self::fault::{Fault, FaultCode};

use self::avro::{FramedAvro, PlainAvro, frame_of};
use self::column::Column;
use self::json::JsonReader;

/// Decodes the messages of one stream.
pub(crate) struct Decoder {
    columns: Vec<Column>,
    reader: Reader,
    limits: DecodeLimits,
    rows: usize,
    unknown_fields: u64,
    scratch: String,
}

enum Reader {
    Json(JsonReader),
    Avro(Box<PlainAvro>),
    Framed(Box<FramedAvro>),
}

/// What bounds the decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DecodeLimits {
    /// Bytes of a message.
    pub(crate) message_bytes: usize,
    /// Writers' schemas that are kept from batch to batch.
    pub(crate) schemas: usize,
}

impl Decoder {
    pub(crate) fn new(schema: &StreamSchema, format: Format, limits: DecodeLimits) -> Decoder {
        let columns: Vec<Column> = schema.fields.iter().map(Column::new).collect();
        let reader = match format {
            Format::Json => Reader::Json(JsonReader::new(&columns)),
            Format::Avro => Reader::Avro(Box::new(PlainAvro::new(schema))),
            Format::ConfluentAvro => Reader::Framed(Box::new(FramedAvro::new(schema, limits.schemas))),
        };
        Decoder {
            columns,
            reader,
            limits,
            rows: 0,
            unknown_fields: 0,
            scratch: String::new(),
        }
    }

    /// Makes room for `rows` more.
    pub(crate) fn reserve(&mut self, rows: usize) {
        for column in &mut self.columns {
            column.reserve(rows);
        }
    }

    /// The schemas that these messages name and that must be learned before they are decoded.
    pub(crate) fn unlearned<'m>(&mut self, messages: impl Iterator<Item = &'m [u8]>) -> BTreeSet<u32> {
        let Reader::Framed(framed) = &mut self.reader else {
            return BTreeSet::new();
        };
        let mut wanted = BTreeSet::new();
        let mut newest = None;
        // Neighbours mostly name the same one.
        for id in messages.filter_map(|message| frame_of(message).ok()) {
            if newest.replace(id) != Some(id) {
                wanted.insert(id);
            }
        }
        framed.unlearned(&wanted)
    }

    /// Takes in what the registry says of a schema.
    pub(crate) fn learn(&mut self, id: u32, text: &WriterText) {
        if let Reader::Framed(framed) = &mut self.reader {
            framed.learn(id, text);
        }
    }

    /// Appends the row of one message.
    pub(crate) fn decode(&mut self, message: &[u8]) -> Result<(), Fault> {
        if message.len() > self.limits.message_bytes {
            let found = format!("{} bytes, more than a message may have,", message.len());
            return Err(Fault::new(FaultCode::TooLarge, self.limits.message_bytes, found));
        }
        let (columns, scratch) = (&mut self.columns, &mut self.scratch);
        let read = match &mut self.reader {
            Reader::Json(json) => json.row(message, columns, self.rows, scratch),
            Reader::Avro(avro) => avro.row(message, columns, scratch),
            Reader::Framed(framed) => framed.row(message, columns, scratch),
        };
        match read {
            Ok(unknown_fields) => {
                self.rows += 1;
                self.unknown_fields += unknown_fields;
                Ok(())
            }
            Err(fault) => {
                for column in &mut self.columns {
                    column.truncate(self.rows);
                }
                Err(fault)
            }
        }
    }

    /// Rows since the last take.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The rows as arrays in the schema's order, and how many fields were passed over. The decoder starts anew.
    pub(crate) fn take(&mut self) -> (Vec<ArrayRef>, u64) {
        self.rows = 0;
        let arrays = self.columns.iter_mut().map(Column::take).collect();
        (arrays, std::mem::take(&mut self.unknown_fields))
    }
}
