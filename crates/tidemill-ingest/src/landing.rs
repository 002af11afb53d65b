//! Landing a flush: dead letters first, then rows, then the group's offsets for displays.

use std::collections::BTreeMap;

use tidemill_lake::{Append, Committed, LakeTable};
use tidemill_types::{KafkaPartition, NextOffset};
use tokio::task::JoinHandle;
use tracing::warn;

use crate::IngestError;
use crate::budget::Held;
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
    /// Where each of its partitions goes on.
    pub(crate) next: BTreeMap<KafkaPartition, NextOffset>,
    pub(crate) counts: Counts,
    pub(crate) watermark: Option<tidemill_types::Micros>,
    /// When it left.
    pub(crate) since: std::time::Instant,
    /// The memory it holds until it has landed.
    pub(crate) _held: Held,
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
