//! A version that may serve: its artifact was read and its golden rows came out.

use std::sync::Arc;

use tidemill_models::{Artifact, FeatureKind, ModelSignature};
use tidemill_types::{DeploymentName, Micros, ModelName, VersionNumber};

use crate::error::{InputError, InstallError};
use crate::input::{FeatureIndex, rows};
use crate::protocol::{Datatype, InferRequest, InferResponse, ModelMetadata, OutputTensor, TensorMetadata};

/// What shall serve, as the registry and the blob store hold it.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The model.
    pub model: ModelName,
    /// The version.
    pub version: VersionNumber,
    /// The bytes of the artifact.
    pub artifact: Vec<u8>,
    /// The content hash that the registry has for the version.
    pub content_hash: String,
    /// From when it serves.
    pub deployed_at: Micros,
}

/// A version that may serve. That it exists is the proof that its golden rows came out as when it was trained.
#[derive(Debug, Clone)]
pub struct Deployed {
    /// The model.
    pub model: ModelName,
    /// The version.
    pub version: VersionNumber,
    /// What scores.
    pub artifact: Arc<Artifact>,
    /// SHA-256 over what the model is, in hexadecimal.
    pub content_hash: String,
    /// From when it serves.
    pub deployed_at: Micros,
    index: FeatureIndex,
}

impl Deployed {
    /// Reads the artifact, holds its content hash against the registry's and replays the golden rows, which also warms
    /// it up. CPU work of some milliseconds: call it where blocking is allowed, or use [`crate::Slots::install`].
    pub fn check(candidate: Candidate) -> Result<Deployed, InstallError> {
        let Candidate {
            model,
            version,
            artifact,
            content_hash,
            deployed_at,
        } = candidate;
        let artifact = match Artifact::decode(&artifact) {
            Ok(artifact) => artifact,
            Err(source) => return Err(InstallError::Artifact { model, version, source }),
        };
        let actual = artifact.content_hash();
        if actual != content_hash {
            return Err(InstallError::ContentHash {
                model,
                version,
                expected: content_hash,
                actual,
            });
        }
        if let Err(source) = artifact.replay_golden() {
            return Err(InstallError::Golden { model, version, source });
        }
        let index = FeatureIndex::new(artifact.model().signature());
        Ok(Deployed {
            model,
            version,
            artifact: Arc::new(artifact),
            content_hash,
            deployed_at,
            index,
        })
    }

    /// What it takes and gives.
    pub fn signature(&self) -> &ModelSignature {
        self.artifact.model().signature()
    }

    /// The score of every row of a request, from 0 to 1, in the order of the rows.
    pub fn score(&self, request: &InferRequest) -> Result<Vec<f64>, InputError> {
        let rows = rows(self.signature(), &self.index, request)?;
        Ok(self.artifact.model().score_rows(&rows)?)
    }

    /// The score of every row; rows lie one after the other, features in the model's order, NaN is missing.
    pub fn score_rows(&self, rows: &[f32]) -> Result<Vec<f64>, InputError> {
        Ok(self.artifact.model().score_rows(rows)?)
    }

    /// A request's scores as the protocol's answer.
    pub fn answer(&self, deployment: &DeploymentName, request: &InferRequest) -> Result<InferResponse, InputError> {
        Ok(self.answer_with_rows(deployment, request)?.0)
    }

    /// The same, with the features that were scored, row by row.
    pub(crate) fn answer_with_rows(
        &self,
        deployment: &DeploymentName,
        request: &InferRequest,
    ) -> Result<(InferResponse, Vec<f32>), InputError> {
        let rows = rows(self.signature(), &self.index, request)?;
        let scores = self.score_rows(&rows)?;
        let response = InferResponse {
            model_name: deployment.to_string(),
            model_version: self.version.0.to_string(),
            id: request.id.clone(),
            outputs: vec![OutputTensor {
                name: self.signature().output.clone(),
                shape: vec![scores.len() as u64],
                datatype: Datatype::Fp64,
                data: scores,
            }],
        };
        Ok((response, rows))
    }

    /// What it takes and gives, as the protocol says it.
    pub fn metadata(&self, deployment: &DeploymentName) -> ModelMetadata {
        let inputs = self.signature().features.iter().map(|feature| TensorMetadata {
            name: feature.name.clone(),
            datatype: datatype(feature.kind),
            shape: vec![-1],
        });
        ModelMetadata {
            name: deployment.to_string(),
            versions: vec![self.version.0.to_string()],
            platform: "tidemill".to_owned(),
            inputs: inputs.collect(),
            outputs: vec![TensorMetadata {
                name: self.signature().output.clone(),
                datatype: Datatype::Fp64,
                shape: vec![-1],
            }],
        }
    }
}

/// The protocol's name for a feature's own type.
fn datatype(kind: FeatureKind) -> Datatype {
    match kind {
        FeatureKind::Float64 => Datatype::Fp64,
        FeatureKind::Float32 => Datatype::Fp32,
        FeatureKind::Int64 => Datatype::Int64,
        FeatureKind::Int32 => Datatype::Int32,
        FeatureKind::Boolean => Datatype::Bool,
    }
}
