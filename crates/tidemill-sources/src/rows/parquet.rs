//! Parquet files.

use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use super::file::{identity, malformed, open};
use super::{BATCH_ROWS, Batches, Order, RowSource};
use crate::SourceError;

const FORMAT: &str = "Parquet";

/// A Parquet file, whose footer was read once.
#[derive(Debug)]
pub(super) struct ParquetRows {
    path: PathBuf,
    footer: ArrowReaderMetadata,
}

impl ParquetRows {
    pub(super) fn open(path: &Path) -> Result<ParquetRows, SourceError> {
        let file = open(path)?;
        let footer = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())
            .map_err(|source| malformed(path, FORMAT, source))?;
        Ok(ParquetRows {
            path: path.into(),
            footer,
        })
    }
}

impl RowSource for ParquetRows {
    fn schema(&self) -> SchemaRef {
        self.footer.schema().clone()
    }

    fn rows(&self) -> Option<u64> {
        u64::try_from(self.footer.metadata().file_metadata().num_rows()).ok()
    }

    fn order(&self) -> Order {
        Order::Unknown
    }

    fn identity(&self) -> Result<String, SourceError> {
        identity(&self.path)
    }

    fn open(&self, columns: &[usize]) -> Result<Batches, SourceError> {
        let path = self.path.clone();
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(open(&path)?, self.footer.clone());
        let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().copied());
        let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build();
        let reader = reader.map_err(|source| malformed(&path, FORMAT, source))?;
        // The reader gives columns in the order of the file; the places among them of those that were asked for.
        let mut ascending: Vec<usize> = columns.to_vec();
        ascending.sort_unstable();
        ascending.dedup();
        let places = columns
            .iter()
            .map(|column| ascending.binary_search(column).unwrap_or(0));
        let places: Vec<usize> = places.collect();
        Ok(Box::new(reader.map(move |batch| {
            let batch = batch.and_then(|batch| batch.project(&places));
            batch.map_err(|source| malformed(&path, FORMAT, source))
        })))
    }
}
