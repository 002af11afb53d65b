//! A session of the house itself: bounded in what it sees, not in how long it takes.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::dataframe::DataFrame;
use tidemill_types::TableName;

use crate::engine::Shared;
use crate::explain::explain;
use crate::resolver::Resolver;
use crate::{BatchStream, EngineError, Rows};

/// One snapshot of the tables, bounded by a [`crate::Scope`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ScopedSession {
    pub(crate) shared: Arc<Shared>,
    pub(crate) resolver: Arc<Resolver>,
}

impl ScopedSession {
    /// Runs one reading statement; the batches come as they are made.
    pub async fn stream(&self, sql: &str) -> Result<BatchStream, EngineError> {
        let resolver = Arc::clone(&self.resolver);
        let text = sql.to_owned();
        let work = async move {
            let (state, plan) = resolver.plan(&text, &[]).await?;
            let frame = DataFrame::new(state, plan);
            frame.execute_stream().await.map_err(|error| explain(error, &text))
        };
        let batches = self.shared.workers.run(work).await?;
        self.shared.workers.pipe(batches)
    }

    /// Runs one reading statement to its end.
    pub async fn query(&self, sql: &str) -> Result<Rows, EngineError> {
        self.stream(sql).await?.collect_rows().await
    }

    /// The columns that a statement answers with. Plans it to the end, runs nothing.
    pub async fn plan(&self, sql: &str) -> Result<SchemaRef, EngineError> {
        let resolver = Arc::clone(&self.resolver);
        let text = sql.to_owned();
        let work = async move {
            let (state, plan) = resolver.plan(&text, &[]).await?;
            let schema = Arc::new(plan.schema().as_arrow().clone());
            // Types are only checked by the optimizer, and some frames of windows only by the physical planner.
            let physical = state.create_physical_plan(&plan).await;
            physical.map_err(|error| explain(error, &text))?;
            Ok(schema)
        };
        self.shared.workers.run(work).await
    }

    /// Opens the tables, so that they count as read and keep their version from now on. Those that are no tables of the lake
    /// are passed over.
    pub async fn open(&self, tables: &[TableName]) -> Result<(), EngineError> {
        let resolver = Arc::clone(&self.resolver);
        let tables = tables.to_vec();
        let work = async move {
            for table in &tables {
                resolver.open_now(table).await?;
            }
            Ok(())
        };
        self.shared.workers.run(work).await
    }

    /// The Delta versions of the tables that this session has read so far.
    pub async fn read_versions(&self) -> BTreeMap<TableName, i64> {
        self.resolver.versions().await
    }
}
