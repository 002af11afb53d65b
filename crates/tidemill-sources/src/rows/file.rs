//! Files: their kind by their name, and what tells one from another.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use crate::SourceError;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    Parquet,
    /// With a header line.
    Csv,
    /// A JSON object a line.
    NdJson,
}

/// Up to this size the whole content is summed; a larger file by blocks spread over it, its last included.
const WHOLE_BYTES_MAX: u64 = 1 << 30;
const BLOCK_BYTES: u64 = 1 << 20;
const BLOCKS: u64 = 256;

impl FileKind {
    pub(crate) fn of(path: &Path) -> Result<FileKind, SourceError> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        match ending.to_ascii_lowercase().as_str() {
            "parquet" => Ok(FileKind::Parquet),
            "csv" => Ok(FileKind::Csv),
            "ndjson" | "jsonl" => Ok(FileKind::NdJson),
            _ => Err(SourceError::UnknownKind { file: path.into() }),
        }
    }
}

pub(super) fn open(path: &Path) -> Result<File, SourceError> {
    File::open(path).map_err(|source| SourceError::Read {
        file: path.into(),
        source,
    })
}

pub(super) fn malformed(
    path: &Path,
    format: &'static str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> SourceError {
    SourceError::Malformed {
        file: path.into(),
        format,
        source: Box::new(source),
    }
}

/// Length and checksum of a file's content; its name does not matter.
pub(super) fn identity(path: &Path) -> Result<String, SourceError> {
    let read = |source| SourceError::Read {
        file: path.into(),
        source,
    };
    let mut file = open(path)?;
    let length = file.metadata().map_err(read)?.len();
    let mut buffer = vec![0; BLOCK_BYTES as usize];
    let mut sum = 0;
    let whole = length <= WHOLE_BYTES_MAX;
    let blocks = if whole { length.div_ceil(BLOCK_BYTES) } else { BLOCKS };
    for block in 0..blocks {
        let start = if whole {
            block * BLOCK_BYTES
        } else {
            (length - BLOCK_BYTES) / (BLOCKS - 1) * block
        };
        file.seek(SeekFrom::Start(start)).map_err(read)?;
        let mut filled = 0;
        while filled < buffer.len() {
            match file.read(&mut buffer[filled..]).map_err(read)? {
                0 => break,
                count => filled += count,
            }
        }
        sum = crc32c::crc32c_append(sum, &buffer[..filled]);
    }
    Ok(format!("file of {length} bytes, crc32c {sum:08x}"))
}
