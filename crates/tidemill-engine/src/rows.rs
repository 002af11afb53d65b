//! Rows in memory: an answer, or a table that a caller brings along.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;

use crate::EngineError;

/// Batches of one schema.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The columns.
    pub schema: SchemaRef,
    /// The batches, in order; empty ones may be among them.
    pub batches: Vec<RecordBatch>,
}

impl Rows {
    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// All rows as one batch.
    pub fn concat(&self) -> Result<RecordBatch, EngineError> {
        concat_batches(&self.schema, &self.batches).map_err(|error| EngineError::Internal {
            message: error.to_string(),
        })
    }
}

impl From<RecordBatch> for Rows {
    fn from(batch: RecordBatch) -> Rows {
        Rows {
            schema: batch.schema(),
            batches: vec![batch],
        }
    }
}
