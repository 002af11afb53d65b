//! What a session shows and what it looks up without being told: ends of partitions, watermark, progress.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use tidemill_types::{KafkaPartition, Micros};

use super::Session;
use crate::late::{LATE, kept};
use crate::opening::Part;
use crate::status::PartitionProgress;
use crate::waiters::Reached;
use crate::watermark::{PartitionClock, watermark};

impl Session<'_> {
    /// Takes in what the client says of the ends of partitions.
    pub(super) fn look_around(&mut self) {
        let now = Instant::now();
        for status in self.consumer.status() {
            if let Some(part) = self.opened.parts.get_mut(&status.partition) {
                if status.at_end {
                    part.at_end_since.get_or_insert(now);
                } else {
                    part.at_end_since = None;
                }
            }
        }
        self.let_the_watermark_go_on();
        self.show();
    }

    pub(super) fn watermark(&self) -> Option<Micros> {
        watermark(&self.clocks()?, self.context.stream.lateness.as_micros())
    }

    /// The partitions as the watermark sees them; none while the batches are away from the session.
    fn clocks(&self) -> Option<Vec<PartitionClock>> {
        let own = self.own_clocks()?;
        let read_here = own.keys().copied().collect::<BTreeSet<_>>();
        let elsewhere = self.opened.elsewhere(&read_here).map(|(_, held)| PartitionClock {
            newest: held.and_then(|held| held.stages.get(LATE)).and_then(kept),
            idle: held.is_some_and(|held| held.idle_at.is_some()),
        });
        Some(own.into_values().chain(elsewhere).collect())
    }

    /// Those that are read here.
    fn own_clocks(&self) -> Option<BTreeMap<KafkaPartition, PartitionClock>> {
        let now = Instant::now();
        let intake = self.intake.as_ref()?;
        let limits = &self.context.limits;
        let clocks = self.opened.parts.iter().map(|(partition, part)| {
            let newest = intake.newest_event(*partition);
            let patience = match newest {
                Some(_) => limits.silent_after,
                None => limits.idle_after,
            };
            let since = part.at_end_since;
            let idle = since.is_some_and(|since| now.saturating_duration_since(since) >= patience);
            (*partition, PartitionClock { newest, idle })
        });
        Some(clocks.collect())
    }

    /// The partitions that are read here and have fallen silent.
    pub(super) fn idle(&self) -> BTreeSet<KafkaPartition> {
        let clocks = self.own_clocks().unwrap_or_default();
        let idle = clocks.iter().filter(|(_, clock)| clock.idle);
        idle.map(|(partition, _)| *partition).collect()
    }

    /// Whether other workers would hold the watermark back for partitions that have fallen silent here.
    pub(super) fn silence_to_tell(&self) -> bool {
        let is_told = |partition: &KafkaPartition| {
            let held = self.opened.known.partition(*partition);
            held.is_some_and(|held| held.idle_at.is_some())
        };
        self.context.membership.is_some() && !self.idle().iter().all(is_told)
    }

    /// Where nothing waits to land, event time goes on without a commit: partitions fall idle, or show that they are empty.
    fn let_the_watermark_go_on(&mut self) {
        let nothing_waits = self.flight.is_none() && self.buffer.counts().rows == 0;
        if nothing_waits {
            self.landed_watermark = self.watermark().max(self.landed_watermark);
        }
    }

    pub(super) fn reached(&self) -> BTreeMap<KafkaPartition, Reached> {
        if self.lifeline.waiters.is_empty() {
            return BTreeMap::new();
        }
        let statuses = self.consumer.status();
        let at = |partition: KafkaPartition, part: &Part| {
            let status = statuses.iter().find(|status| status.partition == partition);
            // At the end only counts once what the client handed over has been taken from the channel.
            let status = status.filter(|status| status.at_end && status.position <= part.position);
            Reached {
                landed: part.landed,
                position: part.position,
                read_to: status.and_then(|status| status.end),
            }
        };
        let parts = self.opened.parts.iter();
        let own: BTreeMap<_, _> = parts
            .map(|(partition, part)| (*partition, at(*partition, part)))
            .collect();
        let read_here = own.keys().copied().collect();
        let elsewhere = self.opened.elsewhere(&read_here).filter_map(|(partition, held)| {
            let held = held?;
            let reached = Reached {
                landed: held.next,
                position: held.next,
                read_to: held.idle_at,
            };
            Some((partition, reached))
        });
        own.iter()
            .map(|(partition, at)| (*partition, *at))
            .chain(elsewhere)
            .collect()
    }

    pub(super) fn too_many_dead(&self) -> Option<String> {
        let (dead, records) = self.dead_share.exceeds(self.context.limits.dead_share_max)?;
        Some(format!(
            "{dead} of the newest {records} records could not be decoded, more than {} % (ingest.dead_share_max); \
             `tidemill dead-letters list {}` says why: fix the producer or the schema, then restart `tidemill up`",
            self.context.limits.dead_share_max * 100.0,
            self.context.stream.name,
        ))
    }

    /// Publishes how the stream is doing.
    pub(super) fn show(&self) {
        let statuses = self.consumer.status();
        let progress = self.opened.parts.iter().map(|(partition, part)| {
            let status = statuses.iter().find(|status| status.partition == *partition);
            let end = status.and_then(|status| status.end);
            let all_landed = status.is_some_and(|status| status.at_end) && part.landed >= part.position;
            PartitionProgress {
                partition: *partition,
                landed: part.landed,
                taken: part.position,
                end,
                lag: if all_landed {
                    Some(0)
                } else {
                    end.map(|end| part.landed.lag(end))
                },
            }
        });
        let partitions: Vec<PartitionProgress> = progress.collect();
        let idle = self.clocks().map(|clocks| clocks.iter().all(|clock| clock.idle));
        let in_flight = self.flight.as_ref().map_or(0, |flight| flight.counts.rows);
        self.lifeline.status.send_if_modified(|status| {
            let before = status.clone();
            status.lag_rows = partitions.iter().map(|partition| partition.lag).sum();
            if status.lag_rows == Some(0) {
                // Steps of a second are enough, and wake nobody who waits for a change in between.
                let now = Micros::from_millis(self.context.clock.now().as_millis() / 1_000 * 1_000);
                status.level_at = status.level_at.max(Some(now));
            } else if status.level_at.is_none() {
                status.level_at = Some(self.context.clock.now());
            }
            status.partitions = partitions;
            let totals = &self.opened.known.totals;
            status.rows = totals.rows;
            status.dead = totals.dead;
            status.tombstones = totals.tombstones;
            status.late = totals.late;
            status.unknown_fields = totals.unknown_fields;
            status.buffered_rows = self.buffer.counts().rows + in_flight;
            status.watermark = self.landed_watermark;
            if let Some(idle) = idle {
                status.idle = idle;
            }
            *status != before
        });
    }
}
