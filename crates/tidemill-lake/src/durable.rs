//! Local files that outlive a power cut: what is acknowledged is on the disk, and the entry of a commit is there as a whole
//! or not at all.
//!
//! The store of local files writes a file and leaves it to the system when it reaches the disk. That is safe when a process
//! is killed; when the power goes, a log entry can be there by name and empty. Here a file is on the disk before it gets its
//! name, and the name is before the answer.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path as StorePath;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};

/// What the errors of this store are called.
const STORE: &str = "durable local files";
/// Names that are tried for a file before it gets its own: leftovers of writers that died take some.
const STAGED_NAMES_MAX: u32 = 10_000;

/// What brings files and folders onto the disk.
pub(crate) trait Disk: fmt::Debug + Send + Sync {
    /// Returns when the content of a file, or the names in a folder, are on the disk.
    fn sync(&self, path: &Path) -> io::Result<()>;
}

/// The disk that there is.
#[derive(Debug)]
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn sync(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

/// Local files by absolute paths.
#[derive(Debug)]
pub(crate) struct DurableFiles {
    files: LocalFileSystem,
    folders: Folders,
}

impl DurableFiles {
    pub(crate) fn new(disk: Arc<dyn Disk>) -> DurableFiles {
        DurableFiles {
            files: LocalFileSystem::new(),
            folders: Folders {
                disk,
                unsettled: Arc::default(),
            },
        }
    }
}

/// Folders, and those whose names could not be brought onto the disk: nobody reads there before they are, or a writer would
/// find its own entry and take it for safe.
#[derive(Debug, Clone)]
struct Folders {
    disk: Arc<dyn Disk>,
    unsettled: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl Folders {
    fn unsettled(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings the names in a folder onto the disk.
    fn settle(&self, folder: &Path) -> Result<()> {
        let settled = self.disk.sync(folder);
        let mut unsettled = self.unsettled();
        if settled.is_ok() {
            unsettled.remove(folder);
        } else {
            unsettled.insert(folder.to_owned());
        }
        settled.map_err(failed)
    }

    /// Brings a file onto the disk that was written otherwise, with its name.
    fn settle_file(&self, path: &Path) -> Result<()> {
        self.disk.sync(path).map_err(failed)?;
        self.settle(folder_of(path))
    }

    /// Makes a folder, and brings the names of new ones onto the disk.
    fn make(&self, folder: &Path) -> Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        let Some(above) = folder.parent() else { return Ok(()) };
        self.make(above)?;
        match std::fs::create_dir(folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(failed(error)),
            _ => self.settle(above),
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

impl fmt::Display for DurableFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(STORE)
    }
}

fn failed(source: io::Error) -> object_store::Error {
    object_store::Error::Generic {
        store: STORE,
        source: Box::new(source),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let worked = tokio::task::spawn_blocking(work).await;
    worked.map_err(|error| failed(io::Error::other(error)))?
}

/// A new file beside `path`, under a name that the store of local files passes over in its lists.
fn staged(path: &Path) -> io::Result<(File, PathBuf)> {
    for number in 1..STAGED_NAMES_MAX {
        let mut name = path.as_os_str().to_owned();
        name.push(format!("#{number}"));
        match OpenOptions::new().write(true).create_new(true).open(&name) {
            Ok(file) => return Ok((file, name.into())),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => (),
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(format!(
        "{STAGED_NAMES_MAX} files that were never finished lie beside {}",
        path.display()
    )))
}

/// Writes a file as a whole: its content first, then its name.
fn put(folders: &Folders, path: &Path, payload: &PutPayload, is_new: bool) -> Result<()> {
    folders.make(folder_of(path))?;
    let (mut file, staged) = staged(path).map_err(failed)?;
    let written = payload.iter().try_for_each(|bytes| file.write_all(bytes));
    let named = written.and_then(|()| folders.disk.sync(&staged)).and_then(|()| {
        if is_new {
            std::fs::hard_link(&staged, path)
        } else {
            std::fs::rename(&staged, path)
        }
    });
    if is_new || named.is_err() {
        // What stays behind has a name that nobody lists.
        let _ = std::fs::remove_file(&staged);
    }
    match named {
        Err(source) if is_new && source.kind() == ErrorKind::AlreadyExists => {
            // Whoever is told so goes on from what is there.
            folders.settle(folder_of(path))?;
            return Err(object_store::Error::AlreadyExists {
                path: path.display().to_string(),
                source: Box::new(source),
            });
        }
        named => named.map_err(failed)?,
    }
    folders.settle(folder_of(path))
}

#[async_trait]
impl ObjectStore for DurableFiles {
    async fn put_opts(&self, location: &StorePath, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let is_new = match opts.mode {
            PutMode::Create => true,
            PutMode::Overwrite => false,
            PutMode::Update(_) => {
                return Err(object_store::Error::NotImplemented {
                    operation: "put of a certain version".to_owned(),
                    implementer: STORE.to_owned(),
                });
            }
        };
        let path = self.files.path_to_filesystem(location)?;
        let folders = self.folders.clone();
        blocking(move || put(&folders, &path, &payload, is_new)).await?;
        Ok(PutResult {
            e_tag: None,
            version: None,
        })
    }

    async fn put_multipart_opts(
        &self,
        location: &StorePath,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let path = self.files.path_to_filesystem(location)?;
        let (folders, folder) = (self.folders.clone(), folder_of(&path).to_owned());
        blocking(move || folders.make(&folder)).await?;
        Ok(Box::new(DurableUpload {
            upload: self.files.put_multipart_opts(location, opts).await?,
            path,
            folders: self.folders.clone(),
        }))
    }

    async fn get_opts(&self, location: &StorePath, options: GetOptions) -> Result<GetResult> {
        let path = self.files.path_to_filesystem(location)?;
        if self.folders.unsettled().contains(folder_of(&path)) {
            let folders = self.folders.clone();
            blocking(move || folders.settle(folder_of(&path))).await?;
        }
        self.files.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<StorePath>>) -> BoxStream<'static, Result<StorePath>> {
        // A file that comes back after a power cut is named by no version.
        self.files.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&StorePath>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list(prefix).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&StorePath>) -> Result<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &StorePath, to: &StorePath, options: CopyOptions) -> Result<()> {
        self.files.copy_opts(from, to, options).await?;
        self.settle(to).await
    }

    async fn rename_opts(&self, from: &StorePath, to: &StorePath, options: RenameOptions) -> Result<()> {
        self.files.rename_opts(from, to, options).await?;
        self.settle(to).await
    }
}

impl DurableFiles {
    /// Brings a file that was written otherwise onto the disk, with its name.
    async fn settle(&self, location: &StorePath) -> Result<()> {
        let path = self.files.path_to_filesystem(location)?;
        let folders = self.folders.clone();
        blocking(move || folders.settle_file(&path)).await
    }
}

/// A file that comes in parts. Nothing names it before it is complete.
#[derive(Debug)]
struct DurableUpload {
    upload: Box<dyn MultipartUpload>,
    path: PathBuf,
    folders: Folders,
}

#[async_trait]
impl MultipartUpload for DurableUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.upload.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let put = self.upload.complete().await?;
        let (folders, path) = (self.folders.clone(), self.path.clone());
        blocking(move || folders.settle_file(&path)).await?;
        Ok(put)
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use deltalake::logstore::{StorageConfig, object_store_factories};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use tempfile::TempDir;
    use url::Url;

    use super::*;
    use crate::location::PutIfAbsent;
    use crate::tests::{append, lake_at, table_in};
    use crate::{Lake, LakeLocation};

    /// A disk that knows what it holds: contents and names as of their last sync. Everything else is gone when the power goes.
    #[derive(Debug, Default)]
    struct NotedDisk {
        held: Mutex<Held>,
    }

    #[derive(Debug, Default)]
    struct Held {
        /// What each file held when it was synced, by its inode: it may get its name later.
        contents: BTreeMap<u64, Vec<u8>>,
        /// The names of each synced folder, with inodes.
        folders: BTreeMap<PathBuf, BTreeMap<std::ffi::OsString, u64>>,
        syncs: usize,
        /// Syncs after which the power goes.
        cut_after: usize,
    }

    impl Disk for NotedDisk {
        fn sync(&self, path: &Path) -> io::Result<()> {
            use std::os::unix::fs::MetadataExt as _;
            let mut held = self.held.lock().unwrap();
            held.syncs += 1;
            if held.syncs > held.cut_after {
                return Err(io::Error::other("the power is gone"));
            }
            let meta = std::fs::metadata(path)?;
            if !meta.is_dir() {
                held.contents.insert(meta.ino(), std::fs::read(path)?);
                return Ok(());
            }
            let mut names = BTreeMap::new();
            for entry in std::fs::read_dir(path)? {
                let entry = entry?;
                names.insert(entry.file_name(), entry.metadata()?.ino());
            }
            held.folders.insert(path.to_owned(), names);
            Ok(())
        }
    }

    impl NotedDisk {
        /// What is there after the power came back: `from` as the disk holds it. A name whose content was never synced is there
        /// too, and empty, as file systems do it.
        fn restore(&self, from: &Path, to: &Path) {
            self.held.lock().unwrap().restore(from, to);
        }
    }

    impl Held {
        fn restore(&self, from: &Path, to: &Path) {
            std::fs::create_dir_all(to).unwrap();
            for (name, inode) in self.folders.get(from).into_iter().flatten() {
                let below = from.join(name);
                if below.is_dir() {
                    self.restore(&below, &to.join(name));
                } else {
                    let content = self.contents.get(inode).cloned().unwrap_or_default();
                    std::fs::write(to.join(name), content).unwrap();
                }
            }
        }
    }

    /// Makes stores on noted disks, one for each folder.
    #[derive(Debug, Default)]
    struct NotedFactory {
        disks: Mutex<BTreeMap<String, Arc<NotedDisk>>>,
    }

    impl deltalake::logstore::ObjectStoreFactory for NotedFactory {
        fn parse_url_opts(
            &self,
            url: &Url,
            _: &StorageConfig,
        ) -> deltalake::DeltaResult<(deltalake::logstore::ObjectStoreRef, StorePath)> {
            let disks = self.disks.lock().unwrap();
            let disk = disks.iter().find(|(folder, _)| url.path().starts_with(folder.as_str()));
            let disk = disk.map(|(_, disk)| Arc::clone(disk)).expect("a disk for the folder");
            let path = StorePath::from_url_path(url.path()).map_err(object_store::Error::from)?;
            Ok((Arc::new(DurableFiles::new(disk)), path))
        }
    }

    /// Commits until the power goes at a sync that the seed chooses; what was acknowledged is there, as a whole.
    async fn check_power_cut(factory: &Arc<NotedFactory>, seed: u64) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let folder = TempDir::new().unwrap();
        let before = folder.path().canonicalize().unwrap().join("before");
        std::fs::create_dir(&before).unwrap();
        let disk = Arc::new(NotedDisk::default());
        disk.held.lock().unwrap().cut_after = random.random_range(12..160);
        let path = format!("{}/", before.display());
        factory.disks.lock().unwrap().insert(path.clone(), Arc::clone(&disk));
        let location = LakeLocation {
            url: Url::parse(&format!("noted://{path}")).unwrap(),
            options: BTreeMap::new(),
        };
        let lake = Lake::open(location)
            .await
            .unwrap()
            .with_checkpoint_commits(7)
            .with_patience_for_tests();
        let table = table_in(&lake).await;
        let mut acknowledged = 0;
        loop {
            let next = acknowledged + random.random_range(1..5);
            let expected = (acknowledged > 0).then_some(acknowledged);
            let landed = table.commit(append("a/0", expected, acknowledged, next)).await;
            table.settled().await;
            if landed.is_err() {
                break;
            }
            acknowledged = next;
        }
        let after = folder.path().join("after");
        disk.restore(&before, &after);
        let table = table_in(&lake_at(&after).await).await;
        let fence = table.fence("a/0").await.unwrap().unwrap_or(0);
        assert!(fence >= acknowledged, "seed {seed}: {fence} of {acknowledged}");
        let mut ids = table.longs("ID", &[]).await.unwrap();
        ids.sort_unstable();
        assert_eq!(ids, (0..fence).collect::<Vec<_>>(), "seed {seed}");
        // It goes on from there.
        table
            .commit(append("a/0", (fence > 0).then_some(fence), fence, fence + 1))
            .await
            .unwrap();
        factory.disks.lock().unwrap().remove(&path);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_acknowledged_outlives_a_power_cut() {
        let factory = Arc::new(NotedFactory::default());
        let scheme = Url::parse("noted://").unwrap();
        object_store_factories().insert(scheme.clone(), Arc::clone(&factory) as _);
        deltalake::logstore::logstore_factories().insert(scheme, Arc::new(PutIfAbsent));
        for seed in 0..40 {
            check_power_cut(&factory, seed).await;
        }
    }
}
