//! The lake as a whole: which tables there are, opening and making them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use deltalake::kernel::StructType;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::CommitProperties;
use deltalake::operations::create::CreateBuilder;
use deltalake::{DeltaTableBuilder, TableProperty};
use object_store::path::Path as StorePath;
use tidemill_types::{Clock, SystemClock, TableName};
use tokio::sync::Mutex;
use url::Url;

use crate::background::Background;
use crate::checkpoint::COMMITS_PER_CHECKPOINT;
use crate::commit::Patience;
use crate::location::register_stores;
use crate::schema::{check_types, indexed_columns};
use crate::{LakeError, LakeLocation, LakeTable};

/// How long a table's log remembers which files were removed. Far longer than vacuum keeps them: a checkpoint that forgets
/// a removal before vacuum has seen it would leave the file for ever.
const REMOVALS_KEPT: &str = "interval 90 days";

/// A folder of Delta tables. Handles are shared: the same name gives the same table handle.
pub struct Lake {
    location: LakeLocation,
    clock: Arc<dyn Clock>,
    checkpoint_commits: u32,
    patience: Patience,
    background: Arc<Background>,
    tables: Mutex<BTreeMap<TableName, LakeTable>>,
}

/// A table to be made.
#[derive(Debug, Clone)]
pub struct TableSpec {
    /// Its name, and its folder's.
    pub name: TableName,
    /// Its columns. Times are UTC microseconds.
    pub schema: SchemaRef,
    /// What it holds, for people.
    pub comment: String,
    /// Columns that Delta splits files by. Mostly none.
    pub partition_columns: Vec<String>,
}

impl Lake {
    /// Opens the lake at `location`, which may be empty.
    pub async fn open(location: LakeLocation) -> Result<Lake, LakeError> {
        Lake::open_with_clock(location, Arc::new(SystemClock)).await
    }

    /// The same with a clock of one's own for the times in commits.
    pub async fn open_with_clock(location: LakeLocation, clock: Arc<dyn Clock>) -> Result<Lake, LakeError> {
        register_stores();
        let lake = Lake {
            location,
            clock,
            checkpoint_commits: COMMITS_PER_CHECKPOINT,
            patience: Patience::default(),
            background: Arc::new(Background::start().map_err(LakeError::Threads)?),
            tables: Mutex::new(BTreeMap::new()),
        };
        // A store that cannot be reached shows here and not in the middle of the first commit.
        lake.tables().await?;
        Ok(lake)
    }

    /// The same with a checkpoint of a table's log every `commits` commits, instead of every fifty.
    pub fn with_checkpoint_commits(mut self, commits: u32) -> Lake {
        self.checkpoint_commits = commits;
        self
    }

    /// The same with hardly any pauses, for stores that fail on purpose.
    #[cfg(test)]
    pub(crate) fn with_patience_for_tests(mut self) -> Lake {
        self.patience = Patience {
            pause: std::time::Duration::from_micros(10),
            ..Patience::default()
        };
        self
    }

    /// Where it is, without the options.
    pub fn url(&self) -> &Url {
        &self.location.url
    }

    /// The names of its tables, sorted. Folders that are no tables are passed over.
    pub async fn tables(&self) -> Result<Vec<TableName>, LakeError> {
        let url = &self.location.url;
        let failed = |source| LakeError::Store {
            action: "list the tables of",
            name: url.to_string(),
            source,
        };
        let store = self.store(url).map_err(|reason| LakeError::Location {
            location: url.to_string(),
            reason,
        })?;
        let listed = store.list_with_delimiter(None).await.map_err(failed)?;
        let mut names = Vec::new();
        for folder in listed.common_prefixes {
            let Some(name) = folder.filename().and_then(|name| TableName::new(name).ok()) else {
                continue;
            };
            let log = StorePath::from_iter([name.as_str(), crate::log::LOG_FOLDER]);
            let mut entries = store.list(Some(&log));
            if futures::StreamExt::next(&mut entries)
                .await
                .transpose()
                .map_err(failed)?
                .is_some()
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// The table called `name`, if there is one.
    pub async fn table(&self, name: &TableName) -> Result<Option<LakeTable>, LakeError> {
        let mut tables = self.tables.lock().await;
        if let Some(table) = tables.get(name) {
            return Ok(Some(table.clone()));
        }
        let url = self.location.table_url(name.as_str())?;
        let opened = DeltaTableBuilder::from_url(url)
            .and_then(|builder| builder.with_storage_options(self.location.delta_options()).build())
            .map_err(LakeError::delta("open", name))?;
        let exists = opened.verify_deltatable_existence().await;
        if !exists.map_err(LakeError::delta("look for", name))? {
            return Ok(None);
        }
        let table = LakeTable::open(
            name.clone(),
            self.location.clone(),
            opened.log_store(),
            Arc::clone(&self.clock),
            self.checkpoint_commits,
            self.patience,
            Arc::clone(&self.background),
        )
        .await?;
        tables.insert(name.clone(), table.clone());
        Ok(Some(table))
    }

    /// The table of the spec: made where there is none, and brought to the spec's schema by additive evolution.
    pub async fn create(&self, spec: TableSpec) -> Result<LakeTable, LakeError> {
        let refuse = |reason: String| LakeError::Schema {
            table: spec.name.clone(),
            reason,
        };
        check_types(&spec.schema).map_err(refuse)?;
        if let Some(table) = self.table(&spec.name).await? {
            table.evolve(&spec.schema).await?;
            return Ok(table);
        }
        let columns: StructType = spec
            .schema
            .as_ref()
            .try_into_kernel()
            .map_err(|e| refuse(format!("{e}")))?;
        let url = self.location.table_url(spec.name.as_str())?;
        let properties = CommitProperties::default()
            // More than one try would write the definition again over that of whoever was first.
            .with_max_retries(0)
            .with_create_checkpoint(false)
            .with_cleanup_expired_logs(Some(false));
        let mut builder = CreateBuilder::new()
            .with_location(url.as_str())
            .with_storage_options(self.location.delta_options())
            .with_table_name(spec.name.as_str())
            .with_comment(&spec.comment)
            .with_columns(columns.fields().cloned())
            .with_partition_columns(spec.partition_columns.clone())
            .with_configuration_property(TableProperty::DeletedFileRetentionDuration, Some(REMOVALS_KEPT))
            .with_commit_properties(properties);
        if let Some(columns) = indexed_columns(&spec.schema) {
            builder = builder
                .with_configuration_property(TableProperty::DataSkippingNumIndexedCols, Some(columns.to_string()));
        }
        let created = builder.await;
        match (self.table(&spec.name).await?, created) {
            // Whoever made it: what counts is the table that is there now.
            (Some(table), _) => {
                table.evolve(&spec.schema).await?;
                Ok(table)
            }
            (None, Err(error)) => Err(LakeError::delta("create", &spec.name)(error)),
            (None, Ok(_)) => Err(LakeError::Corrupt {
                table: spec.name.clone(),
                version: 0,
                reason: "the table was made and is not there".to_owned(),
            }),
        }
    }

    fn store(&self, url: &Url) -> Result<Arc<dyn object_store::ObjectStore>, String> {
        deltalake::logstore::store_for(url, self.location.delta_options()).map_err(|e| e.to_string())
    }
}

impl std::fmt::Debug for Lake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lake")
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}
