//! Reading a table: one version, fixed, for as long as it is held.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use deltalake::{DeltaTable, DeltaTableError};
use tidemill_types::TableName;

use crate::LakeError;

/// Listings of a log until one without a gap.
const LISTINGS_MAX: u32 = 10;

/// Takes `table` to a version, or to the newest; loads it where it is not.
///
/// A folder that is listed while others commit can show a version and not the one before it, as entries come in no order; the library
/// takes that for a gap in the log. The version is there by then, so the folder is listed again.
pub(crate) async fn renew(table: &mut DeltaTable, version: Option<i64>) -> Result<(), DeltaTableError> {
    let version = version.map(|version| version.max(0) as u64);
    let mut listings = 1;
    loop {
        match table.update_incremental(version).await {
            Err(error) if listings < LISTINGS_MAX && is_gap(&error) => listings += 1,
            outcome => return outcome,
        }
    }
}

/// Errors of the library have no kind for it.
pub(crate) fn is_gap(error: &DeltaTableError) -> bool {
    error.to_string().contains("Expected contiguous commit files")
}

/// One version of a table for the query engine. It does not follow later commits: take a new one for those.
#[derive(Clone)]
pub struct LakeSnapshot {
    /// The Delta version.
    pub version: i64,
    /// The rows at that version; it skips files by their statistics.
    pub provider: Arc<dyn TableProvider>,
}

/// Sizes of a table at a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableStats {
    /// The Delta version.
    pub version: i64,
    /// Rows, by the files' statistics.
    pub rows: u64,
    /// Files.
    pub files: usize,
    /// Their size in bytes.
    pub bytes: u64,
}

/// Takes the provider of an opened table.
pub(crate) async fn snapshot_of(name: &TableName, table: &DeltaTable) -> Result<LakeSnapshot, LakeError> {
    let provider = table.table_provider().await;
    let provider = provider.map_err(|e| LakeError::Delta {
        action: "read",
        table: name.clone(),
        source: Box::new(e.into()),
    })?;
    Ok(LakeSnapshot {
        version: version_of(table),
        provider,
    })
}

/// Adds up the files of an opened table.
pub(crate) fn stats_of(name: &TableName, table: &DeltaTable) -> Result<TableStats, LakeError> {
    let state = table.snapshot().map_err(LakeError::delta("read", name))?;
    let mut stats = TableStats {
        version: version_of(table),
        rows: 0,
        files: 0,
        bytes: 0,
    };
    for file in state.log_data().iter() {
        stats.files += 1;
        stats.bytes += file.size().max(0) as u64;
        stats.rows += file.num_records().unwrap_or(0) as u64;
    }
    Ok(stats)
}

/// The version at which a table is opened.
pub(crate) fn version_of(table: &DeltaTable) -> i64 {
    table.version().map_or(-1, |version| version as i64)
}
