//! Reads of a partition: whole batches from an offset on, and offsets by timestamp. No lock is held while the file is read.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::ResponseError;
use tracing::error;

use super::batch::{BatchHeader, HEADER_BYTES};
use super::index::INDEX_INTERVAL_BYTES;
use super::partition::Partition;
use super::records::first_at_or_after;
use super::segment::Segment;
use crate::error::BrokerError;

/// Where an offset's batch begins, and what lies behind it.
#[derive(Debug, Clone)]
pub(crate) struct Located {
    path: Arc<Path>,
    position: u64,
    /// Bytes from there to the segment's end.
    segment_bytes_left: u64,
    /// Bytes from there to the log's end.
    pub bytes_left: u64,
}

/// A timestamp with the offset of the record that has it, and the record's leader epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimedOffset {
    pub timestamp: i64,
    pub offset: i64,
    pub leader_epoch: i32,
}

impl Partition {
    /// Finds the batch that holds `offset`, or the first after it. None where `offset` is the log's end.
    pub(crate) fn locate(&self, offset: i64) -> Result<Option<Located>, ResponseError> {
        let (path, from, segment_bytes, bytes_after) = {
            let view = self.view.read();
            if offset < view.log_start || view.next_offset < offset {
                return Err(ResponseError::OffsetOutOfRange);
            }
            if offset == view.next_offset {
                return Ok(None);
            }
            let after = view.segments.partition_point(|segment| segment.next_offset <= offset);
            let Some(segment) = view.segments.get(after) else {
                return Ok(None);
            };
            let bytes_after: u64 = view.segments[after + 1..].iter().map(|segment| segment.bytes).sum();
            (
                Arc::clone(&segment.path),
                segment.index.position_for_offset(offset),
                segment.bytes,
                bytes_after,
            )
        };
        let position = position_in(&path, from, segment_bytes, offset).map_err(|error| self.read_error(&error))?;
        let segment_bytes_left = segment_bytes - position;
        Ok(Some(Located {
            path,
            position,
            segment_bytes_left,
            bytes_left: segment_bytes_left + bytes_after,
        }))
    }

    /// Whole batches from a place on: as many as fit into `bytes_max`; the first one even if it is larger, where it fits
    /// into `first_bytes_max`.
    pub(crate) fn read(
        &self,
        from: &Located,
        bytes_max: usize,
        first_bytes_max: usize,
    ) -> Result<Bytes, ResponseError> {
        read_batches(from, bytes_max, first_bytes_max).map_err(|error| {
            // A segment may be deleted between the look-up and the read: then the offset is below the log's start.
            if from.path.exists() {
                self.read_error(&error)
            } else {
                ResponseError::OffsetOutOfRange
            }
        })
    }

    /// The first record at or after a timestamp; none where there is none.
    pub(crate) fn find_timestamp(&self, timestamp: i64) -> Result<Option<TimedOffset>, ResponseError> {
        let (segments, log_start): (Vec<Segment>, i64) = {
            let view = self.view.read();
            // A segment's index is small; the clone keeps the lock short.
            (
                view.segments
                    .iter()
                    .filter(|s| timestamp <= s.max_timestamp)
                    .cloned()
                    .collect(),
                view.log_start,
            )
        };
        for segment in segments {
            let found = find_in_segment(&segment, timestamp, log_start).map_err(|error| self.read_error(&error))?;
            if let Some((timestamp, offset)) = found {
                let leader_epoch = self.view.read().epochs.at(offset);
                return Ok(Some(TimedOffset {
                    timestamp,
                    offset,
                    leader_epoch,
                }));
            }
        }
        Ok(None)
    }

    /// The first record with the largest timestamp; none in an empty log.
    pub(crate) fn find_max_timestamp(&self) -> Result<Option<TimedOffset>, ResponseError> {
        let max = {
            let view = self.view.read();
            view.segments
                .iter()
                .filter(|s| 0 < s.bytes)
                .map(|s| s.max_timestamp)
                .max()
        };
        match max {
            Some(max) => self.find_timestamp(max),
            None => Ok(None),
        }
    }

    fn read_error(&self, cause: &BrokerError) -> ResponseError {
        error!(partition = %self.dir.display(), error = cause as &dyn std::error::Error, "failed to read `{}`", self.dir.display());
        ResponseError::KafkaStorageError
    }
}

/// Walks a segment's batches from where the index says, and opens those that reach the timestamp.
fn find_in_segment(segment: &Segment, timestamp: i64, log_start: i64) -> Result<Option<(i64, i64)>, BrokerError> {
    let path = &*segment.path;
    let file = File::open(path).map_err(BrokerError::io("open", path))?;
    let mut position = segment.index.position_for_timestamp(timestamp);
    while position + HEADER_BYTES as u64 <= segment.bytes {
        let head = read_at(&file, path, position, HEADER_BYTES)?;
        let header = BatchHeader::read(&head);
        let Some((header, batch_bytes)) = header.and_then(|header| Some((header, header.batch_bytes()?))) else {
            break;
        };
        if timestamp <= header.max_timestamp && log_start < header.next_offset() {
            let batch = read_at(&file, path, position, batch_bytes)?;
            match first_at_or_after(&header, &batch, timestamp, log_start) {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => (),
                // A batch that a producer filled with rubbish is stored all the same; it is answered as a whole.
                Err(_) => return Ok(Some((header.max_timestamp, header.base_offset.max(log_start)))),
            }
        }
        position += batch_bytes as u64;
    }
    Ok(None)
}

fn read_at(file: &File, path: &Path, position: u64, bytes: usize) -> Result<Vec<u8>, BrokerError> {
    let mut buffer = vec![0; bytes];
    file.read_exact_at(&mut buffer, position)
        .map_err(BrokerError::io("read", path))?;
    Ok(buffer)
}

/// Walks from an index entry to the batch that holds `offset`.
fn position_in(path: &Path, from: u64, segment_bytes: u64, offset: i64) -> Result<u64, BrokerError> {
    // The batch begins within an index interval, or right after a batch that reaches beyond it.
    let file = File::open(path).map_err(BrokerError::io("open", path))?;
    let window_bytes = (INDEX_INTERVAL_BYTES + HEADER_BYTES as u64).min(segment_bytes - from);
    let window = read_at(&file, path, from, window_bytes as usize)?;
    let mut position = from;
    loop {
        let at = (position - from) as usize;
        let header = window.get(at..).and_then(BatchHeader::read);
        let Some((header, batch_bytes)) = header.and_then(|header| Some((header, header.batch_bytes()?))) else {
            return Err(BrokerError::Damaged {
                path: path.to_owned(),
                reason: format!("no batch for offset {offset} where the index says"),
            });
        };
        if offset < header.next_offset() {
            return Ok(position);
        }
        position += batch_bytes as u64;
    }
}

fn read_batches(from: &Located, bytes_max: usize, first_bytes_max: usize) -> Result<Bytes, BrokerError> {
    let bytes_left = usize::try_from(from.segment_bytes_left).unwrap_or(usize::MAX);
    let file = File::open(&from.path).map_err(BrokerError::io("open", &from.path))?;
    let mut bytes = read_at(
        &file,
        &from.path,
        from.position,
        bytes_left.min(bytes_max.max(HEADER_BYTES)),
    )?;
    let mut whole = 0;
    while let Some(header) = bytes.get(whole..).and_then(BatchHeader::read) {
        let Some(batch_bytes) = header.batch_bytes() else {
            return Err(BrokerError::Damaged {
                path: from.path.to_path_buf(),
                reason: format!("no batch at byte {}", from.position + whole as u64),
            });
        };
        if whole + batch_bytes <= bytes.len() && whole + batch_bytes <= bytes_max {
            whole += batch_bytes;
            continue;
        }
        if whole == 0 && batch_bytes <= first_bytes_max {
            return Ok(read_at(&file, &from.path, from.position, batch_bytes)?.into());
        }
        break;
    }
    bytes.truncate(whole);
    Ok(bytes.into())
}
