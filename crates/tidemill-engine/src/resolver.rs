//! From a name to a table, for one session: each table of the lake is opened once and stays at that version, so that a query
//! that names it twice sees one state of it.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemTable, MemoryCatalogProvider, MemoryCatalogProviderList, SchemaProvider,
    TableProvider,
};
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableType, lit};
use datafusion::prelude::{SQLOptions, ident};
use tidemill_types::{KafkaColumn, TableName};
use tokio::sync::Mutex;

use crate::catalog::{CATALOG, SCHEMA, View};
use crate::dead_letters::{DEAD_LETTERS, dead_letter_schema, dead_letter_table, is_dead_letter_table, union};
use crate::engine::Shared;
use crate::explain::{explain, nearest};
use crate::functions::references_named;
use crate::house_tables::{house_table, house_tables};
use crate::reference_loading::load_reference;
use crate::registry_tables::{registry_table, registry_table_names};
use crate::scope::time_scalar;
use crate::settings::{SQL_BYTES_MAX, VIEW_DEPTH_MAX};
use crate::statement::one_statement;
use crate::{EngineError, Scope};

/// The tables of one session.
pub(crate) struct Resolver {
    shared: Arc<Shared>,
    scope: Scope,
    /// Tables of the lake, as they were listed when the session began.
    lake_names: Vec<TableName>,
    opened: Mutex<HashMap<String, Opened>>,
}

#[derive(Clone)]
struct Opened {
    provider: Arc<dyn TableProvider>,
    /// The Delta version, where it is a table of the lake.
    version: Option<i64>,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl Resolver {
    /// A session's resolver. Lists the lake, opens nothing.
    pub(crate) async fn new(shared: Arc<Shared>, scope: Scope) -> Result<Arc<Resolver>, EngineError> {
        let lake_names = shared.lake_tables.names().await?;
        Ok(Arc::new(Resolver {
            shared,
            scope,
            lake_names,
            opened: Mutex::default(),
        }))
    }

    /// Every name that resolves, in a stable order: streams, views, dead letters, what monitors found, other tables of the lake, the registry's.
    pub(crate) fn names(&self) -> Vec<String> {
        let catalog = &self.shared.catalog;
        let mut names: Vec<String> = self.scope.tables.keys().map(ToString::to_string).collect();
        let mut add = |name: &str| {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        };
        for stream in &catalog.streams {
            add(stream.name.as_str());
        }
        for view in &catalog.views {
            add(view.name.as_str());
        }
        add(DEAD_LETTERS);
        for stream in &catalog.streams {
            add(&dead_letter_table(stream.name.as_str()));
        }
        for table in house_tables() {
            add(table.name);
        }
        for name in &self.lake_names {
            add(name.as_str());
        }
        for name in registry_table_names() {
            add(name);
        }
        names
    }

    /// The Delta versions that were read so far.
    pub(crate) async fn versions(&self) -> BTreeMap<TableName, i64> {
        let opened = self.opened.lock().await;
        let versions = opened.iter().filter_map(|(name, opened)| {
            let name = TableName::new(name.clone()).ok()?;
            Some((name, opened.version?))
        });
        versions.collect()
    }

    /// Plans one reading statement, parameters put in. `chain` holds the views that are being planned, outermost first.
    pub(crate) async fn plan(
        self: &Arc<Self>,
        sql: &str,
        chain: &[String],
    ) -> Result<(SessionState, LogicalPlan), EngineError> {
        if sql.len() > SQL_BYTES_MAX {
            return Err(EngineError::TooLong {
                found: sql.len(),
                limit: SQL_BYTES_MAX,
            });
        }
        let state = self.state(chain);
        let statement = one_statement(&state, sql)?;
        let planned = state.statement_to_plan(statement).await;
        let plan = planned.map_err(|error| self.suggest(explain(error, sql)))?;
        let read_only = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        read_only.verify_plan(&plan).map_err(|error| EngineError::Writes {
            what: error.strip_backtrace().replace("Error during planning: ", ""),
        })?;
        let plan = self.with_parameters(plan).map_err(|error| explain(error, sql))?;
        for reference in references_named(&plan).map_err(|error| explain(error, sql))? {
            load_reference(&self.shared.references, self.shared.registry.as_ref(), &reference).await?;
        }
        Ok((state, plan))
    }

    fn with_parameters(&self, plan: LogicalPlan) -> Result<LogicalPlan, DataFusionError> {
        if plan.get_parameter_names()?.is_empty() {
            return Ok(plan);
        }
        let values: HashMap<String, _> = self
            .scope
            .parameters
            .iter()
            .map(|(name, value)| (name.clone(), value.scalar()))
            .collect();
        plan.with_param_values(values)
    }

    fn suggest(&self, error: EngineError) -> EngineError {
        match error {
            EngineError::UnknownTable { table, position, .. } => {
                let names = self.names();
                let suggestion = nearest(&table, names.iter().map(String::as_str));
                EngineError::UnknownTable {
                    table,
                    position,
                    suggestion,
                }
            }
            other => other,
        }
    }

    fn state(self: &Arc<Self>, chain: &[String]) -> SessionState {
        let tables = PublicTables {
            resolver: Arc::clone(self),
            chain: chain.to_vec(),
        };
        let catalog = MemoryCatalogProvider::new();
        // Both registrations only fail for kinds of catalog that take none.
        let _ = catalog.register_schema(SCHEMA, Arc::new(tables));
        let catalogs = MemoryCatalogProviderList::new();
        catalogs.register_catalog(CATALOG.to_owned(), Arc::new(catalog));
        let mut state = self.shared.template.clone();
        state.register_catalog_list(Arc::new(catalogs));
        state.mark_start_execution();
        state
    }

    /// The table called `name`, none if there is none of that name.
    fn table<'a>(self: &'a Arc<Self>, name: &'a str, chain: &'a [String]) -> ProviderFuture<'a> {
        // Boxed, because views are planned by the same function that finds them.
        Box::pin(async move {
            if let Some(rows) = TableName::new(name).ok().and_then(|name| self.scope.tables.get(&name)) {
                let table = MemTable::try_new(rows.schema.clone(), vec![rows.batches.clone()])
                    .map_err(|error| explain(error, ""))?;
                return Ok(Some(Arc::new(table) as Arc<dyn TableProvider>));
            }
            if let Some(view) = self.shared.catalog.view(name) {
                return self.view(view, chain).await.map(Some);
            }
            if name == DEAD_LETTERS {
                return self.dead_letters().await.map(Some);
            }
            self.opened(name).await
        })
    }

    async fn view(self: &Arc<Self>, view: &View, chain: &[String]) -> Result<Arc<dyn TableProvider>, EngineError> {
        let name = view.name.as_str();
        let mut chain = chain.to_vec();
        let cycle = chain.iter().any(|outer| outer == name);
        chain.push(name.to_owned());
        if cycle || chain.len() > VIEW_DEPTH_MAX {
            return Err(EngineError::ViewCycle {
                view: name.to_owned(),
                chain,
            });
        }
        let (_, plan) = self.plan(&view.sql, &chain).await.map_err(|source| match source {
            cycle @ EngineError::ViewCycle { .. } => cycle,
            source => EngineError::View {
                view: name.to_owned(),
                source: Box::new(source),
            },
        })?;
        let table = Arc::new(ViewTable::new(plan, Some(view.sql.clone())));
        self.bound(&view.name, table).map_err(|error| explain(error, ""))
    }

    async fn dead_letters(self: &Arc<Self>) -> Result<Arc<dyn TableProvider>, EngineError> {
        let mut tables = Vec::new();
        for stream in &self.shared.catalog.streams {
            let name = dead_letter_table(stream.name.as_str());
            if self.lake_names.iter().any(|known| known.as_str() == name)
                && let Some(provider) = self.opened(&name).await?
            {
                tables.push((stream.name.as_str(), provider));
            }
        }
        union(tables).map_err(|error| explain(error, ""))
    }

    /// A table that is data and no view: opened at most once in a session.
    async fn opened(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, EngineError> {
        let mut opened = self.opened.lock().await;
        if let Some(table) = opened.get(name) {
            return Ok(Some(Arc::clone(&table.provider)));
        }
        let Some(table) = self.open(name).await? else {
            return Ok(None);
        };
        opened.insert(name.to_owned(), table.clone());
        Ok(Some(table.provider))
    }

    pub(crate) async fn open_now(&self, name: &TableName) -> Result<(), EngineError> {
        self.opened(name.as_str()).await.map(|_| ())
    }

    async fn open(&self, name: &str) -> Result<Option<Opened>, EngineError> {
        let Ok(table_name) = TableName::new(name) else {
            return Ok(None);
        };
        let wanted = self.scope.versions.get(&table_name).copied();
        if let Some((version, provider)) = self.shared.lake_tables.open(&table_name, wanted).await? {
            let provider = self.bound(&table_name, provider).map_err(|error| explain(error, ""))?;
            return Ok(Some(Opened {
                provider,
                version: Some(version),
            }));
        }
        if let Some(stream) = self.shared.catalog.stream(name) {
            return Ok(Some(Opened::data(Arc::new(EmptyTable::new(stream.schema.clone())))));
        }
        if is_dead_letter_table(&self.shared.catalog, name) {
            return Ok(Some(Opened::data(Arc::new(EmptyTable::new(dead_letter_schema())))));
        }
        if let Some(table) = house_table(name) {
            return Ok(Some(Opened::data(Arc::new(EmptyTable::new(table.schema)))));
        }
        Ok(registry_table(self.shared.registry.as_ref(), name).map(Opened::data))
    }

    /// The table, cut down to the rows that the scope lets through.
    fn bound(
        &self,
        name: &TableName,
        provider: Arc<dyn TableProvider>,
    ) -> Result<Arc<dyn TableProvider>, DataFusionError> {
        let mut conditions: Vec<Expr> = Vec::new();
        if let Some(bounds) = self.scope.bounds.get(name) {
            let column = || ident(bounds.column.as_str());
            conditions.extend(bounds.range.from.map(|from| column().gt_eq(lit(time_scalar(from)))));
            conditions.extend(bounds.range.to.map(|to| column().lt(lit(time_scalar(to)))));
        }
        if let Some(known) = self.scope.known_before {
            let column = KafkaColumn::KnownTime.name();
            if provider.schema().column_with_name(column).is_some() {
                conditions.push(ident(column).lt_eq(lit(time_scalar(known))));
            }
            // What a monitor found is known from its tick on.
            if house_table(name.as_str()).is_some() {
                conditions.push(ident("at").lt_eq(lit(time_scalar(known))));
            }
        }
        let Some(condition) = conjunction(conditions) else {
            return Ok(provider);
        };
        let plan = LogicalPlanBuilder::scan(name.as_str(), provider_as_source(provider), None)?
            .filter(condition)?
            .build()?;
        Ok(Arc::new(ViewTable::new(plan, None)))
    }

    fn is_view(&self, name: &str) -> bool {
        name == DEAD_LETTERS || self.shared.catalog.view(name).is_some()
    }
}

type ProviderFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Option<Arc<dyn TableProvider>>, EngineError>> + Send + 'a>>;

impl Opened {
    fn data(provider: Arc<dyn TableProvider>) -> Opened {
        Opened {
            provider,
            version: None,
        }
    }
}

/// The resolver as DataFusion's schema `public`.
#[derive(Debug)]
struct PublicTables {
    resolver: Arc<Resolver>,
    chain: Vec<String>,
}

#[async_trait]
impl SchemaProvider for PublicTables {
    fn table_names(&self) -> Vec<String> {
        self.resolver.names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let found = self.resolver.table(name, &self.chain).await;
        found.map_err(|error| DataFusionError::External(Box::new(error)))
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>, DataFusionError> {
        if !self.table_exist(name) {
            return Ok(None);
        }
        let view = self.resolver.is_view(name);
        Ok(Some(if view { TableType::View } else { TableType::Base }))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.resolver.names().iter().any(|known| known == name)
    }
}
