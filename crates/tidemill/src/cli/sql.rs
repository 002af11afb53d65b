//! `tidemill sql`.

use std::io::Read;

use arrow::error::ArrowError;
use tidemill_api::{SqlAnswer, SqlRequest};
use tidemill_types::{ErrorCode, Problem};

use super::args::{SqlArgs, SqlFormat};
use super::context::Context;
use super::failure::{Failure, io, line, print_bytes};
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
    show(&answer?, format, args.rows)
}

/// Prints an answer. Data for machines is whole or an error: what a limit cut off must not pass for everything.
fn show(answer: &SqlAnswer, format: SqlFormat, asked: Option<usize>) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    let written = match format {
        SqlFormat::Table => return show_table(answer),
        SqlFormat::Csv => write_csv(&answer.schema, &answer.batches, &mut bytes),
        SqlFormat::Json | SqlFormat::Ndjson => {
            refuse_twins(answer)?;
            match format {
                SqlFormat::Json => write_json(&answer.batches, &mut bytes),
                _ => write_ndjson(&answer.batches, &mut bytes),
            }
        }
        SqlFormat::Arrow => write_ipc(&answer.schema, &answer.batches, &mut bytes),
    };
    written.map_err(unprintable)?;
    print_bytes(&bytes)?;
    let as_asked = asked == Some(answer.rows());
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

fn show_table(answer: &SqlAnswer) -> Result<(), Failure> {
    let table = rows_as_table(&answer.schema, &answer.batches).map_err(unprintable)?;
    line(table.to_string())?;
    let rows = answer.rows() as u64;
    let more = if answer.truncated {
        ", cut off by a limit (--rows, engine.query_rows)"
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
