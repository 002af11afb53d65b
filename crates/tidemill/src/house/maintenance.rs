//! Keeping the lake's tables small in files while the house runs: a task of its own, table after table.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tidemill_lake::{Lake, LakeTable, MaintenanceRules};
use tidemill_project::{Project, StorageSettings};
use tidemill_registry::Registry;
use tidemill_types::{Explain, TableName};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// The task that maintains the lake. Dropped, it stops after what it is doing.
pub struct Maintenance {
    stop: CancellationToken,
    task: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

struct Maintainer {
    lake: Arc<Lake>,
    registry: Registry,
    rules: MaintenanceRules,
    vacuum_every: Duration,
    vacuumed: BTreeMap<TableName, Instant>,
}

impl Maintenance {
    /// Starts it, where the settings want it.
    pub fn start(project: &Project, lake: &Arc<Lake>, registry: &Registry) -> Option<Maintenance> {
        let settings = &project.settings.storage;
        if !settings.maintenance {
            return None;
        }
        let mut maintainer = Maintainer {
            lake: Arc::clone(lake),
            registry: registry.clone(),
            rules: rules(settings),
            vacuum_every: settings.vacuum_interval.duration(),
            vacuumed: BTreeMap::new(),
        };
        let stop = CancellationToken::new();
        let (stopped, every) = (stop.clone(), settings.maintenance_interval.duration());
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = stopped.cancelled() => return,
                    () = tokio::time::sleep(every) => (),
                }
                // A rewrite that is cut off leaves files that no version names; nothing else is lost.
                tokio::select! {
                    () = stopped.cancelled() => return,
                    () = maintainer.pass() => (),
                }
            }
        });
        Some(Maintenance {
            stop,
            task: tokio::sync::Mutex::new(Some(task)),
        })
    }

    /// Stops it, and returns when it has.
    pub async fn stop(&self) {
        self.stop.cancel();
        if let Some(task) = self.task.lock().await.take()
            && let Err(error) = task.await
        {
            warn!(error = %error, "the task that maintains tables ended by itself");
        }
    }
}

impl Drop for Maintenance {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Maintainer {
    /// Looks at every table once. What fails is tried again at the next pass: commits of rows need none of it.
    async fn pass(&mut self) {
        let names = match self.lake.tables().await {
            Ok(names) => names,
            Err(error) => return told("tables are not maintained", &error),
        };
        for name in names {
            match self.lake.table(&name).await {
                Ok(Some(table)) => self.maintain(&table).await,
                Ok(None) => (),
                Err(error) => told(&format!("table `{name}` is not maintained"), &error),
            }
        }
    }

    async fn maintain(&mut self, table: &LakeTable) {
        let name = table.name();
        match table.optimize_if_due(&self.rules).await {
            Ok(None) => (),
            Ok(Some(done)) => {
                let (before, after) = (done.files_before, done.files_after);
                info!(table = %name, before, after, "optimized `{name}`: {before} files into {after}");
            }
            Err(error) => told(&format!("table `{name}` was not optimized"), &error),
        }
        let due = self
            .vacuumed
            .get(name)
            .is_none_or(|at| at.elapsed() >= self.vacuum_every);
        if !due {
            return;
        }
        // What is pinned is asked each time: a version may have been registered since.
        let pinned = match self.registry.pinned_inputs().await {
            Ok(pinned) => pinned,
            Err(error) => return told(&format!("table `{name}` was not vacuumed"), &error),
        };
        let pinned = pinned.get(name).cloned().unwrap_or_default();
        match table.vacuum(&self.rules, &pinned).await {
            Ok(done) if done.files > 0 => {
                info!(table = %name, files = done.files, "deleted {} files of `{name}`", done.files);
            }
            Ok(_) => (),
            Err(error) => told(&format!("table `{name}` was not vacuumed"), &error),
        }
        match table.clean_log(&self.rules, &pinned).await {
            Ok(0) => (),
            Ok(entries) => info!(table = %name, entries, "deleted {entries} entries of the log of `{name}`"),
            Err(error) => told(&format!("the log of table `{name}` was not cleaned"), &error),
        }
        self.vacuumed.insert(name.clone(), Instant::now());
    }
}

fn told(what: &str, error: &impl Explain) {
    warn!("{what}: {}", error.problem());
}

/// The rules of the settings.
pub fn rules(settings: &StorageSettings) -> MaintenanceRules {
    MaintenanceRules {
        small_files: settings.optimize_files,
        small_bytes: settings.optimize_below.as_u64(),
        target_bytes: settings.optimize_to.as_u64(),
        keep: settings.vacuum_keep.duration(),
        log_keep: settings.log_keep.duration().max(settings.vacuum_keep.duration()),
        ..MaintenanceRules::default()
    }
}
