//! Files and folders: what is made, moved, removed and forced to disk goes through here, so that tests can play a disk that
//! forgets what was not forced to it. And small JSON files that are replaced as a whole, so that a reader sees the old or
//! the new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::BrokerError;
#[cfg(test)]
use crate::power_cut::noted;

/// What only a test wants to know.
#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "in tests they fail where the power is out")]
mod noted {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    pub(super) fn made(_: &Path) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn moved(_: &Path, _: &Path) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn removed(_: &Path) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn forced(_: &File) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn forced_dir(_: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// The file's content; none where there is no file.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, BrokerError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(BrokerError::io("read", path)(error)),
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| BrokerError::Damaged {
            path: path.to_owned(),
            reason: error.to_string(),
        })
}

/// Writes a new file beside the old one, forces it to disk, and moves it over.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), BrokerError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| BrokerError::Damaged {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    bytes.push(b'\n');
    write_whole(path, &bytes)
}

/// Replaces a file by one with these bytes.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), BrokerError> {
    let new_path = path.with_extension("new");
    let file = write_unforced(&new_path, bytes)?;
    force(&file).map_err(BrokerError::io("sync", &new_path))?;
    rename(&new_path, path)?;
    if let Some(dir) = path.parent() {
        sync_dir(dir)?;
    }
    Ok(())
}

/// Forces the entries of a folder to disk: files made, moved or removed in it.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), BrokerError> {
    force_dir(dir).map_err(BrokerError::io("sync", dir))
}

/// The same for callers that say themselves what failed.
pub(crate) fn force_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()?;
    noted::forced_dir(dir)
}

/// Forces a file's bytes, length and time to disk. Its name is its folder's.
pub(crate) fn force(file: &File) -> io::Result<()> {
    file.sync_all()?;
    noted::forced(file)
}

/// Forces a file's bytes and length to disk.
pub(crate) fn force_data(file: &File) -> io::Result<()> {
    file.sync_data()?;
    noted::forced(file)
}

/// Writes a file that may be lost: whoever reads it looks whether it is whole.
pub(crate) fn write_unforced(path: &Path, bytes: &[u8]) -> Result<File, BrokerError> {
    let mut file = File::create(path)
        .and_then(|file| noted::made(path).map(|()| file))
        .map_err(BrokerError::io("create", path))?;
    file.write_all(bytes).map_err(BrokerError::io("write", path))?;
    Ok(file)
}

/// Opens a file to append to it, and makes it if need be.
pub(crate) fn open_to_append(path: &Path) -> Result<File, BrokerError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .read(true)
        .open(path)
        .and_then(|file| noted::made(path).map(|()| file))
        .map_err(BrokerError::io("open", path))
}

/// Makes a folder. Its name may be lost until the folder above is forced to disk.
pub(crate) fn create_dir(dir: &Path) -> Result<(), BrokerError> {
    fs::create_dir_all(dir)
        .and_then(|()| noted::made(dir))
        .map_err(BrokerError::io("create", dir))
}

/// Makes a folder and those above it that are missing, and forces their names to disk; so is the name of the deepest one
/// that was there, because a process that was killed may have left it.
pub(crate) fn create_dir_forced(dir: &Path) -> Result<(), BrokerError> {
    let is_named = |dir: &&Path| !dir.as_os_str().is_empty();
    let mut missing: Vec<&Path> = dir.ancestors().take_while(is_named).collect();
    let there = missing.iter().position(|dir| dir.exists());
    let left = there.map(|at| missing[at]);
    missing.truncate(there.unwrap_or(missing.len()));
    if let Some(left) = left {
        match sync_dir(dir_above(left)) {
            // It is somebody else's.
            Err(BrokerError::Io { source, .. }) if source.kind() == io::ErrorKind::PermissionDenied => (),
            forced => forced?,
        }
    }
    for dir in missing.into_iter().rev() {
        create_dir(dir)?;
        sync_dir(dir_above(dir))?;
    }
    Ok(())
}

fn dir_above(dir: &Path) -> &Path {
    let above = dir.parent().filter(|above| !above.as_os_str().is_empty());
    above.unwrap_or(if dir.has_root() { dir } else { Path::new(".") })
}

/// Moves a file or folder, over what is there.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), BrokerError> {
    fs::rename(from, to)
        .and_then(|()| noted::moved(from, to))
        .map_err(BrokerError::io("move", from))
}

/// Removes a file.
pub(crate) fn remove_file(path: &Path) -> Result<(), BrokerError> {
    fs::remove_file(path)
        .and_then(|()| noted::removed(path))
        .map_err(BrokerError::io("remove", path))
}

/// Removes a folder and all that is in it.
pub(crate) fn remove_dir(dir: &Path) -> Result<(), BrokerError> {
    fs::remove_dir_all(dir)
        .and_then(|()| noted::removed(dir))
        .map_err(BrokerError::io("remove", dir))
}
