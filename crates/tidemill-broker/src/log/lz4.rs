//! Reads LZ4 frames, bounded and without trust in what they say. The tree's LZ4 crate is built without its checks,
//! which is not for bytes that a client sent.

/// Why bytes are not a frame that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Lz4Error {
    #[error("not an LZ4 frame")]
    NotAFrame,
    #[error("the LZ4 frame is damaged")]
    Damaged,
    #[error("the LZ4 frame holds more than {0} bytes")]
    TooLarge(usize),
}

const FRAME_MAGIC: u32 = 0x184D_2204;
const UNCOMPRESSED_BLOCK: u32 = 1 << 31;
const MATCH_MIN: usize = 4;

/// The content of a frame, at most `bytes_max` long. Checksums are not looked at: the batch around has one.
pub(crate) fn decode_frame(mut input: &[u8], bytes_max: usize) -> Result<Vec<u8>, Lz4Error> {
    let magic = u32::from_le_bytes(take(&mut input)?);
    let [flags, _block_size] = take(&mut input)?;
    let is_version_1 = flags >> 6 == 1;
    if magic != FRAME_MAGIC || !is_version_1 {
        return Err(Lz4Error::NotAFrame);
    }
    let has = |bit: u8| flags & (1 << bit) != 0;
    let (has_block_checksum, has_content_size, has_dictionary) = (has(4), has(3), has(0));
    let skipped = usize::from(has_content_size) * 8 + usize::from(has_dictionary) * 4 + 1;
    take_slice(&mut input, skipped)?;
    let mut out = Vec::new();
    loop {
        let size = u32::from_le_bytes(take(&mut input)?);
        if size == 0 {
            return Ok(out);
        }
        let block = take_slice(&mut input, (size & !UNCOMPRESSED_BLOCK) as usize)?;
        if size & UNCOMPRESSED_BLOCK == 0 {
            decode_block(block, &mut out, bytes_max)?;
        } else {
            push(&mut out, block, bytes_max)?;
        }
        if has_block_checksum {
            take_slice(&mut input, 4)?;
        }
    }
}

/// Appends a block's content; matches may reach back into the blocks before.
fn decode_block(mut block: &[u8], out: &mut Vec<u8>, bytes_max: usize) -> Result<(), Lz4Error> {
    loop {
        let [token] = take(&mut block)?;
        let literals = take_length(&mut block, token >> 4)?;
        push(out, take_slice(&mut block, literals)?, bytes_max)?;
        // The last sequence has no match.
        if block.is_empty() {
            return Ok(());
        }
        let distance = usize::from(u16::from_le_bytes(take(&mut block)?));
        let length = take_length(&mut block, token & 0xF)? + MATCH_MIN;
        if distance == 0 || out.len() < distance {
            return Err(Lz4Error::Damaged);
        }
        if bytes_max < out.len() + length {
            return Err(Lz4Error::TooLarge(bytes_max));
        }
        let mut left = length;
        while 0 < left {
            // A match may overlap what it makes: then it repeats the last `distance` bytes.
            let from = out.len() - distance;
            let step = left.min(distance);
            out.extend_from_within(from..from + step);
            left -= step;
        }
    }
}

fn take_length(block: &mut &[u8], nibble: u8) -> Result<usize, Lz4Error> {
    let mut length = usize::from(nibble);
    if nibble == 0xF {
        loop {
            let [byte] = take(block)?;
            length += usize::from(byte);
            if byte != u8::MAX {
                break;
            }
        }
    }
    Ok(length)
}

fn push(out: &mut Vec<u8>, bytes: &[u8], bytes_max: usize) -> Result<(), Lz4Error> {
    if bytes_max < out.len() + bytes.len() {
        return Err(Lz4Error::TooLarge(bytes_max));
    }
    out.extend_from_slice(bytes);
    Ok(())
}

fn take<const N: usize>(input: &mut &[u8]) -> Result<[u8; N], Lz4Error> {
    let (head, rest) = input.split_first_chunk::<N>().ok_or(Lz4Error::Damaged)?;
    *input = rest;
    Ok(*head)
}

fn take_slice<'a>(input: &mut &'a [u8], bytes: usize) -> Result<&'a [u8], Lz4Error> {
    let (head, rest) = input.split_at_checked(bytes).ok_or(Lz4Error::Damaged)?;
    *input = rest;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf 'tidemill tidemill tidemill tidemill tidemill tidemill!' | lz4 --no-frame-crc`, taken apart by hand:
    /// nine literals, a match of 40 bytes at distance 9, then literals.
    fn frame() -> Vec<u8> {
        let mut block = vec![0x9F];
        block.extend_from_slice(b"tidemill ");
        block.extend_from_slice(&9_u16.to_le_bytes());
        block.push(40 - 4 - 15);
        block.push(0x50);
        block.extend_from_slice(b"mill!");
        let mut frame = FRAME_MAGIC.to_le_bytes().to_vec();
        frame.extend_from_slice(&[0x60, 0x40, 0x82]);
        frame.extend_from_slice(&(block.len() as u32).to_le_bytes());
        frame.extend_from_slice(&block);
        frame.extend_from_slice(&(3 | UNCOMPRESSED_BLOCK).to_le_bytes());
        frame.extend_from_slice(b"raw");
        frame.extend_from_slice(&0_u32.to_le_bytes());
        frame
    }

    const CONTENT: &[u8] = b"tidemill tidemill tidemill tidemill tidemill tidemill!raw";

    #[test]
    fn a_frame_gives_its_content() {
        assert_eq!(decode_frame(&frame(), 100).as_deref(), Ok(CONTENT));
        assert_eq!(decode_frame(&frame(), CONTENT.len()).as_deref(), Ok(CONTENT));
        assert_eq!(
            decode_frame(&frame(), CONTENT.len() - 1),
            Err(Lz4Error::TooLarge(CONTENT.len() - 1))
        );
        assert_eq!(decode_frame(&frame(), 20), Err(Lz4Error::TooLarge(20)));
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic() {
        let good = frame();
        for cut in 0..good.len() {
            assert!(decode_frame(&good[..cut], 100).is_err(), "cut at {cut}");
        }
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                // It may still read; it must not panic or grow.
                assert!(
                    decode_frame(&bad, 1_000).is_ok_and(|out| out.len() <= 1_000) || decode_frame(&bad, 1_000).is_err()
                );
            }
        }
    }
}
