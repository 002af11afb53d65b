//! The outcome table of a commit, as a pure decision: what the put answered and what the log holds say what comes next.

use uuid::Uuid;

/// What the store answered when the log entry of the next version was put, if absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is written.
    Written,
    /// There is an entry of that version already.
    Exists,
    /// The answer says neither: a timeout, a broken connection, a full disk.
    Unclear,
}

/// What the log holds at that version, read after the put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// No entry.
    Nothing,
    /// An entry with this commit id, or with none.
    Entry(Option<Uuid>),
    /// It could not be read.
    Unreadable,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Our commit is in the log.
    Landed,
    /// The version is another writer's: take in what it says, hold the fences against it, try the next version.
    Rebase,
    /// Nobody has the version: put the same entry again. It can be written once, so that a late first put does no harm.
    PutAgain,
}

/// Decides what comes after a put of the commit `ours`.
pub(crate) fn next_step(ours: Uuid, put: Put, found: Found) -> Step {
    match (put, found) {
        (Put::Written, _) => Step::Landed,
        // A put that timed out may land later: then the next one finds our own entry.
        (_, Found::Entry(Some(id))) if id == ours => Step::Landed,
        (_, Found::Entry(_)) => Step::Rebase,
        (Put::Exists | Put::Unclear, Found::Nothing | Found::Unreadable) => Step::PutAgain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_has_its_step() {
        let ours = Uuid::from_u128(1);
        let theirs = Found::Entry(Some(Uuid::from_u128(2)));
        let own = Found::Entry(Some(ours));
        for (put, found, expected) in [
            (Put::Written, Found::Nothing, Step::Landed),
            (Put::Written, theirs, Step::Landed),
            (Put::Exists, own, Step::Landed),
            (Put::Exists, theirs, Step::Rebase),
            (Put::Exists, Found::Entry(None), Step::Rebase),
            (Put::Exists, Found::Unreadable, Step::PutAgain),
            (Put::Unclear, own, Step::Landed),
            (Put::Unclear, theirs, Step::Rebase),
            (Put::Unclear, Found::Nothing, Step::PutAgain),
            (Put::Unclear, Found::Unreadable, Step::PutAgain),
        ] {
            assert_eq!(next_step(ours, put, found), expected, "{put:?} {found:?}");
        }
    }
}
