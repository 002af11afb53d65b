//! Why bytes are no model, and how a model can differ from what it was.

use tidemill_types::{ErrorCode, Explain};

use crate::SignatureError;
use crate::trees::FlatTreesError;

/// Bytes that are no artifact.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// They end in the middle.
    #[error("the artifact ends in the middle")]
    Truncated,
    /// They begin like something else.
    #[error("this is not a tidemill model artifact")]
    Magic,
    /// A layout of another version of tidemill.
    #[error(
        "the artifact has layout version {version}; this binary reads {}",
        super::ARTIFACT_VERSION
    )]
    Version {
        /// The version it has.
        version: u32,
    },
    /// More or fewer bytes than the header says.
    #[error("the artifact has {actual} bytes where its header says {expected}")]
    Length {
        /// Bytes by the header.
        expected: u64,
        /// Bytes that are there.
        actual: u64,
    },
    /// Bytes were changed.
    #[error("the checksum of the artifact does not match its content")]
    Checksum,
    /// A value that cannot be where it is.
    #[error("the artifact's {part} is not valid")]
    Invalid {
        /// What it is part of.
        part: &'static str,
    },
    /// Trees that are no trees.
    #[error("the artifact's trees are not valid")]
    Trees(#[from] FlatTreesError),
    /// Features that no model can have.
    #[error("the artifact's signature is not valid")]
    Signature(#[from] SignatureError),
}

impl Explain for ArtifactError {
    fn code(&self) -> ErrorCode {
        match self {
            ArtifactError::Magic => ErrorCode::InvalidInput,
            ArtifactError::Version { .. } => ErrorCode::NotReady,
            _ => ErrorCode::Corrupt,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            ArtifactError::Magic => return None,
            ArtifactError::Version { .. } => "use the version of tidemill that wrote it, or train the model again",
            _ => "restore the file from a copy, or train the version again from its lineage: it has the same bytes",
        };
        Some(text.to_owned())
    }
}

/// A golden row that no longer has its score.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("golden row {row} scores {actual} where it scored {expected} when the model was made")]
pub struct GoldenMismatch {
    /// The row, from 0.
    pub row: usize,
    /// The score that it had; NaN where it has none now.
    pub expected: f64,
    /// The score that it has; NaN where the model cannot score it.
    pub actual: f64,
}

impl Explain for GoldenMismatch {
    fn code(&self) -> ErrorCode {
        ErrorCode::Corrupt
    }

    fn hint(&self) -> Option<String> {
        Some(
            "do not serve this model here: this machine or binary computes something else than was evaluated"
                .to_owned(),
        )
    }
}
