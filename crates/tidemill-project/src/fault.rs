//! What is wrong in a project: one message per fault, where it stands and what to do, all of them at once.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tidemill_types::{ErrorCode, Explain};

/// Where a value or a fault comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A line of a file of the project.
    File {
        /// The file, relative to the project.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// A flag of the command line.
    Flag {
        /// The dotted path of the setting that it sets.
        setting: String,
    },
}

impl Origin {
    /// A line of a file.
    pub fn line(file: impl Into<PathBuf>, line: usize) -> Origin {
        Origin::File {
            file: file.into(),
            line,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.pad("default"),
            Origin::File { file, line } => f.pad(&format!("{}:{line}", file.display())),
            Origin::Environment { variable } => f.pad(variable),
            Origin::Flag { setting } => f.pad(&format!("flag {setting}")),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Its kind.
    pub code: ErrorCode,
    /// What is wrong with what.
    pub message: String,
    /// What to do about it, where there is something to say.
    pub hint: Option<String>,
    /// Where it stands.
    pub origin: Option<Origin>,
}

impl Fault {
    /// A fault of the input without a place.
    pub(crate) fn new(message: impl Into<String>) -> Fault {
        Fault {
            code: ErrorCode::InvalidInput,
            message: message.into(),
            hint: None,
            origin: None,
        }
    }

    pub(crate) fn at(mut self, origin: Origin) -> Fault {
        self.origin = Some(origin);
        self
    }

    pub(crate) fn at_line(self, file: &Path, line: usize) -> Fault {
        self.at(Origin::line(file, line))
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Fault {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn with_code(mut self, code: ErrorCode) -> Fault {
        self.code = code;
        self
    }

    /// The hint and the place in one line, as `add a bound; see tidemill.toml:7`.
    pub fn advice(&self) -> Option<String> {
        let place = match &self.origin {
            Some(origin @ Origin::File { .. }) => Some(format!("see {origin}")),
            Some(Origin::Environment { variable }) if !self.message.contains(variable) => {
                Some(format!("set by {variable}"))
            }
            Some(Origin::Flag { setting }) => Some(format!("set by the flag for `{setting}`")),
            _ => None,
        };
        match (self.hint.clone(), place) {
            (Some(hint), Some(place)) => Some(and(&hint, &place)),
            (hint, place) => hint.or(place),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        if let Some(advice) = self.advice() {
            write!(f, "\nhint: {advice}")?;
        }
        Ok(())
    }
}

/// Why a project cannot be used: everything that is wrong with it, in the order of the files.
///
/// Prints a single fault as its message, and several as a list of `error: …` with `hint: …` below each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ProjectError {
    /// The project's folder.
    pub dir: PathBuf,
    /// At least one.
    pub faults: Vec<Fault>,
}

impl ProjectError {
    /// An error of one fault.
    pub(crate) fn one(dir: &Path, fault: Fault) -> ProjectError {
        ProjectError {
            dir: dir.to_owned(),
            faults: vec![fault],
        }
    }
}

impl fmt::Display for ProjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.faults.as_slice() {
            // The hint of a single fault is the error's own hint: see `Explain`.
            [fault] => f.write_str(&fault.message),
            faults => {
                write!(f, "{} faults in the project `{}`", faults.len(), self.dir.display())?;
                for fault in faults {
                    write!(f, "\n{fault}")?;
                }
                Ok(())
            }
        }
    }
}

impl Explain for ProjectError {
    fn code(&self) -> ErrorCode {
        self.faults.first().map_or(ErrorCode::Internal, |fault| fault.code)
    }

    fn hint(&self) -> Option<String> {
        match self.faults.as_slice() {
            [fault] => fault.advice(),
            _ => None,
        }
    }
}

/// Two hints in one line.
pub(crate) fn and(hint: &str, more: &str) -> String {
    let between = if hint.ends_with('?') { "" } else { ";" };
    format!("{hint}{between} {more}")
}

/// The candidate that was most likely meant by `word`, if any is near.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['-', ' '], "_");
    let word = plain(word);
    let edits_max = (word.len() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &plain(candidate)), candidate))
        .filter(|(edits, _)| *edits <= edits_max)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// A hint that names what was meant, or else everything that there is.
pub(crate) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(candidate) = nearest(word, candidates.clone()) {
        return format!("did you mean `{candidate}`?");
    }
    let all: Vec<String> = candidates.into_iter().map(|name| format!("`{name}`")).collect();
    if all.is_empty() {
        "there is none yet".to_owned()
    } else {
        format!("there is {}", all.join(", "))
    }
}
