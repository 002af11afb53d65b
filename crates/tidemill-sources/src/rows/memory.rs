//! Rows that were put into order in memory.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::{BATCH_ROWS, Batches, Order, RowSource};
use crate::SourceError;

/// One batch that holds everything.
#[derive(Debug)]
pub(super) struct MemoryRows {
    pub(super) all: RecordBatch,
    pub(super) identity: String,
}

impl RowSource for MemoryRows {
    fn schema(&self) -> SchemaRef {
        self.all.schema()
    }

    fn rows(&self) -> Option<u64> {
        Some(self.all.num_rows() as u64)
    }

    fn order(&self) -> Order {
        Order::ByTime
    }

    fn identity(&self) -> Result<String, SourceError> {
        Ok(self.identity.clone())
    }

    fn open(&self, columns: &[usize]) -> Result<Batches, SourceError> {
        let projected = self.all.project(columns).map_err(|source| SourceError::Arrow {
            what: "sorted rows".into(),
            source,
        })?;
        let starts = (0..projected.num_rows()).step_by(BATCH_ROWS);
        Ok(Box::new(starts.map(move |start| {
            let length = BATCH_ROWS.min(projected.num_rows() - start);
            Ok(projected.slice(start, length))
        })))
    }
}
