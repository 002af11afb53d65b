//! Looks into a batch for the first record at or after a time.

use super::batch::{BatchHeader, HEADER_BYTES};
use super::compression::{DecompressError, decompress};

/// Bytes that a batch may grow to when it is opened; a larger one is answered with the offset of its first record.
const DECOMPRESSED_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Why a batch's records could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordsError {
    #[error("failed to decompress the batch")]
    Decompress(#[from] DecompressError),
    #[error("the records of the batch end early")]
    CutOff,
}

/// The first record of `batch` with a timestamp of at least `timestamp_ms` and an offset of at least `offset_min`, as
/// (timestamp, offset).
pub(crate) fn first_at_or_after(
    header: &BatchHeader,
    batch: &[u8],
    timestamp_ms: i64,
    offset_min: i64,
) -> Result<Option<(i64, i64)>, RecordsError> {
    let records = decompress(header.compression(), &batch[HEADER_BYTES..], DECOMPRESSED_BYTES_MAX)?;
    let mut rest = &records[..];
    for _ in 0..header.record_count {
        let length = usize::try_from(varint(&mut rest)?).map_err(|_| RecordsError::CutOff)?;
        let (mut record, after) = rest.split_at_checked(length).ok_or(RecordsError::CutOff)?;
        rest = after;
        let attributes_bytes = 1;
        record = record.get(attributes_bytes..).ok_or(RecordsError::CutOff)?;
        let timestamp_delta = varint(&mut record)?;
        let offset_delta = varint(&mut record)?;
        let timestamp = if header.is_log_append_time() {
            header.max_timestamp
        } else {
            header.base_timestamp.wrapping_add(timestamp_delta)
        };
        let offset = header.base_offset.wrapping_add(offset_delta);
        if timestamp_ms <= timestamp && offset_min <= offset {
            return Ok(Some((timestamp, offset)));
        }
    }
    Ok(None)
}

/// A zigzag number of up to ten bytes.
fn varint(bytes: &mut &[u8]) -> Result<i64, RecordsError> {
    const VARINT_BYTES_MAX: u32 = 10;
    let mut zigzag = 0_u64;
    for index in 0..VARINT_BYTES_MAX {
        let (byte, rest) = bytes.split_first().ok_or(RecordsError::CutOff)?;
        *bytes = rest;
        zigzag |= u64::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64));
        }
    }
    Err(RecordsError::CutOff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::batch::stamp_append_time;
    use crate::log::batch::tests::{NO_PRODUCER, batch_around, batch_of, put_varint};

    #[test]
    fn a_timestamp_finds_a_record_and_not_a_batch() {
        let mut batch = batch_of(&[b"a", b"b", b"c"], 1_000, NO_PRODUCER);
        let mut header = BatchHeader::read(&batch).unwrap();
        header.base_offset = 50;
        for (timestamp, offset_min, expected) in [
            (0, 0, Some((1_000, 50))),
            (1_001, 0, Some((1_001, 51))),
            (1_001, 52, Some((1_002, 52))),
            (1_003, 0, None),
            (0, 53, None),
        ] {
            assert_eq!(
                first_at_or_after(&header, &batch, timestamp, offset_min).unwrap(),
                expected
            );
        }
        stamp_append_time(&mut header, &batch[HEADER_BYTES..], 9_000);
        assert_eq!(first_at_or_after(&header, &batch, 1_001, 0).unwrap(), Some((9_000, 50)));
        batch.truncate(batch.len() - 1);
        assert!(first_at_or_after(&header, &batch, 10_000, 0).is_err());
    }

    #[test]
    fn compressed_batches_are_opened() {
        let plain = batch_of(&[b"a", b"b", b"c"], 1_000, NO_PRODUCER);
        let packed = zstd::encode_all(&plain[HEADER_BYTES..], 1).unwrap();
        let batch = batch_around(&packed, 3, 1_000, NO_PRODUCER, 4);
        let header = BatchHeader::read(&batch).unwrap();
        assert_eq!(first_at_or_after(&header, &batch, 1_002, 0).unwrap(), Some((1_002, 2)));
    }

    #[test]
    fn numbers_of_any_size_are_read() {
        for value in [0, -1, 1, 63, 64, -65, i64::from(i32::MAX), i64::MIN, i64::MAX] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            assert_eq!(varint(&mut &bytes[..]).unwrap(), value);
        }
        assert!(varint(&mut &[0xFF_u8; 11][..]).is_err());
    }
}
