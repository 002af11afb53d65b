//! Maintenance of a table: many small files into few large ones, and files away that no kept version names.
//!
//! Optimizing is a Delta commit like any other: it takes the next version or loses it, and a commit of rows that comes in
//! between goes on behind it, since rows are only moved and no fence is touched. So neither ever waits for the other. Two
//! maintenances of one handle do not run at once; those of two processes lose versions to each other and try again later.
//! Invariant: no file goes that a version names which is younger than the rules keep, or which is pinned.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::num::NonZeroU64;
use std::time::Duration;

use chrono::Utc;
use deltalake::DeltaTable;
use deltalake::checkpoints::cleanup_expired_logs_for;
use deltalake::kernel::transaction::CommitProperties;
use deltalake::operations::vacuum::VacuumMode;
use futures::TryStreamExt as _;
use object_store::ObjectStore as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::commit_info::{COMMIT_ID_KEY, OWN_KEY};
use crate::encoding::writer_properties;
use crate::snapshot::{is_gap, version_of};
use crate::{LakeError, LakeTable};

/// Times that a maintenance commit is put anew when other writers were faster.
const MAINTENANCE_RETRIES: usize = 30;
/// Files that are read and written at a time.
const OPTIMIZE_TASKS: usize = 1;

/// The newest commits whose entries stay in the log. Whoever goes on from what a commit said must find it among these.
pub const COMMITS_KEPT: usize = 1_000;

/// When a table is maintained, and how far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaintenanceRules {
    /// Small files at which a table is optimized.
    pub small_files: usize,
    /// Below this size in bytes a file is small.
    pub small_bytes: u64,
    /// The size in bytes that optimized files come near to.
    pub target_bytes: u64,
    /// How long a file stays after no current version names it.
    pub keep: Duration,
    /// How long an entry of the log stays. Versions before it cannot be read, nor their commits audited one by one.
    pub log_keep: Duration,
    /// The newest commits whose entries stay, however old they are.
    pub log_commits: usize,
}

impl Default for MaintenanceRules {
    fn default() -> MaintenanceRules {
        MaintenanceRules {
            small_files: 64,
            small_bytes: 32_000_000,
            target_bytes: 128_000_000,
            keep: Duration::from_hours(7 * 24),
            log_keep: Duration::from_hours(7 * 24),
            log_commits: COMMITS_KEPT,
        }
    }
}

/// What an optimize did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Optimized {
    /// The version that it made; none where there was nothing to do.
    pub version: Option<i64>,
    /// Files that became fewer.
    pub files_before: u64,
    /// What they became.
    pub files_after: u64,
}

/// What a vacuum did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vacuumed {
    /// Files deleted.
    pub files: u64,
}

impl LakeTable {
    /// Optimizes the table when the rules say that it has too many small files.
    pub async fn optimize_if_due(&self, rules: &MaintenanceRules) -> Result<Option<Optimized>, LakeError> {
        let table = self.opened(None).await?;
        let state = table.snapshot().map_err(LakeError::delta("read", self.name()))?;
        let is_small = |size: i64| size.unsigned_abs() < rules.small_bytes;
        let small = state.log_data().iter().filter(|file| is_small(file.size())).count();
        if small < rules.small_files.max(2) {
            return Ok(None);
        }
        self.optimize(rules).await.map(Some)
    }

    /// Moves the rows of small files into larger ones. `Conflict`: others changed the same files; nothing was committed.
    pub async fn optimize(&self, rules: &MaintenanceRules) -> Result<Optimized, LakeError> {
        let _alone = self.maintaining().await;
        let table = self.opened(None).await?;
        let before = version_of(&table);
        let target = NonZeroU64::new(rules.target_bytes).unwrap_or(NonZeroU64::MIN);
        let work = async move {
            table
                .optimize()
                .with_target_size(target)
                .with_max_concurrent_tasks(OPTIMIZE_TASKS)
                .with_writer_properties(writer_properties())
                .with_commit_properties(commit_properties())
                .await
        };
        let (table, metrics) = self.off_the_runtime("optimize", work).await?;
        let version = version_of(&table);
        Ok(Optimized {
            version: (metrics.num_files_removed > 0 && version > before).then_some(version),
            files_before: metrics.num_files_removed,
            files_after: metrics.num_files_added,
        })
    }

    /// Deletes files that no current version has named for longer than `rules.keep`, but for those of pinned versions.
    pub async fn vacuum(&self, rules: &MaintenanceRules, pinned: &BTreeSet<i64>) -> Result<Vacuumed, LakeError> {
        let _alone = self.maintaining().await;
        let table = self.opened(None).await?;
        let pinned: Vec<u64> = pinned
            .iter()
            .filter_map(|version| u64::try_from(*version).ok())
            .collect();
        let keep = chrono::Duration::from_std(rules.keep).unwrap_or(chrono::Duration::MAX);
        let work = async move {
            // The library counts what is not there as deleted too, so those of earlier vacuums again each time.
            let store = table.log_store().object_store(None);
            let there: HashSet<String> = store
                .list(None)
                .map_ok(|file| file.location.to_string())
                .try_collect()
                .await?;
            let (table, metrics) = table
                .vacuum()
                .with_mode(VacuumMode::Lite)
                .with_retention_period(keep)
                // The table's own property is longer on purpose: see where it is set.
                .with_enforce_retention_duration(false)
                .with_keep_versions(&pinned)
                .with_commit_properties(commit_properties())
                .await?;
            let deleted = metrics.files_deleted.iter().filter(|file| there.contains(*file));
            Ok((table, deleted.count() as u64))
        };
        let (_, files) = self.off_the_runtime("vacuum", work).await?;
        Ok(Vacuumed { files })
    }

    /// Deletes entries and checkpoints of the log that are older than `rules.log_keep` and that no kept or pinned version needs:
    /// opening, refreshing and listing a table cost by the length of its log. Returns how many. A log without a checkpoint
    /// among what goes stays as it is.
    pub async fn clean_log(&self, rules: &MaintenanceRules, pinned: &BTreeSet<i64>) -> Result<u64, LakeError> {
        let _alone = self.maintaining().await;
        let table = self.opened(None).await?;
        let newest = version_of(&table).saturating_sub(i64::try_from(rules.log_commits).unwrap_or(i64::MAX));
        let first_kept = pinned.first().map_or(newest, |pinned| newest.min(*pinned));
        let Ok(first_kept @ 1..) = u64::try_from(first_kept) else {
            return Ok(0);
        };
        // Held against the times of files, as a vacuum does it: so by the system's clock and no other.
        let keep = i64::try_from(rules.log_keep.as_millis()).unwrap_or(i64::MAX);
        let cutoff = Utc::now().timestamp_millis().saturating_sub(keep);
        let work = async move {
            let deleted = cleanup_expired_logs_for(first_kept, table.log_store().as_ref(), cutoff, None).await?;
            Ok((table, deleted as u64))
        };
        let (_, deleted) = self.off_the_runtime("clean the log of", work).await?;
        Ok(deleted)
    }

    /// Encoding and reading whole files would hold up the runtime's threads.
    async fn off_the_runtime<T: Send + 'static>(
        &self,
        action: &'static str,
        work: impl Future<Output = Result<(DeltaTable, T), deltalake::DeltaTableError>> + Send + 'static,
    ) -> Result<(DeltaTable, T), LakeError> {
        let worked = self.background().maintain(work).await;
        let worked = worked.map_err(|source| LakeError::CutOff {
            table: self.name().clone(),
            source,
        })?;
        worked.map_err(|error| match error {
            deltalake::DeltaTableError::Transaction { .. } => LakeError::Conflict {
                table: self.name().clone(),
                conflicts: MAINTENANCE_RETRIES as u32,
            },
            // Listed while others committed; what was written for it is lost as after a conflict.
            error if is_gap(&error) => LakeError::Conflict {
                table: self.name().clone(),
                conflicts: 1,
            },
            error => LakeError::delta(action, self.name())(error),
        })
    }
}

/// Checkpoints and clean-up are not left to hooks of a commit, which can fail after it landed.
fn commit_properties() -> CommitProperties {
    let own = json!({ COMMIT_ID_KEY: Uuid::new_v4().to_string() });
    let metadata: HashMap<String, Value> = [(OWN_KEY.to_owned(), own)].into();
    CommitProperties::default()
        .with_metadata(metadata)
        .with_max_retries(MAINTENANCE_RETRIES)
        .with_create_checkpoint(false)
        .with_cleanup_expired_logs(Some(false))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tempfile::TempDir;

    use super::*;
    use crate::tests::{append, ids, lake_at, table_in};

    const RULES: MaintenanceRules = MaintenanceRules {
        small_files: 8,
        small_bytes: 1_000_000,
        target_bytes: 4_000_000,
        keep: Duration::ZERO,
        log_keep: Duration::ZERO,
        log_commits: 5,
    };

    fn files_in(folder: &Path) -> usize {
        let files = std::fs::read_dir(folder.join("events")).unwrap().map(Result::unwrap);
        files
            .filter(|file| file.path().extension().is_some_and(|end| end == "parquet"))
            .count()
    }

    async fn commit_each(table: &LakeTable, from: i64, to: i64) {
        for step in from..to {
            let expected = (step > 0).then_some(step);
            table.commit(append("a/0", expected, step, step + 1)).await.unwrap();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn small_files_become_one_and_fences_stay() {
        let folder = TempDir::new().unwrap();
        let table = table_in(&lake_at(folder.path()).await).await;
        commit_each(&table, 0, 7).await;
        assert_eq!(table.optimize_if_due(&RULES).await.unwrap(), None);
        commit_each(&table, 7, 8).await;
        let done = table.optimize_if_due(&RULES).await.unwrap().unwrap();
        assert_eq!((done.version, done.files_before, done.files_after), (Some(9), 8, 1));
        assert_eq!(table.stats().await.unwrap().files, 1);
        assert_eq!(table.fence("a/0").await.unwrap(), Some(8));
        assert_eq!(ids(&table, None, "true").await, (0..8).collect::<Vec<_>>());
        let newest = table.commits(1).await.unwrap().remove(0);
        assert_eq!(newest.operation.as_deref(), Some("OPTIMIZE"));
        assert!(newest.commit_id().is_some(), "{newest:?}");
        commit_each(&table, 8, 9).await;
        assert_eq!(ids(&table, None, "true").await, (0..9).collect::<Vec<_>>());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn commits_go_on_while_a_table_is_optimized() {
        let folder = TempDir::new().unwrap();
        let table = table_in(&lake_at(folder.path()).await).await;
        let other = table_in(&lake_at(folder.path()).await).await;
        commit_each(&table, 0, 8).await;
        let optimizing = tokio::spawn(async move {
            for _ in 0..10 {
                // Losing every version is an outcome too; the rows are what counts.
                drop(other.optimize(&RULES).await);
            }
        });
        commit_each(&table, 8, 60).await;
        optimizing.await.unwrap();
        assert_eq!(table.fence("a/0").await.unwrap(), Some(60));
        assert_eq!(ids(&table, None, "true").await, (0..60).collect::<Vec<_>>());
        assert!(table.stats().await.unwrap().files < 60);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_vacuum_keeps_what_pinned_versions_name() {
        let folder = TempDir::new().unwrap();
        let table = table_in(&lake_at(folder.path()).await).await;
        commit_each(&table, 0, 8).await;
        table.optimize(&RULES).await.unwrap();
        let days = MaintenanceRules {
            keep: Duration::from_hours(24),
            ..RULES
        };
        assert_eq!(table.vacuum(&days, &BTreeSet::new()).await.unwrap().files, 0);
        // Version 3 has three files; the other five go.
        assert_eq!(table.vacuum(&RULES, &[3].into()).await.unwrap().files, 5);
        assert_eq!(files_in(folder.path()), 4);
        assert_eq!(ids(&table, Some(3), "true").await, [0, 1, 2]);
        assert_eq!(table.vacuum(&RULES, &BTreeSet::new()).await.unwrap().files, 3);
        assert_eq!(files_in(folder.path()), 1);
        assert_eq!(ids(&table, None, "true").await, (0..8).collect::<Vec<_>>());
        assert_eq!(table.fence("a/0").await.unwrap(), Some(8));
    }

    /// The versions whose entries are in the log.
    fn entries_in(folder: &Path) -> Vec<i64> {
        let files = std::fs::read_dir(folder.join("events/_delta_log")).unwrap();
        let version_of = |name: &str| name.strip_suffix(".json").and_then(|version| version.parse().ok());
        let mut versions: Vec<i64> = files
            .filter_map(|file| version_of(file.unwrap().file_name().to_str().unwrap()))
            .collect();
        versions.sort_unstable();
        versions
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_keeps_what_kept_versions_need() {
        let folder = TempDir::new().unwrap();
        let table = table_in(&lake_at(folder.path()).await).await;
        for step in 0..40 {
            commit_each(&table, step, step + 1).await;
            if table.version() % 10 == 0 {
                table.checkpoint().await.unwrap();
            }
        }
        let days = MaintenanceRules {
            log_keep: Duration::from_hours(24),
            ..RULES
        };
        assert_eq!(table.clean_log(&days, &BTreeSet::new()).await.unwrap(), 0);
        let many = MaintenanceRules {
            log_commits: 40,
            ..RULES
        };
        assert_eq!(table.clean_log(&many, &BTreeSet::new()).await.unwrap(), 0);
        // Version 17 needs the checkpoint of version 10.
        assert_eq!(table.clean_log(&RULES, &[17].into()).await.unwrap(), 10);
        assert_eq!(entries_in(folder.path()), (10..=40).collect::<Vec<_>>());
        assert_eq!(ids(&table, Some(17), "true").await, (0..17).collect::<Vec<_>>());
        // Without it the newest five do, and with them the checkpoint before: twenty entries and two checkpoints go.
        assert_eq!(table.clean_log(&RULES, &BTreeSet::new()).await.unwrap(), 22);
        assert_eq!(entries_in(folder.path()), (30..=40).collect::<Vec<_>>());
        for table in [table, table_in(&lake_at(folder.path()).await).await] {
            assert_eq!(ids(&table, None, "true").await, (0..40).collect::<Vec<_>>());
            assert_eq!(ids(&table, Some(31), "true").await, (0..31).collect::<Vec<_>>());
            assert!(table.snapshot(Some(17)).await.is_err());
            assert_eq!(table.fence("a/0").await.unwrap(), Some(40));
            assert_eq!(table.commits(100).await.unwrap().len(), 11);
        }
        commit_each(&table_in(&lake_at(folder.path()).await).await, 40, 41).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_vacuum_has_to_find_outlives_checkpoints() {
        let folder = TempDir::new().unwrap();
        let table = table_in(&lake_at(folder.path()).await).await;
        commit_each(&table, 0, 8).await;
        table.optimize(&RULES).await.unwrap();
        table.checkpoint().await.unwrap();
        let reopened = table_in(&lake_at(folder.path()).await).await;
        assert_eq!(reopened.vacuum(&RULES, &BTreeSet::new()).await.unwrap().files, 8);
    }
}
