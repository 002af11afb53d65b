//! The proof that a stream is in its tables exactly once.

use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

/// How to audit a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct AuditRequest {
    /// Leave the topic alone: what stands at offsets without a row is then judged by the commits' own counts.
    pub offline: bool,
}
