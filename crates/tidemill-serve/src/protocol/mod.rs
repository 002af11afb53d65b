//! The Open Inference Protocol v2 over REST: its messages as types.
//!
//! Owns the shapes and what is legal JSON for them. What a model makes of a tensor is decided in `input.rs`.
//! Absent on purpose: the binary tensor extension and the repository extension.

mod data;
mod datatype;
mod metadata;
mod request;
mod response;

pub use data::TensorData;
pub use datatype::{Datatype, UnknownDatatype};
pub use metadata::{ModelMetadata, ModelReady, ServerLive, ServerMetadata, ServerReady, TensorMetadata};
pub use request::{InferRequest, InputTensor, MalformedRequest, RequestedOutput};
pub use response::{InferResponse, OutputTensor};
