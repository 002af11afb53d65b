//! Small JSON files that are replaced as a whole, so that a reader sees the old or the new one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::BrokerError;

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
    let mut file = File::create(&new_path).map_err(BrokerError::io("create", &new_path))?;
    file.write_all(bytes).map_err(BrokerError::io("write", &new_path))?;
    file.sync_all().map_err(BrokerError::io("sync", &new_path))?;
    fs::rename(&new_path, path).map_err(BrokerError::io("replace", path))?;
    if let Some(dir) = path.parent() {
        sync_dir(dir)?;
    }
    Ok(())
}

/// Forces the entries of a folder to disk: files made, moved or removed in it.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), BrokerError> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(BrokerError::io("sync", dir))
}
