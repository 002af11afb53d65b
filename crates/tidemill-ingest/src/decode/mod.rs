//! JSON messages straight into Arrow columns, one message at a time, all of it or nothing.
//!
//! A message is a JSON object whose names are the columns of the stream's schema. Times are text (RFC 3339, UTC without a
//! zone) or numbers in the schema's unit. A name that is no column is passed over and counted; a column that is not
//! named has its default, else null where it may be null.
//! Invariant: after a fault the columns are as they were before the message.

mod column;
mod fault;
mod number;
mod scan;
mod time;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use arrow::array::ArrayRef;
use tidemill_project::StreamSchema;

pub(crate) use self::fault::{Fault, FaultCode};

use self::column::Column;
use self::scan::Scanner;

/// Decodes the messages of one stream.
pub(crate) struct Decoder {
    columns: Vec<Column>,
    by_name: HashMap<String, usize>,
    rows: usize,
    unknown_fields: u64,
    key: String,
    scratch: String,
}

impl Decoder {
    pub(crate) fn new(schema: &StreamSchema) -> Decoder {
        let columns: Vec<Column> = schema.fields.iter().map(Column::new).collect();
        let by_name = columns
            .iter()
            .enumerate()
            .map(|(place, c)| (c.name().to_owned(), place));
        Decoder {
            by_name: by_name.collect(),
            columns,
            rows: 0,
            unknown_fields: 0,
            key: String::new(),
            scratch: String::new(),
        }
    }

    /// Makes room for `rows` more.
    pub(crate) fn reserve(&mut self, rows: usize) {
        for column in &mut self.columns {
            column.reserve(rows);
        }
    }

    /// Appends the row of one message.
    pub(crate) fn decode(&mut self, message: &[u8]) -> Result<(), Fault> {
        let read = match std::str::from_utf8(message) {
            Ok(text) => self.row(text),
            Err(e) => Err(Fault::new(
                FaultCode::NotUtf8,
                e.valid_up_to(),
                "bytes that are not UTF-8",
            )),
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

    /// Reads one object into the columns; returns how many fields were passed over.
    fn row(&mut self, text: &str) -> Result<u64, Fault> {
        let mut scanner = Scanner::new(text);
        scanner.skip_space();
        if scanner.peek().is_none() {
            return Err(Fault::new(FaultCode::Empty, scanner.at(), "nothing"));
        }
        if !scanner.take(b'{') {
            let (at, kind) = (scanner.at(), scanner.kind()?);
            scanner.skip_value(&mut self.scratch)?;
            return Err(Fault::new(FaultCode::NotAnObject, at, kind.found()));
        }
        scanner.skip_space();
        let mut unknown_fields = 0;
        if !scanner.take(b'}') {
            unknown_fields = self.fields(&mut scanner)?;
        }
        scanner.skip_space();
        if scanner.peek().is_some() {
            return Err(Fault::new(
                FaultCode::TrailingData,
                scanner.at(),
                "more text behind the object",
            ));
        }
        for column in &mut self.columns {
            if column.len() == self.rows {
                column.push_missing(scanner.at(), &mut self.scratch)?;
            }
        }
        Ok(unknown_fields)
    }

    /// Reads the fields up to the closing brace.
    fn fields(&mut self, scanner: &mut Scanner<'_>) -> Result<u64, Fault> {
        let mut unknown_fields = 0;
        // Producers mostly write fields in the schema's order, so the next column is looked at first.
        let mut next = 0;
        loop {
            let at = scanner.at();
            let key = scanner.text(&mut self.key)?;
            let place = match self.columns.get(next) {
                Some(column) if column.name() == key => Some(next),
                _ => self.by_name.get(key).copied(),
            };
            scanner.skip_space();
            scanner.expect(b':', "no colon after a name")?;
            scanner.skip_space();
            if let Some(place) = place {
                let column = &mut self.columns[place];
                if column.len() > self.rows {
                    let fault = Fault::new(FaultCode::DuplicateKey, at, "it stands twice");
                    return Err(fault.of_column(column.name()));
                }
                column.push(scanner, &mut self.scratch)?;
                next = place + 1;
            } else {
                unknown_fields += 1;
                scanner.skip_value(&mut self.scratch)?;
            }
            scanner.skip_space();
            if scanner.take(b'}') {
                return Ok(unknown_fields);
            }
            scanner.expect(b',', "neither a comma nor an end")?;
            scanner.skip_space();
        }
    }
}
