//! What a stream's task is given when it starts.

use std::sync::Arc;

use tidemill_kafka::{Admin, ClientSettings, Membership};
use tidemill_lake::Lake;
use tidemill_project::Stream;
use tidemill_types::{Clock, PipelineName};

use crate::IngestLimits;
use crate::SchemaRegistry;
use crate::budget::Budget;
use crate::decode::DecodeLimits;

/// Shared by everything that works for one stream. Cheap to clone.
#[derive(Clone)]
pub(crate) struct StreamContext {
    pub(crate) stream: Arc<Stream>,
    pub(crate) pipeline: PipelineName,
    /// The consumer group that shows the pipeline's progress.
    pub(crate) group: String,
    /// The group that says which partitions are read here; none where all are.
    pub(crate) membership: Option<Membership>,
    /// For a broker that has no id of its own.
    pub(crate) cluster_id: Option<String>,
    pub(crate) client: ClientSettings,
    pub(crate) admin: Admin,
    /// Where the schemas of framed records are; none where no stream needs one.
    pub(crate) schema_registry: Option<SchemaRegistry>,
    pub(crate) lake: Arc<Lake>,
    pub(crate) limits: IngestLimits,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) budget: Budget,
}

impl StreamContext {
    /// What bounds the stream's decoder.
    pub(crate) fn decode_limits(&self) -> DecodeLimits {
        DecodeLimits {
            message_bytes: self.limits.message_bytes,
            schemas: self.schema_registry.as_ref().map_or(0, SchemaRegistry::schemas_max),
        }
    }
}
