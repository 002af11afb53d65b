//! Query checks: a query that returns the rows that break it.

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::Int64Type;
use futures::StreamExt;
use tidemill_engine::{EngineError, ScopedSession};
use tidemill_project::Check;

use crate::run::refused;
use crate::sample::{SAMPLE_ROWS_MAX, sample_rows};
use crate::{CheckOutcome, MonitorError};

/// Runs the query once: counts what it returns and keeps the first rows.
pub(crate) async fn run_query_check(session: &ScopedSession, check: &Check) -> Result<CheckOutcome, MonitorError> {
    let rows = table_rows(session, check)
        .await
        .map_err(|error| refused(check, error))?;
    let (broken, sample) = returned(session, check).await.map_err(|error| refused(check, error))?;
    Ok(CheckOutcome::of(
        check,
        rows,
        broken,
        sample_rows(&check.name, &sample)?,
    ))
}

async fn table_rows(session: &ScopedSession, check: &Check) -> Result<u64, EngineError> {
    let sql = format!("select count(*) as all_rows from {}", check.on);
    let batch = session.query(&sql).await?.concat()?;
    Ok(batch.column(0).as_primitive::<Int64Type>().value(0).max(0) as u64)
}

async fn returned(session: &ScopedSession, check: &Check) -> Result<(u64, RecordBatch), EngineError> {
    let mut stream = session.stream(&check.sql).await?;
    let schema = stream.schema();
    let mut first = Vec::new();
    let mut rows = 0;
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let wanted = SAMPLE_ROWS_MAX.saturating_sub(rows).min(batch.num_rows());
        if wanted > 0 {
            first.push(batch.slice(0, wanted));
        }
        rows += batch.num_rows();
    }
    let sample = concat_batches(&schema, &first).map_err(|error| EngineError::Internal {
        message: error.to_string(),
    })?;
    Ok((rows as u64, sample))
}
