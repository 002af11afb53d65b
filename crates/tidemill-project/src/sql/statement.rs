//! The one statement of a SQL file, found without parsing SQL: only quotes and comments are known here.

/// Why a text is not one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatementFault {
    /// Nothing but comments.
    Empty,
    /// Something stands behind the semicolon, at this byte.
    Several(usize),
    /// A quote or comment that begins at this byte has no end.
    Unclosed(usize),
}

/// The text without the semicolon that may end it, with a line break at its end. Comments stay, so that lines keep their
/// numbers; put it on lines of its own when it is placed into another statement.
pub(crate) fn single_statement(text: &str) -> Result<String, StatementFault> {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut semicolon = None;
    let mut empty = true;
    while at < bytes.len() {
        let rest = &text[at..];
        if rest.starts_with("--") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if let Some(comment) = rest.strip_prefix("/*") {
            at += 2 + comment.find("*/").ok_or(StatementFault::Unclosed(at))? + 2;
        } else if bytes[at].is_ascii_whitespace() {
            at += 1;
        } else if semicolon.is_some() {
            return Err(StatementFault::Several(at));
        } else if bytes[at] == b';' {
            semicolon = Some(at);
            at += 1;
        } else {
            empty = false;
            at += match bytes[at] {
                // A doubled quote inside reads as an end and a new begin, which comes to the same.
                quote @ (b'\'' | b'"') => {
                    let end = rest[1..].find(char::from(quote)).ok_or(StatementFault::Unclosed(at))?;
                    end + 2
                }
                _ => rest.chars().next().map_or(1, char::len_utf8),
            };
        }
    }
    if empty {
        return Err(StatementFault::Empty);
    }
    let mut statement = text.to_owned();
    if let Some(at) = semicolon {
        statement.remove(at);
    }
    statement.truncate(statement.trim_end().len());
    statement.push('\n');
    Ok(statement)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_statement_is_found_through_quotes_and_comments() {
        for (text, outcome) in [
            ("select 1", Ok("select 1\n")),
            ("select 1;\n", Ok("select 1\n")),
            ("select ';' ; -- end;", Ok("select ';'  -- end;\n")),
            ("select \"a;b\" /* ; */", Ok("select \"a;b\" /* ; */\n")),
            ("select 'it''s; ok'", Ok("select 'it''s; ok'\n")),
            ("select 'ä' -- ü", Ok("select 'ä' -- ü\n")),
            ("-- nothing\n", Err(StatementFault::Empty)),
            (" ; ", Err(StatementFault::Empty)),
            ("select 1; select 2", Err(StatementFault::Several(10))),
            ("select 'x", Err(StatementFault::Unclosed(7))),
            ("/* x", Err(StatementFault::Unclosed(0))),
        ] {
            assert_eq!(single_statement(text), outcome.map(str::to_owned), "{text}");
        }
    }
}
