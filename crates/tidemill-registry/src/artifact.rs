//! Artifacts: names for blobs, below a run or a model version.

use serde::Serialize;
use tidemill_types::{Micros, ModelName, RunId, VersionNumber};

use crate::db::{Arguments, Session, sql};
use crate::limits::{PAGE_ROWS_MAX, PATH_CHARS_MAX};
use crate::registry::page;
use crate::{Registry, RegistryError, Sha256Hash, check, run};

/// A name for a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArtifactEntry {
    /// Names separated by `/`, without `.` and `..`. It names; no file is ever opened by it.
    pub path: String,
    /// The bytes.
    pub hash: Sha256Hash,
}

impl Registry {
    /// Stores `bytes` and gives their hash, by which they are read again. The same bytes are stored once.
    pub async fn put_blob(&self, bytes: Vec<u8>) -> Result<Sha256Hash, RegistryError> {
        let (byte_count, now) = (bytes.len() as i64, self.now());
        let hash = self.with_blobs(move |blobs| blobs.put(&bytes)).await?;
        self.write(move |session| {
            Box::pin(async move {
                let arguments = Arguments::new().hash(&hash).int(byte_count).time(now);
                session.execute(sql!("artifacts/insert_blob"), arguments).await
            })
        })
        .await?;
        Ok(hash)
    }

    /// The bytes of `hash`, hashed again. Errors when they are not there or were damaged.
    pub async fn get_blob(&self, hash: &Sha256Hash) -> Result<Vec<u8>, RegistryError> {
        let hash = *hash;
        self.with_blobs(move |blobs| blobs.get(&hash)).await
    }

    /// Names a stored blob as an artifact of a run. A path that is taken gets the new bytes.
    pub async fn log_artifact(&self, run: &RunId, path: &str, hash: &Sha256Hash) -> Result<(), RegistryError> {
        check_path(path)?;
        let entry = ArtifactEntry {
            path: path.to_owned(),
            hash: *hash,
        };
        let (run, now) = (run.clone(), self.now());
        self.write(move |session| {
            Box::pin(async move {
                run::find(session, &run).await?;
                put(session, &root_of_run(&run), &[entry], now).await
            })
        })
        .await
    }
}

/// Where the artifacts of a run hang.
pub(crate) fn root_of_run(run: &RunId) -> String {
    format!("runs/{run}")
}

/// Where the artifacts of a version hang.
pub(crate) fn root_of_version(model: &ModelName, version: VersionNumber) -> String {
    format!("models/{model}/{}", version.0)
}

/// Relative, and without names that a file system would follow elsewhere.
pub(crate) fn check_path(path: &str) -> Result<(), RegistryError> {
    check::line("the artifact's path", path, PATH_CHARS_MAX)?;
    let followed = path.contains('\\') || path.split('/').any(|name| matches!(name, "" | "." | ".."));
    if followed {
        return Err(RegistryError::invalid(
            format!("the artifact's path `{path}`"),
            "must be names separated by `/`, without `.`, `..` and `\\`",
        ));
    }
    Ok(())
}

/// Names blobs below a root, within the caller's change. Errors when one was never stored.
pub(crate) async fn put(
    session: &mut Session,
    root: &str,
    entries: &[ArtifactEntry],
    now: Micros,
) -> Result<(), RegistryError> {
    for entry in entries {
        require_blob(session, &entry.hash).await?;
        let arguments = Arguments::new()
            .text(root)
            .text(&entry.path)
            .hash(&entry.hash)
            .time(now);
        session.execute(sql!("artifacts/insert_entry"), arguments).await?;
    }
    Ok(())
}

/// Errors when no blob of this hash was stored.
pub(crate) async fn require_blob(session: &mut Session, hash: &Sha256Hash) -> Result<(), RegistryError> {
    match session.row(sql!("artifacts/blob"), Arguments::new().hash(hash)).await? {
        Some(_) => Ok(()),
        None => Err(RegistryError::BlobNotFound { hash: *hash }),
    }
}

/// The artifacts below a root, by path.
pub(crate) async fn of_root(session: &mut Session, root: &str) -> Result<Vec<ArtifactEntry>, RegistryError> {
    let arguments = Arguments::new().text(root).int(page(PAGE_ROWS_MAX));
    session
        .rows(sql!("artifacts/of_root"), arguments)
        .await?
        .iter()
        .map(|row| {
            Ok(ArtifactEntry {
                path: row.text("path")?,
                hash: row.hash("hash")?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_nowhere() {
        for good in ["model.json", "plots/roc curve.svg", "a/b/c"] {
            assert!(check_path(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/etc/passwd",
            "../up",
            "a/../../b",
            "a//b",
            "a/",
            "./a",
            "a\\b",
            "a\0b",
            "a\nb",
        ] {
            assert!(check_path(bad).is_err(), "{bad:?}");
        }
    }
}
