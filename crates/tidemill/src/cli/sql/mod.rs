//! `tidemill sql`: one answer, or a prompt.

mod completion;
mod language;
mod prompt;

use std::io::{IsTerminal, Read};

use arrow::error::ArrowError;
use tidemill_api::{SqlAnswer, SqlRequest};
use tidemill_types::{ErrorCode, Problem};

use super::args::{SqlArgs, SqlFormat};
use super::context::Context;
use super::failure::{Failure, io, line, print_bytes};
use crate::render::{count, rows_as_blocks, rows_as_table, write_csv, write_ipc, write_json, write_ndjson};

/// Longest query that is read from standard input, in bytes.
const QUERY_BYTES_MAX: u64 = 1 << 20;

/// How an answer is shown.
#[derive(Debug, Clone, Copy)]
struct Showing {
    format: SqlFormat,
    /// The most rows that were asked for.
    rows: Option<usize>,
    /// A table has a line per column instead of one per row.
    expanded: bool,
    /// Whether a table says how long it took.
    timing: bool,
    /// Whether somebody sits before it: then an answer may be cut, and what follows it says so.
    at_prompt: bool,
}

pub async fn run(context: &Context, args: SqlArgs) -> Result<(), Failure> {
    let somebody_types = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let query = match args.query.as_deref() {
        None if somebody_types => return prompt::run(context, &args).await,
        Some("-") | None => read_query()?,
        Some(query) => query.to_owned(),
    };
    let request = SqlRequest {
        query,
        rows_max: args.rows,
        timeout: args.timeout,
    };
    let reached = context.reach("sql").await?;
    let answer = reached.operations().sql(request).await;
    reached.close().await?;
    let format = args.format.unwrap_or(if context.global.json {
        SqlFormat::Json
    } else {
        SqlFormat::Table
    });
    let showing = Showing {
        format,
        rows: args.rows,
        expanded: false,
        timing: true,
        at_prompt: false,
    };
    show(&answer?, showing)
}

/// Prints an answer. Data for machines is whole or an error: what a limit cut off must not pass for everything.
fn show(answer: &SqlAnswer, showing: Showing) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    let written = match showing.format {
        SqlFormat::Table => return show_table(answer, showing),
        SqlFormat::Csv => write_csv(&answer.schema, &answer.batches, &mut bytes),
        SqlFormat::Json | SqlFormat::Ndjson => {
            refuse_twins(answer)?;
            match showing.format {
                SqlFormat::Json => write_json(&answer.batches, &mut bytes),
                _ => write_ndjson(&answer.batches, &mut bytes),
            }
        }
        SqlFormat::Arrow => write_ipc(&answer.schema, &answer.batches, &mut bytes),
    };
    written.map_err(unprintable)?;
    print_bytes(&bytes)?;
    let as_asked = showing.rows == Some(answer.rows());
    if answer.truncated && showing.at_prompt {
        return line(summary(answer, showing));
    }
    if answer.truncated && !as_asked {
        let what = format!("a limit cut the answer after {} rows", count(answer.rows() as u64));
        return Err(Problem::new(ErrorCode::LimitReached, what)
            .with_hint("engine.query_rows and engine.query_bytes set it, where `tidemill up` runs: there")
            .into());
    }
    Ok(())
}

/// JSON objects hold a name once.
fn refuse_twins(answer: &SqlAnswer) -> Result<(), Problem> {
    let mut names: Vec<&String> = answer.schema.fields().iter().map(|field| field.name()).collect();
    names.sort();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(pair) => Err(Problem::new(
            ErrorCode::InvalidInput,
            format!("two columns are called `{}`, which JSON cannot hold", pair[0]),
        )
        .with_hint("name the columns that you want, or rename one with `as`")),
    }
}

fn show_table(answer: &SqlAnswer, showing: Showing) -> Result<(), Failure> {
    if showing.expanded {
        let blocks = rows_as_blocks(&answer.schema, &answer.batches).map_err(unprintable)?;
        print_bytes(blocks.as_bytes())?;
    } else {
        let table = rows_as_table(&answer.schema, &answer.batches).map_err(unprintable)?;
        let table = if showing.at_prompt {
            table.rest_shown_by("\\x")
        } else {
            table
        };
        line(table.to_string())?;
    }
    line(summary(answer, showing))
}

fn summary(answer: &SqlAnswer, showing: Showing) -> String {
    let rows = answer.rows() as u64;
    let unit = if rows == 1 { "row" } else { "rows" };
    let time = match showing.timing {
        true => format!(" in {:.2} s", answer.elapsed.as_secs_f64()),
        false => String::new(),
    };
    let more = match answer.truncated {
        true => ", cut off by a limit (--rows, engine.query_rows)",
        false => "",
    };
    format!("{} {unit}{time}{more}", count(rows))
}

fn read_query() -> Result<String, Failure> {
    let mut query = String::new();
    let stdin = std::io::stdin().lock();
    stdin
        .take(QUERY_BYTES_MAX)
        .read_to_string(&mut query)
        .map_err(|error| io("read the query", &error))?;
    if query.trim().is_empty() {
        return Err(Problem::new(ErrorCode::InvalidInput, "there is no query")
            .with_hint("tidemill sql \"show tables\", or pipe a file into it")
            .into());
    }
    Ok(query)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn unprintable(error: ArrowError) -> Problem {
    Problem::new(ErrorCode::Internal, format!("failed to print the answer: {error}"))
}
