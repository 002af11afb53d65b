//! A look at data that is not a stream yet: its columns, and which of them may be key, event time, entity and label.
//!
//! What is said of distinct values and of order holds for the rows that were looked at; nulls are counted in all of them.

mod columns;
mod profile;
mod roles;
mod topic;

use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use tidemill_project::{ColumnProposal, StreamProposal, StreamSchema};
use tidemill_types::StreamName;

use crate::SourceError;
use crate::rows::{Batches, open_file};
use columns::Candidates;
use profile::Profile;

pub use profile::InferredColumn;
pub use topic::infer_topic;

/// Rows whose values are compared with each other, at most.
pub const SAMPLE_ROWS_MAX: u64 = 100_000;

/// What data looks like.
#[derive(Debug, Clone, PartialEq)]
pub struct Inferred {
    /// The stream that it could be.
    pub proposal: StreamProposal,
    /// What was seen of each of its columns.
    pub columns: Vec<InferredColumn>,
    /// Columns that may be what is predicted, the best first.
    pub labels: Vec<ColumnProposal>,
    /// Rows that were read.
    pub rows: u64,
    /// Rows whose values were compared.
    pub sampled: u64,
    /// What is not among the columns, and why.
    pub left_out: Vec<(String, String)>,
}

/// Reads a Parquet, CSV or newline-delimited JSON file. Blocks for as long as that takes.
pub fn infer_file(path: &Path) -> Result<Inferred, SourceError> {
    let rows = open_file(path)?;
    let schema = rows.schema();
    let every: Vec<usize> = (0..schema.fields().len()).collect();
    let what = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    infer(&stem, &what, &schema, rows.open(&every)?)
}

fn infer(name: &str, what: &str, schema: &Schema, batches: Batches) -> Result<Inferred, SourceError> {
    let (sample, nulls, rows) = read(what, schema, batches)?;
    if rows == 0 {
        return Err(SourceError::Empty {
            what: format!("`{what}`"),
        });
    }
    let Candidates { found, left_out } = columns::candidates(&sample, &nulls);
    let mut profiles = Vec::with_capacity(found.len());
    for column in &found {
        profiles.push(Profile::of(sample.column(column.place), column)?);
    }
    let columns: Vec<InferredColumn> = profiles.into_iter().map(|profile| profile.column).collect();
    let sampled = sample.num_rows() as u64;
    let roles = roles::find(&columns, sampled);
    let proposal = StreamProposal {
        stream: stream_name(name),
        source: format!("{what}, {rows} rows"),
        schema: StreamSchema {
            name: stream_name(name).as_str().to_owned(),
            namespace: None,
            doc: Some(format!("Proposed from {what}.")),
            fields: columns.iter().map(|column| column.field.clone()).collect(),
        },
        key: roles.key,
        event_time: roles.event_time,
        entity: roles.entity,
    };
    Ok(Inferred {
        proposal,
        columns,
        labels: roles.label,
        rows,
        sampled,
        left_out,
    })
}

/// The first rows, the nulls of every column in all rows, and how many those are.
fn read(what: &str, schema: &Schema, batches: Batches) -> Result<(RecordBatch, Vec<u64>, u64), SourceError> {
    let (mut sample, mut nulls, mut rows) = (Vec::new(), vec![0; schema.fields().len()], 0);
    for batch in batches {
        let batch = batch?;
        let wanted = SAMPLE_ROWS_MAX.saturating_sub(rows).min(batch.num_rows() as u64) as usize;
        if wanted > 0 {
            sample.push(batch.slice(0, wanted));
        }
        for (nulls, column) in nulls.iter_mut().zip(batch.columns()) {
            *nulls += column.logical_null_count() as u64;
        }
        rows += batch.num_rows() as u64;
    }
    let schema = sample
        .first()
        .map_or_else(|| schema.clone().into(), RecordBatch::schema);
    let sample = arrow::compute::concat_batches(&schema, &sample).map_err(|source| SourceError::Arrow {
        what: format!("a sample of {what}"),
        source,
    })?;
    Ok((sample, nulls, rows))
}

/// A stream's name out of a file's or a topic's: lower case, everything else an underscore.
fn stream_name(text: &str) -> StreamName {
    let spelled: String = text
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .collect();
    let trimmed = spelled.trim_matches('_');
    let starts_well = trimmed.starts_with(|c: char| c.is_ascii_lowercase());
    let name: String = if starts_well {
        trimmed.to_owned()
    } else {
        format!("stream_{trimmed}")
    };
    let cut: String = name.trim_end_matches('_').chars().take(63).collect();
    StreamName::new(cut)
        .expect("a lower-case letter first, then lower-case letters, digits and underscores, at most 63")
}

#[cfg(test)]
mod tests;
