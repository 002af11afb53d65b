//! What is typed at the prompt: statements that end with `;`, and commands that begin with `\`.
//!
//! Invariant: nothing here reads or prints.

use tidemill_types::{ErrorCode, Problem};

use crate::cli::args::SqlFormat;

/// What there is to do after Enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Nothing was typed.
    Nothing,
    /// Statements in order, without their `;`.
    Statements(Vec<String>),
    /// A command of the prompt itself.
    Command(Command),
    /// The statement goes on in the next line.
    Unfinished,
}

/// A command of the prompt itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `\d`: the tables.
    Tables,
    /// `\d TABLE`: its columns.
    Columns(String),
    /// `\x`: a row over several lines, or no longer; with `on` or `off` what it says.
    Expanded(Option<bool>),
    /// `\timing`: how long an answer took.
    Timing(Option<bool>),
    /// `\format`: how rows are printed; without one, which it is.
    Format(Option<SqlFormat>),
    /// `\?`
    Help,
    /// `\q`
    Quit,
}

/// The commands with what they do, as `\?` and completion show them.
pub const COMMANDS: [(&str, &str, &str); 7] = [
    (r"\d", "[TABLE]", "the tables, or a table's columns"),
    (r"\x", "[on|off]", "one column per line"),
    (r"\timing", "[on|off]", "how long an answer took"),
    (r"\format", "[table|csv|json|ndjson]", "how rows are printed"),
    (r"\?", "", "this"),
    (r"\q", "", "the end, as Ctrl-D"),
    ("Ctrl-C", "", "drops the line, or stops the query that runs"),
];

/// The formats that a prompt prints, by name.
pub const FORMATS: [(&str, SqlFormat); 4] = [
    ("table", SqlFormat::Table),
    ("csv", SqlFormat::Csv),
    ("json", SqlFormat::Json),
    ("ndjson", SqlFormat::Ndjson),
];

/// Reads what was typed so far. Errors on a command that there is not.
pub fn read(typed: &str) -> Result<Entry, Problem> {
    let trimmed = typed.trim();
    match trimmed {
        "" => return Ok(Entry::Nothing),
        "quit" | "exit" => return Ok(Entry::Command(Command::Quit)),
        "help" => return Ok(Entry::Command(Command::Help)),
        _ => (),
    }
    if let Some(command) = trimmed.strip_prefix('\\') {
        return read_command(command).map(Entry::Command);
    }
    let Split { whole, rest } = split(typed);
    Ok(if !rest.is_empty() {
        Entry::Unfinished
    } else if whole.is_empty() {
        Entry::Nothing
    } else {
        Entry::Statements(whole)
    })
}

fn read_command(text: &str) -> Result<Command, Problem> {
    let text = text.trim_end_matches(';');
    let (name, argument) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let argument = argument.trim();
    let wrong = |what: String, hint: String| Problem::new(ErrorCode::InvalidInput, what).with_hint(hint);
    let switch = |command: fn(Option<bool>) -> Command| match argument {
        "" => Ok(command(None)),
        "on" => Ok(command(Some(true))),
        "off" => Ok(command(Some(false))),
        other => Err(wrong(
            format!("`\\{name} {other}` is no switch"),
            format!("\\{name} on, or \\{name} off"),
        )),
    };
    match name {
        "d" if argument.is_empty() => Ok(Command::Tables),
        "d" => Ok(Command::Columns(argument.trim_matches('"').to_owned())),
        "x" => switch(Command::Expanded),
        "timing" => switch(Command::Timing),
        "format" if argument.is_empty() => Ok(Command::Format(None)),
        "format" => match FORMATS.iter().find(|(known, _)| *known == argument) {
            Some((_, format)) => Ok(Command::Format(Some(*format))),
            None => Err(wrong(
                format!("rows are not printed as `{argument}` here"),
                FORMATS.map(|(name, _)| name).join(", "),
            )),
        },
        "?" | "h" | "help" => Ok(Command::Help),
        "q" | "quit" => Ok(Command::Quit),
        _ => Err(wrong(
            format!("there is no `\\{name}`"),
            "\\? lists what there is".to_owned(),
        )),
    }
}

/// Typed text cut at its `;`.
#[derive(Debug, PartialEq, Eq)]
pub struct Split {
    /// Statements that end, without their `;`; empty ones are left out.
    pub whole: Vec<String>,
    /// What stands behind the last `;`, without comments alone.
    pub rest: String,
}

/// Where in SQL a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Among words.
    Open,
    /// In a text between `'`.
    Text,
    /// In a name between `"`.
    Name,
    /// In a comment up to the end of the line.
    LineComment,
    /// In a comment up to `*/`, so many deep.
    BlockComment(usize),
}

/// Cuts at every `;` that stands in no text, name or comment.
pub fn split(typed: &str) -> Split {
    let mut whole = Vec::new();
    let mut start = 0;
    let mut says_something = false;
    for (at, character, place) in places(typed) {
        if place != Place::Open {
            says_something |= matches!(place, Place::Text | Place::Name);
        } else if character == ';' {
            if says_something {
                whole.push(typed[start..at].trim().to_owned());
            }
            (start, says_something) = (at + 1, false);
        } else {
            says_something |= !character.is_whitespace();
        }
    }
    // An open comment waits for its end; one that is over and says nothing else is dropped.
    let unfinished = says_something || matches!(place_at_end(typed), Place::BlockComment(_));
    let rest = if unfinished { typed[start..].trim() } else { "" };
    Split {
        whole,
        rest: rest.to_owned(),
    }
}

/// Where the end of the text is.
pub fn place_at_end(typed: &str) -> Place {
    let mut scan = Scan::default();
    let mut characters = typed.chars().peekable();
    while let Some(character) = characters.next() {
        scan.take(character, characters.peek().copied());
    }
    scan.place
}

/// Every character with its position and where it stands. The signs that open and close belong to what they enclose.
pub fn places(typed: &str) -> impl Iterator<Item = (usize, char, Place)> + '_ {
    let mut scan = Scan::default();
    let mut characters = typed.char_indices().peekable();
    std::iter::from_fn(move || {
        let (at, character) = characters.next()?;
        let before = scan.place;
        scan.take(character, characters.peek().map(|(_, next)| *next));
        // Of the signs that open, the first is inside as well.
        let place = if before == Place::Open { scan.place } else { before };
        Some((at, character, place))
    })
}

#[derive(Debug)]
struct Scan {
    place: Place,
    /// The second sign of a pair, which was looked at with the first.
    skip: bool,
}

impl Default for Scan {
    fn default() -> Scan {
        Scan {
            place: Place::Open,
            skip: false,
        }
    }
}

impl Scan {
    fn take(&mut self, character: char, next: Option<char>) {
        if std::mem::take(&mut self.skip) {
            return;
        }
        let pair = (character, next.unwrap_or(' '));
        let (place, skip) = match (self.place, pair) {
            (Place::Open, ('\'', _)) => (Place::Text, false),
            (Place::Open, ('"', _)) => (Place::Name, false),
            (Place::Open, ('-', '-')) => (Place::LineComment, true),
            (Place::Open, ('/', '*')) => (Place::BlockComment(1), true),
            // A doubled quote stays inside by ending and beginning again.
            (Place::Text, ('\'', _)) | (Place::Name, ('"', _)) | (Place::LineComment, ('\n', _)) => {
                (Place::Open, false)
            }
            (Place::BlockComment(deep), ('/', '*')) => (Place::BlockComment(deep + 1), true),
            (Place::BlockComment(1), ('*', '/')) => (Place::Open, true),
            (Place::BlockComment(deep), ('*', '/')) => (Place::BlockComment(deep - 1), true),
            (place, _) => (place, false),
        };
        (self.place, self.skip) = (place, skip);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_read() {
        let check = |typed: &str, expected: &str| {
            let found = match read(typed) {
                Ok(Entry::Nothing) => "nothing".to_owned(),
                Ok(Entry::Unfinished) => "goes on".to_owned(),
                Ok(Entry::Statements(statements)) => statements.join(" | "),
                Ok(Entry::Command(command)) => format!("{command:?}"),
                Err(problem) => format!("{} ({})", problem.message, problem.hint.unwrap_or_default()),
            };
            assert_eq!(found, expected, "{typed:?}");
        };
        check("", "nothing");
        check(" \n ", "nothing");
        check(";;", "nothing");
        check("-- a note", "nothing");
        check("select 1", "goes on");
        check("select 1;", "select 1");
        check("select 1 ; \n", "select 1");
        check("select 1; select 2;", "select 1 | select 2");
        check("select 1; select 2", "goes on");
        check("select ';", "goes on");
        check("select ';';", "select ';'");
        check("select 'it''s;';", "select 'it''s;'");
        check("select \";\" from t;", "select \";\" from t");
        check("select 1 -- one; two", "goes on");
        check("select 1 -- one; two\n;", "select 1 -- one; two");
        check("select 1; -- that was it", "select 1");
        check("/* not; yet", "goes on");
        check("/* a /* b; */ c; */ select 1;", "/* a /* b; */ c; */ select 1");
        check("select 2 - - 1, 4 / 2;", "select 2 - - 1, 4 / 2");
        check("select 'ä;ö';", "select 'ä;ö'");
        check("\\d", "Tables");
        check("\\d transactions", "Columns(\"transactions\")");
        check("\\d \"transactions\";", "Columns(\"transactions\")");
        check("\\x", "Expanded(None)");
        check("\\x on", "Expanded(Some(true))");
        check("\\x of", "`\\x of` is no switch (\\x on, or \\x off)");
        check("\\timing off", "Timing(Some(false))");
        check("\\format", "Format(None)");
        check("\\format csv", "Format(Some(Csv))");
        check(
            "\\format arrow",
            "rows are not printed as `arrow` here (table, csv, json, ndjson)",
        );
        check("\\?", "Help");
        check("help", "Help");
        check("\\q", "Quit");
        check(" exit ", "Quit");
        check("\\dt", "there is no `\\dt` (\\? lists what there is)");
    }
}
