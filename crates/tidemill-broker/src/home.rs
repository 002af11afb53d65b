//! The broker's folder: who holds it, its cluster id and port, and whether the last stop was clean.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::BrokerError;
use crate::files::{create_dir_forced, read_json, write_json};

const LOCK_FILE: &str = "lock";
const BROKER_FILE: &str = "broker.json";
/// Where Linux says which start of the machine this is.
const BOOT_ID_FILE: &str = "/proc/sys/kernel/random/boot_id";
/// Producer ids that one write of `broker.json` sets aside.
const PRODUCER_IDS_RESERVED: i64 = 1_000;

/// `broker.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct BrokerFile {
    cluster_id: String,
    /// The port of the last start.
    #[serde(default)]
    port: Option<u16>,
    /// Ids below this may have been given to producers.
    #[serde(default)]
    producer_ids_end: i64,
    /// Which start of the machine the broker runs in; none when it stopped cleanly.
    #[serde(default)]
    running_since_boot: Option<String>,
}

/// The folder, held until this is dropped.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) dir: PathBuf,
    file: Mutex<BrokerFile>,
    next_producer_id: Mutex<i64>,
    /// Whether the broker did not stop cleanly, and the machine was started since.
    pub(crate) machine_went_down: bool,
    _lock: File,
}

impl Home {
    /// Takes the folder, or makes it. Only one process can hold it.
    pub(crate) fn open(dir: &Path) -> Result<Home, BrokerError> {
        create_dir_forced(dir)?;
        let lock_path = dir.join(LOCK_FILE);
        let lock = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .open(&lock_path)
            .map_err(BrokerError::io("open", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => (),
            Err(TryLockError::WouldBlock) => return Err(BrokerError::Locked { dir: dir.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(BrokerError::io("lock", &lock_path)(error)),
        }
        let file = read_json(&dir.join(BROKER_FILE))?.unwrap_or_else(|| BrokerFile {
            cluster_id: new_cluster_id(),
            port: None,
            producer_ids_end: 0,
            running_since_boot: None,
        });
        let boot = boot_id();
        let machine_went_down = file.running_since_boot.as_ref().is_some_and(|before| *before != boot);
        let home = Home {
            dir: dir.to_owned(),
            next_producer_id: Mutex::new(file.producer_ids_end),
            file: Mutex::new(file),
            machine_went_down,
            _lock: lock,
        };
        home.change(|_| ())?;
        Ok(home)
    }

    pub(crate) fn cluster_id(&self) -> String {
        self.file.lock().cluster_id.clone()
    }

    /// The port of the last start.
    pub(crate) fn port(&self) -> Option<u16> {
        self.file.lock().port
    }

    pub(crate) fn set_port(&self, port: u16) -> Result<(), BrokerError> {
        self.change(|file| file.port = Some(port))
    }

    /// The logs are recovered, and what was lost is told: from here on a start in the same boot of the machine follows a
    /// mere kill. Before this nothing may be appended.
    pub(crate) fn mark_running(&self) -> Result<(), BrokerError> {
        self.change(|file| file.running_since_boot = Some(boot_id()))
    }

    /// After this the next start trusts what is on disk.
    pub(crate) fn mark_clean(&self) -> Result<(), BrokerError> {
        self.change(|file| file.running_since_boot = None)
    }

    /// Ids up to `id` were seen in logs: they are not given again, even if `broker.json` was lost.
    pub(crate) fn skip_producer_ids(&self, id: i64) {
        let mut next = self.next_producer_id.lock();
        *next = (*next).max(id + 1);
    }

    /// A producer id that was never given before and never will be again.
    pub(crate) fn new_producer_id(&self) -> Result<i64, BrokerError> {
        let mut next = self.next_producer_id.lock();
        let id = *next;
        if self.file.lock().producer_ids_end <= id {
            self.change(|file| file.producer_ids_end = id + PRODUCER_IDS_RESERVED)?;
        }
        *next = id + 1;
        Ok(id)
    }

    /// Changes the file on disk first, then in memory.
    fn change(&self, change: impl FnOnce(&mut BrokerFile)) -> Result<(), BrokerError> {
        let mut file = self.file.lock();
        let mut changed = file.clone();
        change(&mut changed);
        write_json(&self.dir.join(BROKER_FILE), &changed)?;
        *file = changed;
        Ok(())
    }
}

/// Which boot of the machine this is. Where it cannot be told, every start counts as a new one: that raises leader epochs
/// without need after a kill, and never hides a loss.
fn boot_id() -> String {
    fs::read_to_string(BOOT_ID_FILE).map_or_else(|_| Uuid::new_v4().to_string(), |id| id.trim().to_owned())
}

/// A random UUID in URL-safe base64 without padding, as Kafka's own, and never with a dash in front, which command lines
/// take for an option.
fn new_cluster_id() -> String {
    loop {
        let id = base64_url(Uuid::new_v4().as_bytes());
        if !id.starts_with('-') {
            return id;
        }
    }
}

/// RFC 4648, table 2, without padding.
pub(crate) fn base64_url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for digit in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * digit)) as usize & 63]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_agrees_with_the_standard() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
            ("???>", "Pz8_Pg"),
        ] {
            assert_eq!(base64_url(bytes.as_bytes()), text);
        }
        assert_eq!(new_cluster_id().len(), 22);
    }

    #[test]
    fn a_folder_has_one_holder_and_remembers() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open(dir.path()).unwrap();
        assert!(matches!(Home::open(dir.path()), Err(BrokerError::Locked { .. })));
        let cluster_id = home.cluster_id();
        home.set_port(9_099).unwrap();
        let ids: Vec<_> = (0..1_500).map(|_| home.new_producer_id().unwrap()).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        drop(home);

        let home = Home::open(dir.path()).unwrap();
        assert_eq!(
            (home.cluster_id(), home.port(), home.machine_went_down),
            (cluster_id, Some(9_099), false)
        );
        assert!(ids.iter().max() < Some(&home.new_producer_id().unwrap()));
        home.skip_producer_ids(5_000_000);
        assert_eq!(home.new_producer_id().unwrap(), 5_000_001);
        home.mark_clean().unwrap();
        drop(home);

        // A broker that ran when the machine went down.
        let path = dir.path().join(BROKER_FILE);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("\"running_since_boot\": null"), "{text}");
        fs::write(
            &path,
            text.replace("\"running_since_boot\": null", "\"running_since_boot\": \"before\""),
        )
        .unwrap();
        assert!(Home::open(dir.path()).unwrap().machine_went_down);
    }
}
