//! The topics of the broker: which there are, with their ids and partitions, on disk and in memory.
//!
//! Layout: `topics/<name>/topic.json`, written last, and a folder for each partition. A folder without `topic.json` was
//! never finished and is removed at the next start; a deleted topic is moved to `deleted/` first.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kafka_protocol::ResponseError;
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};
use uuid::Uuid;

use crate::error::BrokerError;
use crate::files::{create_dir, create_dir_forced, read_json, remove_dir, rename, sync_dir, write_json};
use crate::log::{Partition, PartitionSettings};
use crate::topic_config::TopicConfig;

const TOPIC_FILE: &str = "topic.json";
const TOPICS_DIR: &str = "topics";
const DELETED_DIR: &str = "deleted";
/// Kafka's own limit.
const NAME_BYTES_MAX: usize = 249;

/// A topic with its partitions.
#[derive(Debug)]
pub(crate) struct Topic {
    pub name: String,
    pub id: Uuid,
    pub config: RwLock<TopicConfig>,
    partitions: RwLock<Vec<Arc<Partition>>>,
    dir: PathBuf,
}

/// `topic.json`.
#[derive(Debug, Serialize, Deserialize)]
struct TopicFile {
    /// A UUID as text.
    id: String,
    partitions: i32,
    #[serde(default)]
    config: TopicConfig,
}

/// All topics.
#[derive(Debug)]
pub(crate) struct Topics {
    dir: PathBuf,
    partition_settings: PartitionSettings,
    partitions_max: usize,
    known: RwLock<Known>,
    /// Held while topics are made, changed or deleted, so that readers of `known` never wait for the disk.
    change: Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    by_name: BTreeMap<String, Arc<Topic>>,
    by_id: BTreeMap<Uuid, Arc<Topic>>,
}

/// Why a topic could not be made or changed, as the protocol says it and in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicFault(pub ResponseError, pub String);

impl TopicFault {
    fn storage(error: &BrokerError) -> TopicFault {
        TopicFault(ResponseError::KafkaStorageError, error.to_string())
    }
}

impl Topic {
    pub(crate) fn partition(&self, index: i32) -> Option<Arc<Partition>> {
        self.partitions.read().get(usize::try_from(index).ok()?).cloned()
    }

    /// In the order of their indexes.
    pub(crate) fn partitions(&self) -> Vec<Arc<Partition>> {
        self.partitions.read().clone()
    }

    pub(crate) fn partition_count(&self) -> i32 {
        self.partitions.read().len() as i32
    }

    fn write_file(&self, partitions: i32, config: &TopicConfig) -> Result<(), BrokerError> {
        let file = TopicFile {
            id: self.id.to_string(),
            partitions,
            config: config.clone(),
        };
        write_json(&self.dir.join(TOPIC_FILE), &file)
    }
}

impl Topics {
    /// Opens the topics of a broker's folder and recovers their logs.
    pub(crate) fn open(
        broker_dir: &Path,
        partition_settings: PartitionSettings,
        partitions_max: usize,
    ) -> Result<Topics, BrokerError> {
        let dir = broker_dir.join(TOPICS_DIR);
        create_dir_forced(&dir)?;
        let deleted = broker_dir.join(DELETED_DIR);
        if deleted.exists() {
            remove_dir(&deleted)?;
        }
        let mut known = Known::default();
        for entry in fs::read_dir(&dir).map_err(BrokerError::io("list", &dir))? {
            let path = entry.map_err(BrokerError::io("list", &dir))?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default()
                .to_owned();
            if !path.is_dir() || check_name(&name).is_err() {
                warn!(path = %path.display(), "`{}` is not a topic and is left alone", path.display());
                continue;
            }
            match read_json::<TopicFile>(&path.join(TOPIC_FILE))? {
                Some(file) => {
                    sync_dir(&path)?;
                    known.insert(open_topic(name, path, file, &partition_settings)?);
                }
                None => remove_dir(&path)?,
            }
        }
        // A process that was killed may not have done so, here and in each topic's folder, and records follow.
        sync_dir(&dir)?;
        Ok(Topics {
            dir,
            partition_settings,
            partitions_max,
            known: RwLock::new(known),
            change: Mutex::new(()),
        })
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<Arc<Topic>> {
        self.known.read().by_name.get(name).cloned()
    }

    pub(crate) fn by_id(&self, id: Uuid) -> Option<Arc<Topic>> {
        self.known.read().by_id.get(&id).cloned()
    }

    /// In the order of their names.
    pub(crate) fn all(&self) -> Vec<Arc<Topic>> {
        self.known.read().by_name.values().cloned().collect()
    }

    /// Makes a topic; with `dry_run` only says whether it could be made.
    pub(crate) fn create(
        &self,
        name: &str,
        partitions: i32,
        config: TopicConfig,
        dry_run: bool,
        now_ms: i64,
    ) -> Result<Option<Arc<Topic>>, TopicFault> {
        check_name(name)?;
        if partitions < 1 {
            return Err(TopicFault(
                ResponseError::InvalidPartitions,
                "the number of partitions must be at least 1".to_owned(),
            ));
        }
        let _change = self.change.lock();
        if self.by_name(name).is_some() {
            return Err(TopicFault(
                ResponseError::TopicAlreadyExists,
                format!("topic `{name}` already exists"),
            ));
        }
        self.check_room(partitions)?;
        if dry_run {
            return Ok(None);
        }
        let file = TopicFile {
            id: Uuid::new_v4().to_string(),
            partitions,
            config,
        };
        let dir = self.dir.join(name);
        let settings = PartitionSettings {
            now_ms,
            machine_went_down: false,
            ..self.partition_settings.clone()
        };
        let made = open_topic(name.to_owned(), dir, file, &settings).and_then(|topic| {
            topic.write_file(partitions, &topic.config.read())?;
            sync_dir(&self.dir)?;
            Ok(topic)
        });
        let topic = made.map_err(|error| TopicFault::storage(&error))?;
        info!(
            topic = name,
            partitions, "created topic `{name}` with {partitions} partitions"
        );
        let topic = self.known.write().insert(topic);
        Ok(Some(topic))
    }

    /// Adds partitions, so that there are `count`.
    pub(crate) fn add_partitions(
        &self,
        topic: &Topic,
        count: i32,
        dry_run: bool,
        now_ms: i64,
    ) -> Result<(), TopicFault> {
        let _change = self.change.lock();
        let before = topic.partition_count();
        if count <= before {
            let text = format!("topic `{}` has {before} partitions already", topic.name);
            return Err(TopicFault(ResponseError::InvalidPartitions, text));
        }
        self.check_room(count - before)?;
        if dry_run {
            return Ok(());
        }
        let settings = PartitionSettings {
            now_ms,
            machine_went_down: false,
            ..self.partition_settings.clone()
        };
        let added = (before..count)
            .map(|index| {
                Ok(Arc::new(Partition::open(
                    &topic.dir.join(index.to_string()),
                    settings.clone(),
                )?))
            })
            .collect::<Result<Vec<_>, BrokerError>>()
            .and_then(|added| topic.write_file(count, &topic.config.read()).map(|()| added))
            .map_err(|error| TopicFault::storage(&error))?;
        topic.partitions.write().extend(added);
        Ok(())
    }

    /// Replaces a topic's configuration.
    pub(crate) fn reconfigure(&self, topic: &Topic, config: TopicConfig) -> Result<(), TopicFault> {
        let _change = self.change.lock();
        topic
            .write_file(topic.partition_count(), &config)
            .map_err(|error| TopicFault::storage(&error))?;
        *topic.config.write() = config;
        Ok(())
    }

    /// Deletes a topic and its files. A topic made anew under its name gets another id.
    pub(crate) fn delete(&self, topic: &Topic) -> Result<(), TopicFault> {
        let _change = self.change.lock();
        let removed = {
            let mut known = self.known.write();
            known.by_name.remove(&topic.name);
            known.by_id.remove(&topic.id).is_some()
        };
        if !removed {
            let text = format!("topic `{}` was deleted already", topic.name);
            return Err(TopicFault(ResponseError::UnknownTopicOrPartition, text));
        }
        for partition in topic.partitions() {
            partition.retire();
        }
        info!(topic = %topic.name, "deleted topic `{}`", topic.name);
        self.remove_files(topic).map_err(|error| TopicFault::storage(&error))
    }

    fn remove_files(&self, topic: &Topic) -> Result<(), BrokerError> {
        let deleted = self.dir.with_file_name(DELETED_DIR);
        create_dir(&deleted)?;
        let moved = deleted.join(topic.id.to_string());
        rename(&topic.dir, &moved)?;
        sync_dir(&self.dir)?;
        remove_dir(&moved)
    }

    fn check_room(&self, more: i32) -> Result<(), TopicFault> {
        let there = self
            .known
            .read()
            .by_name
            .values()
            .map(|topic| topic.partition_count())
            .sum::<i32>();
        let max = self.partitions_max;
        if (max as i64) < i64::from(there) + i64::from(more) {
            let text = format!("the broker has {there} partitions and may have {max} (limits.partitions_max)");
            return Err(TopicFault(ResponseError::PolicyViolation, text));
        }
        Ok(())
    }
}

impl Known {
    fn insert(&mut self, topic: Topic) -> Arc<Topic> {
        let topic = Arc::new(topic);
        self.by_name.insert(topic.name.clone(), Arc::clone(&topic));
        self.by_id.insert(topic.id, Arc::clone(&topic));
        topic
    }
}

fn open_topic(name: String, dir: PathBuf, file: TopicFile, settings: &PartitionSettings) -> Result<Topic, BrokerError> {
    let id = file.id.parse().map_err(|_| BrokerError::Damaged {
        path: dir.join(TOPIC_FILE),
        reason: format!("`{}` is not a topic id", file.id),
    })?;
    create_dir(&dir)?;
    let partitions = (0..file.partitions)
        .map(|index| {
            Ok(Arc::new(Partition::open(
                &dir.join(index.to_string()),
                settings.clone(),
            )?))
        })
        .collect::<Result<Vec<_>, BrokerError>>()?;
    Ok(Topic {
        name,
        id,
        config: RwLock::new(file.config),
        partitions: RwLock::new(partitions),
        dir,
    })
}

/// Kafka's rule for names of topics; it also makes them safe as names of folders.
pub(crate) fn check_name(name: &str) -> Result<(), TopicFault> {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let fault = if name.is_empty() {
        "a topic needs a name".to_owned()
    } else if name == "." || name == ".." {
        format!("`{name}` is not a name")
    } else if NAME_BYTES_MAX < name.len() {
        format!("a topic's name has at most {NAME_BYTES_MAX} characters")
    } else if !name.chars().all(is_legal) {
        "a topic's name is made of letters, digits, `.`, `_` and `-`".to_owned()
    } else {
        return Ok(());
    };
    Err(TopicFault(ResponseError::InvalidTopicException, fault))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Fsync;

    fn open(dir: &Path) -> Topics {
        let settings = PartitionSettings {
            fsync: Fsync::Never,
            producers_max: 10,
            machine_went_down: false,
            now_ms: 0,
        };
        Topics::open(dir, settings, 10).unwrap()
    }

    #[test]
    fn topics_survive_a_restart_and_a_new_one_has_a_new_id() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = TopicConfig::default();
        config.set("retention.ms", "5").unwrap();
        let topics = open(dir.path());
        let id = topics.create("a", 3, config, false, 0).unwrap().unwrap().id;
        topics
            .add_partitions(&topics.by_name("a").unwrap(), 4, false, 0)
            .unwrap();
        drop(topics);

        // A topic that was not finished, and one that was being deleted, are gone.
        fs::create_dir_all(dir.path().join("topics/half/0")).unwrap();
        fs::create_dir_all(dir.path().join("deleted/x")).unwrap();
        let topics = open(dir.path());
        let topic = topics.by_id(id).unwrap();
        assert_eq!((topic.name.as_str(), topic.partition_count()), ("a", 4));
        assert_eq!(topic.config.read().own("retention.ms"), Some("5"));
        assert_eq!(topics.all().len(), 1);
        assert!(!dir.path().join("topics/half").exists() && !dir.path().join("deleted/x").exists());

        topics.delete(&topic).unwrap();
        assert_eq!(
            topics.delete(&topic).unwrap_err().0,
            ResponseError::UnknownTopicOrPartition
        );
        assert!(topics.by_name("a").is_none() && topics.by_id(id).is_none());
        let again = topics
            .create("a", 1, TopicConfig::default(), false, 0)
            .unwrap()
            .unwrap();
        assert_ne!(again.id, id);
    }

    #[test]
    fn what_cannot_be_made_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let topics = open(dir.path());
        topics.create("a", 4, TopicConfig::default(), false, 0).unwrap();
        let long = "x".repeat(250);
        for (name, partitions, expected) in [
            ("a", 1, ResponseError::TopicAlreadyExists),
            ("b", 0, ResponseError::InvalidPartitions),
            ("b", 7, ResponseError::PolicyViolation),
            ("", 1, ResponseError::InvalidTopicException),
            ("..", 1, ResponseError::InvalidTopicException),
            ("a/b", 1, ResponseError::InvalidTopicException),
            ("ä", 1, ResponseError::InvalidTopicException),
            (long.as_str(), 1, ResponseError::InvalidTopicException),
        ] {
            let made = topics.create(name, partitions, TopicConfig::default(), false, 0);
            assert_eq!(made.unwrap_err().0, expected, "{name}");
        }
        assert_eq!(
            topics
                .create("b", 6, TopicConfig::default(), true, 0)
                .unwrap()
                .map(|t| t.id),
            None
        );
        assert!(topics.by_name("b").is_none());
    }
}
