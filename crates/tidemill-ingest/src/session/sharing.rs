//! Partitions that come and go: what a consumer group grants and takes back, and what the other workers have landed.
//!
//! Where a granted partition goes on is said by the table alone. What was taken of a revoked one lands before it is given
//! back, or is dropped and read again by whoever gets it; a worker that was too slow is stopped by its fences.

use std::time::Instant;

use tidemill_types::KafkaPartition;
use tracing::{info, warn};

use super::flushing::landing;
use super::{Session, assignments};
use crate::IngestError;

impl Session<'_> {
    /// Begins to read partitions that the group grants.
    pub(super) async fn granted(&mut self, partitions: &[KafkaPartition]) -> Result<(), IngestError> {
        // It may hold rows of a partition that comes back.
        if self.flight.is_some() {
            let outcome = landing(&mut self.flight).await;
            self.landed(outcome)?;
        }
        let looked = self.opened.look_at_others().await;
        self.context.lake_result(looked)?;
        let new = self.context.open_parts(&mut self.opened, partitions).await?;
        self.begin(&new);
        if !new.is_empty() {
            let stream = &self.context.stream.name;
            info!(stream = %stream, "stream `{stream}` was granted Kafka partitions {}", listed(&new));
        }
        let granted = assignments(self.context, &self.opened, partitions.iter());
        self.context.kafka(self.consumer.add(granted))
    }

    /// Gives partitions back.
    pub(super) async fn revoked(&mut self, partitions: Vec<KafkaPartition>, lost: bool) -> Result<(), IngestError> {
        let stream = &self.context.stream.name;
        if lost {
            warn!(stream = %stream, "stream `{stream}` lost Kafka partitions {}", listed(&partitions));
        } else {
            info!(stream = %stream, "stream `{stream}` gives back Kafka partitions {}", listed(&partitions));
            let limit = self.context.limits.revoke_wait;
            match tokio::time::timeout(limit, self.land_all()).await {
                Ok(landed) => landed?,
                Err(_) => warn!(
                    stream = %stream,
                    "what was taken of them has not landed within {} s, and is left to whoever gets them",
                    limit.as_secs_f64()
                ),
            }
        }
        for partition in &partitions {
            self.held.give_back(self.buffer.forget(*partition));
            self.opened.parts.remove(partition);
            if let Some(intake) = &mut self.intake {
                intake.release(*partition);
            }
        }
        self.context.kafka(self.consumer.release(partitions))
    }

    /// Prepares the decoder and its stages for partitions that were just opened.
    pub(super) fn begin(&mut self, partitions: &[KafkaPartition]) {
        let Some(intake) = &mut self.intake else { return };
        for partition in partitions {
            if let Some(part) = self.opened.parts.get(partition) {
                intake.restore(*partition, self.opened.stages_of(*partition), part.position);
            }
        }
    }

    /// What others have landed moves the watermark and answers those who wait. A store that does not answer is met by the
    /// next commit.
    pub(super) async fn look_at_others_now_and_then(&mut self) {
        let is_due = self.looked_at_others.elapsed() >= self.context.limits.look_at_others;
        if self.context.membership.is_none() || !is_due {
            return;
        }
        self.looked_at_others = Instant::now();
        if let Err(error) = self.opened.look_at_others().await {
            let stream = &self.context.stream.name;
            warn!(stream = %stream, error = %error, "what other workers landed of `{stream}` could not be looked at");
        }
        self.landed_watermark = self.landed_watermark.max(self.opened.known.watermark);
    }
}

/// As `0, 3, 7`, or `none`.
fn listed(partitions: &[KafkaPartition]) -> String {
    if partitions.is_empty() {
        return "none".to_owned();
    }
    let partitions = partitions.iter().map(KafkaPartition::to_string);
    partitions.collect::<Vec<_>>().join(", ")
}
