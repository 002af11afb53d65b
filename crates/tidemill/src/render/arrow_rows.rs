//! Rows of a query's answer, in every form that `tidemill sql` prints.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::csv::WriterBuilder;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use arrow::json::LineDelimitedWriter;
use arrow::json::WriterBuilder as JsonWriterBuilder;
use arrow::json::writer::JsonArray;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::Table;

/// How instants are printed: as RFC 3339, without a fraction that is zero.
const TIME_FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.fZ";
/// Longest cell of a printed table, in characters; `--json` and the other formats cut nothing.
const CELL_CHARS_MAX: usize = 80;

/// The rows as a table. Nulls are empty; floats have at most six digits after the point.
pub fn rows_as_table(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Table, ArrowError> {
    let mut table = Table::new(schema.fields().iter().map(|field| field.name()));
    for_each_row(batches, |cells| table.row(cells.map(cut)))?;
    Ok(table)
}

/// The rows one after the other, a line per column: nothing is cut off or left out.
pub fn rows_as_blocks(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<String, ArrowError> {
    let names: Vec<&String> = schema.fields().iter().map(|field| field.name()).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let (mut text, mut number) = (String::new(), 0);
    for_each_row(batches, |cells| {
        number += 1;
        let head = format!("─ row {number} ");
        let rule = width.max(head.chars().count()) + 3;
        text.push_str(&format!("{head:─<rule$}\n"));
        for (name, cell) in names.iter().zip(cells) {
            text.push_str(format!(" {name:<width$}   {cell}").trim_end());
            text.push('\n');
        }
    })?;
    Ok(text)
}

/// Gives every row to `take`, a text per column.
fn for_each_row(
    batches: &[RecordBatch],
    mut take: impl FnMut(&mut dyn Iterator<Item = String>),
) -> Result<(), ArrowError> {
    let options = FormatOptions::default()
        .with_timestamp_tz_format(Some(TIME_FORMAT))
        .with_null("");
    for batch in batches {
        let columns = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
            .collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let mut cells = columns.iter().zip(batch.schema_ref().fields()).map(|(column, field)| {
                let text = column.value(row).to_string();
                match field.data_type() {
                    DataType::Float64 | DataType::Float32 => short(&text),
                    _ => text,
                }
            });
            take(&mut cells);
        }
    }
    Ok(())
}

/// A float without the digits that say nothing to a reader.
fn short(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && text.len() > 10 && value.abs() >= 1e-3 && value.abs() < 1e9 => {
            let rounded = format!("{value:.6}");
            rounded.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => text.to_owned(),
    }
}

fn cut(text: String) -> String {
    if text.chars().count() <= CELL_CHARS_MAX {
        return text;
    }
    let mut short: String = text.chars().take(CELL_CHARS_MAX - 1).collect();
    short.push('…');
    short
}

/// As CSV with a header.
pub fn write_csv(schema: &SchemaRef, batches: &[RecordBatch], out: impl Write) -> Result<(), ArrowError> {
    let mut writer = WriterBuilder::new().with_header(true).build(out);
    // An empty batch first: an answer without rows still has its header.
    writer.write(&RecordBatch::new_empty(schema.clone()))?;
    batches.iter().try_for_each(|batch| writer.write(batch))
}

/// As one JSON array of objects, nulls included.
pub fn write_json(batches: &[RecordBatch], mut out: impl Write) -> Result<(), ArrowError> {
    let mut writer = JsonWriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, JsonArray>(&mut out);
    batches.iter().try_for_each(|batch| writer.write(batch))?;
    writer.finish()?;
    drop(writer);
    out.write_all(b"\n")?;
    Ok(())
}

/// As one JSON object per line, nulls included.
pub fn write_ndjson(batches: &[RecordBatch], out: impl Write) -> Result<(), ArrowError> {
    let mut writer = LineDelimitedWriter::new(out);
    batches.iter().try_for_each(|batch| writer.write(batch))?;
    writer.finish()
}

/// As an Arrow IPC stream.
pub fn write_ipc(schema: &SchemaRef, batches: &[RecordBatch], out: impl Write) -> Result<(), ArrowError> {
    let mut writer = StreamWriter::try_new(out, schema)?;
    batches.iter().try_for_each(|batch| writer.write(batch))?;
    writer.finish()
}
