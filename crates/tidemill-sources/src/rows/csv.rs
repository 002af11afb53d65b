//! CSV files with a header line. Types are taken from all of the file, so that a late exception is not a surprise.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::csv::ReaderBuilder;
use arrow::csv::reader::Format;
use arrow::datatypes::SchemaRef;

use super::file::{identity, malformed, open};
use super::{BATCH_ROWS, Batches, Order, RowSource};
use crate::SourceError;

const FORMAT: &str = "CSV";

#[derive(Debug)]
pub(super) struct CsvRows {
    path: PathBuf,
    schema: SchemaRef,
    rows: u64,
}

impl CsvRows {
    pub(super) fn open(path: &Path) -> Result<CsvRows, SourceError> {
        let file = std::io::BufReader::new(open(path)?);
        let inferred = Format::default().with_header(true).infer_schema(file, None);
        let (schema, rows) = inferred.map_err(|source| malformed(path, FORMAT, source))?;
        Ok(CsvRows {
            path: path.into(),
            schema: Arc::new(schema),
            rows: rows as u64,
        })
    }
}

impl RowSource for CsvRows {
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
        let reader = ReaderBuilder::new(Arc::clone(&self.schema))
            .with_header(true)
            .with_batch_size(BATCH_ROWS)
            .with_projection(columns.to_vec())
            .build(open(&path)?)
            .map_err(|source| malformed(&path, FORMAT, source))?;
        Ok(Box::new(reader.map(move |batch| {
            batch.map_err(|source| malformed(&path, FORMAT, source))
        })))
    }
}
