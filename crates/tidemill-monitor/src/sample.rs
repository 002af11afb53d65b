//! Rows that break a check, as values for a report.

use arrow::array::RecordBatch;
use arrow::json::WriterBuilder;
use arrow::json::writer::JsonArray;
use tidemill_types::CheckName;

use crate::MonitorError;

/// Most broken rows that a report shows of one check.
pub const SAMPLE_ROWS_MAX: usize = 10;

/// A row by column names; instants are RFC 3339, bytes are hexadecimal.
pub type SampleRow = serde_json::Map<String, serde_json::Value>;

/// The rows of a batch as JSON objects, nulls included.
pub(crate) fn sample_rows(check: &CheckName, batch: &RecordBatch) -> Result<Vec<SampleRow>, MonitorError> {
    let failed = |reason: String| MonitorError::Sample {
        check: check.clone(),
        reason,
    };
    if batch.num_rows() == 0 {
        return Ok(Vec::new());
    }
    let mut text = Vec::new();
    let mut writer = WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, JsonArray>(&mut text);
    writer.write(batch).map_err(|error| failed(error.to_string()))?;
    writer.finish().map_err(|error| failed(error.to_string()))?;
    drop(writer);
    serde_json::from_slice(&text).map_err(|error| failed(error.to_string()))
}
