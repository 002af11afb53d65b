//! What a writer must know of a table before it writes: schema, properties, protocol, and whether it may write at all.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use deltalake::DeltaTable;
use deltalake::kernel::Metadata;
use deltalake::kernel::engine::arrow_conversion::TryIntoArrow;
use tidemill_types::TableName;

use crate::LakeError;

/// Delta drops `txn` actions of tables with this property when they are old, and fences with them.
const TXN_RETENTION: &str = "delta.setTransactionRetentionDuration";
/// The highest writer version whose duties tidemill fulfils (append-only tables and not-null columns).
const WRITER_VERSION_MAX: i32 = 2;
/// The writer version that names its features one by one.
const WRITER_VERSION_FEATURES: i32 = 7;
/// The features that ask nothing of a writer that appends checked rows.
const WRITER_FEATURES: [&str; 2] = ["appendOnly", "invariants"];

/// A table's shape at some version. Cheap to clone.
#[derive(Clone)]
pub(crate) struct TableShape {
    /// Opened at that version; the file writer takes it.
    pub(crate) table: DeltaTable,
    /// Columns in the table's order.
    pub(crate) schema: SchemaRef,
    /// As in the log.
    pub(crate) metadata: Metadata,
}

impl TableShape {
    /// The shape of an opened table, or why it must not be written.
    pub(crate) fn of(name: &TableName, table: DeltaTable) -> Result<TableShape, LakeError> {
        let unsupported = |reason: String| LakeError::Unsupported {
            table: name.clone(),
            reason,
        };
        let state = table.snapshot().map_err(LakeError::delta("read", name))?;
        let metadata = state.metadata().clone();
        let protocol = state.protocol();
        if metadata.configuration().contains_key(TXN_RETENTION) {
            return Err(unsupported(format!(
                "it sets {TXN_RETENTION}, which makes fences expire"
            )));
        }
        let version = protocol.min_writer_version();
        if version == WRITER_VERSION_FEATURES {
            for feature in protocol.writer_features().unwrap_or_default() {
                let feature = feature.to_string();
                if !WRITER_FEATURES.contains(&feature.as_str()) {
                    return Err(unsupported(format!("it uses the table feature `{feature}`")));
                }
            }
        } else if version > WRITER_VERSION_MAX {
            return Err(unsupported(format!("it asks for writer version {version}")));
        }
        let schema: Schema = metadata
            .parse_schema()
            .and_then(|schema| (&schema).try_into_arrow().map_err(Into::into))
            .map_err(|e| unsupported(format!("its schema cannot be read: {e}")))?;
        Ok(TableShape {
            schema: Arc::new(schema),
            metadata,
            table,
        })
    }
}
