//! One JSON object into the columns.

use std::collections::HashMap;

use super::column::Column;
use super::fault::{Fault, FaultCode};
use super::scan::Scanner;

/// Reads messages that are JSON objects.
pub(crate) struct JsonReader {
    by_name: HashMap<String, usize>,
    key: String,
}

impl JsonReader {
    pub(crate) fn new(columns: &[Column]) -> JsonReader {
        let names = columns.iter().enumerate();
        JsonReader {
            by_name: names.map(|(place, column)| (column.name().to_owned(), place)).collect(),
            key: String::new(),
        }
    }

    /// Reads one object into the columns; returns how many fields were passed over.
    pub(crate) fn row(
        &mut self,
        message: &[u8],
        columns: &mut [Column],
        rows: usize,
        scratch: &mut String,
    ) -> Result<u64, Fault> {
        let text = std::str::from_utf8(message);
        let text = text.map_err(|e| Fault::new(FaultCode::NotUtf8, e.valid_up_to(), "bytes that are not UTF-8"))?;
        let mut scanner = Scanner::new(text);
        scanner.skip_space();
        if scanner.peek().is_none() {
            return Err(Fault::new(FaultCode::Empty, scanner.at(), "nothing"));
        }
        if !scanner.take(b'{') {
            let (at, kind) = (scanner.at(), scanner.kind()?);
            scanner.skip_value(scratch)?;
            return Err(Fault::new(FaultCode::NotAnObject, at, kind.found()));
        }
        scanner.skip_space();
        let mut unknown_fields = 0;
        if !scanner.take(b'}') {
            unknown_fields = self.fields(&mut scanner, columns, rows, scratch)?;
        }
        scanner.skip_space();
        if scanner.peek().is_some() {
            return Err(Fault::new(
                FaultCode::TrailingData,
                scanner.at(),
                "more text behind the object",
            ));
        }
        for column in columns {
            if column.len() == rows {
                column.push_missing(scanner.at(), scratch)?;
            }
        }
        Ok(unknown_fields)
    }

    /// Reads the fields up to the closing brace.
    fn fields(
        &mut self,
        scanner: &mut Scanner<'_>,
        columns: &mut [Column],
        rows: usize,
        scratch: &mut String,
    ) -> Result<u64, Fault> {
        let mut unknown_fields = 0;
        // Producers mostly write fields in the schema's order, so the next column is looked at first.
        let mut next = 0;
        loop {
            let at = scanner.at();
            let as_key = columns.get(next).and_then(Column::as_key);
            let place = if as_key.is_some_and(|key| scanner.take_all(key)) {
                Some(next)
            } else {
                let key = scanner.text(&mut self.key)?;
                let place = self.by_name.get(key).copied();
                scanner.skip_space();
                scanner.expect(b':', "no colon after a name")?;
                place
            };
            scanner.skip_space();
            if let Some(place) = place {
                let column = &mut columns[place];
                if column.len() > rows {
                    let fault = Fault::new(FaultCode::DuplicateKey, at, "it stands twice");
                    return Err(fault.of_column(column.name()));
                }
                column.push(scanner, scratch)?;
                next = place + 1;
            } else {
                unknown_fields += 1;
                scanner.skip_value(scratch)?;
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
