//! The bytes of a model.
//!
//! Layout, all numbers little-endian:
//!
//! ```text
//! magic      8 bytes  "TIDEMDL\0"
//! version    u32      1
//! length     u64      of the body
//! body                algorithm, signature, scorer, golden rows; see `write.rs`
//! checksum   32 bytes SHA-256 of everything before it
//! ```
//!
//! The checksum is the content hash. It covers what the model is, and nothing about when or by which run it was made: the
//! same model is the same bytes. Golden rows are rows of the training set with the score that the model gave them when it
//! was made; [`Artifact::replay_golden`] scores them again, which proves before a swap that this machine and this binary
//! compute what was evaluated.

mod error;
mod golden;
mod read;
mod write;

use sha2::{Digest, Sha256};

pub use error::{ArtifactError, GoldenMismatch};
pub use golden::{GOLDEN_ROWS_MAX, GOLDEN_TOLERANCE, GoldenRow};

use crate::{FittedModel, Matrix, ScoreError};

/// The version of the layout that is written. Older ones stay readable.
pub const ARTIFACT_VERSION: u32 = 1;

const MAGIC: &[u8; 8] = b"TIDEMDL\0";
const HEADER_BYTES: usize = 8 + 4 + 8;
const CHECKSUM_BYTES: usize = 32;

/// A model with its golden rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Artifact {
    model: FittedModel,
    golden: Vec<GoldenRow>,
}

impl Artifact {
    /// Takes golden rows for a model from the rows it was fitted on: up to [`GOLDEN_ROWS_MAX`], spread over the range of
    /// its scores, one of them with missing values where the model allows them.
    ///
    /// Errors where the model cannot score the rows. Without rows there are no golden ones.
    pub fn new(model: FittedModel, training_rows: &Matrix) -> Result<Artifact, ScoreError> {
        let golden = golden::choose(&model, training_rows)?;
        Ok(Artifact { model, golden })
    }

    /// The model.
    pub fn model(&self) -> &FittedModel {
        &self.model
    }

    /// Its golden rows.
    pub fn golden_rows(&self) -> &[GoldenRow] {
        &self.golden
    }

    /// The model alone.
    pub fn into_model(self) -> FittedModel {
        self.model
    }

    /// The bytes. The same model gives the same bytes.
    pub fn encode(&self) -> Vec<u8> {
        let body = write::body(self);
        let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len() + CHECKSUM_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&ARTIFACT_VERSION.to_le_bytes());
        bytes.extend_from_slice(&(body.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&body);
        let checksum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&checksum);
        bytes
    }

    /// Reads bytes that [`Artifact::encode`] wrote.
    ///
    /// Errors on any bytes that differ from those in as much as one bit, and on bytes that were made to look right but
    /// hold something that is not a model.
    pub fn decode(bytes: &[u8]) -> Result<Artifact, ArtifactError> {
        let (content, checksum) = split_checked(bytes)?;
        if Sha256::digest(content).as_slice() != checksum {
            return Err(ArtifactError::Checksum);
        }
        read::body(&content[HEADER_BYTES..])
    }

    /// SHA-256 of what the model is, in lower-case hexadecimal: the checksum at the end of its bytes.
    pub fn content_hash(&self) -> String {
        let bytes = self.encode();
        hex::encode(&bytes[bytes.len() - CHECKSUM_BYTES..])
    }

    /// Scores the golden rows again, one by one and as a batch, which also warms the model up.
    ///
    /// Errors with the first row whose score differs by more than [`GOLDEN_TOLERANCE`].
    pub fn replay_golden(&self) -> Result<(), GoldenMismatch> {
        golden::replay(&self.model, &self.golden)
    }
}

/// Everything before the checksum, and the checksum, of bytes whose header is right.
fn split_checked(bytes: &[u8]) -> Result<(&[u8], &[u8]), ArtifactError> {
    let Some(magic) = bytes.get(..MAGIC.len()) else {
        return Err(ArtifactError::Truncated);
    };
    if magic != MAGIC {
        return Err(ArtifactError::Magic);
    }
    let header = bytes.get(MAGIC.len()..HEADER_BYTES).ok_or(ArtifactError::Truncated)?;
    let (version, length) = header.split_at(4);
    let version = u32::from_le_bytes(version.try_into().map_err(|_| ArtifactError::Truncated)?);
    if version != ARTIFACT_VERSION {
        return Err(ArtifactError::Version { version });
    }
    let length = u64::from_le_bytes(length.try_into().map_err(|_| ArtifactError::Truncated)?);
    let expected = length.checked_add((HEADER_BYTES + CHECKSUM_BYTES) as u64);
    if expected != Some(bytes.len() as u64) {
        return Err(ArtifactError::Length {
            expected: expected.unwrap_or(u64::MAX),
            actual: bytes.len() as u64,
        });
    }
    Ok(bytes.split_at(bytes.len() - CHECKSUM_BYTES))
}

#[cfg(test)]
mod tests;
