//! Rows to Parquet files: encoded off the async runtime, with statistics, not yet in any commit.

use arrow::array::RecordBatch;
use deltalake::kernel::Add;
use deltalake::writer::{DeltaWriter, RecordBatchWriter};
use tidemill_types::TableName;

use crate::LakeError;
use crate::background::Background;
use crate::encoding::properties_for;
use crate::schema::conform;
use crate::shape::TableShape;

/// Writes the rows as new files of the table. A crash after it leaves files that no version names; vacuum takes them.
pub(crate) async fn write_files(
    background: &Background,
    name: &TableName,
    shape: &TableShape,
    batches: Vec<RecordBatch>,
) -> Result<Vec<Add>, LakeError> {
    let has_rows = batches.iter().any(|batch| batch.num_rows() > 0);
    if !has_rows {
        return Ok(Vec::new());
    }
    let table_name = name.clone();
    let shape = shape.clone();
    let encode = async move {
        let failed = |source| LakeError::delta("write files of", &table_name)(source);
        let mut writer = RecordBatchWriter::for_table(&shape.table)
            .map_err(failed)?
            .with_writer_properties(properties_for(&batches));
        for batch in batches.iter().filter(|batch| batch.num_rows() > 0) {
            let batch = conform(batch, &shape.schema).map_err(|reason| LakeError::Schema {
                table: table_name.clone(),
                reason,
            })?;
            writer.write(batch).await.map_err(failed)?;
        }
        writer.flush().await.map_err(failed)
    };
    let written = background.encode(encode).await;
    written.map_err(|source| LakeError::CutOff {
        table: name.clone(),
        source,
    })?
}
