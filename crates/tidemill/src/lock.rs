//! The project's lock file: one process holds a project, and every other command can see who.
//!
//! The operating system holds the lock itself, so that a killed process leaves none behind; the file's text says who
//! holds it and, once the server listens, at which address it answers.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tidemill_types::{ErrorCode, Micros, Problem};

/// The lock's name in the state folder.
const LOCK_FILE: &str = "lock";
/// The holder's note's name in the state folder. Beside the lock and not in it: a locked file cannot be read everywhere.
const HOLDER_FILE: &str = "holder.json";
/// Largest note that is read, in bytes.
const HOLDER_BYTES_MAX: u64 = 4_096;

/// Who holds a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// The command it runs, as `up`.
    pub command: String,
    /// When it took the lock.
    pub since: Micros,
    /// Where its server answers, once it listens.
    pub address: Option<SocketAddr>,
}

/// The lock, held as long as this value lives.
#[derive(Debug)]
pub struct ProjectLock {
    /// Keeps the operating system's lock.
    _file: File,
    holder_path: PathBuf,
    holder: Holder,
}

/// What an attempt to take the lock came to.
#[derive(Debug)]
pub enum Taken {
    /// It is ours.
    Ours(ProjectLock),
    /// Somebody else holds it. The note can be absent for a moment while they start.
    Theirs(Option<Holder>),
}

impl ProjectLock {
    /// Takes the lock of the project whose state lies in `state_dir`, or tells who holds it.
    pub fn take(state_dir: &Path, command: &str, now: Micros) -> Result<Taken, Problem> {
        let failed = |what: &str, source: &std::io::Error| {
            Problem::new(
                ErrorCode::Unavailable,
                format!("failed to {what} in `{}`: {source}", state_dir.display()),
            )
            .with_hint("the state folder must be writable; `storage.state` moves it")
        };
        std::fs::create_dir_all(state_dir).map_err(|source| failed("make the state folder", &source))?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .read(true)
            .open(state_dir.join(LOCK_FILE))
            .map_err(|source| failed("open the lock file", &source))?;
        match file.try_lock() {
            Ok(()) => {
                let holder = Holder {
                    pid: std::process::id(),
                    command: command.to_owned(),
                    since: now,
                    address: None,
                };
                let lock = ProjectLock {
                    _file: file,
                    holder_path: state_dir.join(HOLDER_FILE),
                    holder,
                };
                lock.write_note()
                    .map_err(|source| failed("write the holder's note", &source))?;
                Ok(Taken::Ours(lock))
            }
            Err(TryLockError::WouldBlock) => Ok(Taken::Theirs(holder_of(state_dir))),
            Err(TryLockError::Error(source)) => Err(failed("lock the lock file", &source)),
        }
    }

    /// Writes down where the server answers, for the commands that come as its clients.
    pub fn announce(&mut self, address: SocketAddr) -> Result<(), Problem> {
        self.holder.address = Some(address);
        self.write_note().map_err(|source| {
            Problem::new(
                ErrorCode::Unavailable,
                format!("failed to write `{}`: {source}", self.holder_path.display()),
            )
        })
    }

    fn write_note(&self) -> std::io::Result<()> {
        let text = serde_json::to_vec(&self.holder).map_err(std::io::Error::other)?;
        // Written apart and renamed, so that no reader ever sees half a note.
        let draft = self.holder_path.with_extension("draft");
        let mut file = File::create(&draft)?;
        file.write_all(&text)?;
        std::fs::rename(&draft, &self.holder_path)
    }
}

impl Drop for ProjectLock {
    fn drop(&mut self) {
        // A note that outlives its process is harmless: the lock decides.
        let _ = std::fs::remove_file(&self.holder_path);
    }
}

/// The note of whoever holds the project, if there is one.
fn holder_of(state_dir: &Path) -> Option<Holder> {
    let mut file = File::open(state_dir.join(HOLDER_FILE)).ok()?;
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(HOLDER_BYTES_MAX).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// The problem of a command that needs the project for itself.
pub fn held_by(holder: Option<&Holder>) -> Problem {
    let who = holder.map_or_else(
        || "another process that is just starting".to_owned(),
        |holder| {
            format!(
                "`tidemill {}`, process {}, since {}",
                holder.command, holder.pid, holder.since
            )
        },
    );
    let hint = match holder.and_then(|holder| holder.address) {
        Some(address) => {
            format!("its server answers at http://{address}; stop it with Ctrl-C or `kill`, or work beside it")
        }
        None => "wait for it to finish, or stop it".to_owned(),
    };
    Problem::new(ErrorCode::Conflict, format!("the project is held by {who}")).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_taker_learns_who_was_first() {
        let dir = tempfile::tempdir().unwrap();
        let Taken::Ours(mut first) = ProjectLock::take(dir.path(), "up", Micros(0)).unwrap() else {
            panic!("nobody else holds it")
        };
        first.announce("127.0.0.1:8080".parse().unwrap()).unwrap();
        let Taken::Theirs(Some(holder)) = ProjectLock::take(dir.path(), "train", Micros(1)).unwrap() else {
            panic!("it is held")
        };
        assert_eq!((holder.command.as_str(), holder.pid), ("up", std::process::id()));
        let problem = held_by(Some(&holder));
        assert_eq!(problem.code, ErrorCode::Conflict);
        assert!(problem.hint.unwrap().contains("127.0.0.1:8080"));
        drop(first);
        assert!(matches!(
            ProjectLock::take(dir.path(), "train", Micros(2)).unwrap(),
            Taken::Ours(_)
        ));
    }

    #[test]
    fn a_note_left_by_a_killed_process_holds_nothing() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(
            dir.path().join(HOLDER_FILE),
            "{\"pid\":1,\"command\":\"up\",\"since\":\"1970-01-01\",\"address\":null}",
        )
        .unwrap();
        assert!(matches!(
            ProjectLock::take(dir.path(), "up", Micros(0)).unwrap(),
            Taken::Ours(_)
        ));
    }
}
