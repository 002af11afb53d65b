//! The port by which latencies leave: the metric collector implements it, the binary wires it.

use std::time::Duration;

use tidemill_types::{DeploymentName, ErrorCode, ModelName, VersionNumber};

/// One request to a slot that was answered, well or not.
#[derive(Debug, Clone, Copy)]
pub struct InferenceEvent<'a> {
    /// The deployment that was asked.
    pub deployment: &'a DeploymentName,
    /// The model that it serves.
    pub model: &'a ModelName,
    /// The version that answered.
    pub version: VersionNumber,
    /// Rows that were scored; none when the request was refused.
    pub rows: usize,
    /// From the parsed request to the answer, waiting for a thread included.
    pub elapsed: Duration,
    /// Why it was refused, if it was.
    pub refused: Option<ErrorCode>,
}

/// Hears of every request to a slot. Called on the hot path: it must neither block nor wait for a lock that is held long.
pub trait InferenceObserver: Send + Sync {
    /// One request was answered.
    fn observe(&self, event: InferenceEvent<'_>);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl InferenceObserver for NoObserver {
    fn observe(&self, _: InferenceEvent<'_>) {}
}
