//! What a stream's task is given when it starts.

use std::sync::Arc;

use tidemill_kafka::{Admin, ClientSettings};
use tidemill_lake::Lake;
use tidemill_project::Stream;
use tidemill_types::{Clock, PipelineName};

use crate::IngestLimits;
use crate::budget::Budget;

/// Shared by everything that works for one stream. Cheap to clone.
#[derive(Clone)]
pub(crate) struct StreamContext {
    pub(crate) stream: Arc<Stream>,
    pub(crate) pipeline: PipelineName,
    /// The consumer group of the pipeline.
    pub(crate) group: String,
    /// For a broker that has no id of its own.
    pub(crate) cluster_id: Option<String>,
    pub(crate) client: ClientSettings,
    pub(crate) admin: Admin,
    pub(crate) lake: Arc<Lake>,
    pub(crate) limits: IngestLimits,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) budget: Budget,
}
