//! Where a registry lives.

use std::path::{Path, PathBuf};

use crate::RegistryError;

/// The name of the database file in a registry's folder.
const DATABASE_FILE: &str = "registry.db";
/// The name of the folder of blobs beside it.
const BLOBS_FOLDER: &str = "artifacts";

/// A database and the folder of its blobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryLocation {
    pub(crate) database: PathBuf,
    pub(crate) blobs: PathBuf,
}

impl RegistryLocation {
    /// `registry.db` and `artifacts/` in `folder`.
    pub fn in_folder(folder: &Path) -> RegistryLocation {
        RegistryLocation {
            database: folder.join(DATABASE_FILE),
            blobs: folder.join(BLOBS_FOLDER),
        }
    }

    /// The database at `url` with its blobs in `blobs`.
    ///
    /// `sqlite:PATH` and `sqlite://PATH` are files. Errors for any other scheme, and for SQLite in memory, which would
    /// lose what was deployed.
    pub fn parse(url: &str, blobs: &Path) -> Result<RegistryLocation, RegistryError> {
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        let path = url
            .strip_prefix("sqlite://")
            .or_else(|| url.strip_prefix("sqlite:"))
            .filter(|path| !path.is_empty() && !path.starts_with(':') && !path.contains('?'));
        match path {
            Some(path) => Ok(RegistryLocation {
                database: path.into(),
                blobs: blobs.into(),
            }),
            // Never the whole URL: it may hold a password.
            None => Err(RegistryError::UnsupportedLocation { scheme: scheme.into() }),
        }
    }

    /// The database file.
    pub fn database(&self) -> &Path {
        &self.database
    }

    /// The folder of blobs.
    pub fn blobs(&self) -> &Path {
        &self.blobs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_are_locations() {
        let parse = |url: &str| RegistryLocation::parse(url, Path::new("b")).map(|location| location.database);
        for (url, path) in [
            ("sqlite:registry.db", "registry.db"),
            ("sqlite:///var/lib/registry.db", "/var/lib/registry.db"),
            ("sqlite://state/registry.db", "state/registry.db"),
        ] {
            assert_eq!(parse(url).unwrap(), PathBuf::from(path), "{url}");
        }
        for url in [
            "",
            "registry.db",
            "sqlite:",
            "sqlite::memory:",
            "sqlite:a?mode=ro",
            "mysql://u:secret@h/d",
        ] {
            let error = parse(url).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
