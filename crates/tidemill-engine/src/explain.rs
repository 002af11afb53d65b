//! What DataFusion says, in the words of [`EngineError`]: with the place in the text and the nearest name that exists.

use arrow::error::ArrowError;
use datafusion::common::{Column, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;

use crate::{EngineError, Position};

/// Most columns that a hint lists.
const COLUMNS_LISTED_MAX: usize = 12;
/// Shortest beginning of a name that is taken for the name, in bytes.
const CUT_SHORT_BYTES_MIN: usize = 4;

/// The error in our words; `sql` is the text it is about, empty where no text is at hand.
pub(crate) fn explain(error: DataFusionError, sql: &str) -> EngineError {
    let diagnostic = error.diagnostic();
    let position = diagnostic.and_then(|diagnostic| diagnostic.span).map(|span| Position {
        line: span.start.line,
        column: span.start.column,
    });
    // Where DataFusion says what to do, it also says best what is wrong.
    let advice = diagnostic.and_then(|diagnostic| {
        let help = diagnostic.helps.first()?;
        Some((diagnostic.message.clone(), help.message.clone()))
    });
    match (unwrap(error, position, sql), advice) {
        (EngineError::Statement { position, .. }, Some((message, hint))) => EngineError::Statement {
            message,
            position,
            hint: Some(hint),
        },
        (explained, _) => explained,
    }
}

/// Goes down to the error that says what is wrong; the wrappers only say where in DataFusion it came up.
fn unwrap(error: DataFusionError, position: Option<Position>, sql: &str) -> EngineError {
    match error {
        DataFusionError::Context(_, source) | DataFusionError::Diagnostic(_, source) => unwrap(*source, position, sql),
        DataFusionError::Collection(errors) => match errors.into_iter().next() {
            Some(first) => explain(first, sql),
            None => internal("an empty list of errors"),
        },
        DataFusionError::Shared(shared) => match std::sync::Arc::try_unwrap(shared) {
            Ok(source) => unwrap(source, position, sql),
            Err(shared) => by_text(shared.find_root(), position, sql),
        },
        DataFusionError::External(source) => match source.downcast::<EngineError>() {
            Ok(ours) => *ours,
            Err(source) => match source.downcast::<DataFusionError>() {
                Ok(inner) => unwrap(*inner, position, sql),
                Err(other) => EngineError::Storage {
                    message: with_causes(other.as_ref()),
                },
            },
        },
        DataFusionError::ArrowError(source, _) => match *source {
            ArrowError::ExternalError(source) => match source.downcast::<DataFusionError>() {
                Ok(inner) => unwrap(*inner, position, sql),
                Err(other) => EngineError::Storage {
                    message: with_causes(other.as_ref()),
                },
            },
            ArrowError::IoError(message, _) => EngineError::Storage { message },
            other => EngineError::Data {
                message: arrow_message(&other),
            },
        },
        DataFusionError::SchemaError(schema_error, _) => match *schema_error {
            SchemaError::FieldNotFound { field, valid_fields } => unknown_column(&field, &valid_fields, position, sql),
            other => EngineError::Statement {
                message: first_lines(&other.to_string()),
                position,
                hint: Some("say which table is meant, as in `t.TX_AMOUNT`".to_owned()),
            },
        },
        other => by_text(&other, position, sql),
    }
}

fn by_text(error: &DataFusionError, position: Option<Position>, sql: &str) -> EngineError {
    match error {
        DataFusionError::SQL(parser_error, _) => parse_error(parser_error, position),
        DataFusionError::Plan(_) | DataFusionError::NotImplemented(_) | DataFusionError::Configuration(_) => {
            let message = first_lines(&error.strip_backtrace());
            let message = ["Error during planning: ", "This feature is not implemented: "]
                .iter()
                .find_map(|prefix| message.strip_prefix(prefix))
                .unwrap_or(&message)
                .to_owned();
            if let Some(table) = missing_table(&message) {
                let position = position.or_else(|| find_word(sql, &table));
                return EngineError::UnknownTable {
                    table,
                    position,
                    suggestion: None,
                };
            }
            let (message, hint) = match message
                .split_once(". Did you mean ")
                .or(message.split_once(".\nDid you mean "))
            {
                Some((before, near)) => (before.to_owned(), Some(format!("did you mean {near}"))),
                None => (message, None),
            };
            EngineError::Statement {
                message,
                position,
                hint,
            }
        }
        DataFusionError::ResourcesExhausted(message) => EngineError::Exhausted {
            message: first_lines(message),
        },
        DataFusionError::Execution(message) => EngineError::Data {
            message: first_lines(message),
        },
        DataFusionError::ArrowError(source, _) => EngineError::Data {
            message: arrow_message(source),
        },
        DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) | DataFusionError::ParquetError(_) => {
            EngineError::Storage {
                message: with_causes(error),
            }
        }
        DataFusionError::External(source) => match source.downcast_ref::<EngineError>() {
            Some(EngineError::Function {
                function,
                message,
                hint,
            }) => EngineError::Function {
                function: function.clone(),
                message: message.clone(),
                hint: hint.clone(),
            },
            // A shared error cannot be taken apart; its code is lost, its words are not.
            Some(ours) => EngineError::Data {
                message: ours.to_string(),
            },
            None => EngineError::Storage {
                message: with_causes(error),
            },
        },
        other => internal(&first_lines(&other.strip_backtrace())),
    }
}

fn internal(message: &str) -> EngineError {
    EngineError::Internal {
        message: message.to_owned(),
    }
}

fn unknown_column(field: &Column, valid_fields: &[Column], position: Option<Position>, sql: &str) -> EngineError {
    let name = field.name();
    let position = position.or_else(|| find_word(sql, name));
    let suggestion = nearest(name, valid_fields.iter().map(Column::name));
    let valid = valid_fields
        .iter()
        .take(COLUMNS_LISTED_MAX)
        .map(|column| column.name().to_owned());
    EngineError::UnknownColumn {
        column: match &field.relation {
            Some(relation) => format!("{}.{name}", relation.table()),
            None => name.to_owned(),
        },
        position,
        suggestion,
        valid: valid.collect(),
    }
}

/// The candidate that is nearest to what was written, if one is near enough to have been meant.
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let lower = written.to_lowercase();
    let distance = |candidate: &str| {
        let candidate = candidate.to_lowercase();
        // What was cut short was meant, however long the rest is.
        let cut_short = lower.len() >= CUT_SHORT_BYTES_MIN && candidate.starts_with(&lower) && candidate != lower;
        if cut_short {
            1
        } else {
            strsim::damerau_levenshtein(&lower, &candidate)
        }
    };
    candidates
        .into_iter()
        .map(|candidate| (distance(candidate), candidate.len().abs_diff(lower.len()), candidate))
        .filter(|(distance, _, candidate)| *distance * 2 < candidate.len().max(lower.len()))
        .min()
        .map(|(_, _, candidate)| candidate.to_owned())
}

/// `table 'tidemill.public.x' not found` names x.
fn missing_table(message: &str) -> Option<String> {
    let rest = message.strip_prefix("table '")?;
    let (table, _) = rest.split_once("' not found")?;
    Some(table.strip_prefix("tidemill.public.").unwrap_or(table).to_owned())
}

/// The parser writes the place behind its message: `… at Line: 1, Column: 8`.
fn parse_error(error: &ParserError, position: Option<Position>) -> EngineError {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.clone(),
        ParserError::RecursionLimitExceeded => "the statement is nested too deeply".to_owned(),
    };
    let (message, behind) = match text.rsplit_once(" at Line: ") {
        Some((message, place)) => (message.to_owned(), parse_place(place)),
        None => (text, None),
    };
    // The end has no place, so it is said in words.
    let ends_early = message.ends_with("found: EOF");
    EngineError::Statement {
        message: format!("not valid SQL: {message}"),
        position: position.or(behind),
        hint: ends_early.then(|| "the text ends too early".to_owned()),
    }
}

fn parse_place(place: &str) -> Option<Position> {
    let (line, column) = place.split_once(", Column: ")?;
    let digits: String = column.chars().take_while(char::is_ascii_digit).collect();
    Some(Position {
        line: line.parse().ok()?,
        column: digits.parse().ok()?,
    })
}

/// Where `word` stands in the text as a word of its own, outside of line comments.
fn find_word(sql: &str, word: &str) -> Option<Position> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    for (number, line) in sql.lines().enumerate() {
        let code = line.split("--").next().unwrap_or(line);
        for (start, found) in code.match_indices(word) {
            let before = code[..start].chars().next_back();
            let after = code[start + found.len()..].chars().next();
            if !before.is_some_and(is_part) && !after.is_some_and(is_part) {
                return Some(Position {
                    line: number as u64 + 1,
                    column: code[..start].chars().count() as u64 + 1,
                });
            }
        }
    }
    None
}

/// DataFusion appends lists of candidates, advice about its own settings and where to report its faults in further lines.
fn first_lines(message: &str) -> String {
    let end = [
        "\nValid fields",
        "\nColumn names are case sensitive",
        "\n\nbacktrace",
        "\n\tCandidate functions",
        ".\nThis issue was likely caused by a bug in DataFusion's code",
    ]
    .iter()
    .filter_map(|marker| message.find(marker))
    .min()
    .unwrap_or(message.len());
    let first = message[..end].trim_end();
    first.strip_prefix("Internal error: ").unwrap_or(first).to_owned()
}

fn arrow_message(error: &ArrowError) -> String {
    match error {
        ArrowError::DivideByZero => "division by zero".to_owned(),
        ArrowError::CastError(message) | ArrowError::ParseError(message) | ArrowError::ComputeError(message) => {
            message.clone()
        }
        other => other.to_string(),
    }
}

fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !message.contains(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        source = cause.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_outside_of_comments_and_longer_words() {
        let sql = "-- amount is\nselect amounts,\n  t.amount from t";
        assert_eq!(find_word(sql, "amount"), Some(Position { line: 3, column: 5 }));
        assert_eq!(find_word(sql, "missing"), None);
    }

    #[test]
    fn the_nearest_name_is_near_or_none() {
        for (written, expected) in [
            ("tx_amount", Some("TX_AMOUNT")),
            ("TX_AMUONT", Some("TX_AMOUNT")),
            ("CUSTOMER", Some("CUSTOMER_ID")),
            ("TX_DATE", Some("TX_DATETIME")),
            ("zebra", None),
        ] {
            let candidates = ["TX_AMOUNT", "CUSTOMER_ID", "TX_DATETIME", "_tm_late"];
            assert_eq!(nearest(written, candidates).as_deref(), expected, "{written}");
        }
    }

    #[test]
    fn faults_of_the_engine_are_one_line() {
        let fault = DataFusionError::Internal("Unsupported sort of a map".into());
        let EngineError::Internal { message } = explain(fault, "") else {
            panic!("another kind of error");
        };
        assert_eq!(message, "Unsupported sort of a map");
    }

    #[test]
    fn a_text_that_ends_too_early_is_said_so() {
        let error = ParserError::ParserError("Expected: an expression, found: EOF".into());
        let EngineError::Statement { position, hint, .. } = parse_error(&error, None) else {
            panic!("another kind of error");
        };
        assert_eq!((position, hint.as_deref()), (None, Some("the text ends too early")));
    }

    #[test]
    fn the_parsers_place_is_read() {
        let error = ParserError::ParserError("Expected: x, found: y at Line: 3, Column: 14".into());
        let EngineError::Statement { message, position, .. } = parse_error(&error, None) else {
            panic!("another kind of error");
        };
        assert_eq!(message, "not valid SQL: Expected: x, found: y");
        assert_eq!(position, Some(Position { line: 3, column: 14 }));
    }
}
