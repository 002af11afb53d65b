//! `sql/features/*.sql`.

use std::path::PathBuf;

use tidemill_types::{ColumnName, DurationText, EntityName, ViewName};

use super::SqlFile;
use crate::fault::Fault;

/// A feature view: one query that gives features for the rows of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureView {
    /// Its name, and the name of its table.
    pub name: ViewName,
    /// What the features describe.
    pub entity: EntityName,
    /// The columns of its output that identify a row: those by which it is joined.
    pub key: Vec<ColumnName>,
    /// The column of its output that says when the row happened.
    pub event_time: ColumnName,
    /// How far back it reads: rows before `from - lookback` change nothing from `from` on.
    pub lookback: DurationText,
    /// The promise that a row depends only on what was known when it happened: whatever becomes known later, it stays the same.
    pub known_by_event: bool,
    /// What it is, in words: the comment below the header.
    pub description: Option<String>,
    /// The statement, without semicolon, its lines numbered as in the file (the header is in it, as comments).
    pub sql: String,
    /// The file, relative to the project.
    pub file: PathBuf,
    /// Lines of the header.
    pub header_lines: usize,
    /// SHA-256 of the file's text, in hexadecimal.
    pub sha256: String,
    /// The line of the header that names the key.
    pub(crate) key_line: usize,
}

/// What the header `known` can say, and whether it is the promise; without it a row may change with what becomes known later.
const KNOWN: [(&str, bool); 1] = [("by the event", true)];

impl FeatureView {
    /// Reads a file; every fault is pushed, and where there is one that matters there is no view.
    pub(crate) fn read(file: &SqlFile, faults: &mut Vec<Fault>) -> Option<FeatureView> {
        let header = file.header(faults);
        let body = file.body(header.as_ref().map_or(0, |header| header.lines), faults);
        let header = header?;
        let name = header.value("feature view", faults);
        let entity = header.value("entity", faults);
        let key = header.values("key", faults);
        let event_time = header.value("event time", faults);
        let lookback = header.value("lookback", faults);
        let known_by_event = header.word("known", &KNOWN, faults).unwrap_or(false);
        let body = body?;
        Some(FeatureView {
            name: name?,
            entity: entity?,
            key: key?,
            event_time: event_time?,
            lookback: lookback?,
            known_by_event,
            description: body.description,
            sql: body.sql,
            file: file.file.clone(),
            header_lines: header.lines,
            sha256: body.sha256,
            key_line: header.line("key"),
        })
    }
}
