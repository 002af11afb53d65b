//! The codecs of record batches. Batches are stored as they came; only a look for a timestamp opens them.

use std::borrow::Cow;
use std::io::{self, Read};

use super::lz4::{Lz4Error, decode_frame};

/// Why a batch's records cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecompressError {
    #[error("unknown compression {0}")]
    UnknownCodec(i16),
    #[error("the records decompress to more than {0} bytes")]
    TooLarge(usize),
    #[error("the compressed records are damaged")]
    Stream(#[source] io::Error),
    #[error("the compressed records are damaged")]
    Snappy(#[from] snap::Error),
    #[error("the compressed records are damaged")]
    Lz4(#[from] Lz4Error),
}

/// snappy-java's stream header: its magic, then two version numbers.
const XERIAL_MAGIC: &[u8] = b"\x82SNAPPY\0";
const XERIAL_HEADER_BYTES: usize = 16;

/// The records of a batch, at most `bytes_max` long.
pub(crate) fn decompress(codec: i16, bytes: &[u8], bytes_max: usize) -> Result<Cow<'_, [u8]>, DecompressError> {
    match codec {
        0 => Ok(Cow::Borrowed(bytes)),
        1 => read_to_limit(flate2::read::MultiGzDecoder::new(bytes), bytes_max).map(Cow::Owned),
        2 => snappy(bytes, bytes_max).map(Cow::Owned),
        3 => Ok(Cow::Owned(decode_frame(bytes, bytes_max)?)),
        4 => {
            let decoder = zstd::Decoder::with_buffer(bytes).map_err(DecompressError::Stream)?;
            read_to_limit(decoder, bytes_max).map(Cow::Owned)
        }
        unknown => Err(DecompressError::UnknownCodec(unknown)),
    }
}

fn read_to_limit(reader: impl Read, bytes_max: usize) -> Result<Vec<u8>, DecompressError> {
    let mut out = Vec::new();
    reader
        .take(bytes_max as u64 + 1)
        .read_to_end(&mut out)
        .map_err(DecompressError::Stream)?;
    if bytes_max < out.len() {
        return Err(DecompressError::TooLarge(bytes_max));
    }
    Ok(out)
}

/// Raw snappy, or snappy-java's blocks, which Kafka's Java clients write.
fn snappy(bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, DecompressError> {
    if !bytes.starts_with(XERIAL_MAGIC) {
        return snappy_block(bytes, bytes_max);
    }
    let damaged = || DecompressError::Stream(io::ErrorKind::UnexpectedEof.into());
    let mut rest = bytes.get(XERIAL_HEADER_BYTES..).ok_or_else(damaged)?;
    let mut out = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (block, after) = after
            .split_at_checked(u32::from_be_bytes(*length) as usize)
            .ok_or_else(damaged)?;
        out.append(&mut snappy_block(block, bytes_max.saturating_sub(out.len()))?);
        rest = after;
    }
    Ok(out)
}

fn snappy_block(bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, DecompressError> {
    if bytes_max < snap::raw::decompress_len(bytes)? {
        return Err(DecompressError::TooLarge(bytes_max));
    }
    Ok(snap::raw::Decoder::new().decompress_vec(bytes)?)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn every_codec_gives_back_what_went_in_up_to_its_limit() {
        let content = b"tidemill ".repeat(1_000);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&content).unwrap();
        let snappy = snap::raw::Encoder::new().compress_vec(&content).unwrap();
        let mut xerial = [XERIAL_MAGIC, &[0, 0, 0, 1, 0, 0, 0, 1]].concat();
        for half in content.chunks(content.len() / 2) {
            let block = snap::raw::Encoder::new().compress_vec(half).unwrap();
            xerial.extend_from_slice(&(block.len() as u32).to_be_bytes());
            xerial.extend_from_slice(&block);
        }
        let zstd = zstd::encode_all(&content[..], 1).unwrap();
        for (codec, bytes) in [
            (0, content.clone()),
            (1, gzip.finish().unwrap()),
            (2, snappy),
            (2, xerial),
            (4, zstd),
        ] {
            assert_eq!(
                decompress(codec, &bytes, content.len()).unwrap(),
                content,
                "codec {codec}"
            );
            if codec != 0 {
                assert!(
                    decompress(codec, &bytes, content.len() - 1).is_err(),
                    "codec {codec} over its limit"
                );
                assert!(
                    decompress(codec, &bytes[..bytes.len() - 9], content.len()).is_err(),
                    "codec {codec} cut"
                );
            }
        }
        assert!(matches!(decompress(5, b"", 10), Err(DecompressError::UnknownCodec(5))));
    }
}
