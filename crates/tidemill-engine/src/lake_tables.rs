//! The lake as the resolver sees it: names, and tables at a version.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use tidemill_lake::{Lake, LakeError};
use tidemill_types::TableName;

use crate::EngineError;

/// The lake, if there is one.
#[derive(Debug)]
pub(crate) struct LakeTables {
    lake: Option<Arc<Lake>>,
}

impl LakeTables {
    pub(crate) fn new(lake: Option<Arc<Lake>>) -> LakeTables {
        LakeTables { lake }
    }

    /// The tables that exist, sorted.
    pub(crate) async fn names(&self) -> Result<Vec<TableName>, EngineError> {
        match &self.lake {
            Some(lake) => lake
                .tables()
                .await
                .map_err(|source| EngineError::LakeList(Box::new(source))),
            None => Ok(Vec::new()),
        }
    }

    /// A table at `version`, else at the newest, with the version that it is; none where there is no such table.
    pub(crate) async fn open(
        &self,
        name: &TableName,
        version: Option<i64>,
    ) -> Result<Option<(i64, Arc<dyn TableProvider>)>, EngineError> {
        let failed = |source: LakeError| EngineError::Lake {
            table: name.clone(),
            source: Box::new(source),
        };
        let Some(lake) = &self.lake else {
            return Ok(None);
        };
        let Some(table) = lake.table(name).await.map_err(failed)? else {
            return Ok(None);
        };
        let snapshot = table.snapshot(version).await.map_err(failed)?;
        Ok(Some((snapshot.version, snapshot.provider)))
    }
}
