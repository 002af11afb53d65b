//! Where the lake lives: a folder, or a prefix of an S3 bucket.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Once};

use deltalake::DeltaResult;
use deltalake::logstore::{
    LogStore, LogStoreFactory, ObjectStoreFactory, ObjectStoreRef, StorageConfig, default_logstore, logstore_factories,
    object_store_factories,
};
use object_store::ObjectStoreScheme;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path as StorePath;
use url::Url;

use crate::LakeError;
use crate::durable::{DurableFiles, RealDisk};

/// The place of a lake and how to reach it.
#[derive(Clone)]
pub struct LakeLocation {
    /// `file://…/` or `s3://bucket/prefix/`; tables are folders below it.
    pub url: Url,
    /// Settings of the store, as object_store names them (`aws_endpoint`, `aws_region`, …). May hold secrets.
    pub options: BTreeMap<String, String>,
}

impl LakeLocation {
    /// A location from a path or a URL. A folder that does not exist is made.
    pub fn parse(text: &str, options: BTreeMap<String, String>) -> Result<LakeLocation, LakeError> {
        let refuse = |reason: String| LakeError::Location {
            location: text.to_owned(),
            reason,
        };
        let mut url = match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "s3" | "s3a") => url,
            Ok(url) if url.scheme() == "file" => {
                let path = url
                    .to_file_path()
                    .map_err(|()| refuse("the URL names no local path".into()))?;
                folder_url(&path).map_err(refuse)?
            }
            // `C:\…` parses as a URL with a scheme of one letter; everything else with `://` is a store we have not.
            Ok(url) if text.contains("://") => {
                return Err(refuse(format!(
                    "stores of kind `{}` are not supported, only file and s3",
                    url.scheme()
                )));
            }
            _ => folder_url(Path::new(text)).map_err(refuse)?,
        };
        if !url.path().ends_with('/') {
            let with_slash = format!("{}/", url.path());
            url.set_path(&with_slash);
        }
        Ok(LakeLocation { url, options })
    }

    /// A local folder, made if it does not exist.
    pub fn folder(path: &Path) -> Result<LakeLocation, LakeError> {
        let url = folder_url(path).map_err(|reason| LakeError::Location {
            location: path.display().to_string(),
            reason,
        })?;
        Ok(LakeLocation {
            url,
            options: BTreeMap::new(),
        })
    }

    /// The same, but what is acknowledged outlives a power cut: local files are brought onto the disk before. Stores other than
    /// local files do so by themselves.
    pub fn durable(mut self) -> LakeLocation {
        self.options.insert(DURABLE.to_owned(), true.to_string());
        self
    }

    /// The options as Delta takes them.
    pub(crate) fn delta_options(&self) -> HashMap<String, String> {
        self.options.clone().into_iter().collect()
    }

    /// The log and object stores of the table whose folder is called `table`.
    pub(crate) fn table_url(&self, table: &str) -> Result<Url, LakeError> {
        self.url.join(&format!("{table}/")).map_err(|e| LakeError::Location {
            location: self.url.to_string(),
            reason: e.to_string(),
        })
    }
}

impl fmt::Debug for LakeLocation {
    /// Options are named but not shown: they may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LakeLocation")
            .field("url", &self.url.as_str())
            .field("options", &self.options.keys().collect::<Vec<_>>())
            .finish()
    }
}

fn folder_url(path: &Path) -> Result<Url, String> {
    std::fs::create_dir_all(path).map_err(|e| e.to_string())?;
    let absolute = path.canonicalize().map_err(|e| e.to_string())?;
    Url::from_directory_path(&absolute).map_err(|()| "it is not an absolute path".to_owned())
}

/// Tells Delta how to make stores for `s3://` and local files. Done once a process, before the first table is opened.
pub(crate) fn register_stores() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        if let Ok(url) = Url::parse("file://") {
            object_store_factories().insert(url, Arc::new(FileFactory));
        }
        for scheme in ["s3://", "s3a://"] {
            if let Ok(url) = Url::parse(scheme) {
                object_store_factories().insert(url.clone(), Arc::new(S3Factory));
                logstore_factories().insert(url, Arc::new(PutIfAbsent));
            }
        }
    });
}

/// The option that says that local files must outlive a power cut.
const DURABLE: &str = "tidemill_durable";

/// Makes stores of local files, durable ones where it is asked to.
struct FileFactory;

impl ObjectStoreFactory for FileFactory {
    fn parse_url_opts(&self, url: &Url, config: &StorageConfig) -> DeltaResult<(ObjectStoreRef, StorePath)> {
        let (_, path) = ObjectStoreScheme::parse(url).map_err(object_store::Error::from)?;
        let is_durable = config.raw().any(|(key, value)| key == DURABLE && value == "true");
        let store: ObjectStoreRef = if is_durable {
            Arc::new(DurableFiles::new(Arc::new(RealDisk)))
        } else {
            Arc::new(LocalFileSystem::new())
        };
        Ok((store, path))
    }
}

/// Makes stores by object_store's own S3 client. Its conditional put is what keeps commits apart.
struct S3Factory;

impl ObjectStoreFactory for S3Factory {
    fn parse_url_opts(&self, url: &Url, config: &StorageConfig) -> DeltaResult<(ObjectStoreRef, StorePath)> {
        let mut builder = AmazonS3Builder::from_env().with_url(url.as_str());
        for (key, value) in config.raw() {
            if let Ok(key) = key.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
                builder = builder.with_config(key, value);
            }
        }
        let store = builder.build()?;
        let path = StorePath::from_url_path(url.path()).map_err(object_store::Error::from)?;
        Ok((Arc::new(store), path))
    }
}

/// Makes log stores that commit by a put of what is not there yet.
pub(crate) struct PutIfAbsent;

impl LogStoreFactory for PutIfAbsent {
    fn with_options(
        &self,
        prefixed_store: ObjectStoreRef,
        root_store: ObjectStoreRef,
        location: &Url,
        options: &StorageConfig,
    ) -> DeltaResult<Arc<dyn LogStore>> {
        Ok(default_logstore(prefixed_store, root_store, location, options))
    }
}
