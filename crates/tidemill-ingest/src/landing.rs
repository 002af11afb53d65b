//! Landing a flush: dead letters first, then rows, then the group's offsets for displays.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tidemill_lake::{Append, CommitRecord, Committed, LakeTable};
use tidemill_types::{KafkaPartition, NextOffset};
use tokio::task::JoinHandle;
use tracing::warn;

use crate::IngestError;
use crate::budget::Held;
use crate::commit_state::CommitState;
use crate::context::StreamContext;
use crate::intake::Counts;

/// The tables of a stream.
#[derive(Debug, Clone)]
pub(crate) struct Tables {
    pub(crate) main: LakeTable,
    pub(crate) dead: LakeTable,
}

/// A flush on its way.
pub(crate) struct Flight {
    pub(crate) task: JoinHandle<Result<Committed, IngestError>>,
    /// What it moves of each of its partitions.
    pub(crate) moved: BTreeMap<KafkaPartition, Moved>,
    pub(crate) counts: Counts,
    /// What it says, as far as it is known before it lands.
    pub(crate) draft: Arc<StateDraft>,
    /// When it left.
    pub(crate) since: std::time::Instant,
    /// The memory it holds until it has landed.
    pub(crate) _held: Held,
}

/// How a flush moves a partition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moved {
    /// Where it goes on.
    pub(crate) next: NextOffset,
    /// Whether there are dead letters of it.
    pub(crate) with_dead_letters: bool,
}

/// What a commit says of the stream, but for what other workers land before it.
#[derive(Debug)]
pub(crate) struct StateDraft {
    pub(crate) state: CommitState,
    /// The partitions that this worker reads.
    pub(crate) own: BTreeSet<KafkaPartition>,
}

impl StateDraft {
    /// Behind these commits.
    pub(crate) fn behind(&self, commits: &[CommitRecord]) -> CommitState {
        match self.state.newest_of(commits) {
            Some(before) => self.state.behind(&before, &self.own),
            None => self.state.clone(),
        }
    }
}

/// What is committed to the two tables.
pub(crate) struct Flush {
    /// None where there are no dead letters.
    pub(crate) dead: Option<Append>,
    pub(crate) main: Append,
    pub(crate) next: BTreeMap<KafkaPartition, NextOffset>,
}

/// Commits both, in the order that makes a crash in between harmless.
pub(crate) async fn land(context: StreamContext, tables: Tables, flush: Flush) -> Result<Committed, IngestError> {
    if let Some(dead) = flush.dead {
        context.lake_result(tables.dead.commit(dead).await)?;
    }
    let committed = context.lake_result(tables.main.commit(flush.main).await)?;
    let topic = &context.stream.topic;
    let positions: Vec<_> = flush.next.iter().map(|(p, next)| (topic.clone(), *p, *next)).collect();
    // Never read back, so a failure costs a wrong lag in a display and records that the broker keeps longer.
    if let Err(error) = context.admin.commit_group(&context.group, &positions).await {
        let group = &context.group;
        warn!(topic = %topic, error = %error, "the offsets of group `{group}` were not committed; the table holds them");
    }
    Ok(committed)
}
