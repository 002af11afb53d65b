//! The answer to an inference request.

use serde::{Deserialize, Serialize};

use super::Datatype;

/// The answer to an inference request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InferResponse {
    /// The name that was asked: the deployment's.
    pub model_name: String,
    /// The version that answered, as `3`.
    pub model_version: String,
    /// The request's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The outputs that were asked for.
    pub outputs: Vec<OutputTensor>,
}

/// A tensor that comes out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputTensor {
    /// Its name.
    pub name: String,
    /// `[rows]`.
    pub shape: Vec<u64>,
    /// Type of the elements.
    pub datatype: Datatype,
    /// The elements in the order of the rows.
    pub data: Vec<f64>,
}

impl InferResponse {
    /// The elements of the output called `name`.
    pub fn output(&self, name: &str) -> Option<&[f64]> {
        let tensor = self.outputs.iter().find(|tensor| tensor.name == name);
        tensor.map(|tensor| tensor.data.as_slice())
    }
}
