//! What a commit holds beside rows and fences: enough to go on from it as if nothing had happened.
//!
//! Invariant: each commit says everything that is known of the stream at its version, also of Kafka partitions that other
//! workers read: a commit takes over what the one before it says, and adds its own. So the newest one is enough.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidemill_lake::CommitRecord;
use tidemill_types::{KafkaPartition, Micros, NextOffset, PipelineName, TopicName};

use crate::intake::Counts;
use crate::last_record::LastRecord;

/// Our part of `commitInfo`, in both tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CommitState {
    pub(crate) pipeline: PipelineName,
    pub(crate) cluster: String,
    pub(crate) topic: TopicName,
    /// Counts of this commit.
    pub(crate) counts: Counts,
    /// Counts since the stream first landed, this commit included.
    #[serde(default)]
    pub(crate) totals: Counts,
    /// How far event time has come.
    #[serde(default)]
    pub(crate) watermark: Option<Micros>,
    /// Every Kafka partition that was ever landed, also those that this commit does not touch.
    pub(crate) partitions: Vec<PartitionCommit>,
    /// How many rows of this commit each mask of a stage flags.
    #[serde(default)]
    pub(crate) masked: BTreeMap<String, u64>,
}

/// The offsets `[start, next)` of a Kafka partition in a commit; equal where it holds none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PartitionCommit {
    pub(crate) partition: KafkaPartition,
    pub(crate) start: NextOffset,
    pub(crate) next: NextOffset,
    /// The last record that was taken, in this commit or before.
    #[serde(default)]
    pub(crate) last: Option<LastRecord>,
    /// The end at which the partition had stood for so long that it does not hold the watermark back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) idle_at: Option<NextOffset>,
    /// What the batch stages keep of it, by their names.
    #[serde(default)]
    pub(crate) stages: Map<String, Value>,
}

impl CommitState {
    /// As it goes into the commit.
    pub(crate) fn to_info(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(map)) => map,
            _ => Map::new(),
        }
    }

    /// Reads it back. None where the commit is of another pipeline, cluster or topic, or of an unknown shape.
    pub(crate) fn from_info(
        info: &Map<String, Value>,
        pipeline: &PipelineName,
        cluster: &str,
        topic: &TopicName,
    ) -> Option<CommitState> {
        let state: CommitState = serde_json::from_value(Value::Object(info.clone())).ok()?;
        let same = state.pipeline == *pipeline && state.cluster == cluster && state.topic == *topic;
        same.then_some(state)
    }

    /// What it says of a partition.
    pub(crate) fn partition(&self, partition: KafkaPartition) -> Option<&PartitionCommit> {
        self.partitions.iter().find(|held| held.partition == partition)
    }

    /// The newest of `commits` that is of the same stream, from the newest on.
    pub(crate) fn newest_of(&self, commits: &[CommitRecord]) -> Option<CommitState> {
        let of_ours = |commit: &CommitRecord| {
            let info = commit.info.as_ref()?;
            CommitState::from_info(info, &self.pipeline, &self.cluster, &self.topic)
        };
        commits.iter().rev().find_map(of_ours)
    }

    /// This commit behind `before`, which another worker landed meanwhile. Of the partitions in `own` this one says more,
    /// unless the other came further.
    pub(crate) fn behind(&self, before: &CommitState, own: &BTreeSet<KafkaPartition>) -> CommitState {
        let untouched = |held: &PartitionCommit| PartitionCommit {
            start: held.next,
            ..held.clone()
        };
        let theirs = before.partitions.iter();
        let mut partitions: BTreeMap<_, _> = theirs.map(|held| (held.partition, untouched(held))).collect();
        for held in &self.partitions {
            let known = partitions.get(&held.partition).map(|theirs| theirs.next);
            let says_more = known.is_none_or(|next| own.contains(&held.partition) && held.next >= next);
            if says_more {
                partitions.insert(held.partition, held.clone());
            }
        }
        let mut totals = before.totals;
        totals.add(&self.counts);
        CommitState {
            totals,
            watermark: self.watermark.max(before.watermark),
            partitions: partitions.into_values().collect(),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(rows: u64, partitions: &[(i32, i64, i64)], watermark: i64) -> CommitState {
        let counts = Counts {
            rows,
            ..Counts::default()
        };
        let partitions = partitions.iter().map(|(partition, start, next)| PartitionCommit {
            partition: KafkaPartition(*partition),
            start: NextOffset(*start),
            next: NextOffset(*next),
            last: None,
            idle_at: None,
            stages: Map::new(),
        });
        CommitState {
            pipeline: PipelineName::new("p").unwrap(),
            cluster: "c".to_owned(),
            topic: TopicName::new("t").unwrap(),
            counts,
            totals: counts,
            watermark: Some(Micros(watermark)),
            partitions: partitions.collect(),
            masked: BTreeMap::new(),
        }
    }

    #[test]
    fn a_commit_takes_over_what_others_said() {
        let mut theirs = state(5, &[(0, 2, 4), (1, 0, 9)], 70);
        theirs.partitions[1].idle_at = Some(NextOffset(9));
        // We knew of partition 1 when it stood at 3, and read partitions 0 and 2.
        let ours = state(2, &[(0, 4, 6), (1, 3, 3), (2, 0, 1)], 60);
        let own = [KafkaPartition(0), KafkaPartition(2)].into();
        let said = ours.behind(&theirs, &own);
        let offsets = said
            .partitions
            .iter()
            .map(|held| (held.partition.0, held.start.0, held.next.0));
        assert_eq!(offsets.collect::<Vec<_>>(), [(0, 4, 6), (1, 9, 9), (2, 0, 1)]);
        assert_eq!(said.partitions[1].idle_at, Some(NextOffset(9)));
        assert_eq!((said.counts.rows, said.totals.rows), (2, 7));
        assert_eq!(said.watermark, Some(Micros(70)));
        // Said again behind the same commit, it is the same.
        assert_eq!(said.behind(&theirs, &own), said);
    }

    #[test]
    fn the_newest_commit_of_the_stream_is_found() {
        let record = |version, state: &CommitState| CommitRecord {
            version,
            timestamp: None,
            operation: None,
            engine: None,
            info: Some(state.to_info()),
        };
        let ours = state(1, &[], 1);
        let mut foreign = state(2, &[], 2);
        foreign.topic = TopicName::new("other").unwrap();
        let commits = [record(1, &state(9, &[], 1)), record(2, &ours), record(3, &foreign)];
        assert_eq!(ours.newest_of(&commits), Some(ours.clone()));
        assert_eq!(ours.newest_of(&commits[2..]), None);
    }
}
