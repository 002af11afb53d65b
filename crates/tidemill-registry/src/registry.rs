//! The registry as a whole: opened, shared, closed.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use tidemill_types::{Clock, Micros};
use tokio::sync::watch;

use crate::blob::BlobFolder;
use crate::db::{self, Readers, Session, Writer};
use crate::limits::PAGE_ROWS_MAX;
use crate::{IdSource, RegistryError, RegistryLocation};

/// Experiments, runs, models, versions, deployments and their lineage, in one database and one folder of blobs.
///
/// A clone is another handle on the same registry. Must be made and used on a Tokio runtime.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    readers: Readers,
    writer: Writer,
    blobs: BlobFolder,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    moves: watch::Sender<u64>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("blobs", &self.0.blobs)
            .finish_non_exhaustive()
    }
}

impl Registry {
    /// Opens the registry at `location`, makes it when it is not there, and brings its schema up to date.
    ///
    /// `clock` stamps what is written, `ids` names new runs. Errors when a file cannot be made or opened, or when a
    /// newer tidemill wrote it.
    pub async fn open(
        location: &RegistryLocation,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Result<Registry, RegistryError> {
        if let Some(folder) = location
            .database
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder).map_err(|source| RegistryError::Blob {
                action: "make",
                path: folder.into(),
                source,
            })?;
        }
        let blobs = BlobFolder::open(&location.blobs)?;
        let (session, readers) = db::open(&location.database).await?;
        Ok(Registry(Arc::new(Inner {
            readers,
            writer: Writer::start(session),
            blobs,
            clock,
            ids,
            moves: watch::Sender::new(0),
        })))
    }

    /// Finishes the writes that were handed in and closes the files. Every later call answers
    /// [`RegistryError::Closed`], also through other handles.
    pub async fn close(&self) {
        self.0.readers.close().await;
        self.0.writer.close().await;
    }

    /// Counts the moves of aliases and deployments by this process: whoever serves looks again when it changes.
    pub fn moves(&self) -> watch::Receiver<u64> {
        self.0.moves.subscribe()
    }

    pub(crate) fn moved(&self) {
        self.0.moves.send_modify(|count| *count += 1);
    }

    pub(crate) fn now(&self) -> Micros {
        self.0.clock.now()
    }

    pub(crate) fn ids(&self) -> &dyn IdSource {
        &*self.0.ids
    }

    pub(crate) fn readers(&self) -> &Readers {
        &self.0.readers
    }

    /// Runs `work` as one atomic change.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, RegistryError>
    where
        T: Send + 'static,
        F: for<'s> FnOnce(&'s mut Session) -> BoxFuture<'s, Result<T, RegistryError>> + Send + 'static,
    {
        self.0.writer.run(work).await
    }

    /// Runs `work` on the folder of blobs, on a thread that may block.
    pub(crate) async fn with_blobs<T, F>(&self, work: F) -> Result<T, RegistryError>
    where
        T: Send + 'static,
        F: FnOnce(&BlobFolder) -> Result<T, RegistryError> + Send + 'static,
    {
        let blobs = self.0.blobs.clone();
        tokio::task::spawn_blocking(move || work(&blobs))
            .await
            .map_err(|_| RegistryError::Closed)?
    }
}

/// A limit on rows as SQL takes it, never above [`PAGE_ROWS_MAX`].
pub(crate) fn page(limit: usize) -> i64 {
    limit.min(PAGE_ROWS_MAX) as i64
}
