//! A partition: appends under the appender's lock, and a view of whole batches that readers share.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kafka_protocol::ResponseError;
use parking_lot::{Mutex, RwLock};
use tracing::{error, info};

use super::batch::{BatchHeader, HEADER_BYTES, stamp_append_time};
use super::epochs::EpochHistory;
use super::open::{Opened, open_log};
use super::producers::{Producers, Sequencing};
use super::retention::{RetentionPolicy, SegmentFacts, segments_to_delete};
use super::segment::{Segment, write_batch};
use super::sidecar::{Sidecar, sidecar_path};
use super::state_file::PartitionState;
use super::waiters::Waiters;
use crate::error::BrokerError;
use crate::files::{force, force_data, force_dir, open_to_append, remove_file, sync_dir};
use crate::settings::Fsync;

/// What a partition is opened with.
#[derive(Debug, Clone)]
pub(crate) struct PartitionSettings {
    pub fsync: Fsync,
    pub producers_max: usize,
    /// Whether the machine itself went down without a clean stop, so that a tail may be missing unseen.
    pub machine_went_down: bool,
    pub now_ms: i64,
}

/// What of a topic's configuration an append follows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AppendRules {
    pub segment_bytes: u64,
    pub stamps_append_time: bool,
}

/// Where a batch went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Appended {
    pub base_offset: i64,
    /// The broker's time in milliseconds where the topic stamps it, else -1.
    pub append_time_ms: i64,
    pub log_start: i64,
}

/// What readers see.
#[derive(Debug)]
pub(super) struct View {
    pub log_start: i64,
    pub next_offset: i64,
    pub epochs: EpochHistory,
    /// Oldest first, never empty; the last one is written to.
    pub segments: Vec<Segment>,
}

/// What only the appender touches.
#[derive(Debug)]
struct Appender {
    file: Arc<File>,
    producers: Producers,
    /// Segments that are full and not yet forced to disk, with the producers at their end.
    full: Vec<(Segment, Arc<File>, Producers)>,
    has_unsynced: bool,
    /// The folder has a file that it may forget.
    has_unsynced_name: bool,
    /// Set when the disk left the file in a state that is not known: nothing more is taken.
    is_broken: bool,
}

/// One partition of a topic.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) dir: PathBuf,
    settings: PartitionSettings,
    appender: Mutex<Appender>,
    pub(super) view: RwLock<View>,
    pub(crate) waiters: Arc<Waiters>,
    /// The topic was deleted: nothing is taken or given any more.
    is_closed: AtomicBool,
}

/// Offsets and sizes at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub log_start: i64,
    pub next_offset: i64,
    pub leader_epoch: i32,
    pub bytes: u64,
}

impl Partition {
    /// Opens a partition's folder, or makes it, and recovers its log.
    pub(crate) fn open(dir: &Path, settings: PartitionSettings) -> Result<Partition, BrokerError> {
        let Opened {
            state,
            segments,
            producers,
        } = open_log(dir, &settings)?;
        let active = segments
            .last()
            .map(|segment| Arc::clone(&segment.path))
            .ok_or_else(|| BrokerError::Damaged {
                path: dir.to_owned(),
                reason: "no segment".to_owned(),
            })?;
        let is_new = !active.exists();
        let file = Arc::new(open_to_append(&active)?);
        let next_offset = segments.last().map_or(state.log_start, |segment| segment.next_offset);
        Ok(Partition {
            dir: dir.to_owned(),
            settings,
            appender: Mutex::new(Appender {
                file,
                producers,
                full: Vec::new(),
                has_unsynced: false,
                has_unsynced_name: is_new,
                is_broken: false,
            }),
            view: RwLock::new(View {
                log_start: state.log_start,
                next_offset,
                epochs: state.epochs,
                segments,
            }),
            waiters: Arc::default(),
            is_closed: AtomicBool::new(false),
        })
    }

    /// Appends a batch that [`super::batch::check_produced`] let pass. When this returns, the batch is written to the
    /// file, and with [`Fsync::Always`] to the disk.
    pub(crate) fn append(
        &self,
        mut header: BatchHeader,
        batch: &[u8],
        rules: AppendRules,
        now_ms: i64,
    ) -> Result<Appended, ResponseError> {
        let mut appender = self.appender.lock();
        if self.is_closed.load(Ordering::Acquire) {
            return Err(ResponseError::UnknownTopicOrPartition);
        }
        if appender.is_broken {
            return Err(ResponseError::KafkaStorageError);
        }
        let (log_start, next_offset, leader_epoch, active_bytes) = {
            let view = self.view.read();
            let active_bytes = view.segments.last().map_or(0, |segment| segment.bytes);
            (view.log_start, view.next_offset, view.epochs.current(), active_bytes)
        };
        match appender.producers.check(&header) {
            Sequencing::Append => (),
            Sequencing::Duplicate { base_offset } => {
                return Ok(Appended {
                    base_offset,
                    append_time_ms: -1,
                    log_start,
                });
            }
            Sequencing::Gap => return Err(ResponseError::OutOfOrderSequenceNumber),
            Sequencing::StaleEpoch => return Err(ResponseError::InvalidProducerEpoch),
        }
        header.base_offset = next_offset;
        header.leader_epoch = leader_epoch;
        let records = &batch[HEADER_BYTES..];
        if rules.stamps_append_time {
            stamp_append_time(&mut header, records, now_ms);
        }
        let is_full = 0 < active_bytes && rules.segment_bytes < active_bytes + batch.len() as u64;
        if is_full {
            self.roll(&mut appender, now_ms)
                .map_err(|error| self.storage_error(&error))?;
        }
        let segment_bytes = if is_full { 0 } else { active_bytes };
        self.write(&mut appender, &header, records, segment_bytes)?;
        appender.producers.note(&header, self.settings.producers_max);
        {
            let mut view = self.view.write();
            view.next_offset = header.next_offset();
            if let Some(active) = view.segments.last_mut() {
                active.note(&header, batch.len() as u64, now_ms);
            }
        }
        drop(appender);
        self.waiters.wake();
        Ok(Appended {
            base_offset: header.base_offset,
            append_time_ms: if rules.stamps_append_time { now_ms } else { -1 },
            log_start,
        })
    }

    /// Writes one batch, or leaves the file as it was.
    fn write(
        &self,
        appender: &mut Appender,
        header: &BatchHeader,
        records: &[u8],
        segment_bytes: u64,
    ) -> Result<(), ResponseError> {
        let written = write_batch(&appender.file, &header.write(), records).and_then(|()| {
            appender.has_unsynced = true;
            if self.settings.fsync == Fsync::Always {
                force_data(&appender.file)?;
                appender.has_unsynced = false;
                if appender.has_unsynced_name {
                    force_dir(&self.dir)?;
                    appender.has_unsynced_name = false;
                }
            }
            Ok(())
        });
        let Err(source) = written else { return Ok(()) };
        // A file that cannot be cut back could hold half a batch before the next one: then nothing more is taken.
        appender.is_broken = appender.file.set_len(segment_bytes).is_err();
        Err(self.storage_error(&BrokerError::io("append to", &self.dir)(source)))
    }

    fn storage_error(&self, cause: &BrokerError) -> ResponseError {
        error!(partition = %self.dir.display(), error = cause as &dyn std::error::Error, "failed to append to `{}`", self.dir.display());
        ResponseError::KafkaStorageError
    }

    /// Ends the segment that is written to and begins the next.
    fn roll(&self, appender: &mut Appender, now_ms: i64) -> Result<(), BrokerError> {
        let next_offset = self.view.read().next_offset;
        let segment = Segment::empty(&self.dir, next_offset, now_ms);
        let file = Arc::new(open_to_append(&segment.path)?);
        let full_file = std::mem::replace(&mut appender.file, file);
        appender.has_unsynced_name = true;
        let producers = appender.producers.clone();
        let mut view = self.view.write();
        if let Some(full) = view.segments.last() {
            appender.full.push((full.clone(), full_file, producers));
        }
        view.segments.push(segment);
        Ok(())
    }

    /// Forces to disk what was appended (with [`Fsync::Never`] full segments only), and writes their sidecars. The appender goes on meanwhile.
    pub(crate) fn flush(&self) -> Result<(), BrokerError> {
        let does_sync = self.settings.fsync != Fsync::Never;
        let (full, active, has_new_name) = {
            let mut appender = self.appender.lock();
            let active = appender.has_unsynced.then(|| Arc::clone(&appender.file));
            appender.has_unsynced = false;
            let has_new_name = does_sync && std::mem::take(&mut appender.has_unsynced_name);
            (std::mem::take(&mut appender.full), active, has_new_name)
        };
        if has_new_name {
            sync_dir(&self.dir)?;
        }
        for (segment, file, producers) in full {
            // Whatever the setting: a segment with a sidecar is not looked through after a power cut.
            force(&file).map_err(BrokerError::io("sync", &segment.path))?;
            let is_gone = self.is_closed.load(Ordering::Acquire) || !segment.path.exists();
            if !is_gone {
                sidecar_of(&segment, producers).write(&segment.path)?;
            }
        }
        match active {
            Some(file) if does_sync => force_data(&file).map_err(BrokerError::io("sync", &self.dir)),
            _ => Ok(()),
        }
    }

    /// Flushes and takes no more: the last act before a clean stop.
    pub(crate) fn close(&self) -> Result<(), BrokerError> {
        self.flush()?;
        let mut appender = self.appender.lock();
        appender.is_broken = true;
        force(&appender.file).map_err(BrokerError::io("sync", &self.dir))?;
        if std::mem::take(&mut appender.has_unsynced_name) {
            sync_dir(&self.dir)?;
        }
        let active = self.view.read().segments.last().cloned();
        match active {
            Some(active) => sidecar_of(&active, appender.producers.clone()).write(&active.path),
            None => Ok(()),
        }
    }

    /// The topic was deleted: takes and gives nothing any more, and wakes who waits.
    pub(crate) fn retire(&self) {
        self.is_closed.store(true, Ordering::Release);
        drop(self.appender.lock());
        self.waiters.wake();
    }

    /// Whether the topic was deleted.
    pub(crate) fn is_retired(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Where the log starts and ends.
    pub(crate) fn extent(&self) -> Extent {
        let view = self.view.read();
        Extent {
            log_start: view.log_start,
            next_offset: view.next_offset,
            leader_epoch: view.epochs.current(),
            bytes: view.segments.iter().map(|segment| segment.bytes).sum(),
        }
    }

    /// The end of a leader epoch, as OffsetForLeaderEpoch wants it.
    pub(crate) fn end_of_epoch(&self, epoch: i32) -> Option<(i32, i64)> {
        let view = self.view.read();
        view.epochs.end_of(epoch, view.next_offset)
    }

    /// The epoch that the record at an offset was written in.
    pub(crate) fn epoch_at(&self, offset: i64) -> i32 {
        self.view.read().epochs.at(offset)
    }

    /// The largest producer id that wrote here and is remembered.
    pub(crate) fn producer_id_max(&self) -> Option<i64> {
        self.appender.lock().producers.id_max()
    }

    /// Removes records below `offset` (-1: all there are) from what can be read, and whole segments from the disk. Returns
    /// the new log start.
    pub(crate) fn delete_records(&self, offset: i64, now_ms: i64) -> Result<i64, ResponseError> {
        let extent = self.extent();
        let to = if offset == -1 { extent.next_offset } else { offset };
        if to < 0 || extent.next_offset < to {
            return Err(ResponseError::OffsetOutOfRange);
        }
        self.raise_log_start(to, now_ms)
            .map_err(|error| self.storage_error(&error))?;
        Ok(self.extent().log_start)
    }

    /// Deletes segments that outlived `policy`; `held_from` is the first offset that a pipeline still needs.
    pub(crate) fn retain(
        &self,
        policy: RetentionPolicy,
        held_from: Option<i64>,
        now_ms: i64,
    ) -> Result<usize, BrokerError> {
        let (count, to) = {
            let view = self.view.read();
            let facts: Vec<_> = view
                .segments
                .iter()
                .map(|segment| SegmentFacts {
                    bytes: segment.bytes,
                    next_offset: segment.next_offset,
                    appended_at_ms: segment.appended_at_ms,
                })
                .collect();
            let count = segments_to_delete(&facts, policy, held_from, now_ms);
            (count, count.checked_sub(1).map(|last| facts[last].next_offset))
        };
        if let Some(to) = to {
            self.raise_log_start(to, now_ms)?;
            info!(partition = %self.dir.display(), to, "retention deleted {count} segments of `{}`", self.dir.display());
        }
        Ok(count)
    }

    /// Moves the log start up, on disk first, and deletes the segments that lie wholly below.
    fn raise_log_start(&self, to: i64, now_ms: i64) -> Result<(), BrokerError> {
        let mut appender = self.appender.lock();
        let active_is_below = {
            let view = self.view.read();
            if to <= view.log_start {
                return Ok(());
            }
            view.segments
                .last()
                .is_some_and(|active| 0 < active.bytes && active.next_offset <= to)
        };
        if active_is_below {
            self.roll(&mut appender, now_ms)?;
        }
        let epochs = self.view.read().epochs.clone();
        PartitionState { log_start: to, epochs }.write(&self.dir)?;
        let dropped: Vec<Segment> = {
            let mut view = self.view.write();
            view.log_start = to;
            let last = view.segments.len() - 1;
            let count = view.segments[..last]
                .iter()
                .take_while(|segment| segment.next_offset <= to)
                .count();
            view.segments.drain(..count).collect()
        };
        appender.full.retain(|(segment, ..)| to < segment.next_offset);
        drop(appender);
        for segment in dropped {
            // Readers that have the file open keep it; a file that stays is found below the log start at the next start.
            let _ = remove_file(&sidecar_path(&segment.path));
            remove_file(&segment.path)?;
        }
        Ok(())
    }
}

fn sidecar_of(segment: &Segment, producers: Producers) -> Sidecar {
    Sidecar {
        log_bytes: segment.bytes,
        next_offset: segment.next_offset,
        max_timestamp: segment.max_timestamp,
        appended_at_ms: segment.appended_at_ms,
        index: segment.index.clone(),
        producers,
    }
}
