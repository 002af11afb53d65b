//! Bytes by their SHA-256, in a local folder.
//!
//! A file's name is its hash and nothing else, so that no input can lead outside of the folder. A file appears whole
//! (written beside, flushed, renamed), is stored once, and is hashed again by every read.
//! Absent on purpose: deletion, which is for a sweep that knows every reference.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::limits::BLOB_BYTES_MAX;
use crate::{RegistryError, Sha256Hash};

/// Files that are being written; whatever is there when nothing runs is left over from a crash and harmless.
const UNFINISHED_FOLDER: &str = "unfinished";

/// Tells files apart that one process writes at the same time.
static NEXT_UNFINISHED: AtomicU64 = AtomicU64::new(0);

/// The folder. Its methods block: call them on blocking threads.
#[derive(Debug, Clone)]
pub(crate) struct BlobFolder(PathBuf);

impl BlobFolder {
    pub(crate) fn open(folder: &Path) -> Result<BlobFolder, RegistryError> {
        let unfinished = folder.join(UNFINISHED_FOLDER);
        fs::create_dir_all(&unfinished).map_err(|source| failed("make", &unfinished, source))?;
        Ok(BlobFolder(folder.into()))
    }

    /// Stores `bytes` unless they are there, sound, already.
    pub(crate) fn put(&self, bytes: &[u8]) -> Result<Sha256Hash, RegistryError> {
        if bytes.len() > BLOB_BYTES_MAX {
            return Err(RegistryError::TooMany {
                what: "bytes",
                count: bytes.len(),
                max: BLOB_BYTES_MAX,
            });
        }
        let hash = Sha256Hash::of(bytes);
        match self.get(&hash) {
            Ok(_) => return Ok(hash),
            // What is damaged is written anew: here are the right bytes.
            Err(RegistryError::BlobNotFound { .. } | RegistryError::BlobDamaged { .. }) => (),
            Err(error) => return Err(error),
        }
        let number = NEXT_UNFINISHED.fetch_add(1, Ordering::Relaxed);
        let unfinished = self
            .0
            .join(UNFINISHED_FOLDER)
            .join(format!("{hash}.{}.{number}", std::process::id()));
        let mut file = fs::File::create(&unfinished).map_err(|source| failed("write", &unfinished, source))?;
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .map_err(|source| failed("write", &unfinished, source))?;
        let path = self.path(&hash);
        let folder = path.parent().unwrap_or(&self.0);
        fs::create_dir_all(folder).map_err(|source| failed("make", folder, source))?;
        fs::rename(&unfinished, &path).map_err(|source| failed("write", &path, source))?;
        // The name must be on disk before the database says that the blob exists.
        for folder in [folder, &self.0] {
            fs::File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(|source| failed("flush", folder, source))?;
        }
        Ok(hash)
    }

    /// The bytes of `hash`, checked.
    pub(crate) fn get(&self, hash: &Sha256Hash) -> Result<Vec<u8>, RegistryError> {
        let path = self.path(hash);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(RegistryError::BlobNotFound { hash: *hash });
            }
            Err(source) => return Err(failed("read", &path, source)),
        };
        let found = Sha256Hash::of(&bytes);
        if found == *hash {
            Ok(bytes)
        } else {
            Err(RegistryError::BlobDamaged { hash: *hash, found })
        }
    }

    /// `<first two digits>/<hash>`: a folder never holds all of them.
    fn path(&self, hash: &Sha256Hash) -> PathBuf {
        let name = hash.to_string();
        self.0.join(&name[..2]).join(&name)
    }
}

fn failed(action: &'static str, path: &Path, source: std::io::Error) -> RegistryError {
    RegistryError::Blob {
        action,
        path: path.into(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_stored_once_and_checked_by_each_read() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = BlobFolder::open(folder.path()).unwrap();
        let hash = blobs.put(b"a model").unwrap();
        let path = blobs.path(&hash);
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        assert_eq!(blobs.put(b"a model").unwrap(), hash);
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written);
        assert_eq!(blobs.get(&hash).unwrap(), b"a model");

        fs::write(&path, b"b model").unwrap();
        assert!(matches!(blobs.get(&hash), Err(RegistryError::BlobDamaged { .. })));
        // The right bytes heal it.
        blobs.put(b"a model").unwrap();
        assert_eq!(blobs.get(&hash).unwrap(), b"a model");
        assert_eq!(fs::read_dir(folder.path().join(UNFINISHED_FOLDER)).unwrap().count(), 0);

        let missing = Sha256Hash::of(b"never stored");
        assert!(matches!(blobs.get(&missing), Err(RegistryError::BlobNotFound { .. })));
    }
}
