//! The write side of a session: when a flush leaves, what it carries, and what its landing changes.

use std::time::Instant;

use tidemill_lake::{Append, Committed};
use tidemill_types::Micros;
use tokio::task::JoinError;
use tracing::debug;

use super::Session;
use crate::IngestError;
use crate::commit_state::{CommitState, PartitionCommit};
use crate::fences::dead_commits_update;
use crate::flush::{FlushFacts, FlushReason, flush_reason};
use crate::intake::Intake;
use crate::landing::{Flight, Flush, land};
use crate::stage::LandedCommit;

/// How a flush ended: its task may have been cut off.
pub(super) type Landed = Result<Result<Committed, IngestError>, JoinError>;

/// Waits for the flush on its way; for ever where there is none.
pub(super) async fn landing(flight: &mut Option<Flight>) -> Landed {
    match flight {
        Some(flight) => (&mut flight.task).await,
        None => std::future::pending().await,
    }
}

impl Session<'_> {
    /// Starts a flush where one is due and none is on its way. Returns whether reading has to wait for it.
    pub(super) fn flush_if_due(&mut self) -> Result<bool, IngestError> {
        let reached = self.reached();
        if self.flight.is_none() {
            // With nothing on its way, what was read and is not buffered has landed.
            self.lifeline.waiters.answer(&reached);
        }
        let watermark = self.watermark();
        let day = |time: Option<Micros>| time.map(Micros::day);
        let facts = FlushFacts {
            records: self.buffer.counts.records,
            rows: self.buffer.counts.rows + self.buffer.counts.dead,
            bytes: self.buffer.bytes,
            waited: self.buffer.waited(Instant::now()),
            day_passed: day(watermark) > day(self.landed_watermark),
            asked: self.asked || self.lifeline.waiters.want_flush(&reached),
            over_budget: self.context.budget.exceeded(),
        };
        let Some(reason) = flush_reason(&self.context.limits, &facts) else {
            self.asked &= self.buffer.counts.records > 0;
            return Ok(facts.over_budget && self.flight.is_some());
        };
        if self.flight.is_some() {
            return Ok(matches!(
                reason,
                FlushReason::Rows | FlushReason::Bytes | FlushReason::Budget
            ));
        }
        debug!(stream = %self.context.stream.name, reason = %reason, rows = facts.rows, "flushing `{}`: {reason}", self.context.stream.name);
        self.asked = false;
        self.flight = Some(self.depart(watermark)?);
        Ok(false)
    }

    /// Sends everything that is buffered to the tables.
    pub(super) fn depart(&mut self, watermark: Option<Micros>) -> Result<Flight, IngestError> {
        let stages = self.intake.as_ref().map(Intake::stage_states).transpose();
        let stages = stages.map_err(|source| self.stage_fault(source))?.unwrap_or_default();
        let buffer = std::mem::take(&mut self.buffer);
        let held = std::mem::replace(&mut self.held, self.context.budget.hold());
        let mut totals = self.totals;
        totals.add(&buffer.counts);
        let watermark = watermark.max(self.landed_watermark);
        let partitions = self.opened.parts.iter().map(|(partition, part)| PartitionCommit {
            partition: *partition,
            start: part.landed,
            next: buffer.next.get(partition).copied().unwrap_or(part.landed),
            last: part.last,
        });
        let state = CommitState {
            pipeline: self.context.pipeline.clone(),
            cluster: self.opened.cluster.clone(),
            topic: self.context.stream.topic.clone(),
            counts: buffer.counts,
            totals,
            watermark,
            partitions: partitions.collect(),
            stages,
            masked: buffer.masked,
        };
        let info = state.to_info();
        let moved = buffer.next.iter();
        let moved = moved.filter_map(|(partition, next)| Some((self.opened.parts.get(partition)?, *next)));
        let mut dead = None;
        if !buffer.dead.is_empty() {
            let fences = moved
                .clone()
                .map(|(part, next)| part.fences.dead_update(&part.app_id, next));
            let counted = dead_commits_update(&self.opened.prefix, self.opened.dead_commits);
            dead = Some(Append {
                batches: buffer.dead,
                fences: fences.chain([counted]).collect(),
                info: info.clone(),
            });
        }
        let main = Append {
            batches: buffer.rows,
            fences: moved
                .map(|(part, next)| part.fences.main_update(&part.app_id, next))
                .collect(),
            info,
        };
        let flush = Flush {
            dead,
            main,
            next: buffer.next.clone(),
        };
        self.departed_stages = state.stages;
        Ok(Flight {
            task: tokio::spawn(land(self.context.clone(), self.opened.tables.clone(), flush)),
            next: buffer.next,
            counts: buffer.counts,
            watermark,
            since: Instant::now(),
            _held: held,
        })
    }

    /// Takes in how the flush on its way ended.
    pub(super) fn landed(&mut self, outcome: Landed) -> Result<(), IngestError> {
        let Some(flight) = self.flight.take() else {
            return Ok(());
        };
        let committed = outcome.map_err(|e| self.internal(&e.to_string()))??;
        for (partition, next) in &flight.next {
            if let Some(part) = self.opened.parts.get_mut(partition) {
                part.fences.landed(*next, flight.counts.dead > 0);
                part.landed = *next;
            }
        }
        if flight.counts.dead > 0 {
            self.opened.dead_commits = Some(self.opened.dead_commits.unwrap_or(0) + 1);
        }
        self.totals.add(&flight.counts);
        self.landed_watermark = flight.watermark;
        self.lifeline.stages.landed(&LandedCommit {
            version: committed.version,
            next: flight.next,
            watermark: flight.watermark,
        });
        let now = self.context.clock.now();
        self.lifeline.status.send_modify(|status| {
            status.version = Some(committed.version);
            status.committed_at = Some(now);
            status.commit_ms = u64::try_from(flight.since.elapsed().as_millis()).ok();
            status.landed_bytes += committed.bytes;
            status.restarts = 0;
        });
        let stream = &self.context.stream.name;
        debug!(stream = %stream, version = committed.version, rows = committed.rows, "landed {} rows of `{stream}`", committed.rows);
        self.show();
        Ok(())
    }

    /// Lands what is on its way and what is buffered.
    pub(super) async fn land_all(&mut self) -> Result<(), IngestError> {
        loop {
            if self.flight.is_some() {
                let outcome = landing(&mut self.flight).await;
                self.landed(outcome)?;
            }
            if self.buffer.counts.records == 0 {
                return Ok(());
            }
            self.flight = Some(self.depart(self.watermark())?);
        }
    }
}
