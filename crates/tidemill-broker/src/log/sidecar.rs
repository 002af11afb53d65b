//! The `.index` file beside a segment that will not be written to any more: its index, its end, and the idempotent
//! producers at its end. Written after the segment was forced to disk, so that a segment with a sound sidecar of its own
//! length needs no scan.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::{Buf, BufMut};

use super::index::{IndexEntry, SegmentIndex};
use super::producers::Producers;
use crate::error::BrokerError;
use crate::files::write_unforced;

const MAGIC: u64 = 0x7469_6465_6D78_0001;

/// What a sidecar says of its segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sidecar {
    pub log_bytes: u64,
    pub next_offset: i64,
    pub max_timestamp: i64,
    pub appended_at_ms: i64,
    pub index: SegmentIndex,
    pub producers: Producers,
}

/// Where the sidecar of a segment file lies.
pub(crate) fn sidecar_path(log_path: &Path) -> PathBuf {
    log_path.with_extension("index")
}

impl Sidecar {
    /// The bytes of the file: a magic number, the fields, and a checksum of all before it.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.index.0.len() * 24);
        out.put_u64(MAGIC);
        out.put_u64(self.log_bytes);
        out.put_i64(self.next_offset);
        out.put_i64(self.max_timestamp);
        out.put_i64(self.appended_at_ms);
        out.put_u32(self.index.0.len() as u32);
        for entry in &self.index.0 {
            out.put_i64(entry.offset);
            out.put_u64(entry.position);
            out.put_i64(entry.max_timestamp_before);
        }
        self.producers.write(&mut out);
        let crc = crc32c::crc32c(&out);
        out.put_u32(crc);
        out
    }

    fn from_bytes(bytes: &[u8]) -> Option<Sidecar> {
        let (mut bytes, mut crc) = bytes.split_at_checked(bytes.len().checked_sub(4)?)?;
        if crc32c::crc32c(bytes) != crc.get_u32() || bytes.try_get_u64().ok()? != MAGIC {
            return None;
        }
        Some(Sidecar {
            log_bytes: bytes.try_get_u64().ok()?,
            next_offset: bytes.try_get_i64().ok()?,
            max_timestamp: bytes.try_get_i64().ok()?,
            appended_at_ms: bytes.try_get_i64().ok()?,
            index: SegmentIndex(
                (0..bytes.try_get_u32().ok()?)
                    .map(|_| {
                        Some(IndexEntry {
                            offset: bytes.try_get_i64().ok()?,
                            position: bytes.try_get_u64().ok()?,
                            max_timestamp_before: bytes.try_get_i64().ok()?,
                        })
                    })
                    .collect::<Option<_>>()?,
            ),
            producers: Producers::read(&mut bytes)?,
        })
    }

    /// Writes the file.
    pub(crate) fn write(&self, log_path: &Path) -> Result<(), BrokerError> {
        write_unforced(&sidecar_path(log_path), &self.to_bytes()).map(drop)
    }

    /// Reads the file; none if it is missing, damaged, or not about a segment of `log_bytes`: then the segment is scanned.
    pub(crate) fn read(log_path: &Path, log_bytes: u64) -> Option<Sidecar> {
        let bytes = fs::read(sidecar_path(log_path)).ok()?;
        Sidecar::from_bytes(&bytes).filter(|sidecar| sidecar.log_bytes == log_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sidecar_survives_its_bytes_and_damage_is_seen() {
        let entry = IndexEntry {
            offset: 5,
            position: 0,
            max_timestamp_before: i64::MIN,
        };
        let sidecar = Sidecar {
            log_bytes: 900,
            next_offset: 17,
            max_timestamp: 1_000,
            appended_at_ms: 2_000,
            index: SegmentIndex(vec![
                entry,
                IndexEntry {
                    offset: 9,
                    position: 700,
                    max_timestamp_before: 3,
                },
            ]),
            producers: Producers::default(),
        };
        let bytes = sidecar.to_bytes();
        assert_eq!(Sidecar::from_bytes(&bytes), Some(sidecar.clone()));
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            assert_eq!(Sidecar::from_bytes(&bad), None, "flip at {at}");
            assert_eq!(Sidecar::from_bytes(&bytes[..at]), None, "cut at {at}");
        }
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("00000000000000000005.log");
        sidecar.write(&log).unwrap();
        assert_eq!(Sidecar::read(&log, 900), Some(sidecar));
        assert_eq!(Sidecar::read(&log, 901), None);
    }
}
