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
use tidemill_types::Clock;
use tracing::debug;
use uuid::Uuid;

use crate::LakeError;
use crate::commit_info::commit_info;
use crate::log::{Entry, LogHead, LogReader};
use crate::outcome::{Found, Put, Step, next_step};

/// Versions that may be lost to other writers before a commit gives up.
pub(crate) const CONFLICTS_MAX: u32 = 100;
/// Times that an entry is put again when the store does not say what became of it.
const UNCLEAR_MAX: u32 = 5;
/// Longest that one put or read of a log entry may take.
const STORE_TIMEOUT: Duration = Duration::from_mins(1);
/// First pause after an unclear answer; it doubles each time.
const UNCLEAR_PAUSE: Duration = Duration::from_millis(200);
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
    pub info: Map<String, Value>,
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// How landing an entry ended.
pub(crate) enum Landing {
    /// It is in the log, at the head's version.
    Landed { conflicts: u32 },
    /// Another writer changed schema or properties; the head has taken that in. The files must be looked at again.
    ShapeChanged,
}

/// A log entry ready to be put.
pub(crate) struct Draft {
    commit_id: Uuid,
    fences: Vec<FenceUpdate>,
    changes_shape: bool,
    bytes: Bytes,
}

impl Draft {
    /// The entry of an append.
    pub(crate) fn append(
        clock: &Arc<dyn Clock>,
        adds: &[Add],
        fences: Vec<FenceUpdate>,
        info: Map<String, Value>,
    ) -> Result<Draft, serde_json::Error> {
        let commit_id = Uuid::new_v4();
        let mut lines = vec![commit_info(clock.now(), "WRITE", commit_id, info)];
        for add in adds {
            lines.push(json!({ "add": add }));
        }
        for fence in &fences {
            // `lastUpdated` is left out on purpose: a txn without it never expires.
            lines.push(json!({ "txn": { "appId": fence.app_id, "version": fence.next } }));
        }
        Draft::of(commit_id, fences, false, &lines)
    }

    /// The entry of a new schema.
    pub(crate) fn metadata(
        clock: &Arc<dyn Clock>,
        metadata: &impl serde::Serialize,
    ) -> Result<Draft, serde_json::Error> {
        let commit_id = Uuid::new_v4();
        let lines = [
            commit_info(clock.now(), "ADD COLUMN", commit_id, Map::new()),
            json!({ "metaData": metadata }),
        ];
        Draft::of(commit_id, Vec::new(), true, &lines)
    }

    fn of(
        commit_id: Uuid,
        fences: Vec<FenceUpdate>,
        changes_shape: bool,
        lines: &[Value],
    ) -> Result<Draft, serde_json::Error> {
        let lines: Result<Vec<String>, _> = lines.iter().map(serde_json::to_string).collect();
        Ok(Draft {
            commit_id,
            fences,
            changes_shape,
            bytes: Bytes::from(lines?.join("\n")),
        })
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

/// Puts the entry until it is known what became of it. The head moves along with every version that is seen.
pub(crate) async fn land(log: &LogReader, head: &mut LogHead, draft: &Draft) -> Result<Landing, LakeError> {
    let (mut conflicts, mut unclear) = (0_u32, 0_u32);
    loop {
        check_fences(log, head, &draft.fences)?;
        let version = head.version + 1;
        let (put, mut reason) = put_entry(log, version, draft).await;
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
                return Ok(Landing::Landed { conflicts });
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
                tokio::time::sleep(UNCLEAR_PAUSE * 2_u32.pow(unclear - 1)).await;
            }
        }
    }
}

async fn put_entry(log: &LogReader, version: i64, draft: &Draft) -> (Put, String) {
    let bytes = CommitOrBytes::LogBytes(draft.bytes.clone());
    let put = log.store.write_commit_entry(version as u64, bytes, draft.commit_id);
    match tokio::time::timeout(STORE_TIMEOUT, put).await {
        Ok(Ok(())) => (Put::Written, String::new()),
        Ok(Err(TransactionError::VersionAlreadyExists(_))) => (Put::Exists, "the version exists".to_owned()),
        Ok(Err(e)) => (Put::Unclear, e.to_string()),
        Err(_) => (Put::Unclear, format!("no answer in {} s", STORE_TIMEOUT.as_secs())),
    }
}

async fn read_entry(log: &LogReader, version: i64) -> Result<Option<Entry>, String> {
    match tokio::time::timeout(STORE_TIMEOUT, log.entry(version)).await {
        Ok(read) => read.map_err(|e| e.to_string()),
        Err(_) => Err(format!("no answer in {} s", STORE_TIMEOUT.as_secs())),
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
