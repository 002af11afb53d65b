//! `sql/evaluation/*.sql`.

use std::path::PathBuf;

use super::SqlFile;
use crate::fault::Fault;

/// Which rows of an evaluation window count.
///
/// The query reads `evaluation_rows` (the scored rows: key, event time and entity columns, label, score), the streams, and the
/// parameters `$train_from`, `$train_to`, `$evaluate_from` and `$evaluate_to`. It gives the key columns of the rows that count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// Its name.
    pub name: String,
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
}

impl Evaluation {
    /// Reads a file; every fault is pushed, and where there is one that matters there is no evaluation.
    pub(crate) fn read(file: &SqlFile, faults: &mut Vec<Fault>) -> Option<Evaluation> {
        let header = file.header(faults);
        let body = file.body(header.as_ref().map_or(0, |header| header.lines), faults);
        let header = header?;
        let name = header.value("evaluation", faults);
        let body = body?;
        Some(Evaluation {
            name: name?,
            description: body.description,
            sql: body.sql,
            file: file.file.clone(),
            header_lines: header.lines,
            sha256: body.sha256,
        })
    }
}
