//! A handle on one table. Cheap to clone; all clones share what they know of the log.
//!
//! Commits on a handle come one after the other and never wait for readers; readers share one snapshot that is brought
//! up to date entry by entry.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::{MetadataExt, StructType};
use deltalake::logstore::LogStoreRef;
use deltalake::{DeltaTable, DeltaTableBuilder};
use tidemill_types::{Clock, TableName};
use tokio::sync::{Mutex, MutexGuard, OwnedMutexGuard};
use tracing::warn;

use crate::background::Background;
use crate::checkpoint::{is_due, write_checkpoint};
use crate::commit::{CONFLICTS_MAX, Draft, Landing, Patience, check_fences, land};
use crate::files::write_files;
use crate::log::{LogHead, LogReader};
use crate::schema::{check_types, plan_evolution};
use crate::shape::TableShape;
use crate::snapshot::{renew, snapshot_of, stats_of, version_of};
use crate::{Append, CommitRecord, Committed, LakeError, LakeLocation, LakeSnapshot, TableStats};

/// Times that files are written anew because another writer changed the table's schema.
const SHAPE_CHANGES_MAX: u32 = 3;
/// How long a handle trusts what it knows of the log without listing it. Far below the retention of any log.
const HEAD_TRUSTED: Duration = Duration::from_mins(10);

/// A Delta table of the lake.
#[derive(Clone)]
pub struct LakeTable {
    inner: Arc<Inner>,
}

struct Inner {
    name: TableName,
    location: LakeLocation,
    clock: Arc<dyn Clock>,
    checkpoint_commits: u32,
    background: Arc<Background>,
    log: LogReader,
    /// What the committer knows; held for the length of a commit.
    head: Mutex<Head>,
    /// What the last taken-in entry left, for those who must not wait for a commit.
    seen: RwLock<Seen>,
    /// What readers share.
    reader: Mutex<DeltaTable>,
    /// Held by whoever maintains the table.
    maintaining: Mutex<()>,
    /// Held while a checkpoint is written.
    checkpointing: Arc<Mutex<()>>,
}

struct Head {
    log: LogHead,
    shape: TableShape,
    listed_at: Instant,
}

#[derive(Clone)]
struct Seen {
    version: i64,
    schema: SchemaRef,
}

impl LakeTable {
    /// Opens the table at the newest version.
    pub(crate) async fn open(
        name: TableName,
        location: LakeLocation,
        store: LogStoreRef,
        clock: Arc<dyn Clock>,
        checkpoint_commits: u32,
        patience: Patience,
        background: Arc<Background>,
    ) -> Result<LakeTable, LakeError> {
        let mut table = DeltaTable::new(Arc::clone(&store));
        renew(&mut table, None).await.map_err(LakeError::delta("open", &name))?;
        let log = LogReader {
            name: name.clone(),
            store,
            patience,
        };
        let head = Head {
            log: log.replay(version_of(&table)).await?,
            shape: TableShape::of(&name, table.clone())?,
            listed_at: Instant::now(),
        };
        let seen = Seen {
            version: head.log.version,
            schema: Arc::clone(&head.shape.schema),
        };
        Ok(LakeTable {
            inner: Arc::new(Inner {
                name,
                location,
                clock,
                checkpoint_commits,
                background,
                log,
                head: Mutex::new(head),
                seen: RwLock::new(seen),
                reader: Mutex::new(table),
                maintaining: Mutex::new(()),
                checkpointing: Arc::default(),
            }),
        })
    }

    /// The table's name.
    pub fn name(&self) -> &TableName {
        &self.inner.name
    }

    pub(crate) async fn maintaining(&self) -> MutexGuard<'_, ()> {
        self.inner.maintaining.lock().await
    }

    pub(crate) fn background(&self) -> &Background {
        &self.inner.background
    }

    pub(crate) fn log(&self) -> &LogReader {
        &self.inner.log
    }

    /// The newest version that this handle has seen.
    pub fn version(&self) -> i64 {
        self.seen().version
    }

    /// The table's columns, in order.
    pub fn schema(&self) -> SchemaRef {
        self.seen().schema
    }

    /// Takes in what others committed, and returns the newest version.
    pub async fn refresh(&self) -> Result<i64, LakeError> {
        let mut head = self.inner.head.lock().await;
        self.catch_up(&mut head).await?;
        Ok(head.log.version)
    }

    /// Where the fence of `app_id` stands, after a refresh.
    pub async fn fence(&self, app_id: &str) -> Result<Option<i64>, LakeError> {
        let mut head = self.inner.head.lock().await;
        self.catch_up(&mut head).await?;
        Ok(head.log.fences.get(app_id).copied())
    }

    /// All fences whose app id starts with `prefix`, after a refresh.
    pub async fn fences(&self, prefix: &str) -> Result<BTreeMap<String, i64>, LakeError> {
        let mut head = self.inner.head.lock().await;
        self.catch_up(&mut head).await?;
        let fences = head.log.fences.range(prefix.to_owned()..);
        let with_prefix = fences.take_while(|(app_id, _)| app_id.starts_with(prefix));
        Ok(with_prefix
            .map(|(app_id, version)| (app_id.clone(), *version))
            .collect())
    }

    /// Appends rows and moves fences, in one version.
    ///
    /// `Fenced`: a fence does not stand where `append` expects it, and nothing was committed. `Conflict`: other writers
    /// were faster too often, and nothing was committed. `Unknown`: the store would not say; refresh and compare the
    /// fences before anything else. Files of a commit that failed stay behind, named by no version.
    pub async fn commit(&self, append: Append) -> Result<Committed, LakeError> {
        let name = &self.inner.name;
        let rows = append.batches.iter().map(|batch| batch.num_rows() as u64).sum();
        let mut shape_changes = 0;
        loop {
            let shape = {
                let mut head = self.inner.head.lock().await;
                if head.listed_at.elapsed() > HEAD_TRUSTED {
                    self.catch_up(&mut head).await?;
                }
                if check_fences(&self.inner.log, &head.log, &append.fences).is_err() {
                    // The handle may be behind: only the newest version can say that the writer is fenced.
                    self.catch_up(&mut head).await?;
                    check_fences(&self.inner.log, &head.log, &append.fences)?;
                }
                head.shape.clone()
            };
            let adds = write_files(&self.inner.background, name, &shape, append.batches.clone()).await?;
            let draft = Draft::append(&self.inner.clock, &adds, append.fences.clone(), append.info.clone());
            let draft = draft.map_err(|e| self.inner.log.corrupt(-1, &e))?;
            let mut head = self.inner.head.lock().await;
            let landing = land(&self.inner.log, &mut head.log, &draft).await;
            match self.after_landing(&mut head, landing).await? {
                Landing::Landed { conflicts, followed } => {
                    let version = head.log.version;
                    if is_due(version, head.log.checkpoint, self.inner.checkpoint_commits) {
                        self.begin_checkpoint();
                    }
                    return Ok(Committed {
                        version,
                        commit_id: draft.commit_id(),
                        rows,
                        files: adds.len(),
                        bytes: adds.iter().map(|add| add.size.max(0) as u64).sum(),
                        conflicts,
                        followed,
                    });
                }
                Landing::ShapeChanged => {
                    shape_changes += 1;
                    if shape_changes > SHAPE_CHANGES_MAX {
                        return Err(LakeError::Conflict {
                            table: name.clone(),
                            conflicts: shape_changes,
                        });
                    }
                }
            }
        }
    }

    /// Lets the table take rows of `schema`: adds nullable columns that it lacks. Returns whether it changed.
    pub async fn evolve(&self, schema: &Schema) -> Result<bool, LakeError> {
        let refuse = |reason: String| LakeError::Schema {
            table: self.inner.name.clone(),
            reason,
        };
        check_types(schema).map_err(refuse)?;
        let mut head = self.inner.head.lock().await;
        self.catch_up(&mut head).await?;
        for _ in 0..CONFLICTS_MAX {
            let Some(evolved) = plan_evolution(&head.shape.schema, schema).map_err(refuse)? else {
                return Ok(false);
            };
            let columns: StructType = evolved.as_ref().try_into_kernel().map_err(|e| refuse(format!("{e}")))?;
            let metadata = head.shape.metadata.clone().with_schema(&columns);
            let metadata = metadata.map_err(|e| LakeError::delta("evolve", &self.inner.name)(e.into()))?;
            let draft = Draft::metadata(&self.inner.clock, &metadata).map_err(|e| refuse(e.to_string()))?;
            let landing = land(&self.inner.log, &mut head.log, &draft).await;
            if let Landing::Landed { .. } = self.after_landing(&mut head, landing).await? {
                self.reload_shape(&mut head).await?;
                return Ok(true);
            }
        }
        Err(LakeError::Conflict {
            table: self.inner.name.clone(),
            conflicts: CONFLICTS_MAX,
        })
    }

    /// The newest version, or version `version`, for the query engine.
    pub async fn snapshot(&self, version: Option<i64>) -> Result<LakeSnapshot, LakeError> {
        let table = self.opened(version).await?;
        snapshot_of(&self.inner.name, &table).await
    }

    /// The rows of the newest version, or of version `version`. It is a snapshot: it does not follow later commits.
    pub async fn provider(&self, version: Option<i64>) -> Result<Arc<dyn TableProvider>, LakeError> {
        Ok(self.snapshot(version).await?.provider)
    }

    /// Rows, files and bytes of the newest version.
    pub async fn stats(&self) -> Result<TableStats, LakeError> {
        let table = self.opened(None).await?;
        stats_of(&self.inner.name, &table)
    }

    /// Rows of the newest version.
    pub async fn rows(&self) -> Result<u64, LakeError> {
        Ok(self.stats().await?.rows)
    }

    /// Addresses of the files of the newest version, or of version `version`.
    pub async fn file_uris(&self, version: Option<i64>) -> Result<Vec<String>, LakeError> {
        let table = self.opened(version).await?;
        let uris = table
            .get_file_uris()
            .map_err(LakeError::delta("read", &self.inner.name))?;
        Ok(uris.collect())
    }

    /// The newest `limit` commits, newest first, as far back as the log goes.
    pub async fn commits(&self, limit: usize) -> Result<Vec<CommitRecord>, LakeError> {
        let mut commits = Vec::new();
        self.find_commit(limit, |commit| {
            commits.push(commit);
            None::<()>
        })
        .await?;
        Ok(commits)
    }

    /// What `look` says of the newest commit for which it says something, among the newest `limit`.
    pub async fn find_commit<T>(
        &self,
        limit: usize,
        look: impl FnMut(CommitRecord) -> Option<T>,
    ) -> Result<Option<T>, LakeError> {
        let version = self.refresh().await?;
        self.inner.log.find(version, limit, look).await
    }

    /// The commits after version `known`, oldest first, and at most the newest `limit` of them.
    pub async fn commits_after(&self, known: i64, limit: usize) -> Result<Vec<CommitRecord>, LakeError> {
        let version = self.refresh().await?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.inner
            .log
            .records(known.max(version.saturating_sub(limit)), version)
            .await
    }

    /// The newest commit that tidemill made, among the newest `limit`.
    pub async fn last_own_commit(&self, limit: usize) -> Result<Option<CommitRecord>, LakeError> {
        let ours = |commit: CommitRecord| commit.info.is_some().then_some(commit);
        self.find_commit(limit, ours).await
    }

    /// Writes a checkpoint of the newest version. Commits begin one by themselves, now and then.
    pub async fn checkpoint(&self) -> Result<(), LakeError> {
        let alone = Arc::clone(&self.inner.checkpointing).lock_owned().await;
        let table = self.clone();
        let written = self
            .inner
            .background
            .maintain(async move { table.write_checkpoint(alone).await });
        written.await.map_err(|source| LakeError::CutOff {
            table: self.inner.name.clone(),
            source,
        })?
    }

    /// Waits for the checkpoint that a commit has begun, if there is one.
    #[cfg(test)]
    pub(crate) async fn settled(&self) {
        drop(self.inner.checkpointing.lock().await);
    }

    /// The shape that the next commit would write by.
    #[cfg(test)]
    pub(crate) async fn shape_for_tests(&self) -> TableShape {
        self.inner.head.lock().await.shape.clone()
    }

    fn seen(&self) -> Seen {
        self.inner.seen.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn show(&self, head: &Head) {
        let seen = Seen {
            version: head.log.version,
            schema: Arc::clone(&head.shape.schema),
        };
        *self.inner.seen.write().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    /// Applies entries up to the newest; starts over from a checkpoint where entries in between are gone.
    async fn catch_up(&self, head: &mut Head) -> Result<(), LakeError> {
        let log = &self.inner.log;
        let newest = log.newest(head.log.version).await?.unwrap_or(head.log.version);
        head.listed_at = Instant::now();
        let mut reshaped = false;
        while head.log.version < newest {
            if let Some(entry) = log.entry(head.log.version + 1).await? {
                head.log.apply(&entry);
                reshaped |= entry.changes_shape;
            } else {
                head.log = log.replay(newest).await?;
                reshaped = true;
            }
        }
        if reshaped {
            self.reload_shape(head).await?;
        }
        self.show(head);
        Ok(())
    }

    /// Takes in what a landing did to the head, whatever its outcome.
    async fn after_landing(&self, head: &mut Head, landing: Result<Landing, LakeError>) -> Result<Landing, LakeError> {
        if matches!(landing, Ok(Landing::ShapeChanged)) {
            self.reload_shape(head).await?;
        }
        self.show(head);
        landing
    }

    async fn reload_shape(&self, head: &mut Head) -> Result<(), LakeError> {
        let mut table = head.shape.table.clone();
        let loaded = renew(&mut table, Some(head.log.version)).await;
        loaded.map_err(LakeError::delta("reload", &self.inner.name))?;
        head.shape = TableShape::of(&self.inner.name, table)?;
        self.show(head);
        Ok(())
    }

    /// A checkpoint is a convenience of readers: a commit that landed neither waits for it nor fails with it.
    fn begin_checkpoint(&self) {
        let Ok(alone) = Arc::clone(&self.inner.checkpointing).try_lock_owned() else {
            return; // One is on its way.
        };
        let table = self.clone();
        self.inner.background.maintain(async move {
            if let Err(error) = table.write_checkpoint(alone).await {
                let name = &table.inner.name;
                warn!(table = %name, error = ?error, "no checkpoint of `{name}` was written; the next commits try again");
            }
        });
    }

    async fn write_checkpoint(&self, _alone: OwnedMutexGuard<()>) -> Result<(), LakeError> {
        let name = &self.inner.name;
        let table = self.opened(None).await?;
        let version = version_of(&table);
        write_checkpoint(name, table).await?;
        // Opened anew, a handle starts at the checkpoint instead of dragging the entries before it along.
        let mut fresh = DeltaTable::new(Arc::clone(&self.inner.log.store));
        renew(&mut fresh, None)
            .await
            .map_err(LakeError::delta("reopen", name))?;
        *self.inner.reader.lock().await = fresh;
        let mut head = self.inner.head.lock().await;
        head.log.checkpoint = head.log.checkpoint.max(Some(version));
        Ok(())
    }

    /// The shared reader at the newest version, or a table of its own at an older one.
    pub(crate) async fn opened(&self, version: Option<i64>) -> Result<DeltaTable, LakeError> {
        let name = &self.inner.name;
        let mut reader = self.inner.reader.lock().await;
        match version {
            None => {
                renew(&mut reader, None)
                    .await
                    .map_err(LakeError::delta("refresh", name))?;
                Ok(reader.clone())
            }
            Some(version) if version_of(&reader) == version => Ok(reader.clone()),
            Some(version) => {
                drop(reader);
                let url = self.inner.location.table_url(name.as_str())?;
                let opened = async {
                    DeltaTableBuilder::from_url(url)?
                        .with_storage_options(self.inner.location.delta_options())
                        .with_version(version.max(0) as u64)
                        .load()
                        .await
                };
                opened.await.map_err(LakeError::delta("open an older version of", name))
            }
        }
    }
}

impl std::fmt::Debug for LakeTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LakeTable")
            .field("name", &self.inner.name)
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}
