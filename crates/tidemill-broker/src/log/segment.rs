//! One segment file: what a partition knows of it, and appending to it.

use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::batch::{BatchHeader, HEADER_BYTES};
use super::index::{IndexEntry, SegmentIndex};
use super::scan::Scan;
use super::sidecar::Sidecar;

const EXTENSION: &str = "log";

/// A segment as readers see it: everything up to `bytes` is whole batches.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub base_offset: i64,
    pub path: Arc<Path>,
    pub bytes: u64,
    pub next_offset: i64,
    pub max_timestamp: i64,
    pub appended_at_ms: i64,
    pub index: SegmentIndex,
}

/// The path of the segment that begins at `base_offset`.
pub(crate) fn segment_path(dir: &Path, base_offset: i64) -> PathBuf {
    dir.join(format!("{base_offset:020}.{EXTENSION}"))
}

/// The first offset of a segment file, by its name; none for other files.
pub(crate) fn base_offset_of(path: &Path) -> Option<i64> {
    let is_segment = path.extension()? == EXTENSION;
    is_segment.then(|| path.file_stem()?.to_str()?.parse().ok()).flatten()
}

impl Segment {
    /// A segment without batches.
    pub(crate) fn empty(dir: &Path, base_offset: i64, now_ms: i64) -> Segment {
        Segment {
            base_offset,
            path: segment_path(dir, base_offset).into(),
            bytes: 0,
            next_offset: base_offset,
            max_timestamp: i64::MIN,
            appended_at_ms: now_ms,
            index: SegmentIndex::default(),
        }
    }

    /// A segment as its sidecar describes it.
    pub(crate) fn from_sidecar(path: &Path, base_offset: i64, sidecar: &Sidecar) -> Segment {
        Segment {
            base_offset,
            path: path.into(),
            bytes: sidecar.log_bytes,
            next_offset: sidecar.next_offset,
            max_timestamp: sidecar.max_timestamp,
            appended_at_ms: sidecar.appended_at_ms,
            index: sidecar.index.clone(),
        }
    }

    /// A segment as a scan found it; `appended_at_ms` is the file's own time.
    pub(crate) fn from_scan(path: &Path, base_offset: i64, scan: Scan, appended_at_ms: i64) -> Segment {
        Segment {
            base_offset,
            path: path.into(),
            bytes: scan.good_bytes,
            next_offset: scan.next_offset,
            max_timestamp: scan.max_timestamp,
            appended_at_ms,
            index: scan.index,
        }
    }

    /// Notes a batch that was written at the segment's end.
    pub(crate) fn note(&mut self, header: &BatchHeader, batch_bytes: u64, now_ms: i64) {
        self.index.note(IndexEntry {
            offset: header.base_offset,
            position: self.bytes,
            max_timestamp_before: self.max_timestamp,
        });
        self.bytes += batch_bytes;
        self.next_offset = header.next_offset();
        self.max_timestamp = self.max_timestamp.max(header.max_timestamp);
        self.appended_at_ms = now_ms;
    }
}

/// Appends a batch whose header was patched. What of it was written when this fails is for the caller to cut off.
pub(crate) fn write_batch(mut file: &File, header: &[u8; HEADER_BYTES], records: &[u8]) -> io::Result<()> {
    let mut slices = [IoSlice::new(header), IoSlice::new(records)];
    let mut left = &mut slices[..];
    while left.iter().any(|slice| !slice.is_empty()) {
        match file.write_vectored(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut left, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
