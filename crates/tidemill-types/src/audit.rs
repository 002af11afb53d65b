//! What an audit of a stream found: whether each record is in the tables once, and who can have changed that.

use serde::{Deserialize, Serialize};

use crate::{KafkaPartition, NextOffset, StreamName, TopicName};

/// Whether every record of a stream is in its tables once, and why it is not where it is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditReport {
    /// The stream.
    pub stream: StreamName,
    /// Its topic.
    pub topic: TopicName,
    /// The Kafka cluster that it was landed from; absent before the first landing.
    pub cluster: Option<String>,
    /// The version of the landed table that was read; absent where there is no table yet.
    pub version: Option<i64>,
    /// The version of the dead-letter table that was read.
    pub dead_version: Option<i64>,
    /// Commits of the pipeline in the log.
    pub commits: u64,
    /// The Kafka partitions, ascending.
    pub partitions: Vec<PartitionAudit>,
    /// Runs of offsets below the fence without row or dead letter, the first of them.
    pub gaps: Vec<OffsetGap>,
    /// All such runs.
    pub gap_count: u64,
    /// Whether the topic was read where it has gaps.
    pub topic_read: bool,
    /// What is wrong. Empty where every record is there once.
    pub faults: Vec<AuditFault>,
    /// Commits of other writers to both tables, oldest first.
    pub others: Vec<OtherCommit>,
    /// What the audit cannot judge.
    pub notes: Vec<String>,
}

impl AuditReport {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }
}

/// One Kafka partition in the tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionAudit {
    /// The partition.
    pub partition: KafkaPartition,
    /// Everything below has landed.
    pub fence: NextOffset,
    /// Rows below the fence.
    pub rows: u64,
    /// Dead letters below the fence.
    pub dead: u64,
    /// Offsets below the fence with neither: tombstones, what compaction took, marks of transactions, and what is lost.
    pub without: u64,
}

/// Offsets `[from, to)` without row or dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OffsetGap {
    /// The partition.
    pub partition: KafkaPartition,
    /// The first.
    pub from: i64,
    /// The first after.
    pub to: i64,
    /// Records without a value that the topic holds there: they leave no row.
    pub tombstones: u64,
    /// Offsets at which the topic holds nothing: compaction, or marks of transactions.
    pub absent: u64,
    /// Records with a value that the topic holds there: they should have landed.
    pub lost: u64,
    /// Offsets at which the topic could not be asked, or no longer reaches. The counts of the commits judge them.
    pub unseen: u64,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Rows or dead letters that a commit landed are no longer there.
    Missing,
    /// The topic holds records below the fence that are in no table.
    Lost,
    /// An offset is there more than once.
    Doubled,
    /// Rows that no commit of the pipeline landed.
    Foreign,
    /// The commits do not continue one another, or the fence does not stand where they say.
    Fence,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditFault {
    /// What it is.
    pub kind: FaultKind,
    /// The table.
    pub table: String,
    /// Rows that it is about.
    pub rows: u64,
    /// In words, with versions and offsets.
    pub message: String,
    /// Commits of other writers that can have done it.
    pub causes: Vec<OtherCommit>,
}

/// What another writer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OtherKind {
    /// It set the table to an older version: rows go, fences stay.
    Restore,
    /// It took rows out.
    Delete,
    /// It changed rows, or wrote the table anew.
    Rewrite,
    /// It moved rows into other files, which changes none.
    Optimize,
    /// It brought rows.
    Append,
    /// It changed no file.
    Other,
}

impl OtherKind {
    /// In one word.
    pub fn as_str(self) -> &'static str {
        match self {
            OtherKind::Restore => "restore",
            OtherKind::Delete => "delete",
            OtherKind::Rewrite => "rewrite",
            OtherKind::Optimize => "optimize",
            OtherKind::Append => "append",
            OtherKind::Other => "other",
        }
    }
}

/// A commit of another writer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherCommit {
    /// The table.
    pub table: String,
    /// Its version.
    pub version: i64,
    /// What it did.
    pub kind: OtherKind,
    /// Delta's name for it.
    pub operation: Option<String>,
    /// Who wrote.
    pub engine: Option<String>,
    /// For a restore: the version that the table was set to, where it says so.
    pub restored_to: Option<i64>,
    /// Rows in the files that it added.
    pub rows_added: u64,
    /// Rows in the files that it removed.
    pub rows_removed: u64,
}
