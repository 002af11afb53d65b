//! The write side of a session: when a flush leaves, what it carries, and what its landing changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use tidemill_lake::{Append, Committed, Info};
use tidemill_types::{KafkaPartition, Micros};
use tokio::task::JoinError;
use tracing::debug;

use super::Session;
use crate::IngestError;
use crate::buffer::Buffer;
use crate::commit_state::{CommitState, PartitionCommit};
use crate::flush::{FlushFacts, FlushReason, flush_reason};
use crate::landing::{Flight, Flush, Moved, StateDraft, land};
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
        let counts = self.buffer.counts();
        let facts = FlushFacts {
            records: counts.records,
            rows: counts.rows + counts.dead,
            bytes: self.buffer.bytes(),
            waited: self.buffer.waited(Instant::now()),
            day_passed: day(watermark) > day(self.landed_watermark),
            asked: self.asked || self.lifeline.waiters.want_flush(&reached),
            over_budget: self.context.budget.exceeded(),
            silence_to_tell: self.flight.is_none() && self.silence_to_tell(),
        };
        let Some(reason) = flush_reason(&self.context.limits, &facts) else {
            self.asked &= counts.records > 0;
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
        let buffer = std::mem::take(&mut self.buffer);
        let held = std::mem::replace(&mut self.held, self.context.budget.hold());
        let draft = Arc::new(self.draft(&buffer, watermark)?);
        let (mut rows, mut dead_rows) = (Vec::new(), Vec::new());
        let (mut main_fences, mut dead_fences) = (Vec::new(), Vec::new());
        let mut moved = BTreeMap::new();
        for (partition, taken) in buffer.into_parts() {
            let Some(part) = self.opened.parts.get(&partition) else {
                continue;
            };
            main_fences.push(part.fences.main_update(&part.app_id, taken.next));
            let with_dead_letters = !taken.dead.is_empty();
            if with_dead_letters {
                dead_fences.extend(part.fences.dead_updates(&part.app_id, taken.next));
            }
            let next = taken.next;
            moved.insert(
                partition,
                Moved {
                    next,
                    with_dead_letters,
                },
            );
            rows.extend(taken.rows);
            dead_rows.extend(taken.dead);
        }
        let dead = (!dead_rows.is_empty()).then(|| Append {
            batches: dead_rows,
            fences: dead_fences,
            info: draft.state.to_info().into(),
        });
        let said = Arc::clone(&draft);
        let main = Append {
            batches: rows,
            fences: main_fences,
            info: Info::Following {
                known: self.opened.known_version,
                say: Arc::new(move |commits| said.behind(commits).to_info()),
            },
        };
        let next = moved.iter().map(|(partition, moved)| (*partition, moved.next));
        let next = next.collect();
        let flush = Flush { dead, main, next };
        Ok(Flight {
            task: tokio::spawn(land(self.context.clone(), self.opened.tables.clone(), flush)),
            moved,
            counts: draft.state.counts,
            draft,
            since: Instant::now(),
            _held: held,
        })
    }

    /// What the next commit says of the stream.
    fn draft(&self, buffer: &Buffer, watermark: Option<Micros>) -> Result<StateDraft, IngestError> {
        let parts = &self.opened.parts;
        let stages = self
            .intake
            .as_ref()
            .map(|intake| intake.stage_states(parts.keys().copied()));
        let stages = stages.transpose().map_err(|source| self.stage_fault(source))?;
        let mut stages = stages.unwrap_or_default();
        let idle = self.idle();
        let own = parts.iter().map(|(partition, part)| PartitionCommit {
            partition: *partition,
            start: part.landed,
            next: buffer.parts().get(partition).map_or(part.landed, |taken| taken.next),
            last: part.last,
            idle_at: idle.contains(partition).then_some(part.position),
            stages: stages.remove(partition).unwrap_or_default(),
        });
        let counts = buffer.counts();
        let state = CommitState {
            counts,
            watermark: watermark.max(self.landed_watermark),
            partitions: own.collect(),
            masked: buffer.masked(),
            ..self.opened.known.clone()
        };
        let own: BTreeSet<KafkaPartition> = parts.keys().copied().collect();
        Ok(StateDraft {
            state: state.behind(&self.opened.known, &own),
            own,
        })
    }

    /// Takes in how the flush on its way ended.
    pub(super) fn landed(&mut self, outcome: Landed) -> Result<(), IngestError> {
        let Some(flight) = self.flight.take() else {
            return Ok(());
        };
        let committed = outcome.map_err(|e| self.internal(&e.to_string()))??;
        for (partition, moved) in &flight.moved {
            if let Some(part) = self.opened.parts.get_mut(partition) {
                part.fences.landed(moved.next, moved.with_dead_letters);
                part.landed = moved.next;
            }
        }
        self.opened.known = flight.draft.behind(&committed.followed);
        self.opened.known_version = committed.version;
        self.landed_watermark = self.opened.known.watermark.max(self.landed_watermark);
        let next: BTreeMap<_, _> = flight.moved.iter().map(|(p, moved)| (*p, moved.next)).collect();
        if self.context.membership.is_some() {
            let topic = &self.context.stream.topic;
            let positions = next.iter().map(|(partition, next)| (topic.clone(), *partition, *next));
            self.context.kafka(self.consumer.commit(positions.collect()))?;
        }
        self.lifeline.stages.landed(&LandedCommit {
            version: committed.version,
            next,
            watermark: self.landed_watermark,
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
            if self.buffer.counts().records == 0 {
                return Ok(());
            }
            self.flight = Some(self.depart(self.watermark())?);
        }
    }
}
