//! Offsets that groups have committed, in a file that is appended to: a line for each commit, with a checksum, so that a torn
//! line at the end is seen and cut off. The file is written anew when most of it is outdated.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::error::BrokerError;
use crate::files::{force, force_data, open_to_append, sync_dir, write_whole};
use crate::settings::Fsync;

const FILE: &str = "offsets.log";
/// Lines, beyond those that count, after which the file is written anew.
const OUTDATED_LINES_MAX: usize = 50_000;

/// What a group committed for a partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Committed {
    /// The offset to go on from.
    pub offset: i64,
    #[serde(default = "no_epoch")]
    pub leader_epoch: i32,
    #[serde(default)]
    pub metadata: String,
}

fn no_epoch() -> i32 {
    -1
}

/// A topic and a partition of it.
pub(crate) type TopicPartition = (String, i32);

type Offsets = BTreeMap<String, BTreeMap<TopicPartition, Committed>>;

/// One line of the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    group: String,
    topic: String,
    partition: i32,
    /// None takes the offset back.
    committed: Option<Committed>,
}

/// All committed offsets.
#[derive(Debug)]
pub(crate) struct OffsetStore {
    path: PathBuf,
    fsync: Fsync,
    offsets_max: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    offsets: Offsets,
    count: usize,
    file: File,
    file_bytes: u64,
    lines: usize,
    has_unsynced: bool,
}

/// Why offsets were not committed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommitError {
    #[error("the broker holds {0} committed offsets already (limits.committed_offsets_max)")]
    TooMany(usize),
    #[error("failed to store committed offsets")]
    Storage(#[from] BrokerError),
}

impl OffsetStore {
    /// Reads the file, cuts a torn end off, and opens it to append.
    pub(crate) fn open(dir: &Path, fsync: Fsync, offsets_max: usize) -> Result<OffsetStore, BrokerError> {
        let path = dir.join(FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(BrokerError::io("read", &path)(error)),
        };
        let mut offsets = Offsets::new();
        let mut lines = 0;
        let mut good_bytes = 0;
        while let Some(length) = memchr_newline(&bytes[good_bytes..]) {
            let Some(line) = read_line(&bytes[good_bytes..good_bytes + length]) else {
                break;
            };
            apply(&mut offsets, line);
            good_bytes += length + 1;
            lines += 1;
        }
        let file = open_to_append(&path)?;
        if good_bytes < bytes.len() {
            let torn = bytes.len() - good_bytes;
            warn!(path = %path.display(), torn, "cut {torn} torn bytes off `{}`", path.display());
            file.set_len(good_bytes as u64).map_err(BrokerError::io("cut", &path))?;
        }
        // It may be new, or left by a process that was killed.
        force(&file).map_err(BrokerError::io("sync", &path))?;
        sync_dir(dir)?;
        let count = offsets.values().map(BTreeMap::len).sum();
        let inner = Inner {
            offsets,
            count,
            file,
            file_bytes: good_bytes as u64,
            lines,
            has_unsynced: false,
        };
        Ok(OffsetStore {
            path,
            fsync,
            offsets_max,
            inner: Mutex::new(inner),
        })
    }

    /// Commits offsets of a group, all or none.
    pub(crate) fn commit(&self, group: &str, commits: Vec<(TopicPartition, Committed)>) -> Result<(), CommitError> {
        let lines = commits.into_iter().map(|((topic, partition), committed)| Line {
            group: group.to_owned(),
            topic,
            partition,
            committed: Some(committed),
        });
        let lines: Vec<_> = lines.collect();
        let mut inner = self.inner.lock();
        if self.offsets_max < inner.count + lines.len() {
            let known = inner.offsets.get(group);
            let is_new = |line: &&Line| known.is_none_or(|k| !k.contains_key(&(line.topic.clone(), line.partition)));
            if self.offsets_max < inner.count + lines.iter().filter(is_new).count() {
                return Err(CommitError::TooMany(self.offsets_max));
            }
        }
        Ok(self.append(&mut inner, lines)?)
    }

    /// What a group committed for a partition.
    pub(crate) fn get(&self, group: &str, topic: &str, partition: i32) -> Option<Committed> {
        self.inner
            .lock()
            .offsets
            .get(group)?
            .get(&(topic.to_owned(), partition))
            .cloned()
    }

    /// All that a group committed.
    pub(crate) fn of_group(&self, group: &str) -> BTreeMap<TopicPartition, Committed> {
        self.inner.lock().offsets.get(group).cloned().unwrap_or_default()
    }

    /// Groups that have committed something.
    pub(crate) fn groups(&self) -> Vec<String> {
        self.inner.lock().offsets.keys().cloned().collect()
    }

    /// Forgets a group. False if there is nothing to forget.
    pub(crate) fn delete_group(&self, group: &str) -> Result<bool, BrokerError> {
        self.remove(|known, _| known == group)
    }

    /// Forgets what was committed for a topic that was deleted, for good: one made anew begins from nothing.
    pub(crate) fn delete_topic(&self, topic: &str) -> Result<bool, BrokerError> {
        let found = self.remove(|_, (known, _)| known == topic)?;
        force_data(&self.inner.lock().file).map_err(BrokerError::io("sync", &self.path))?;
        Ok(found)
    }

    /// Takes back what no log holds: what was committed for partitions that are gone, and, where the machine took the end
    /// of a log with it, for records that are. A group that stayed beyond the end would pass over those that come in their
    /// place. `end_of` is where a partition's log ends.
    pub(crate) fn take_back(
        &self,
        end_of: impl Fn(&TopicPartition) -> Option<i64>,
        machine_went_down: bool,
    ) -> Result<(), BrokerError> {
        let mut inner = self.inner.lock();
        let mut lines = Vec::new();
        for (group, offsets) in &inner.offsets {
            for (key, committed) in offsets {
                let end = end_of(key);
                let is_beyond = machine_went_down && end.is_some_and(|end| end < committed.offset);
                if end.is_some() && !is_beyond {
                    continue;
                }
                let ((topic, partition), offset) = (key.clone(), committed.offset);
                warn!(
                    group,
                    topic,
                    partition,
                    offset,
                    end,
                    "group `{group}` had committed {offset} of `{topic}`, Kafka partition {partition}, which is gone; it goes \
                     on from the end of the log",
                );
                lines.push(Line {
                    group: group.clone(),
                    topic,
                    partition,
                    committed: end.map(|offset| Committed {
                        offset,
                        leader_epoch: no_epoch(),
                        metadata: committed.metadata.clone(),
                    }),
                });
            }
        }
        if lines.is_empty() {
            return Ok(());
        }
        self.append(&mut inner, lines)?;
        // At once: when the log has grown past that offset, nobody can tell any more.
        force_data(&inner.file).map_err(BrokerError::io("sync", &self.path))
    }

    fn remove(&self, matches: impl Fn(&str, &TopicPartition) -> bool) -> Result<bool, BrokerError> {
        let mut inner = self.inner.lock();
        let mut lines = Vec::new();
        for (group, offsets) in &inner.offsets {
            for key in offsets.keys().filter(|key| matches(group, key)) {
                let (topic, partition) = key.clone();
                lines.push(Line {
                    group: group.clone(),
                    topic,
                    partition,
                    committed: None,
                });
            }
        }
        let found = !lines.is_empty();
        self.append(&mut inner, lines)?;
        Ok(found)
    }

    /// Writes lines to the file, then into memory; a write that fails leaves both as they were.
    fn append(&self, inner: &mut Inner, lines: Vec<Line>) -> Result<(), BrokerError> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::new();
        for line in &lines {
            write_line(&mut bytes, line).map_err(BrokerError::io("encode", &self.path))?;
        }
        let written = inner.file.write_all(&bytes).and_then(|()| match self.fsync {
            Fsync::Always => force_data(&inner.file),
            Fsync::Interval | Fsync::Never => Ok(()),
        });
        if let Err(source) = written {
            inner
                .file
                .set_len(inner.file_bytes)
                .map_err(BrokerError::io("cut", &self.path))?;
            return Err(BrokerError::io("append to", &self.path)(source));
        }
        inner.file_bytes += bytes.len() as u64;
        inner.lines += lines.len();
        inner.has_unsynced = true;
        for line in lines {
            apply(&mut inner.offsets, line);
        }
        inner.count = inner.offsets.values().map(BTreeMap::len).sum();
        if inner.count + OUTDATED_LINES_MAX < inner.lines {
            self.write_anew(inner)?;
        }
        Ok(())
    }

    fn write_anew(&self, inner: &mut Inner) -> Result<(), BrokerError> {
        let mut bytes = Vec::new();
        for (group, offsets) in &inner.offsets {
            for ((topic, partition), committed) in offsets {
                let line = Line {
                    group: group.clone(),
                    topic: topic.clone(),
                    partition: *partition,
                    committed: Some(committed.clone()),
                };
                write_line(&mut bytes, &line).map_err(BrokerError::io("encode", &self.path))?;
            }
        }
        write_whole(&self.path, &bytes)?;
        inner.file = open_to_append(&self.path)?;
        inner.file_bytes = bytes.len() as u64;
        inner.lines = inner.count;
        Ok(())
    }

    /// Forces to disk what was committed, whatever the setting: the last act before a clean stop.
    pub(crate) fn close(&self) -> Result<(), BrokerError> {
        force_data(&self.inner.lock().file).map_err(BrokerError::io("sync", &self.path))
    }

    /// Forces to disk what was committed.
    pub(crate) fn flush(&self) -> Result<(), BrokerError> {
        let file = {
            let mut inner = self.inner.lock();
            let is_due = std::mem::take(&mut inner.has_unsynced) && self.fsync != Fsync::Never;
            if !is_due {
                return Ok(());
            }
            inner.file.try_clone().map_err(BrokerError::io("open", &self.path))?
        };
        force_data(&file).map_err(BrokerError::io("sync", &self.path))
    }
}

fn apply(offsets: &mut Offsets, line: Line) {
    let key = (line.topic, line.partition);
    match line.committed {
        Some(committed) => {
            offsets.entry(line.group).or_default().insert(key, committed);
        }
        None => {
            if let Some(known) = offsets.get_mut(&line.group) {
                known.remove(&key);
                if known.is_empty() {
                    offsets.remove(&line.group);
                }
            }
        }
    }
}

/// `crc32c-of-the-json json\n`, the checksum in eight hexadecimal digits.
fn write_line(out: &mut Vec<u8>, line: &Line) -> io::Result<()> {
    let json = serde_json::to_string(line)?;
    writeln!(out, "{:08x} {json}", crc32c::crc32c(json.as_bytes()))
}

fn read_line(bytes: &[u8]) -> Option<Line> {
    let (crc, json) = std::str::from_utf8(bytes).ok()?.split_once(' ')?;
    let is_whole = u32::from_str_radix(crc, 16).ok()? == crc32c::crc32c(json.as_bytes());
    is_whole.then(|| serde_json::from_str(json).ok()).flatten()
}

fn memchr_newline(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn committed(offset: i64) -> Committed {
        Committed {
            offset,
            leader_epoch: 2,
            metadata: "m\n".to_owned(),
        }
    }

    fn open(dir: &Path) -> OffsetStore {
        OffsetStore::open(dir, Fsync::Interval, 3).unwrap()
    }

    #[test]
    fn commits_survive_and_a_torn_line_is_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        for offset in 0..3 {
            store
                .commit("g", vec![(("t".to_owned(), 0), committed(offset))])
                .unwrap();
        }
        store.flush().unwrap();
        drop(store);
        let path = dir.path().join(FILE);
        let whole = fs::read(&path).unwrap();
        let last_line = whole[..whole.len() - 1]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .unwrap()
            + 1;
        for cut in last_line..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let store = open(dir.path());
            assert_eq!(store.get("g", "t", 0), Some(committed(1)), "cut at {cut}");
            store.commit("g", vec![(("t".to_owned(), 0), committed(9))]).unwrap();
            drop(store);
            assert_eq!(open(dir.path()).get("g", "t", 0), Some(committed(9)), "cut at {cut}");
        }
    }

    #[test]
    fn groups_and_topics_are_forgotten_for_good() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        for (group, topic) in [("g", "t"), ("g", "u"), ("h", "t")] {
            store
                .commit(group, vec![((topic.to_owned(), 1), committed(5))])
                .unwrap();
        }
        let too_many = store.commit("h", vec![(("u".to_owned(), 0), committed(5))]);
        assert!(matches!(too_many, Err(CommitError::TooMany(3))));
        store.commit("h", vec![(("t".to_owned(), 1), committed(6))]).unwrap();
        assert!(store.delete_topic("t").unwrap() && !store.delete_topic("t").unwrap());
        assert_eq!(store.groups(), ["g"]);
        assert_eq!(
            store.of_group("g").into_keys().collect::<Vec<_>>(),
            [("u".to_owned(), 1)]
        );
        assert!(store.delete_group("g").unwrap() && !store.delete_group("x").unwrap());
        drop(store);
        assert!(open(dir.path()).groups().is_empty());
    }

    #[test]
    fn the_file_does_not_grow_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        for offset in 0..=OUTDATED_LINES_MAX as i64 + 10 {
            store
                .commit("g", vec![(("t".to_owned(), 0), committed(offset))])
                .unwrap();
        }
        assert!(fs::metadata(dir.path().join(FILE)).unwrap().len() < 2_000);
        drop(store);
        assert_eq!(
            open(dir.path()).get("g", "t", 0),
            Some(committed(OUTDATED_LINES_MAX as i64 + 10))
        );
    }
}
