//! What a server and a model say about themselves.

use serde::{Deserialize, Serialize};

use super::Datatype;

/// `GET /v2`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerMetadata {
    /// `tidemill`.
    pub name: String,
    /// The binary's version.
    pub version: String,
    /// Extensions of the protocol that it speaks: none yet.
    pub extensions: Vec<String>,
}

/// `GET /v2/health/live`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerLive {
    /// Whether it answers.
    pub live: bool,
}

/// `GET /v2/health/ready`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerReady {
    /// Whether it answers.
    pub live: bool,
    /// Whether it wants traffic.
    pub ready: bool,
}

/// `GET /v2/models/{model}/ready`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelReady {
    /// The name that was asked.
    pub name: String,
    /// Whether it answers inference requests.
    pub ready: bool,
}

/// `GET /v2/models/{model}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelMetadata {
    /// The name that was asked: the deployment's.
    pub name: String,
    /// The versions that answer: the deployed one.
    pub versions: Vec<String>,
    /// `tidemill`.
    pub platform: String,
    /// One tensor per feature, in the model's order.
    pub inputs: Vec<TensorMetadata>,
    /// What comes out.
    pub outputs: Vec<TensorMetadata>,
}

/// A tensor that goes in or comes out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TensorMetadata {
    /// Its name.
    pub name: String,
    /// Type of the elements.
    pub datatype: Datatype,
    /// Its shape; -1 is any number of rows.
    pub shape: Vec<i64>,
}
