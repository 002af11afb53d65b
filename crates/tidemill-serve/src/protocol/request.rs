//! An inference request.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidemill_types::{ErrorCode, Explain};

use super::data::NestedData;
use super::{Datatype, TensorData};

/// An inference request: tensors in, and which outputs are wanted.
///
/// Of its own `parameters` those called `keys` say which columns of the model's stream its rows have, for the record of the
/// predictions. All others are accepted and have no effect, as the protocol allows; so are fields that it does not know.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct InferRequest {
    /// Echoed in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `keys`, see [`crate::predictions::PredictionContract::keys`].
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub parameters: Map<String, Value>,
    /// One tensor per feature, or one of two dimensions.
    pub inputs: Vec<InputTensor>,
    /// The outputs that are wanted; all of them when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<RequestedOutput>,
}

/// A tensor that goes in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "InputTensorJson")]
pub struct InputTensor {
    /// The feature's name; any name for the one tensor that holds them all.
    pub name: String,
    /// `[rows]` or `[rows, columns]`.
    pub shape: Vec<u64>,
    /// Type of the elements.
    pub datatype: Datatype,
    /// Without effect.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub parameters: Map<String, Value>,
    /// The elements in row-major order.
    pub data: TensorData,
}

/// An output that is wanted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestedOutput {
    /// Its name.
    pub name: String,
    /// Without effect.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub parameters: Map<String, Value>,
}

/// Bytes that are not an inference request.
#[derive(Debug, thiserror::Error)]
#[error("the body is not an inference request")]
pub struct MalformedRequest(#[source] serde_json::Error);

impl Explain for MalformedRequest {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidInput
    }

    fn hint(&self) -> Option<String> {
        Some(
            r#"send {"inputs": [{"name": …, "shape": [rows], "datatype": "FP64", "data": […]}]}; a missing value is null"#
                .to_owned(),
        )
    }
}

impl InferRequest {
    /// Reads a request from JSON.
    pub fn parse(body: &[u8]) -> Result<InferRequest, MalformedRequest> {
        serde_json::from_slice(body).map_err(MalformedRequest)
    }

    /// One FP64 tensor per column, in the columns' order: how callers in Rust ask. All columns have the same length.
    pub fn from_columns(columns: impl IntoIterator<Item = (String, Vec<f64>)>) -> InferRequest {
        let inputs = columns.into_iter().map(|(name, values)| InputTensor {
            name,
            shape: vec![values.len() as u64],
            datatype: Datatype::Fp64,
            parameters: Map::new(),
            data: TensorData::Numbers(values),
        });
        InferRequest {
            inputs: inputs.collect(),
            ..InferRequest::default()
        }
    }

    /// Rows that the first tensor says it has.
    pub fn rows(&self) -> usize {
        let rows = self.inputs.first().and_then(|tensor| tensor.shape.first());
        rows.map_or(0, |rows| usize::try_from(*rows).unwrap_or(usize::MAX))
    }
}

/// The JSON of a tensor, before nesting and shape are held against each other.
#[derive(Deserialize)]
struct InputTensorJson {
    name: String,
    shape: Vec<u64>,
    datatype: Datatype,
    #[serde(default)]
    parameters: Map<String, Value>,
    data: NestedData,
}

impl TryFrom<InputTensorJson> for InputTensor {
    type Error = String;

    fn try_from(json: InputTensorJson) -> Result<InputTensor, String> {
        let InputTensorJson {
            name,
            shape,
            datatype,
            parameters,
            data: NestedData { data, nesting },
        } = json;
        // A flat list may have any shape; nested lists must have the one that they claim.
        let nested_otherwise =
            nesting.len() > 1 && !nesting.iter().map(|length| *length as u64).eq(shape.iter().copied());
        if nested_otherwise {
            return Err(format!(
                "tensor `{name}` has shape {shape:?}, and its lists are nested as {nesting:?}"
            ));
        }
        Ok(InputTensor {
            name,
            shape,
            datatype,
            parameters,
            data,
        })
    }
}
