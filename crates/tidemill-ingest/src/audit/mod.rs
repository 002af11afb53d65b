//! The proof that a stream is in its tables exactly once: from the rows, the dead letters and what the commits say.
//!
//! Three witnesses are held against each other: the offsets that stand in both tables, the counts and offset ranges in
//! the commits of the pipeline, and, where it still holds the records, the topic. Who else wrote to the tables, and what,
//! is read from their logs, so that a loss has a name.
//! Invariants: it changes nothing; both tables are read at one version each; memory is bounded whatever their size.

mod ledger;
mod others;

use std::collections::{BTreeMap, BTreeSet};

use tidemill_kafka::Admin;
use tidemill_lake::{HistoryStep, Lake, LakeSnapshot, LakeTable, Only, Within};
use tidemill_project::Stream;
use tidemill_types::{
    AuditFault, AuditReport, FaultKind, KafkaColumn, KafkaPartition, NextOffset, OffsetGap, OtherCommit,
    PartitionAudit, PipelineName, StreamName, TableName,
};

use self::ledger::{Ledger, Walk};
use self::others::{can_have_taken, judge};
use crate::commit_state::CommitState;
use crate::fences::{app_id, app_prefix};
use crate::{IngestError, dead_letters_table};

/// Offsets of a partition that are read at a time.
const OFFSETS_AT_ONCE: i64 = 4_000_000;
/// Gaps that are listed, and looked at in the topic.
const GAPS_LISTED_MAX: usize = 1_000;
/// Offsets of one gap that are looked at in the topic.
const GAP_RECORDS_MAX: usize = 100_000;

/// What an audit works on.
#[derive(Clone, Copy)]
pub struct AuditOrder<'a> {
    /// Where the tables are.
    pub lake: &'a Lake,
    /// The stream.
    pub stream: &'a Stream,
    /// Whose commits.
    pub pipeline: &'a PipelineName,
    /// The topic's cluster, where it is to be asked.
    pub admin: Option<&'a Admin>,
}

/// A table, read at one version.
struct Held {
    table: LakeTable,
    snapshot: LakeSnapshot,
}

/// What the log of the landed table told.
#[derive(Default)]
struct Told {
    ledger: Ledger,
    cluster: Option<String>,
    /// The newest version of each `txn`.
    fences: BTreeMap<String, i64>,
    others: Vec<OtherCommit>,
    other_landings: BTreeSet<String>,
}

/// Audits a stream. Errors where tables or topic cannot be read; what is wrong with the data is in the report.
pub async fn audit(order: AuditOrder<'_>) -> Result<AuditReport, IngestError> {
    Auditor { order }.run().await
}

struct Auditor<'a> {
    order: AuditOrder<'a>,
}

impl Auditor<'_> {
    async fn run(&self) -> Result<AuditReport, IngestError> {
        let stream = self.order.stream;
        let mut report = AuditReport {
            stream: stream.name.clone(),
            topic: stream.topic.clone(),
            cluster: None,
            version: None,
            dead_version: None,
            commits: 0,
            partitions: Vec::new(),
            gaps: Vec::new(),
            gap_count: 0,
            topic_read: false,
            faults: Vec::new(),
            others: Vec::new(),
            notes: Vec::new(),
        };
        // The landed table first: dead letters below its fence are in their table already.
        let Some(main) = self.held(&stream.name.clone().into()).await? else {
            return Ok(report);
        };
        let dead = self.held(&dead_name(&stream.name)?).await?;
        report.version = Some(main.snapshot.version);
        report.dead_version = dead.as_ref().map(|held| held.snapshot.version);
        let mut told = self.read_log(&main).await?;
        if let Some(dead) = &dead {
            let name = dead.table.name().to_string();
            self.each_step(dead, |step| {
                if step.record.commit_id().is_none() && !makes_the_table(&step) {
                    told.others.push(judge(&name, &step));
                }
            })
            .await?;
        }
        report.cluster.clone_from(&told.cluster);
        report.commits = told.ledger.commits();
        for partition in told.ledger.partitions().collect::<Vec<_>>() {
            self.read_partition(&main, dead.as_ref(), partition, &mut told.ledger, &mut report)
                .await?;
        }
        self.look_at_topic(&mut report).await?;
        self.conclude(told, &mut report);
        Ok(report)
    }

    async fn held(&self, name: &TableName) -> Result<Option<Held>, IngestError> {
        let Some(table) = self.lake(self.order.lake.table(name).await)? else {
            return Ok(None);
        };
        let snapshot = self.lake(table.snapshot(None).await)?;
        Ok(Some(Held { table, snapshot }))
    }

    async fn each_step(&self, held: &Held, see: impl FnMut(HistoryStep)) -> Result<(), IngestError> {
        self.lake(held.table.history(held.snapshot.version, see).await)
    }

    /// Our commits in order, and those of others.
    async fn read_log(&self, main: &Held) -> Result<Told, IngestError> {
        let stream = self.order.stream;
        let table = stream.name.to_string();
        let mut ours: Vec<(i64, CommitState)> = Vec::new();
        let mut told = Told::default();
        self.each_step(main, |step| {
            told.fences.extend(step.fences.iter().cloned());
            let info = step.record.info.clone();
            let state = info.and_then(|info| serde_json::from_value(serde_json::Value::Object(info)).ok());
            match state {
                Some(state) => ours.push((step.record.version, state)),
                // Maintenance of ours has an id and no state; making the table has neither and changes nothing.
                None if step.record.commit_id().is_some() || makes_the_table(&step) => (),
                None => told.others.push(judge(&table, &step)),
            }
        })
        .await?;
        let ours_alone = |state: &CommitState| state.pipeline == *self.order.pipeline && state.topic == stream.topic;
        told.cluster = ours
            .iter()
            .rev()
            .find(|(_, state)| ours_alone(state))
            .map(|(_, state)| state.cluster.clone());
        for (version, state) in &ours {
            if ours_alone(state) && Some(&state.cluster) == told.cluster.as_ref() {
                told.ledger.add(*version, state);
            } else {
                let (pipeline, cluster, topic) = (&state.pipeline, &state.cluster, &state.topic);
                told.other_landings.insert(format!(
                    "pipeline `{pipeline}` from topic `{topic}` of cluster `{cluster}`"
                ));
            }
        }
        Ok(told)
    }

    /// Counts one partition's offsets in both tables, piece by piece.
    async fn read_partition(
        &self,
        main: &Held,
        dead: Option<&Held>,
        (partition, start, fence): (KafkaPartition, i64, i64),
        ledger: &mut Ledger,
        report: &mut AuditReport,
    ) -> Result<(), IngestError> {
        let mut found = PartitionAudit {
            partition,
            fence: NextOffset(fence),
            rows: 0,
            dead: 0,
            without: 0,
        };
        let mut walk = Walk::from(start);
        let mut from = start;
        while from < fence {
            let to = fence.min(from.saturating_add(OFFSETS_AT_ONCE));
            let rows = self.offsets(main, partition, from, to).await?;
            let dead_offsets = match dead {
                Some(dead) => self.offsets(dead, partition, from, to).await?,
                None => Vec::new(),
            };
            ledger.count(partition, from, to, &rows, &dead_offsets);
            found.rows += rows.len() as u64;
            found.dead += dead_offsets.len() as u64;
            let mut all = rows;
            all.extend(dead_offsets);
            all.sort_unstable();
            let gap = |from, to| note_gap(report, &mut found, partition, from, to);
            walk.step(&all, gap);
            from = to;
        }
        walk.finish(fence, |from, to| note_gap(report, &mut found, partition, from, to));
        let table = self.order.stream.name.to_string();
        if let Some(first) = walk.first_doubled {
            report.faults.push(AuditFault {
                kind: FaultKind::Doubled,
                table: table.clone(),
                rows: walk.doubled,
                message: format!(
                    "{} offsets of Kafka partition {partition} stand more than once, the first is {first}",
                    walk.doubled
                ),
                causes: Vec::new(),
            });
        }
        let beyond = self.offsets(main, partition, fence, i64::MAX).await?;
        if let Some(first) = beyond.first() {
            report.faults.push(AuditFault {
                kind: FaultKind::Foreign,
                table,
                rows: beyond.len() as u64,
                message: format!(
                    "{} rows of Kafka partition {partition} stand at or above the fence {fence}, the first at {first}",
                    beyond.len()
                ),
                causes: Vec::new(),
            });
        }
        report.partitions.push(found);
        Ok(())
    }

    /// Offsets `[from, to)` of a partition in a table, sorted.
    async fn offsets(
        &self,
        held: &Held,
        partition: KafkaPartition,
        from: i64,
        to: i64,
    ) -> Result<Vec<i64>, IngestError> {
        let number = i64::from(partition.0);
        let within = |column: KafkaColumn, from, to| Within {
            column: column.name(),
            from,
            to,
        };
        let ranges = [
            within(KafkaColumn::Partition, number, number + 1),
            within(KafkaColumn::Offset, from, to),
        ];
        let only = Only {
            column: KafkaColumn::Topic.name(),
            text: self.order.stream.topic.as_str(),
        };
        let column = KafkaColumn::Offset.name();
        let read = held.table.longs_of(&held.snapshot, column, Some(only), &ranges).await;
        let mut offsets = self.lake(read)?;
        offsets.sort_unstable();
        Ok(offsets)
    }

    /// Asks the topic what stands in the gaps.
    async fn look_at_topic(&self, report: &mut AuditReport) -> Result<(), IngestError> {
        let Some(admin) = self.order.admin else {
            return Ok(());
        };
        let topic = &self.order.stream.topic;
        let kafka = |source| IngestError::Kafka {
            topic: topic.clone(),
            source: Box::new(source),
        };
        if let (Some(held), Some(now)) = (&report.cluster, admin.cluster_id().await.map_err(kafka)?)
            && *held != now
        {
            report.notes.push(format!(
                "the topic was not read: the tables were landed from cluster `{held}`, the broker is of `{now}`"
            ));
            return Ok(());
        }
        for gap in &mut report.gaps {
            let seen = admin
                .survey(topic, gap.partition, gap.from, gap.to, GAP_RECORDS_MAX)
                .await;
            let seen = seen.map_err(kafka)?;
            gap.tombstones = seen.tombstones;
            gap.lost = seen.records;
            let reached = (seen.to - seen.from).max(0).unsigned_abs();
            gap.absent = reached.saturating_sub(seen.tombstones + seen.records);
            gap.unseen = (gap.to - gap.from).unsigned_abs() - reached;
        }
        report.topic_read = true;
        Ok(())
    }

    /// What is wrong, and who can have done it.
    fn conclude(&self, told: Told, report: &mut AuditReport) {
        let table = self.order.stream.name.to_string();
        let dead_table = dead_name(&self.order.stream.name).map_or_else(|_| String::new(), |name| name.to_string());
        let fence_fault = |message: String| AuditFault {
            kind: FaultKind::Fence,
            table: table.clone(),
            rows: 0,
            message,
            causes: Vec::new(),
        };
        report
            .faults
            .extend(told.ledger.breaks.iter().map(|message| fence_fault(message.clone())));
        if let Some(cluster) = &told.cluster {
            let prefix = app_prefix(self.order.pipeline.as_str(), cluster, self.order.stream.topic.as_str());
            for (partition, _, to) in told.ledger.partitions() {
                let fence = told.fences.get(&app_id(&prefix, partition));
                if let Some(fence) = fence.filter(|fence| **fence != to) {
                    report.faults.push(fence_fault(format!(
                        "the fence of Kafka partition {partition} stands at {fence}, the commits end at {to}"
                    )));
                }
            }
        }
        for in_dead in [false, true] {
            let name = if in_dead { &dead_table } else { &table };
            report.faults.extend(missing(&told, name, in_dead));
        }
        for gap in report.gaps.iter().filter(|gap| gap.lost > 0) {
            report.faults.push(AuditFault {
                kind: FaultKind::Lost,
                table: table.clone(),
                rows: gap.lost,
                message: format!(
                    "the topic holds {} records of Kafka partition {} in [{}, {}) that are in neither table",
                    gap.lost, gap.partition, gap.from, gap.to
                ),
                causes: Vec::new(),
            });
        }
        for other in &told.other_landings {
            report
                .notes
                .push(format!("{other} lands in the same table: its rows are not judged"));
        }
        report.others = told.others;
    }

    fn lake<T>(&self, result: Result<T, tidemill_lake::LakeError>) -> Result<T, IngestError> {
        result.map_err(|source| IngestError::Lake {
            stream: self.order.stream.name.clone(),
            source: Box::new(source),
        })
    }
}

fn dead_name(stream: &StreamName) -> Result<TableName, IngestError> {
    dead_letters_table(stream).map_err(|source| IngestError::Name {
        stream: stream.clone(),
        source,
    })
}

fn makes_the_table(step: &HistoryStep) -> bool {
    step.added.files == 0 && step.removed.files == 0 && step.fences.is_empty()
}

fn note_gap(report: &mut AuditReport, found: &mut PartitionAudit, partition: KafkaPartition, from: i64, to: i64) {
    found.without += (to - from).unsigned_abs();
    report.gap_count += 1;
    if report.gaps.len() < GAPS_LISTED_MAX {
        report.gaps.push(OffsetGap {
            partition,
            from,
            to,
            tombstones: 0,
            absent: 0,
            lost: 0,
            unseen: (to - from).unsigned_abs(),
        });
    }
}

/// Commits whose rows are not all there, or are more than they landed; those in a row with the same causes as one.
fn missing(told: &Told, table: &str, in_dead: bool) -> Vec<AuditFault> {
    let mut faults: Vec<(AuditFault, Option<i64>, Option<i64>)> = Vec::new();
    for landing in &told.ledger.landings {
        let (expected, found) = match in_dead {
            false => (landing.expected.rows, landing.found.rows),
            true => (landing.expected.dead, landing.found.dead),
        };
        if expected == found {
            continue;
        }
        let version = landing.version.unwrap_or(-1);
        let causes: Vec<OtherCommit> = told
            .others
            .iter()
            .filter(|other| can_have_taken(other, table, version))
            .cloned()
            .collect();
        let kind = if found < expected {
            FaultKind::Missing
        } else {
            FaultKind::Foreign
        };
        let rows = found.abs_diff(expected);
        match faults.last_mut() {
            Some((fault, _, last)) if fault.kind == kind && fault.causes == causes => {
                fault.rows += rows;
                *last = landing.version;
            }
            _ => {
                let fault = AuditFault {
                    kind,
                    table: table.to_owned(),
                    rows,
                    message: String::new(),
                    causes,
                };
                faults.push((fault, landing.version, landing.version));
            }
        }
    }
    let told = |(mut fault, first, last): (AuditFault, Option<i64>, Option<i64>)| {
        let what = if fault.kind == FaultKind::Missing {
            "are gone"
        } else {
            "are too many"
        };
        let commits = match (first, last) {
            (Some(first), Some(last)) if first == last => format!("commit {first}"),
            (Some(first), Some(last)) => format!("commits {first} to {last}"),
            (None, Some(last)) => format!("commits up to {last}"),
            (_, None) => "commits before the log begins".to_owned(),
        };
        fault.message = format!("{} rows of {commits} {what}", fault.rows);
        if fault.kind == FaultKind::Missing && fault.causes.is_empty() {
            fault
                .message
                .push_str(", and no commit of another writer says that it took them");
        }
        fault
    };
    faults.into_iter().map(told).collect()
}
