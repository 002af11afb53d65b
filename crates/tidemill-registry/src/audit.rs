//! The audit log: who did what to what, when, each entry hashed over the one before it.
//!
//! Invariant: an entry is written in the transaction of the change that it tells of. Changing, removing or inserting an
//! entry breaks the chain from there on; cutting off its end shows only beside an [`AuditChain`] that was kept elsewhere.

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tidemill_types::Micros;

use crate::db::{Arguments, Row, Session, sql};
use crate::limits::AUDIT_PAGE_ROWS;
use crate::registry::page;
use crate::{Registry, RegistryError, Sha256Hash};

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// Counts from 1 without gaps.
    pub sequence: i64,
    /// When.
    pub at: Micros,
    /// Who.
    pub actor: String,
    /// What was done, as `alias.set`.
    pub action: String,
    /// What it was done to, as `models/fraud/aliases/champion`.
    pub object: String,
    /// How that was before, if it was.
    pub before: Option<String>,
    /// How it is after, if it is.
    pub after: Option<String>,
    /// The hash of the entry before; zeros for the first.
    pub previous_hash: Sha256Hash,
    /// The hash of this entry.
    pub hash: Sha256Hash,
}

/// A chain that was found whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AuditChain {
    /// How many entries it has.
    pub entries: u64,
    /// The hash of the last one; zeros for an empty log. Kept elsewhere, it shows whether the end was cut off.
    pub head: Sha256Hash,
}

/// An entry before it has its place in the chain.
#[derive(Debug)]
pub(crate) struct Deed<'a> {
    pub at: Micros,
    pub actor: &'a str,
    pub action: &'static str,
    pub object: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// The hash before the first entry.
const GENESIS: [u8; 32] = [0; 32];

impl Registry {
    /// The newest `limit` entries, newest first.
    pub async fn audit(&self, limit: usize) -> Result<Vec<AuditEntry>, RegistryError> {
        self.readers()
            .rows(sql!("audit/newest"), Arguments::new().int(page(limit)))
            .await?
            .iter()
            .map(entry)
            .collect()
    }

    /// Recomputes the whole chain. Errors with [`RegistryError::AuditBroken`] at the first entry that does not hold.
    pub async fn verify_audit_chain(&self) -> Result<AuditChain, RegistryError> {
        let mut session = self.readers().session().await?;
        let mut chain = AuditChain {
            entries: 0,
            head: GENESIS.into(),
        };
        loop {
            let rows = session
                .rows(
                    sql!("audit/after"),
                    Arguments::new().int(chain.entries as i64).int(AUDIT_PAGE_ROWS as i64),
                )
                .await?;
            for row in &rows {
                chain = follow(chain, &entry(row)?)?;
            }
            if rows.len() < AUDIT_PAGE_ROWS {
                return Ok(chain);
            }
        }
    }
}

/// The chain with `entry` at its end, if that belongs there.
fn follow(chain: AuditChain, entry: &AuditEntry) -> Result<AuditChain, RegistryError> {
    let broken = |fault| {
        Err(RegistryError::AuditBroken {
            sequence: entry.sequence,
            fault,
        })
    };
    let sequence = chain.entries as i64 + 1;
    if entry.sequence != sequence {
        return broken("an entry before it is missing");
    }
    if entry.previous_hash != chain.head {
        return broken("it does not follow from the entry before it");
    }
    if entry.hash != hash_of(entry) {
        return broken("its words are not those that were written");
    }
    Ok(AuditChain {
        entries: chain.entries + 1,
        head: entry.hash,
    })
}

/// Adds an entry to the chain, within the caller's change.
pub(crate) async fn append(session: &mut Session, deed: Deed<'_>) -> Result<(), RegistryError> {
    let head = session.row(sql!("audit/newest"), Arguments::new().int(1)).await?;
    let head = head.as_ref().map(entry).transpose()?;
    let mut entry = AuditEntry {
        sequence: head.as_ref().map_or(1, |head| head.sequence + 1),
        // A clock that was set back does not turn the log around.
        at: head.as_ref().map_or(deed.at, |head| head.at.max(deed.at)),
        actor: deed.actor.to_owned(),
        action: deed.action.to_owned(),
        object: deed.object,
        before: deed.before,
        after: deed.after,
        previous_hash: head.map_or(GENESIS.into(), |head| head.hash),
        hash: GENESIS.into(),
    };
    entry.hash = hash_of(&entry);
    let arguments = Arguments::new()
        .int(entry.sequence)
        .time(entry.at)
        .text(&entry.actor)
        .text(&entry.action)
        .text(&entry.object)
        .optional_text(entry.before.as_ref())
        .optional_text(entry.after.as_ref())
        .hash(&entry.previous_hash)
        .hash(&entry.hash);
    session.execute(sql!("audit/insert"), arguments).await.map(drop)
}

/// SHA-256 over every field but itself. Texts are preceded by their length, so that no two entries read the same.
fn hash_of(entry: &AuditEntry) -> Sha256Hash {
    let mut digest = Sha256::new();
    digest.update(entry.previous_hash.as_bytes());
    digest.update(entry.sequence.to_le_bytes());
    digest.update(entry.at.0.to_le_bytes());
    let texts = [
        Some(&entry.actor),
        Some(&entry.action),
        Some(&entry.object),
        entry.before.as_ref(),
        entry.after.as_ref(),
    ];
    for text in texts {
        match text {
            Some(text) => {
                digest.update([1]);
                digest.update((text.len() as u64).to_le_bytes());
                digest.update(text);
            }
            None => digest.update([0]),
        }
    }
    <[u8; 32]>::from(digest.finalize()).into()
}

fn entry(row: &Row) -> Result<AuditEntry, RegistryError> {
    Ok(AuditEntry {
        sequence: row.int("sequence")?,
        at: row.time("at")?,
        actor: row.text("actor")?,
        action: row.text("action")?,
        object: row.text("object")?,
        before: row.optional_text("state_before")?,
        after: row.optional_text("state_after")?,
        previous_hash: row.hash("previous_hash")?,
        hash: row.hash("hash")?,
    })
}
