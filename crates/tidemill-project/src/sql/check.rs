//! `sql/checks/*.sql`.

use std::path::PathBuf;

use tidemill_types::{CheckKind, CheckName, Severity, TableName};

use super::SqlFile;
use crate::fault::Fault;

/// A check: what must hold for the rows of a stream or view.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Its name.
    pub name: CheckName,
    /// Whether it is a boolean expression per row or a query for the rows that break it.
    pub kind: CheckKind,
    /// The stream or feature view that it looks at.
    pub on: TableName,
    /// What breaking it does.
    pub severity: Severity,
    /// The share of the rows of `on` that must hold, in (0, 1]; absent, all.
    pub mostly: Option<f64>,
    /// For row checks: whether a row for which the expression is null holds.
    pub nulls_pass: bool,
    /// What it is, in words: the comment below the header.
    pub description: Option<String>,
    /// The expression or query, without semicolon, its lines numbered as in the file (the header is in it, as comments, and a
    /// line break at its end): place it on lines of its own.
    pub sql: String,
    /// The file, relative to the project.
    pub file: PathBuf,
    /// Lines of the header.
    pub header_lines: usize,
    /// SHA-256 of the file's text, in hexadecimal.
    pub sha256: String,
    /// The line of the header that says what it is on.
    pub(crate) on_line: usize,
}

const KINDS: [(&str, CheckKind); 2] = [("row", CheckKind::Row), ("query", CheckKind::Query)];
const SEVERITIES: [(&str, Severity); 3] = [
    ("warn", Severity::Warn),
    ("quarantine", Severity::Quarantine),
    ("fail", Severity::Fail),
];
const NULLS: [(&str, bool); 2] = [("break", false), ("pass", true)];

impl Check {
    /// Reads a file; every fault is pushed, and where there is one that matters there is no check.
    pub(crate) fn read(file: &SqlFile, faults: &mut Vec<Fault>) -> Option<Check> {
        let header = file.header(faults);
        let body = file.body(header.as_ref().map_or(0, |header| header.lines), faults);
        let header = header?;
        let name = header.value("check", faults);
        let kind = header.word("kind", &KINDS, faults);
        let on = header.value("on", faults);
        let severity = header.word("severity", &SEVERITIES, faults);
        let mostly: Option<f64> = header.value("mostly", faults);
        let nulls_pass = header.word("nulls", &NULLS, faults);
        let mut refuse = |key: &str, message: &str, hint: &str| {
            let fault = Fault::new(format!("check `{}`: {message}", file.stem)).with_hint(hint);
            faults.push(fault.at_line(&file.file, header.line(key)));
        };
        if mostly.is_some_and(|share| !(share > 0.0 && share <= 1.0)) {
            refuse(
                "mostly",
                "`mostly` is a share of rows",
                "write a number above 0 and up to 1, as 0.99",
            );
        }
        if kind == Some(CheckKind::Query) {
            if nulls_pass.is_some() {
                refuse("nulls", "`nulls` is for row checks", "say it in the query");
            }
            if severity == Some(Severity::Quarantine) {
                refuse("severity", "only row checks can quarantine rows", "write warn or fail");
            }
        }
        let body = body?;
        Some(Check {
            name: name?,
            kind: kind?,
            on: on?,
            severity: severity.unwrap_or(Severity::Fail),
            mostly,
            nulls_pass: nulls_pass.unwrap_or(false),
            description: body.description,
            sql: body.sql,
            file: file.file.clone(),
            header_lines: header.lines,
            sha256: body.sha256,
            on_line: header.line("on"),
        })
    }
}
