//! One commit: files first, then one log entry that holds their names, the fences and what the commit says of itself.
//!
//! The entry of the next version is put if absent. So whoever writes version `v + 1` has seen every version up to `v`,
//! and the fences were compared on exactly the version that the commit follows. The cost does not grow with the files
//! of the table: nothing here lists them.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use bytes::Bytes;
use deltalake::kernel::Add;
use deltalake::kernel::transaction::TransactionError;
use deltalake::logstore::CommitOrBytes;
use serde_json::{Map, Value, json};
use tidemill_types::{Clock, Micros};
use tracing::debug;
use uuid::Uuid;

use crate::LakeError;
use crate::commit_info::{CommitRecord, commit_info};
use crate::log::{Entry, LogHead, LogReader};
use crate::outcome::{Found, Put, Step, next_step};

/// Versions that may be lost to other writers before a commit gives up.
pub(crate) const CONFLICTS_MAX: u32 = 100;
/// Commits of others that one is told of, at most; the newest are what counts.
const FOLLOWED_MAX: i64 = 1_000;
/// Times that an entry is put again when the store does not say what became of it.
const UNCLEAR_MAX: u32 = 5;
/// How long a store is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Longest that one put or read of a log entry may take.
    pub(crate) answer: Duration,
    /// First pause after an unclear answer; it doubles each time.
    pub(crate) pause: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            answer: Duration::from_mins(1),
            pause: Duration::from_millis(200),
        }
    }
}

/// Longest pause between two tries after a lost version.
const CONFLICT_PAUSE_MAX_MILLIS: u64 = 50;
/// Lost versions after which tries are spread out.
const CONFLICTS_WITHOUT_PAUSE: u32 = 3;

/// Rows to append, and the fences that move with them.
#[derive(Debug, Clone, Default)]
pub struct Append {
    /// The rows. May be empty: then only the fences move.
    pub batches: Vec<RecordBatch>,
    /// Fences, each app id once.
    pub fences: Vec<FenceUpdate>,
    /// What the commit says about itself, kept in `commitInfo.tidemill`. The key `commit_id` is ours.
    pub info: Info,
}

/// What a commit says about itself.
#[derive(Clone)]
pub enum Info {
    /// The same whatever the commit follows.
    Fixed(Map<String, Value>),
    /// Said anew for each version that the commit tries to follow, so that it can go on from what others said.
    Following {
        /// The newest version that the writer knows.
        known: i64,
        /// Given every commit after `known` that the commit follows, oldest first.
        say: Say,
    },
}

/// Says what a commit says about itself, once it is known which commits come before it.
pub type Say = Arc<dyn Fn(&[CommitRecord]) -> Map<String, Value> + Send + Sync>;

impl Default for Info {
    fn default() -> Info {
        Info::Fixed(Map::new())
    }
}

impl From<Map<String, Value>> for Info {
    fn from(info: Map<String, Value>) -> Info {
        Info::Fixed(info)
    }
}

impl std::fmt::Debug for Info {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Info::Fixed(info) => f.debug_tuple("Fixed").field(info).finish(),
            Info::Following { known, .. } => f
                .debug_struct("Following")
                .field("known", known)
                .finish_non_exhaustive(),
        }
    }
}

impl Info {
    fn known(&self) -> Option<i64> {
        match self {
            Info::Fixed(_) => None,
            Info::Following { known, .. } => Some(*known),
        }
    }

    fn said(&self, followed: &[CommitRecord]) -> Map<String, Value> {
        match self {
            Info::Fixed(info) => info.clone(),
            Info::Following { say, .. } => say(followed),
        }
    }
}

/// A fence that moves in a commit, if it stands where its writer believes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FenceUpdate {
    /// Whose fence, as `tidemill/fraud/<cluster>/transactions/0`.
    pub app_id: String,
    /// What the table must hold: none for the first commit under this id.
    pub expected: Option<i64>,
    /// What it holds afterwards.
    pub next: i64,
}

/// A commit that landed.
#[derive(Debug, Clone, PartialEq)]
pub struct Committed {
    /// The Delta version.
    pub version: i64,
    /// By which the log knows it.
    pub commit_id: Uuid,
    /// Rows appended.
    pub rows: u64,
    /// Files written.
    pub files: usize,
    /// Their size in bytes.
    pub bytes: u64,
    /// Versions that other writers took meanwhile.
    pub conflicts: u32,
    /// What [`Info::Following`] was given; empty for fixed infos.
    pub followed: Vec<CommitRecord>,
}

/// How landing an entry ended.
pub(crate) enum Landing {
    /// It is in the log, at the head's version.
    Landed {
        conflicts: u32,
        followed: Vec<CommitRecord>,
    },
    /// Another writer changed schema or properties; the head has taken that in. The files must be looked at again.
    ShapeChanged,
}

/// A log entry ready to be put, but for what it says about itself.
pub(crate) struct Draft {
    commit_id: Uuid,
    fences: Vec<FenceUpdate>,
    changes_shape: bool,
    made_at: Micros,
    operation: &'static str,
    info: Info,
    /// Every action but `commitInfo`.
    actions: String,
}

impl Draft {
    /// The entry of an append.
    pub(crate) fn append(
        clock: &Arc<dyn Clock>,
        adds: &[Add],
        fences: Vec<FenceUpdate>,
        info: Info,
    ) -> Result<Draft, serde_json::Error> {
        let adds = adds.iter().map(|add| json!({ "add": add }));
        // `lastUpdated` is left out on purpose: a txn without it never expires.
        let txns = fences
            .iter()
            .map(|fence| json!({ "txn": { "appId": fence.app_id, "version": fence.next } }));
        let actions = lines(adds.chain(txns))?;
        Ok(Draft {
            commit_id: Uuid::new_v4(),
            fences,
            changes_shape: false,
            made_at: clock.now(),
            operation: "WRITE",
            info,
            actions,
        })
    }

    /// The entry of a new schema.
    pub(crate) fn metadata(
        clock: &Arc<dyn Clock>,
        metadata: &impl serde::Serialize,
    ) -> Result<Draft, serde_json::Error> {
        Ok(Draft {
            commit_id: Uuid::new_v4(),
            fences: Vec::new(),
            changes_shape: true,
            made_at: clock.now(),
            operation: "ADD COLUMN",
            info: Info::default(),
            actions: lines([json!({ "metaData": metadata })].into_iter())?,
        })
    }

    /// The entry behind the commits that it follows.
    fn bytes(&self, followed: &[CommitRecord]) -> Bytes {
        let said = self.info.said(followed);
        let info = commit_info(self.made_at, self.operation, self.commit_id, said).to_string();
        let both = [info.as_str(), self.actions.as_str()];
        Bytes::from(both.map(str::trim_end).join("\n"))
    }

    pub(crate) fn commit_id(&self) -> Uuid {
        self.commit_id
    }

    /// The entry as the log will show it to others.
    fn entry(&self) -> Entry {
        Entry {
            fences: self.fences.iter().map(|f| (f.app_id.clone(), f.next)).collect(),
            changes_shape: self.changes_shape,
            info: Map::new(),
        }
    }
}

/// Holds the fences against what the log says.
pub(crate) fn check_fences(log: &LogReader, head: &LogHead, fences: &[FenceUpdate]) -> Result<(), LakeError> {
    for fence in fences {
        let found = head.fences.get(&fence.app_id).copied();
        if found != fence.expected {
            return Err(LakeError::Fenced {
                table: log.name.clone(),
                app_id: fence.app_id.clone(),
                expected: fence.expected,
                found,
            });
        }
    }
    Ok(())
}

fn lines(actions: impl Iterator<Item = Value>) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    for action in actions {
        text.push_str(&serde_json::to_string(&action)?);
        text.push('\n');
    }
    Ok(text)
}

/// Puts the entry until it is known what became of it. The head moves along with every version that is seen.
pub(crate) async fn land(log: &LogReader, head: &mut LogHead, draft: &Draft) -> Result<Landing, LakeError> {
    let (mut conflicts, mut unclear) = (0_u32, 0_u32);
    let mut followed = match draft.info.known() {
        Some(known) => {
            log.records(known.max(head.version - FOLLOWED_MAX), head.version)
                .await?
        }
        None => Vec::new(),
    };
    loop {
        check_fences(log, head, &draft.fences)?;
        let version = head.version + 1;
        let (put, mut reason) = put_entry(log, version, draft, &followed).await;
        let (found, theirs) = if put == Put::Written {
            (Found::Nothing, None)
        } else {
            match read_entry(log, version).await {
                Ok(Some(entry)) => (Found::Entry(entry.commit_id()), Some(entry)),
                Ok(None) => (Found::Nothing, None),
                Err(told) => {
                    reason = told;
                    (Found::Unreadable, None)
                }
            }
        };
        match (next_step(draft.commit_id, put, found), theirs) {
            (Step::Landed, _) => {
                head.apply(&draft.entry());
                return Ok(Landing::Landed { conflicts, followed });
            }
            (Step::Rebase, Some(entry)) => {
                head.apply(&entry);
                if entry.restores() && !draft.fences.is_empty() {
                    return Err(LakeError::SetBack {
                        table: log.name.clone(),
                        version,
                    });
                }
                if entry.changes_shape {
                    return Ok(Landing::ShapeChanged);
                }
                if draft.info.known().is_some() {
                    followed.push(CommitRecord::read(version, entry.info));
                }
                conflicts += 1;
                if conflicts >= CONFLICTS_MAX {
                    return Err(LakeError::Conflict {
                        table: log.name.clone(),
                        conflicts,
                    });
                }
                debug!(table = %log.name, version, "lost version {version} of `{}` to another writer", log.name);
                if conflicts > CONFLICTS_WITHOUT_PAUSE {
                    tokio::time::sleep(jitter(draft.commit_id, conflicts)).await;
                }
            }
            (Step::Rebase | Step::PutAgain, _) => {
                unclear += 1;
                if unclear > UNCLEAR_MAX {
                    return Err(LakeError::Unknown {
                        table: log.name.clone(),
                        version,
                        commit_id: draft.commit_id,
                        reason,
                    });
                }
                tokio::time::sleep(log.patience.pause * 2_u32.pow(unclear - 1)).await;
            }
        }
    }
}

async fn put_entry(log: &LogReader, version: i64, draft: &Draft, followed: &[CommitRecord]) -> (Put, String) {
    let bytes = CommitOrBytes::LogBytes(draft.bytes(followed));
    let put = log.store.write_commit_entry(version as u64, bytes, draft.commit_id);
    let limit = log.patience.answer;
    match tokio::time::timeout(limit, put).await {
        Ok(Ok(())) => (Put::Written, String::new()),
        Ok(Err(TransactionError::VersionAlreadyExists(_))) => (Put::Exists, "the version exists".to_owned()),
        Ok(Err(e)) => (Put::Unclear, e.to_string()),
        Err(_) => (Put::Unclear, format!("no answer in {} s", limit.as_secs())),
    }
}

async fn read_entry(log: &LogReader, version: i64) -> Result<Option<Entry>, String> {
    let limit = log.patience.answer;
    match tokio::time::timeout(limit, log.entry(version)).await {
        Ok(read) => read.map_err(|e| e.to_string()),
        Err(_) => Err(format!("no answer in {} s", limit.as_secs())),
    }
}

/// A pause that differs from writer to writer; its seed is the commit's id.
fn jitter(commit_id: Uuid, conflicts: u32) -> Duration {
    let (high, low) = commit_id.as_u64_pair();
    let mixed = (high ^ low)
        .wrapping_mul(u64::from(conflicts) | 1)
        .rotate_left(conflicts % 64);
    Duration::from_millis(mixed % CONFLICT_PAUSE_MAX_MILLIS)
}
