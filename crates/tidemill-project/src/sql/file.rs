//! One SQL file: what all kinds share.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::header::{Header, Kind};
use super::statement::{StatementFault, single_statement};
use crate::fault::Fault;

/// Largest SQL file that is read, in bytes.
pub(crate) const SQL_BYTES_MAX: usize = 1 << 20;

/// A SQL file with a name, a description and one statement.
#[derive(Debug)]
pub(crate) struct SqlFile {
    /// Relative to the project.
    pub file: PathBuf,
    /// The file's name without its ending, which is the statement's name.
    pub stem: String,
    /// The whole text with unix line ends.
    pub text: String,
    pub kind: Kind,
}

/// What the body of a file gives.
pub(crate) struct Body {
    pub sql: String,
    pub description: Option<String>,
    pub sha256: String,
}

impl SqlFile {
    pub fn new(kind: Kind, file: &Path, text: &str) -> SqlFile {
        SqlFile {
            file: file.to_owned(),
            stem: file
                .file_stem()
                .map(|stem| stem.to_string_lossy().into_owned())
                .unwrap_or_default(),
            text: text.replace("\r\n", "\n"),
            kind,
        }
    }

    /// The header, held against the file's name.
    pub fn header(&self, faults: &mut Vec<Fault>) -> Option<Header<'_>> {
        let header = Header::read(&self.text, &self.file, self.kind, faults)?;
        let noun = self.kind.noun();
        if let Some(name) = header.value::<String>(noun, faults)
            && name != self.stem
        {
            let fault = Fault::new(format!("{noun} `{name}` stands in a file of another name"))
                .with_hint(format!("name the file `{name}.sql`, or the {noun} `{}`", self.stem))
                .at_line(&self.file, header.line(noun));
            faults.push(fault);
        }
        Some(header)
    }

    /// The statement, its description and its hash.
    pub fn body(&self, header_lines: usize, faults: &mut Vec<Fault>) -> Option<Body> {
        let sql = match single_statement(&self.text) {
            Ok(sql) => sql,
            Err(fault) => {
                let (problem, at) = match fault {
                    StatementFault::Empty => ("has no statement", self.text.len()),
                    StatementFault::Several(at) => ("has more than one statement", at),
                    StatementFault::Unclosed(at) => ("has a quote or comment that is not closed", at),
                };
                let line = self.text[..at].matches('\n').count() + 1;
                let fault = Fault::new(format!("`{}` {problem}", self.file.display()));
                faults.push(fault.at_line(&self.file, line.min(self.text.lines().count().max(1))));
                return None;
            }
        };
        let sha256 = hex::encode(Sha256::digest(self.text.as_bytes()));
        Some(Body {
            description: description(&self.text, header_lines),
            sql,
            sha256,
        })
    }
}

/// The comment right below the header, its lines joined; an empty comment line or empty line between is allowed.
fn description(text: &str, header_lines: usize) -> Option<String> {
    let below = text.lines().skip(header_lines);
    let comment = below
        .skip_while(|line| matches!(line.trim(), "" | "--"))
        .map_while(|line| line.trim().strip_prefix("--"))
        .map(str::trim)
        .take_while(|line| !line.is_empty());
    let joined = comment.collect::<Vec<_>>().join(" ");
    (!joined.is_empty()).then_some(joined)
}
