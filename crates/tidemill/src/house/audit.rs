//! The audit of a stream's tables.

use tidemill_api::AuditRequest;
use tidemill_ingest::{AuditOrder, audit};
use tidemill_types::{AuditReport, Problem, StreamName};

use super::House;
use super::convert::problem;
use super::features::unknown;

impl House {
    pub(super) async fn audit_stream(
        &self,
        stream: &StreamName,
        request: AuditRequest,
    ) -> Result<AuditReport, Problem> {
        let found = self.project.streams.get(stream);
        let stream = found.ok_or_else(|| unknown("stream", stream.as_str(), self.project.streams.keys()))?;
        let order = AuditOrder {
            lake: &self.lake,
            stream,
            pipeline: &self.project.settings.kafka.pipeline,
            // Without a broker there is no topic to ask, and the commits' counts judge alone.
            admin: self
                .kafka
                .as_ref()
                .filter(|_| !request.offline)
                .map(super::kafka::KafkaSide::admin),
        };
        audit(order).await.map_err(problem)
    }
}
