//! The header of a record batch (magic 2): what is read of it, what is checked, and what is patched in place.
//!
//! Base offset and leader epoch lie outside the checksum, which covers attributes to the end.

use bytes::{Buf, BufMut};
use kafka_protocol::ResponseError;

/// Bytes of a batch before its records.
pub(crate) const HEADER_BYTES: usize = 61;
/// Bytes of a batch that its length field does not count: base offset and the length itself.
pub(crate) const PREFIX_BYTES: usize = 12;
/// Where the checksum's bytes begin.
const CRC_FROM: usize = 21;
/// The only batch format that is taken and stored.
const MAGIC: i8 = 2;

const COMPRESSION_MASK: i16 = 0b111;
const LOG_APPEND_TIME: i16 = 1 << 3;
const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;

/// The fixed fields at the start of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchHeader {
    pub base_offset: i64,
    /// Bytes after the length field.
    pub batch_length: i32,
    pub leader_epoch: i32,
    pub magic: i8,
    pub crc: u32,
    pub attributes: i16,
    pub last_offset_delta: i32,
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub record_count: i32,
}

impl BatchHeader {
    /// Reads the header; none if there are fewer bytes than one.
    pub(crate) fn read(mut bytes: &[u8]) -> Option<BatchHeader> {
        if bytes.len() < HEADER_BYTES {
            return None;
        }
        Some(BatchHeader {
            base_offset: bytes.get_i64(),
            batch_length: bytes.get_i32(),
            leader_epoch: bytes.get_i32(),
            magic: bytes.get_i8(),
            crc: bytes.get_u32(),
            attributes: bytes.get_i16(),
            last_offset_delta: bytes.get_i32(),
            base_timestamp: bytes.get_i64(),
            max_timestamp: bytes.get_i64(),
            producer_id: bytes.get_i64(),
            producer_epoch: bytes.get_i16(),
            base_sequence: bytes.get_i32(),
            record_count: bytes.get_i32(),
        })
    }

    /// Writes the header back, byte for byte what was read.
    pub(crate) fn write(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let mut buf = &mut bytes[..];
        buf.put_i64(self.base_offset);
        buf.put_i32(self.batch_length);
        buf.put_i32(self.leader_epoch);
        buf.put_i8(self.magic);
        buf.put_u32(self.crc);
        buf.put_i16(self.attributes);
        buf.put_i32(self.last_offset_delta);
        buf.put_i64(self.base_timestamp);
        buf.put_i64(self.max_timestamp);
        buf.put_i64(self.producer_id);
        buf.put_i16(self.producer_epoch);
        buf.put_i32(self.base_sequence);
        buf.put_i32(self.record_count);
        bytes
    }

    /// Bytes of the whole batch; none where the length field cannot be one.
    pub(crate) fn batch_bytes(&self) -> Option<usize> {
        let length = usize::try_from(self.batch_length).ok()?;
        (HEADER_BYTES - PREFIX_BYTES <= length).then_some(length + PREFIX_BYTES)
    }

    /// Whether the fields that the checksum does not cover, or that follow from one another, make a batch of our log.
    pub(crate) fn is_sound(&self) -> bool {
        self.magic == MAGIC && 0 <= self.last_offset_delta && 0 <= self.base_offset && self.batch_bytes().is_some()
    }

    /// The offset after the last record: base + last delta + 1, which is not base + the number of records where a
    /// compacted batch has gaps.
    pub(crate) fn next_offset(&self) -> i64 {
        self.base_offset + i64::from(self.last_offset_delta) + 1
    }

    /// The codec's number, 0 to 7.
    pub(crate) fn compression(&self) -> i16 {
        self.attributes & COMPRESSION_MASK
    }

    pub(crate) fn is_log_append_time(&self) -> bool {
        self.attributes & LOG_APPEND_TIME != 0
    }

    pub(crate) fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    pub(crate) fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    /// The sequence number of the last record; it wraps from `i32::MAX` to 0.
    pub(crate) fn last_sequence(&self) -> i32 {
        sequence_after(self.base_sequence, self.last_offset_delta)
    }
}

/// The sequence number `steps` after `sequence`.
pub(crate) fn sequence_after(sequence: i32, steps: i32) -> i32 {
    ((i64::from(sequence) + i64::from(steps)) & i64::from(i32::MAX)) as i32
}

/// Whether the checksum in `header` is the one of `batch`, which holds exactly one batch.
pub(crate) fn crc_matches(header: &BatchHeader, batch: &[u8]) -> bool {
    header.crc == crc32c::crc32c(&batch[CRC_FROM..])
}

/// Why a batch is not taken, with the protocol's error and words for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchFault(pub ResponseError, pub &'static str);

/// Checks what a producer sent for one partition: exactly one whole, sound, not transactional batch.
pub(crate) fn check_produced(batch: &[u8], batch_bytes_max: usize) -> Result<BatchHeader, BatchFault> {
    const MAGIC_AT: usize = 16;
    if batch.get(MAGIC_AT).is_some_and(|magic| *magic < MAGIC as u8) {
        return Err(BatchFault(
            ResponseError::UnsupportedForMessageFormat,
            "message formats 0 and 1 are not taken; use a client that speaks Kafka 0.11 or later",
        ));
    }
    let Some(header) = BatchHeader::read(batch) else {
        return Err(BatchFault(
            ResponseError::CorruptMessage,
            "the batch is shorter than a batch header",
        ));
    };
    if header.magic != MAGIC {
        return Err(BatchFault(
            ResponseError::UnsupportedForMessageFormat,
            "the batch has an unknown format",
        ));
    }
    match header.batch_bytes() {
        None => {
            return Err(BatchFault(
                ResponseError::CorruptMessage,
                "the batch has an impossible length",
            ));
        }
        Some(bytes) if batch.len() < bytes => {
            return Err(BatchFault(ResponseError::CorruptMessage, "the batch is cut off"));
        }
        Some(bytes) if bytes < batch.len() => {
            return Err(BatchFault(
                ResponseError::InvalidRecord,
                "a request may hold only one batch for each partition",
            ));
        }
        Some(bytes) if batch_bytes_max < bytes => {
            return Err(BatchFault(
                ResponseError::MessageTooLarge,
                "the batch is larger than max.message.bytes",
            ));
        }
        Some(_) => (),
    }
    if !crc_matches(&header, batch) {
        return Err(BatchFault(
            ResponseError::CorruptMessage,
            "the batch fails its checksum",
        ));
    }
    if header.is_transactional() {
        return Err(BatchFault(
            ResponseError::TransactionalIdAuthorizationFailed,
            "this broker has no transactions",
        ));
    }
    if header.is_control() {
        return Err(BatchFault(
            ResponseError::InvalidRecord,
            "clients may not write control batches",
        ));
    }
    let counts_agree = 1 <= header.record_count && header.last_offset_delta == header.record_count - 1;
    if !counts_agree {
        return Err(BatchFault(
            ResponseError::InvalidRecord,
            "the number of records and the last offset do not agree",
        ));
    }
    if 4 < header.compression() {
        return Err(BatchFault(
            ResponseError::UnsupportedCompressionType,
            "the batch has an unknown compression",
        ));
    }
    let idempotent = 0 <= header.producer_id;
    if idempotent && (header.base_sequence < 0 || header.producer_epoch < 0) {
        return Err(BatchFault(
            ResponseError::InvalidRecord,
            "a producer id without a sequence",
        ));
    }
    Ok(header)
}

/// Stamps the time of the append on a batch: attributes, largest timestamp and therefore the checksum change. `rest` are
/// the bytes after the header.
pub(crate) fn stamp_append_time(header: &mut BatchHeader, rest: &[u8], now_ms: i64) {
    header.attributes |= LOG_APPEND_TIME;
    header.max_timestamp = now_ms;
    let head = header.write();
    let crc = crc32c::crc32c(&head[CRC_FROM..]);
    header.crc = crc32c::crc32c_append(crc, rest);
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A batch of `values` without keys, timestamps from `timestamp` on, one millisecond apart.
    pub(crate) fn batch_of(values: &[&[u8]], timestamp: i64, producer: (i64, i16, i32)) -> Vec<u8> {
        let mut records = Vec::new();
        for (index, value) in values.iter().enumerate() {
            let mut record = vec![0];
            put_varint(&mut record, index as i64);
            put_varint(&mut record, index as i64);
            put_varint(&mut record, -1);
            put_varint(&mut record, value.len() as i64);
            record.extend_from_slice(value);
            put_varint(&mut record, 0);
            put_varint(&mut records, record.len() as i64);
            records.extend_from_slice(&record);
        }
        batch_around(&records, values.len() as i32, timestamp, producer, 0)
    }

    /// A batch whose records' bytes are given, compressed or not.
    pub(crate) fn batch_around(
        records: &[u8],
        count: i32,
        timestamp: i64,
        (producer_id, producer_epoch, base_sequence): (i64, i16, i32),
        attributes: i16,
    ) -> Vec<u8> {
        let mut header = BatchHeader {
            base_offset: 0,
            batch_length: (HEADER_BYTES - PREFIX_BYTES + records.len()) as i32,
            leader_epoch: -1,
            magic: 2,
            crc: 0,
            attributes,
            last_offset_delta: count - 1,
            base_timestamp: timestamp,
            max_timestamp: timestamp + i64::from(count) - 1,
            producer_id,
            producer_epoch,
            base_sequence,
            record_count: count,
        };
        let mut batch = header.write().to_vec();
        batch.extend_from_slice(records);
        header.crc = crc32c::crc32c(&batch[CRC_FROM..]);
        batch[..HEADER_BYTES].copy_from_slice(&header.write());
        batch
    }

    pub(crate) fn put_varint(out: &mut Vec<u8>, value: i64) {
        let mut zigzag = ((value << 1) ^ (value >> 63)) as u64;
        while 0x80 <= zigzag {
            out.push(zigzag as u8 | 0x80);
            zigzag >>= 7;
        }
        out.push(zigzag as u8);
    }

    pub(crate) const NO_PRODUCER: (i64, i16, i32) = (-1, -1, -1);

    #[test]
    fn a_header_is_written_as_it_was_read() {
        let batch = batch_of(&[b"a", b"bc"], 1_000, (7, 1, 40));
        let header = BatchHeader::read(&batch).unwrap();
        assert_eq!(header.write(), batch[..HEADER_BYTES]);
        assert_eq!(header.batch_bytes(), Some(batch.len()));
        assert_eq!((header.next_offset(), header.last_sequence()), (2, 41));
        assert_eq!(BatchHeader::read(&batch[..HEADER_BYTES - 1]), None);
    }

    #[test]
    fn offset_and_epoch_are_outside_the_checksum() {
        let mut batch = batch_of(&[b"a"], 1_000, NO_PRODUCER);
        let mut header = BatchHeader::read(&batch).unwrap();
        header.base_offset = 1 << 40;
        header.leader_epoch = 9;
        batch[..HEADER_BYTES].copy_from_slice(&header.write());
        assert!(crc_matches(&header, &batch));
        assert_eq!(check_produced(&batch, 1_000), Ok(header));
    }

    #[test]
    fn the_append_time_changes_the_checksum_and_keeps_it_right() {
        let mut batch = batch_of(&[b"a", b"b"], 1_000, NO_PRODUCER);
        let mut header = BatchHeader::read(&batch).unwrap();
        let before = header.crc;
        stamp_append_time(&mut header, &batch[HEADER_BYTES..], 5_000);
        batch[..HEADER_BYTES].copy_from_slice(&header.write());
        assert_ne!(before, header.crc);
        assert!(crc_matches(&header, &batch) && header.is_log_append_time());
        assert_eq!(header.max_timestamp, 5_000);
    }

    #[test]
    fn what_no_producer_may_send_is_named() {
        let good = batch_of(&[b"a"], 1_000, NO_PRODUCER);
        let check = |change: &dyn Fn(&mut Vec<u8>), expected: ResponseError| {
            let mut batch = good.clone();
            change(&mut batch);
            assert_eq!(check_produced(&batch, 100).map_err(|fault| fault.0), Err(expected));
        };
        let with = |attributes: i16, count: i32, delta: i32| {
            move |batch: &mut Vec<u8>| {
                let mut header = BatchHeader::read(batch).unwrap();
                (header.attributes, header.record_count, header.last_offset_delta) = (attributes, count, delta);
                batch[..HEADER_BYTES].copy_from_slice(&header.write());
                header.crc = crc32c::crc32c(&batch[CRC_FROM..]);
                batch[..HEADER_BYTES].copy_from_slice(&header.write());
            }
        };
        check(&|b| b.truncate(3), ResponseError::CorruptMessage);
        check(&|b| b.truncate(b.len() - 1), ResponseError::CorruptMessage);
        check(&|b| b[8] = 0x80, ResponseError::CorruptMessage);
        check(&|b| *b.last_mut().unwrap() ^= 1, ResponseError::CorruptMessage);
        check(&|b| b[16] = 1, ResponseError::UnsupportedForMessageFormat);
        check(&|b| b[16] = 3, ResponseError::UnsupportedForMessageFormat);
        check(&|b| b.extend_from_within(..), ResponseError::InvalidRecord);
        check(
            &|b| *b = batch_of(&[&[0; 100]], 0, NO_PRODUCER),
            ResponseError::MessageTooLarge,
        );
        check(&|b| *b = batch_of(&[b"a"], 0, (3, 0, -1)), ResponseError::InvalidRecord);
        check(
            &with(TRANSACTIONAL, 1, 0),
            ResponseError::TransactionalIdAuthorizationFailed,
        );
        check(&with(CONTROL, 1, 0), ResponseError::InvalidRecord);
        check(&with(0, 2, 0), ResponseError::InvalidRecord);
        check(&with(0, 0, -1), ResponseError::InvalidRecord);
        check(&with(5, 1, 0), ResponseError::UnsupportedCompressionType);
    }

    #[test]
    fn sequences_wrap_to_zero() {
        assert_eq!(sequence_after(i32::MAX, 0), i32::MAX);
        assert_eq!(sequence_after(i32::MAX, 1), 0);
        assert_eq!(sequence_after(i32::MAX - 1, 3), 1);
    }
}
