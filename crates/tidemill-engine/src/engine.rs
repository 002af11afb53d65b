//! The engine: queries from outside under limits, sessions for the house, the list of tables.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::session_state::SessionState;
use futures::StreamExt;
use tidemill_lake::Lake;
use tidemill_registry::Registry;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::catalog::{Catalog, ColumnDescription, TableDescription, TableKind};
use crate::dead_letters::{DEAD_LETTERS, is_dead_letter_table};
use crate::functions::References;
use crate::house_tables::house_table;
use crate::lake_tables::LakeTables;
use crate::registry_tables::{is_registry_table, registry_table_comment};
use crate::resolver::Resolver;
use crate::session::template;
use crate::settings::QUERIES_IN_FLIGHT_MAX;
use crate::size::batch_bytes;
use crate::workers::Workers;
use crate::{EngineError, EngineSettings, QueryLimits, Scope, ScopedSession};

/// SQL over everything that the house knows. Cheap to clone; all clones share threads, memory and open tables.
#[derive(Debug, Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

/// What all sessions share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) workers: Workers,
    pub(crate) template: SessionState,
    pub(crate) lake_tables: LakeTables,
    pub(crate) registry: Option<Arc<Registry>>,
    pub(crate) catalog: Catalog,
    pub(crate) references: Arc<References>,
    settings: EngineSettings,
    turns: Semaphore,
}

/// The answer to a query from outside.
#[derive(Debug, Clone)]
pub struct QueryAnswer {
    /// The columns.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
    /// Whether a limit cut rows off.
    pub truncated: bool,
    /// From the call to the last row.
    pub elapsed: Duration,
}

impl QueryAnswer {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

impl Engine {
    /// Starts the engine's threads. Without a lake every stream's table is empty, without a registry its tables are.
    pub fn new(
        settings: EngineSettings,
        lake: impl Into<Option<Arc<Lake>>>,
        registry: impl Into<Option<Arc<Registry>>>,
        catalog: Catalog,
    ) -> Result<Engine, EngineError> {
        refuse_twins(&catalog)?;
        let references = Arc::new(References::default());
        let shared = Shared {
            workers: Workers::start(settings.threads)?,
            template: template(&settings, &references)?,
            lake_tables: LakeTables::new(lake.into()),
            registry: registry.into(),
            catalog,
            references,
            settings,
            turns: Semaphore::new(QUERIES_IN_FLIGHT_MAX),
        };
        Ok(Engine {
            shared: Arc::new(shared),
        })
    }

    /// The settings it was started with.
    pub fn settings(&self) -> &EngineSettings {
        &self.shared.settings
    }

    /// The streams and views it knows.
    pub fn catalog(&self) -> &Catalog {
        &self.shared.catalog
    }

    /// The references that `psi` and its like can name. Those of registered versions need not be put there: a query that
    /// names one reads it from the registry.
    pub fn references(&self) -> &References {
        &self.shared.references
    }

    /// Answers one reading statement from outside, over the newest rows, within `limits`.
    pub async fn query(&self, sql: &str, limits: QueryLimits) -> Result<QueryAnswer, EngineError> {
        let started = Instant::now();
        let answer = tokio::time::timeout(limits.timeout, self.answer(sql, limits)).await;
        let (schema, batches, truncated) = answer.map_err(|_| EngineError::TimedOut { limit: limits.timeout })??;
        Ok(QueryAnswer {
            schema,
            batches,
            truncated,
            elapsed: started.elapsed(),
        })
    }

    async fn answer(&self, sql: &str, limits: QueryLimits) -> Result<(SchemaRef, Vec<RecordBatch>, bool), EngineError> {
        let _turn = self.shared.turns.acquire().await.map_err(|_| EngineError::Stopped)?;
        let mut stream = self.scope(Scope::default()).await?.stream(sql).await?;
        let schema = stream.schema();
        let mut batches = Vec::new();
        let (mut rows, mut bytes) = (0, 0);
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            if batch.num_rows() == 0 {
                continue;
            }
            let size = batch_bytes(&batch).max(1);
            let fit_by_bytes = (limits.bytes - bytes).saturating_mul(batch.num_rows()) / size;
            let fit = batch.num_rows().min(limits.rows - rows).min(fit_by_bytes);
            if fit > 0 {
                batches.push(batch.slice(0, fit));
            }
            if fit < batch.num_rows() {
                return Ok((schema, batches, true));
            }
            rows += fit;
            bytes += size;
        }
        Ok((schema, batches, false))
    }

    /// The columns that a statement answers with. Plans it to the end, runs nothing.
    pub async fn plan(&self, sql: &str) -> Result<SchemaRef, EngineError> {
        self.scope(Scope::default()).await?.plan(sql).await
    }

    /// A session for the house itself: bounded in what it sees, not in time or rows. It reads one snapshot of each table.
    pub async fn scope(&self, scope: Scope) -> Result<ScopedSession, EngineError> {
        let shared = Arc::clone(&self.shared);
        let resolver = self.shared.workers.run(Resolver::new(shared, scope)).await?;
        Ok(ScopedSession {
            shared: Arc::clone(&self.shared),
            resolver,
        })
    }

    /// Every table with its columns. A view that cannot be planned has none.
    pub async fn tables(&self) -> Result<Vec<TableDescription>, EngineError> {
        let session = self.scope(Scope::default()).await?;
        let mut tables = Vec::new();
        for name in session.resolver.names() {
            let columns = match session.plan(&format!("select * from {name}")).await {
                Ok(schema) => ColumnDescription::all(&schema),
                Err(EngineError::View { .. } | EngineError::ViewCycle { .. }) => Vec::new(),
                Err(error) => return Err(error),
            };
            let (kind, comment) = self.describe(&name);
            tables.push(TableDescription {
                name,
                kind,
                columns,
                comment,
            });
        }
        Ok(tables)
    }

    fn describe(&self, name: &str) -> (TableKind, String) {
        let catalog = &self.shared.catalog;
        if let Some(stream) = catalog.stream(name) {
            (TableKind::Stream, stream.comment.clone())
        } else if let Some(view) = catalog.view(name) {
            (TableKind::View, view.comment.clone())
        } else if name == DEAD_LETTERS {
            (
                TableKind::DeadLetters,
                "records that could not be decoded, of all streams".to_owned(),
            )
        } else if is_dead_letter_table(catalog, name) {
            (
                TableKind::DeadLetters,
                "records of one stream that could not be decoded".to_owned(),
            )
        } else if let Some(table) = house_table(name) {
            (TableKind::Monitoring, table.comment.to_owned())
        } else if is_registry_table(name) {
            (TableKind::Registry, registry_table_comment(name).to_owned())
        } else {
            (TableKind::Lake, String::new())
        }
    }
}

/// Every name stands for one table.
fn refuse_twins(catalog: &Catalog) -> Result<(), EngineError> {
    let streams = catalog.streams.iter().map(|stream| &stream.name);
    let views = catalog.views.iter().map(|view| &view.name);
    let mut seen: Vec<&str> = vec![DEAD_LETTERS];
    for name in streams.chain(views).map(AsRef::as_ref) {
        if seen.contains(&name) || is_registry_table(name) || house_table(name).is_some() {
            return Err(EngineError::DuplicateTable(name.to_owned()));
        }
        seen.push(name);
    }
    Ok(())
}
