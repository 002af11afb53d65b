//! A partition through its life: appends, restarts clean and not, retention, look-ups.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use kafka_protocol::ResponseError;

use super::batch::BatchHeader;
use super::batch::tests::{NO_PRODUCER, batch_of};
use super::partition::{AppendRules, Appended, Partition, PartitionSettings};
use super::retention::RetentionPolicy;
use crate::settings::Fsync;

const RULES: AppendRules = AppendRules {
    segment_bytes: 1_000,
    stamps_append_time: false,
};

fn open_after(dir: &Path, machine_went_down: bool) -> Partition {
    let settings = PartitionSettings {
        fsync: Fsync::Never,
        producers_max: 100,
        machine_went_down,
        now_ms: 0,
    };
    Partition::open(dir, settings).unwrap()
}

fn open(dir: &Path) -> Partition {
    open_after(dir, false)
}

/// Appends `count` records of 20 bytes, their timestamps from `timestamp` on.
fn append(
    partition: &Partition,
    count: usize,
    timestamp: i64,
    producer: (i64, i16, i32),
) -> Result<Appended, ResponseError> {
    let batch = batch_of(&vec![&[b'x'; 20][..]; count], timestamp, producer);
    partition.append(BatchHeader::read(&batch).unwrap(), &batch, RULES, timestamp)
}

/// The offsets of the batches that a read from `offset` gives, as (base, next).
fn read(partition: &Partition, offset: i64, bytes_max: usize) -> Vec<(i64, i64)> {
    let Some(located) = partition.locate(offset).unwrap() else {
        return Vec::new();
    };
    batches(&partition.read(&located, bytes_max, usize::MAX).unwrap())
}

fn batches(bytes: &Bytes) -> Vec<(i64, i64)> {
    let mut found = Vec::new();
    let mut rest = &bytes[..];
    while let Some(header) = BatchHeader::read(rest) {
        found.push((header.base_offset, header.next_offset()));
        rest = &rest[header.batch_bytes().unwrap()..];
    }
    assert!(rest.is_empty(), "a read gives whole batches");
    found
}

/// A partition with 30 batches of three records in several segments; timestamps are ten times the offset.
fn filled(dir: &Path) -> Partition {
    let partition = open(dir);
    for batch in 0..30 {
        append(&partition, 3, batch * 30, (7, 0, batch as i32 * 3)).unwrap();
    }
    assert!(3 < segment_count(dir));
    partition
}

fn segment_count(dir: &Path) -> usize {
    files(dir, "log").len()
}

fn files(dir: &Path, extension: &str) -> Vec<std::path::PathBuf> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect();
    paths.sort();
    paths
}

#[test]
fn every_offset_gets_the_whole_batch_that_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    let partition = filled(dir.path());
    for offset in 0..90 {
        let base = offset / 3 * 3;
        assert_eq!(read(&partition, offset, 1), [(base, base + 3)], "offset {offset}");
    }
    assert_eq!(read(&partition, 90, 1), []);
    for offset in [-1, 91] {
        assert_eq!(partition.locate(offset).unwrap_err(), ResponseError::OffsetOutOfRange);
    }
    // A reader that takes what it gets sees every batch once.
    let mut next = 0;
    while let Some((base, end)) = read(&partition, next, 500).last().copied() {
        assert!(next <= base);
        next = end;
    }
    assert_eq!(next, 90);
    let located = partition.locate(0).unwrap().unwrap();
    assert_eq!(located.bytes_left, partition.extent().bytes);
    assert_eq!(partition.read(&located, 1, 10).unwrap(), Bytes::new());
}

#[test]
fn a_time_finds_the_first_record_that_reaches_it_in_any_segment() {
    let dir = tempfile::tempdir().unwrap();
    let partition = filled(dir.path());
    // Within a batch timestamps are one apart, between batches thirty.
    for (timestamp, offset) in [(0, 0), (1, 1), (2, 2), (3, 3), (30, 3), (32, 5), (871, 88), (872, 89)] {
        let found = partition.find_timestamp(timestamp).unwrap().unwrap();
        assert_eq!(found.offset, offset, "time {timestamp}");
    }
    assert_eq!(partition.find_timestamp(873).unwrap(), None);
    assert_eq!(partition.find_max_timestamp().unwrap().unwrap().offset, 89);
    partition.delete_records(4, 0).unwrap();
    assert_eq!(partition.find_timestamp(0).unwrap().unwrap().offset, 4);
}

#[test]
fn producers_are_known_after_any_kind_of_stop() {
    for is_clean in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let partition = filled(dir.path());
        partition.flush().unwrap();
        if is_clean {
            partition.close().unwrap();
            assert_eq!(
                append(&partition, 1, 0, NO_PRODUCER),
                Err(ResponseError::KafkaStorageError)
            );
        }
        drop(partition);
        let partition = open(dir.path());
        assert_eq!(
            (partition.extent().next_offset, partition.extent().leader_epoch),
            (90, 0)
        );
        assert_eq!(partition.producer_id_max(), Some(7));
        assert_eq!(
            append(&partition, 3, 0, (7, 0, 87)).unwrap().base_offset,
            87,
            "a repeat, clean: {is_clean}"
        );
        assert_eq!(
            append(&partition, 3, 0, (7, 0, 93)),
            Err(ResponseError::OutOfOrderSequenceNumber)
        );
        assert_eq!(append(&partition, 3, 0, (7, 0, 90)).unwrap().base_offset, 90);
        assert_eq!(
            append(&partition, 1, 0, (7, -1, 0)),
            Err(ResponseError::InvalidProducerEpoch)
        );
        assert_eq!(read(&partition, 89, 1), [(87, 90)]);
    }
}

#[test]
fn a_torn_tail_is_cut_and_the_leader_epoch_rises() {
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path()));
    let last = files(dir.path(), "log").pop().unwrap();
    let bytes = fs::read(&last).unwrap();
    fs::write(&last, &bytes[..bytes.len() - 1]).unwrap();
    let partition = open(dir.path());
    let extent = partition.extent();
    assert_eq!((extent.next_offset, extent.leader_epoch), (87, 1));
    assert_eq!(partition.end_of_epoch(0), Some((0, 87)));
    assert_eq!(append(&partition, 3, 0, (7, 0, 87)).unwrap().base_offset, 87);
    assert_eq!((partition.epoch_at(86), partition.epoch_at(87)), (0, 1));
    drop(partition);
    // Nothing was cut this time.
    assert_eq!(open(dir.path()).extent().leader_epoch, 1);
    // The machine went down: the end of the log may be missing without a trace.
    let extent = open_after(dir.path(), true).extent();
    assert_eq!((extent.next_offset, extent.leader_epoch), (90, 2));
}

/// However the end of a log was torn, what lies before is there, and the log goes on behind it.
#[test]
fn any_torn_end_leaves_a_log_that_goes_on() {
    for seed in 0..60_u64 {
        let dir = tempfile::tempdir().unwrap();
        drop(filled(dir.path()));
        let last = files(dir.path(), "log").pop().unwrap();
        let mut bytes = fs::read(&last).unwrap();
        let place = (seed as usize).wrapping_mul(7_919) % bytes.len();
        match seed % 3 {
            // Cut short, half a page of zeros at its end, one byte that is another.
            0 => bytes.truncate(place),
            1 => bytes.extend_from_slice(&[0; 2_048]),
            _ => bytes[place] ^= 0x10,
        }
        fs::write(&last, &bytes).unwrap();
        // A machine that went down: every segment is looked through.
        let partition = open_after(dir.path(), true);
        let next = partition.extent().next_offset;
        assert!((0..=90).contains(&next) && next % 3 == 0, "seed {seed}: {next}");
        let mut offset = 0;
        while offset < next {
            let read = read(&partition, offset, usize::MAX);
            assert_eq!(read.first().map(|batch| batch.0), Some(offset), "seed {seed}");
            offset = read.last().map_or(next, |batch| batch.1);
        }
        assert_eq!(
            append(&partition, 3, 0, NO_PRODUCER).unwrap().base_offset,
            next,
            "seed {seed}"
        );
    }
}

#[test]
fn a_machine_that_goes_down_after_a_clean_stop_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let partition = filled(dir.path());
    partition.close().unwrap();
    assert_eq!(files(dir.path(), "index").len(), segment_count(dir.path()));
    drop(partition);
    // Whether the stop was clean is known of the folder as a whole: a partition alone cannot tell that there was no further
    // segment, and its epoch rises.
    let extent = open_after(dir.path(), true).extent();
    assert_eq!((extent.next_offset, extent.leader_epoch), (90, 1));
}

#[test]
fn damage_in_the_middle_ends_the_log_there() {
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path()));
    let second = files(dir.path(), "log").swap_remove(1);
    let base: i64 = second.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let mut bytes = fs::read(&second).unwrap();
    bytes[100] ^= 1;
    fs::write(&second, &bytes).unwrap();
    let partition = open(dir.path());
    assert_eq!(partition.extent().next_offset, base);
    assert_eq!(segment_count(dir.path()), 2);
    assert_eq!(append(&partition, 1, 0, NO_PRODUCER).unwrap().base_offset, base);
}

#[test]
fn retention_deletes_whole_segments_and_nothing_that_is_held() {
    let dir = tempfile::tempdir().unwrap();
    let partition = filled(dir.path());
    let policy = RetentionPolicy {
        ms: Some(0),
        bytes: None,
    };
    let later = 1_000_000;
    assert_eq!(partition.retain(policy, Some(0), later).unwrap(), 0);
    assert_eq!(partition.retain(policy, Some(50), later).unwrap(), 2);
    let extent = partition.extent();
    assert!(0 < extent.log_start && extent.log_start <= 50, "{extent:?}");
    assert_eq!(partition.locate(0).unwrap_err(), ResponseError::OffsetOutOfRange);
    assert_eq!(read(&partition, 50, 1), [(48, 51)]);
    partition.retain(policy, None, later).unwrap();
    let extent = partition.extent();
    assert_eq!((extent.log_start, extent.next_offset, extent.bytes), (90, 90, 0));
    assert_eq!(segment_count(dir.path()), 1);
    drop(partition);
    let partition = open(dir.path());
    let extent = partition.extent();
    assert_eq!((extent.log_start, extent.next_offset, extent.leader_epoch), (90, 90, 0));
    assert_eq!(append(&partition, 1, 0, NO_PRODUCER).unwrap().base_offset, 90);
}

#[test]
fn deleted_records_stay_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let partition = filled(dir.path());
    assert_eq!(partition.delete_records(91, 0), Err(ResponseError::OffsetOutOfRange));
    assert_eq!(partition.delete_records(40, 0), Ok(40));
    assert_eq!(partition.delete_records(10, 0), Ok(40), "the start never falls");
    assert_eq!(partition.locate(39).unwrap_err(), ResponseError::OffsetOutOfRange);
    drop(partition);
    let partition = open(dir.path());
    assert_eq!(partition.extent().log_start, 40);
    assert_eq!(read(&partition, 40, 1), [(39, 42)]);
    assert_eq!(partition.delete_records(-1, 0), Ok(90));
    assert_eq!(read(&partition, 90, 1), []);
}

#[test]
fn a_topic_can_stamp_the_time_of_the_append() {
    let dir = tempfile::tempdir().unwrap();
    let partition = open(dir.path());
    let batch = batch_of(&[b"a", b"b"], 5, NO_PRODUCER);
    let rules = AppendRules {
        stamps_append_time: true,
        ..RULES
    };
    let appended = partition
        .append(BatchHeader::read(&batch).unwrap(), &batch, rules, 9_000)
        .unwrap();
    assert_eq!(appended.append_time_ms, 9_000);
    drop(partition);
    // The new checksum is right: recovery keeps the batch.
    let partition = open(dir.path());
    assert_eq!(partition.find_timestamp(8_000).unwrap().unwrap().timestamp, 9_000);
}

#[test]
fn a_retired_partition_takes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let partition = filled(dir.path());
    partition.retire();
    assert_eq!(
        append(&partition, 1, 0, NO_PRODUCER),
        Err(ResponseError::UnknownTopicOrPartition)
    );
}
