//! Rows in the order of their time: as they are where they are so already, else sorted in memory.

use std::sync::Arc;

use arrow::array::{RecordBatch, UInt64Array};
use arrow::compute::{concat_batches, take_record_batch};

use super::memory::MemoryRows;
use super::{Order, RowSource};
use crate::SourceError;
use crate::encode::times_of;
use tidemill_types::ColumnName;

/// Largest size in memory of rows that are sorted there.
const SORT_BYTES_MAX: usize = 4 << 30;

/// What a look at the time column found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct TimeSpan {
    pub rows: u64,
    pub first: Option<i64>,
    pub last: Option<i64>,
}

/// The rows of `source` in the order of the column at `time`, ties in the order of the source, and their span where it was
/// looked for. Errors where a row has no time.
pub(crate) fn in_time_order(
    source: Arc<dyn RowSource>,
    what: &str,
    time: usize,
    column: &ColumnName,
    unit_micros: i64,
) -> Result<(Arc<dyn RowSource>, Option<TimeSpan>), SourceError> {
    if source.order() == Order::ByTime {
        return Ok((source, None));
    }
    let mut span = TimeSpan::default();
    let mut sorted = true;
    for batch in source.open(&[time])? {
        let batch = batch?;
        let times = times_of(batch.column(0), column, unit_micros, span.rows)?;
        for time in times.values() {
            sorted &= span.last.is_none_or(|last| last <= *time);
            span.first = Some(span.first.map_or(*time, |first| first.min(*time)));
            span.last = Some(span.last.map_or(*time, |last| last.max(*time)));
        }
        span.rows += batch.num_rows() as u64;
    }
    if sorted {
        return Ok((source, Some(span)));
    }
    let all = read_all(source.as_ref(), what, column)?;
    let times = times_of(all.column(time), column, unit_micros, 0)?;
    let mut order: Vec<u64> = (0..all.num_rows() as u64).collect();
    order.sort_by_key(|row| times.value(*row as usize));
    let arrow = |source| SourceError::Arrow {
        what: format!("the rows of {what} in the order of `{column}`"),
        source,
    };
    let sorted = MemoryRows {
        all: take_record_batch(&all, &UInt64Array::from(order)).map_err(arrow)?,
        identity: source.identity()?,
    };
    Ok((Arc::new(sorted), Some(span)))
}

fn read_all(source: &dyn RowSource, what: &str, column: &ColumnName) -> Result<RecordBatch, SourceError> {
    let schema = source.schema();
    let every: Vec<usize> = (0..schema.fields().len()).collect();
    let (mut batches, mut bytes) = (Vec::new(), 0);
    for batch in source.open(&every)? {
        let batch = batch?;
        bytes += batch.get_array_memory_size();
        if bytes > SORT_BYTES_MAX {
            return Err(SourceError::TooLargeToSort {
                what: what.to_owned(),
                column: column.clone(),
                bytes,
            });
        }
        batches.push(batch);
    }
    concat_batches(&schema, &batches).map_err(|source| SourceError::Arrow {
        what: format!("the rows of {what}"),
        source,
    })
}
