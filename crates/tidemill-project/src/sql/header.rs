//! The `-- key: value` lines at the top of a SQL file.

use std::path::Path;
use std::str::FromStr;

use crate::fault::{Fault, and, did_you_mean};

/// What a SQL file is, by its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    View,
    Check,
    Evaluation,
    Monitor,
    Trigger,
}

/// The keys of each kind: the first one names the statement; those behind the bar may be left out.
const HEADER_KEYS: [(Kind, &[&str], &[&str]); 5] = [
    (
        Kind::View,
        &["feature view", "entity", "key", "event time", "lookback"],
        &["known"],
    ),
    (Kind::Check, &["check", "kind", "on"], &["severity", "mostly", "nulls"]),
    (Kind::Evaluation, &["evaluation"], &[]),
    (
        Kind::Monitor,
        &["monitor", "kind", "model"],
        &["every", "window", "delay", "measure", "warn", "drift", "min rows"],
    ),
    (
        Kind::Trigger,
        &["trigger", "kind", "model"],
        &["schedule", "zone", "clock", "cooldown", "min rows", "quota"],
    ),
];

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 5] = [Kind::View, Kind::Check, Kind::Evaluation, Kind::Monitor, Kind::Trigger];

    /// The folder below `sql/`.
    pub fn folder(self) -> &'static str {
        match self {
            Kind::View => "features",
            Kind::Check => "checks",
            Kind::Evaluation => "evaluation",
            Kind::Monitor => "monitors",
            Kind::Trigger => "triggers",
        }
    }

    /// The key that names the statement, which is also what people call it.
    pub fn noun(self) -> &'static str {
        self.required()[0]
    }

    /// Keys that the header must have.
    pub fn required(self) -> &'static [&'static str] {
        HEADER_KEYS[self as usize].1
    }

    /// Keys that it may have.
    pub fn optional(self) -> &'static [&'static str] {
        HEADER_KEYS[self as usize].2
    }
}

/// A header, its keys known, none twice, none missing.
#[derive(Debug)]
pub(crate) struct Header<'a> {
    file: &'a Path,
    entries: Vec<Entry<'a>>,
    /// How many lines it has.
    pub lines: usize,
}

#[derive(Debug, Clone, Copy)]
struct Entry<'a> {
    key: &'a str,
    value: &'a str,
    line: usize,
}

impl<'a> Header<'a> {
    /// Reads the header at the top of `text`; every fault is pushed. None where there is no header at all.
    pub fn read(text: &'a str, file: &'a Path, kind: Kind, faults: &mut Vec<Fault>) -> Option<Header<'a>> {
        let lines = text.lines().zip(1..);
        let entries = lines.map_while(|(text, line)| {
            let (key, value) = entry(text)?;
            Some(Entry { key, value, line })
        });
        let entries: Vec<Entry<'a>> = entries.collect();
        if entries.is_empty() {
            let wanted: Vec<String> = kind.required().iter().map(|key| format!("`-- {key}: …`")).collect();
            let fault = Fault::new(format!("`{}` has no header", file.display()))
                .with_hint(format!("begin it with {}", wanted.join(", ")))
                .at_line(file, 1);
            faults.push(fault);
            return None;
        }
        let header = Header {
            file,
            lines: entries.len(),
            entries,
        };
        header.check_keys(kind, faults);
        Some(header)
    }

    fn check_keys(&self, kind: Kind, faults: &mut Vec<Fault>) {
        let known = || kind.required().iter().chain(kind.optional()).copied();
        for (i, entry) in self.entries.iter().enumerate() {
            if !known().any(|key| key == entry.key) {
                let fault = Fault::new(format!("a {} has no header `{}`", kind.noun(), entry.key))
                    .with_hint(unknown_key_hint(entry.key, kind))
                    .at_line(self.file, entry.line);
                faults.push(fault);
            } else if self.entries[..i].iter().any(|earlier| earlier.key == entry.key) {
                let fault = Fault::new(format!("header `{}` stands twice", entry.key));
                faults.push(fault.at_line(self.file, entry.line));
            }
        }
        for key in kind.required() {
            if !self.entries.iter().any(|entry| entry.key == *key) {
                let fault = Fault::new(format!("`{}` has no header `{key}`", self.file.display()))
                    .with_hint(format!("add the line `-- {key}: …`"))
                    .at_line(self.file, 1);
                faults.push(fault);
            }
        }
    }

    fn entry(&self, key: &str) -> Option<Entry<'a>> {
        self.entries.iter().find(|entry| entry.key == key).copied()
    }

    /// Whether a key is there.
    pub fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// The line of a key, or the first one where it is absent.
    pub fn line(&self, key: &str) -> usize {
        self.entry(key).map_or(1, |entry| entry.line)
    }

    /// The value of a key as `T`. None where it is absent or wrong; the latter is pushed.
    pub fn value<T: FromStr<Err: std::fmt::Display>>(&self, key: &str, faults: &mut Vec<Fault>) -> Option<T> {
        let entry = self.entry(key)?;
        self.parse(entry, entry.value, faults)
    }

    /// The values of a key that takes several with commas between.
    pub fn values<T: FromStr<Err: std::fmt::Display>>(&self, key: &str, faults: &mut Vec<Fault>) -> Option<Vec<T>> {
        let entry = self.entry(key)?;
        let parts = entry.value.split(',').map(str::trim);
        let parsed: Vec<Option<T>> = parts.map(|part| self.parse(entry, part, faults)).collect();
        parsed.into_iter().collect()
    }

    /// The value of a key out of a list of words.
    pub fn word<T: Copy>(&self, key: &str, words: &[(&str, T)], faults: &mut Vec<Fault>) -> Option<T> {
        let entry = self.entry(key)?;
        let found = words.iter().find(|(word, _)| *word == entry.value);
        if found.is_none() {
            let fault = Fault::new(format!("header `{key}` cannot be `{}`", entry.value))
                .with_hint(did_you_mean(entry.value, words.iter().map(|(word, _)| *word)))
                .at_line(self.file, entry.line);
            faults.push(fault);
        }
        found.map(|(_, value)| *value)
    }

    fn parse<T: FromStr<Err: std::fmt::Display>>(
        &self,
        entry: Entry<'_>,
        text: &str,
        faults: &mut Vec<Fault>,
    ) -> Option<T> {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                let fault = Fault::new(format!("header `{}`: {error}", entry.key));
                faults.push(fault.at_line(self.file, entry.line));
                None
            }
        }
    }
}

/// `-- key: value` with a key of lower-case words; a sentence with a colon in it is not one.
fn entry(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.strip_prefix("--")?.split_once(':')?;
    let (key, value) = (key.trim(), value.trim());
    let is_key = key.starts_with(|c: char| c.is_ascii_lowercase())
        && key
            .bytes()
            .all(|b| b.is_ascii_lowercase() || matches!(b, b' ' | b'_' | b'-'));
    // Header keys have at most two words; longer ones are prose.
    (is_key && key.split(' ').count() <= 2 && !value.is_empty()).then_some((key, value))
}

fn unknown_key_hint(key: &str, kind: Kind) -> String {
    let elsewhere = HEADER_KEYS
        .iter()
        .find(|(other, required, optional)| *other != kind && (required.contains(&key) || optional.contains(&key)));
    if let Some((other, ..)) = elsewhere {
        return format!("`{key}` belongs to files in sql/{}", other.folder());
    }
    let known = kind.required().iter().chain(kind.optional()).copied();
    and(&did_you_mean(key, known), "an empty line ends the header")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_documents_table_holds_every_key() {
        let page = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sql-files.md"));
        let page = std::fs::read_to_string(page).unwrap();
        let listed = |keys: &[&str]| keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        for (kind, required, optional) in HEADER_KEYS {
            let optional = format!("{} |", listed(optional));
            let row = format!(
                "| `sql/{}` | {} | {} | {}",
                kind.folder(),
                kind.noun(),
                listed(required),
                optional.trim_start()
            );
            assert!(page.contains(&row), "docs/sql-files.md lacks the row\n{row}");
        }
    }

    #[test]
    fn a_sentence_with_a_colon_is_no_header() {
        for (line, expected) in [
            ("-- check: x", Some(("check", "x"))),
            ("--event time:AT", Some(("event time", "AT"))),
            ("-- Note: x", None),
            ("-- there is one thing: x", None),
            ("-- check:", None),
            ("check: x", None),
            ("", None),
        ] {
            assert_eq!(entry(line), expected, "{line}");
        }
    }
}
