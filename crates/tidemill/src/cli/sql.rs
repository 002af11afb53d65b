//! `tidemill sql`.

use std::io::Read;

use arrow::error::ArrowError;
use tidemill_api::{SqlAnswer, SqlRequest};
use tidemill_types::{ErrorCode, Problem};

use super::args::{SqlArgs, SqlFormat};
use super::context::Context;
use super::failure::{Failure, io, line};
use crate::render::{count, rows_as_table, write_csv, write_ipc, write_json, write_ndjson};

/// Longest query that is read from standard input, in bytes.
const QUERY_BYTES_MAX: u64 = 1 << 20;

pub async fn run(context: &Context, args: SqlArgs) -> Result<(), Failure> {
    let query = match args.query.as_deref() {
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
    show(&answer?, format)
}

/// Prints an answer. What a limit cut off is told on standard error, so that data stays data.
fn show(answer: &SqlAnswer, format: SqlFormat) -> Result<(), Failure> {
    let out = std::io::BufWriter::new(std::io::stdout().lock());
    let written = match format {
        SqlFormat::Table => return show_table(answer),
        SqlFormat::Csv => write_csv(&answer.schema, &answer.batches, out),
        SqlFormat::Json => write_json(&answer.batches, out),
        SqlFormat::Ndjson => write_ndjson(&answer.batches, out),
        SqlFormat::Arrow => write_ipc(&answer.schema, &answer.batches, out),
    };
    match written {
        Err(ArrowError::IoError(_, error)) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
        written => written.map_err(unprintable)?,
    }
    if answer.truncated {
        eprintln!(
            "hint: the limit cut the answer after {} rows; --rows and engine.query_rows set it",
            answer.rows()
        );
    }
    Ok(())
}

fn show_table(answer: &SqlAnswer) -> Result<(), Failure> {
    let table = rows_as_table(&answer.schema, &answer.batches).map_err(unprintable)?;
    line(table.to_string())?;
    let rows = answer.rows() as u64;
    let more = if answer.truncated {
        ", cut off by the limit (--rows, engine.query_rows)"
    } else {
        ""
    };
    let unit = if rows == 1 { "row" } else { "rows" };
    line(format!(
        "{} {unit} in {:.2} s{more}",
        count(rows),
        answer.elapsed.as_secs_f64()
    ))
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
