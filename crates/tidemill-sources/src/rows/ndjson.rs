//! Newline-delimited JSON: an object a line. Types are taken from all of the file.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use arrow::json::ReaderBuilder;
use arrow::json::reader::infer_json_schema;
use indexmap::IndexMap;
use serde::de::IgnoredAny;

use super::file::{identity, malformed, open};
use super::{BATCH_ROWS, Batches, Order, RowSource};
use crate::SourceError;

const FORMAT: &str = "newline-delimited JSON";

#[derive(Debug)]
pub(super) struct NdJsonRows {
    path: PathBuf,
    schema: SchemaRef,
    rows: u64,
}

impl NdJsonRows {
    pub(super) fn open(path: &Path) -> Result<NdJsonRows, SourceError> {
        let inferred = infer_json_schema(BufReader::new(open(path)?), None);
        let (schema, rows) = inferred.map_err(|source| malformed(path, FORMAT, source))?;
        let mut first = Vec::new();
        let read = BufReader::new(open(path)?).read_until(b'\n', &mut first);
        read.map_err(|source| malformed(path, FORMAT, source))?;
        Ok(NdJsonRows {
            path: path.into(),
            schema: Arc::new(in_order_of(&first, &schema)),
            rows: rows as u64,
        })
    }
}

/// The columns in the order in which they stand in a first object, then the others: inferring sorts them by name.
pub(crate) fn in_order_of(first: &[u8], schema: &Schema) -> Schema {
    let names: IndexMap<String, IgnoredAny> = serde_json::from_slice(first).unwrap_or_default();
    let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
    fields.sort_by_key(|field| names.get_index_of(field.name()).unwrap_or(names.len()));
    Schema::new(fields)
}

impl RowSource for NdJsonRows {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn rows(&self) -> Option<u64> {
        Some(self.rows)
    }

    fn order(&self) -> Order {
        Order::Unknown
    }

    fn identity(&self) -> Result<String, SourceError> {
        identity(&self.path)
    }

    fn open(&self, columns: &[usize]) -> Result<Batches, SourceError> {
        let path = self.path.clone();
        let wanted = self
            .schema
            .project(columns)
            .map_err(|source| malformed(&path, FORMAT, source))?;
        let reader = ReaderBuilder::new(Arc::new(wanted))
            .with_batch_size(BATCH_ROWS)
            .build(BufReader::new(open(&path)?))
            .map_err(|source| malformed(&path, FORMAT, source))?;
        Ok(Box::new(reader.map(move |batch| {
            batch.map_err(|source| malformed(&path, FORMAT, source))
        })))
    }
}
