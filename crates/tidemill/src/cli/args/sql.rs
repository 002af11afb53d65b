//! `tidemill sql`.

use clap::{Args, ValueEnum};

/// How `tidemill sql` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SqlFormat {
    /// A table that fits the terminal.
    Table,
    /// Comma-separated values with a header.
    Csv,
    /// One JSON array of objects.
    Json,
    /// One JSON object per line.
    Ndjson,
    /// An Arrow IPC stream.
    Arrow,
}

/// A query may begin with a comment. What has dashes and no blank is an option that does not exist.
fn query_text(text: &str) -> Result<String, String> {
    let is_option = text.len() > 1 && text.starts_with('-') && !text.contains(char::is_whitespace);
    if is_option {
        return Err(format!("there is no option `{text}`"));
    }
    Ok(text.to_owned())
}

/// `tidemill sql`.
#[derive(Debug, Args)]
pub struct SqlArgs {
    /// The query. `-` reads it from standard input; nothing too, unless that is a terminal: then there is a prompt.
    #[arg(allow_hyphen_values = true, value_parser = query_text)]
    pub query: Option<String>,
    /// How to print. Default: a table, or JSON with --json.
    #[arg(long, short, value_enum)]
    pub format: Option<SqlFormat>,
    /// Most rows to return, up to the setting engine.query_rows.
    #[arg(long)]
    pub rows: Option<usize>,
    /// Longest time to wait. Default: the setting engine.query_timeout.
    #[arg(long)]
    pub timeout: Option<tidemill_types::DurationText>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_may_begin_with_a_comment_and_an_option_is_none() {
        for text in ["select 1", "-", "-- all of it\nselect 1", "-- a b"] {
            assert_eq!(query_text(text).as_deref(), Ok(text));
        }
        assert_eq!(query_text("--jsn").unwrap_err(), "there is no option `--jsn`");
        assert_eq!(query_text("-x").unwrap_err(), "there is no option `-x`");
    }
}
