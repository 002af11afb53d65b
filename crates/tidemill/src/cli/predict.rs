//! `tidemill predict`.

use std::io::Read;

use serde_json::{Map, Value};
use tidemill_api::{Operations, SqlRequest};
use tidemill_serve::protocol::InferResponse;
use tidemill_types::{ErrorCode, Problem};

use super::args::PredictArgs;
use super::context::Context;
use super::failure::{Failure, io, json, line};
use crate::house::infer_request;
use crate::render::{Table, figure, write_ndjson};

/// Longest file of rows, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 20;

type Row = Map<String, Value>;

pub async fn run(context: &Context, args: PredictArgs) -> Result<(), Failure> {
    let reached = context.reach("predict").await?;
    let done = carry_out(context, args, reached.operations()).await;
    reached.close().await?;
    done
}

async fn carry_out(context: &Context, args: PredictArgs, house: &dyn Operations) -> Result<(), Failure> {
    let rows = match (&args.sql, &args.file) {
        (Some(query), _) => answer_rows(house, query).await?,
        (None, Some(file)) => parse_rows(&read(file)?)?,
        (None, None) => parse_rows(&args.row.join("\n"))?,
    };
    if rows.is_empty() {
        return Err(Problem::new(ErrorCode::InvalidInput, "there are no rows to score").into());
    }
    let features: Vec<String> = house
        .inference_metadata(&args.deployment, None)
        .await?
        .inputs
        .into_iter()
        .map(|input| input.name)
        .collect();
    let request = infer_request(&features, &rows)?;
    let answer = house.infer(&args.deployment, None, request).await?;
    show(context, &answer, &features, &rows)
}

fn show(context: &Context, answer: &InferResponse, features: &[String], rows: &[Row]) -> Result<(), Failure> {
    if context.global.json {
        return json(answer);
    }
    let Some(output) = answer.outputs.first() else {
        return line("the model has no output");
    };
    // What is no feature tells whose row it is; without such columns its number does.
    let beside: Vec<&String> = rows
        .first()
        .into_iter()
        .flat_map(Row::keys)
        .filter(|name| !features.contains(name))
        .collect();
    let heads = if beside.is_empty() {
        vec!["row"]
    } else {
        beside.iter().map(|name| name.as_str()).collect()
    };
    let mut table = Table::new(heads.into_iter().chain([output.name.as_str()]));
    for (position, (row, score)) in rows.iter().zip(&output.data).enumerate() {
        let mut cells: Vec<String> = match beside.is_empty() {
            true => vec![(position + 1).to_string()],
            false => beside
                .iter()
                .map(|name| row.get(*name).map(plain).unwrap_or_default())
                .collect(),
        };
        cells.push(figure(*score));
        table.row(cells);
    }
    line(table.to_string())?;
    line(format!("by `{}` v{}", answer.model_name, answer.model_version))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

async fn answer_rows(house: &dyn Operations, query: &str) -> Result<Vec<Row>, Failure> {
    let answer = house.sql(SqlRequest::new(query)).await?;
    let mut text = Vec::new();
    write_ndjson(&answer.batches, &mut text).map_err(|error| {
        Problem::new(
            ErrorCode::Internal,
            format!("failed to read the query's answer: {error}"),
        )
    })?;
    Ok(parse_rows(&String::from_utf8_lossy(&text))?)
}

/// One JSON array of objects, or one object per line.
fn parse_rows(text: &str) -> Result<Vec<Row>, Problem> {
    let invalid = |error: serde_json::Error| {
        Problem::new(
            ErrorCode::InvalidInput,
            format!("the rows are not JSON objects: {error}"),
        )
        .with_hint(r#"a JSON array, or one object per line: {"TX_AMOUNT": 57.2, …}"#)
    };
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).map_err(invalid);
    }
    serde_json::Deserializer::from_str(text)
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(invalid)
}

pub fn read(file: &std::path::Path) -> Result<String, Failure> {
    let mut text = String::new();
    let failed = |error: std::io::Error| io(&format!("read `{}`", file.display()), &error);
    if file == std::path::Path::new("-") {
        std::io::stdin()
            .lock()
            .take(FILE_BYTES_MAX)
            .read_to_string(&mut text)
            .map_err(failed)?;
    } else {
        let opened = std::fs::File::open(file).map_err(failed)?;
        opened.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    }
    Ok(text)
}
