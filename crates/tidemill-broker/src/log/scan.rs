//! Reads a segment from its start and says how much of it is good: recovery after an unclean stop.

use std::io::{self, BufReader, Read};

use super::batch::{BatchHeader, HEADER_BYTES, crc_matches};
use super::index::{IndexEntry, SegmentIndex};

/// Bytes read from the file at a time.
const READ_BYTES: usize = 1024 * 1024;

/// What a scan found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Bytes of whole, sound batches from the start; what follows is torn.
    pub good_bytes: u64,
    pub next_offset: i64,
    pub max_timestamp: i64,
    pub index: SegmentIndex,
    /// Whether nothing followed the good batches.
    pub is_whole: bool,
}

/// Reads batches from `reader`, which holds `bytes` bytes of a segment that begins at `base_offset`, up to the first that is
/// torn, fails its checksum or does not follow the one before. `seen` is called with each good batch.
pub(crate) fn scan_segment(
    reader: impl Read,
    bytes: u64,
    base_offset: i64,
    mut seen: impl FnMut(&BatchHeader),
) -> io::Result<Scan> {
    let mut reader = BufReader::with_capacity(READ_BYTES, reader);
    let mut scan = Scan {
        good_bytes: 0,
        next_offset: base_offset,
        max_timestamp: i64::MIN,
        index: SegmentIndex::default(),
        is_whole: false,
    };
    let mut batch = Vec::new();
    loop {
        let left = bytes - scan.good_bytes;
        if left < HEADER_BYTES as u64 {
            scan.is_whole = left == 0;
            return Ok(scan);
        }
        batch.resize(HEADER_BYTES, 0);
        reader.read_exact(&mut batch)?;
        let header = BatchHeader::read(&batch).filter(BatchHeader::is_sound);
        let Some((header, batch_bytes)) = header.and_then(|header| Some((header, header.batch_bytes()?))) else {
            return Ok(scan);
        };
        if left < batch_bytes as u64 || header.base_offset != scan.next_offset {
            return Ok(scan);
        }
        batch.resize(batch_bytes, 0);
        reader.read_exact(&mut batch[HEADER_BYTES..])?;
        if !crc_matches(&header, &batch) {
            return Ok(scan);
        }
        scan.index.note(IndexEntry {
            offset: header.base_offset,
            position: scan.good_bytes,
            max_timestamp_before: scan.max_timestamp,
        });
        scan.good_bytes += batch_bytes as u64;
        scan.next_offset = header.next_offset();
        scan.max_timestamp = scan.max_timestamp.max(header.max_timestamp);
        seen(&header);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::batch::tests::{NO_PRODUCER, batch_of};

    /// Three batches of one, two and three records.
    fn segment() -> (Vec<u8>, Vec<u64>) {
        let mut bytes = Vec::new();
        let mut ends = vec![0];
        let mut offset = 100;
        for count in 1..=3_usize {
            let mut batch = batch_of(&vec![&b"value"[..]; count], 1_000 * count as i64, NO_PRODUCER);
            batch[..8].copy_from_slice(&i64::to_be_bytes(offset));
            offset += count as i64;
            bytes.extend_from_slice(&batch);
            ends.push(bytes.len() as u64);
        }
        (bytes, ends)
    }

    fn scan(bytes: &[u8]) -> (u64, i64, bool, usize) {
        let mut batches = 0;
        let scan = scan_segment(bytes, bytes.len() as u64, 100, |_| batches += 1).unwrap();
        (scan.good_bytes, scan.next_offset, scan.is_whole, batches)
    }

    #[test]
    fn a_cut_anywhere_keeps_the_whole_batches_before_it() {
        let (bytes, ends) = segment();
        let next_offsets = [100, 101, 103, 106];
        for cut in 0..=bytes.len() {
            let whole = ends.iter().rposition(|end| *end <= cut as u64).unwrap();
            let expected = (ends[whole], next_offsets[whole], ends[whole] == cut as u64, whole);
            assert_eq!(scan(&bytes[..cut]), expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_flipped_bit_ends_the_log_at_its_batch() {
        let (bytes, ends) = segment();
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 0x10;
            let batch = ends.iter().rposition(|end| *end <= at as u64).unwrap();
            // The leader epoch is outside the checksum: a flip there is not seen, and does no harm.
            let in_epoch = (12..16).contains(&(at as u64 - ends[batch]));
            let good = if in_epoch { 3 } else { batch };
            assert_eq!(scan(&bad).3, good, "flip at {at}");
        }
    }

    #[test]
    fn zeros_after_the_end_are_torn() {
        let (mut bytes, ends) = segment();
        bytes.resize(bytes.len() + 4096, 0);
        assert_eq!(scan(&bytes), (ends[3], 106, false, 3));
        assert_eq!(scan(&[]), (0, 100, true, 0));
    }
}
