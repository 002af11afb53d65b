//! Opens a partition's folder: trusts segments with a sidecar, scans the others, cuts what is torn.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use tracing::warn;

use super::partition::PartitionSettings;
use super::producers::Producers;
use super::scan::scan_segment;
use super::segment::{Segment, base_offset_of};
use super::sidecar::{Sidecar, sidecar_path};
use super::state_file::PartitionState;
use crate::error::BrokerError;
use crate::files::{create_dir, force, remove_file, sync_dir};

/// A partition as recovery leaves it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub state: PartitionState,
    /// Never empty; the last one is to be written to.
    pub segments: Vec<Segment>,
    pub producers: Producers,
}

/// Opens the folder, or makes it. The leader epoch rises where the log was cut, or where it may have been: the machine went
/// down and the end of the log was not known to be on disk.
pub(crate) fn open_log(dir: &Path, settings: &PartitionSettings) -> Result<Opened, BrokerError> {
    create_dir(dir)?;
    let mut state = PartitionState::read(dir)?;
    let mut producers = Producers::default();
    let mut segments: Vec<Segment> = Vec::new();
    let mut was_cut = false;
    let mut was_scanned = false;
    for (base_offset, path) in segment_files(dir)? {
        let expected = segments.last().map(|segment| segment.next_offset);
        let leaves_a_gap = expected.is_some_and(|expected| expected != base_offset);
        if was_cut || leaves_a_gap {
            // What follows a cut does not follow what is left.
            warn!(segment = %path.display(), "removed segment `{}` after a cut in the log", path.display());
            was_cut = true;
            remove_segment(&path)?;
            continue;
        }
        let bytes = fs::metadata(&path).map_err(BrokerError::io("look at", &path))?.len();
        if let Some(sidecar) = Sidecar::read(&path, bytes) {
            segments.push(Segment::from_sidecar(&path, base_offset, &sidecar));
            producers = sidecar.producers;
            continue;
        }
        was_scanned = true;
        let segment = recover_segment(&path, base_offset, bytes, &mut producers, settings.producers_max)?;
        was_cut = segment.bytes != bytes;
        segments.push(segment);
    }
    let last = segments.len().saturating_sub(1);
    let count_below = segments[..last]
        .iter()
        .take_while(|segment| segment.next_offset <= state.log_start)
        .count();
    for segment in segments.drain(..count_below) {
        remove_segment(&segment.path)?;
    }
    let ends_below_start = segments.last().is_none_or(|last| last.next_offset < state.log_start);
    if ends_below_start {
        // New, or its tail was lost with the machine.
        was_cut |= 0 < state.log_start;
        for segment in segments.drain(..) {
            remove_segment(&segment.path)?;
        }
        // What followed their last batches is gone, and what comes next need not follow them.
        producers = Producers::default();
        segments.push(Segment::empty(dir, state.log_start, settings.now_ms));
    }
    let first = segments.first().map_or(0, |segment| segment.base_offset);
    let next_offset = segments.last().map_or(state.log_start, |segment| segment.next_offset);
    let starts_later = state.log_start < first;
    if starts_later {
        state.log_start = first;
    }
    // What the machine took with it may be whole segments, of which nothing is left to see.
    let may_be_cut = settings.machine_went_down;
    if was_cut || may_be_cut {
        state.epochs.raise(next_offset);
        warn!(
            partition = %dir.display(),
            next_offset,
            leader_epoch = state.epochs.current(),
            "the log of `{}` ends at {next_offset} after an unclean stop; its leader epoch is raised",
            dir.display(),
        );
    }
    if was_cut || may_be_cut || starts_later {
        state.write(dir)?;
    }
    if was_scanned {
        sync_dir(dir)?;
    }
    // The last segment is written to again: what its sidecar says will not be true for long.
    if let Some(active) = segments.last() {
        let sidecar = sidecar_path(&active.path);
        if sidecar.exists() {
            remove_file(&sidecar)?;
            sync_dir(dir)?;
        }
    }
    Ok(Opened {
        state,
        segments,
        producers,
    })
}

/// Segment files in the order of their offsets.
fn segment_files(dir: &Path) -> Result<Vec<(i64, PathBuf)>, BrokerError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(BrokerError::io("list", dir))? {
        let path = entry.map_err(BrokerError::io("list", dir))?.path();
        if let Some(base_offset) = base_offset_of(&path) {
            files.push((base_offset, path));
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Scans a segment, cuts off what is torn, and rebuilds the producers from its batches.
fn recover_segment(
    path: &Path,
    base_offset: i64,
    bytes: u64,
    producers: &mut Producers,
    producers_max: usize,
) -> Result<Segment, BrokerError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(BrokerError::io("open", path))?;
    let modified = file
        .metadata()
        .and_then(|metadata| metadata.modified())
        .map_err(BrokerError::io("look at", path))?;
    let appended_at_ms = modified
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64);
    let scan = scan_segment(&file, bytes, base_offset, |header| {
        producers.note(header, producers_max);
    })
    .map_err(BrokerError::io("read", path))?;
    if !scan.is_whole {
        warn!(
            segment = %path.display(),
            bytes_cut = bytes - scan.good_bytes,
            "cut {} torn bytes off `{}`",
            bytes - scan.good_bytes,
            path.display(),
        );
        file.set_len(scan.good_bytes).map_err(BrokerError::io("cut", path))?;
    }
    // A process that was killed may not have done so, and from here on these batches count as those that are on disk.
    force(&file).map_err(BrokerError::io("sync", path))?;
    Ok(Segment::from_scan(path, base_offset, scan, appended_at_ms))
}

fn remove_segment(path: &Path) -> Result<(), BrokerError> {
    let sidecar = sidecar_path(path);
    if sidecar.exists() {
        remove_file(&sidecar)?;
    }
    remove_file(path)
}
