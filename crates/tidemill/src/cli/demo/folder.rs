//! The demo's folder: made once, and found again by a demo that was ended in the middle.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tidemill_types::{ErrorCode, Explain, Problem};

use crate::cli::args::DemoArgs;
use crate::cli::failure::{Failure, io};

/// Says that a folder is a demo's.
const MARK: &str = ".tidemill-demo.json";

/// What the demo of a folder was started with.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    days: u32,
    drift_day: u32,
    customers: u32,
    terminals: u32,
    seed: u64,
    /// Whether all files of the project were written.
    made: bool,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folder {
    /// Nothing: the project was made.
    New,
    /// A demo that goes on.
    GoesOn,
}

/// Makes the demo's project in `dir`, or finds it there as an earlier demo left it.
///
/// Errors with a conflict when the folder holds anything else, or a demo of other options.
pub fn prepare(dir: &Path, args: &DemoArgs) -> Result<Folder, Failure> {
    let wanted = |made: bool| Mark {
        days: args.days,
        drift_day: args.drift_day,
        customers: args.customers,
        terminals: args.terminals,
        seed: args.seed,
        made,
    };
    match read(dir)? {
        Some(mark) if mark == wanted(true) => return Ok(Folder::GoesOn),
        Some(mark) if mark == wanted(false) => {}
        Some(mark) => {
            let what = format!("`{}` holds a demo of other options", dir.display());
            let hint = format!(
                "choose another folder, or go on with --seed {} --days {} --drift-day {} --customers {} --terminals {}",
                mark.seed, mark.days, mark.drift_day, mark.customers, mark.terminals
            );
            return Err(Problem::new(ErrorCode::Conflict, what).with_hint(hint).into());
        }
        None if is_empty(dir)? => write(dir, &wanted(false))?,
        None => {
            let what = format!("`{}` is not empty", dir.display());
            return Err(Problem::new(ErrorCode::Conflict, what)
                .with_hint("the demo takes an empty folder, or one that it made")
                .into());
        }
    }
    // Whatever files are there are those that a demo which was ended here had begun to write.
    tidemill_project::init(dir, true).map_err(|error| error.problem())?;
    write(dir, &wanted(true))?;
    Ok(Folder::New)
}

fn read(dir: &Path) -> Result<Option<Mark>, Failure> {
    let path = dir.join(MARK);
    match std::fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| {
            let what = format!("`{}` is damaged: {error}", path.display());
            Problem::new(ErrorCode::Corrupt, what)
                .with_hint("choose another folder")
                .into()
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io(&format!("read `{}`", path.display()), &error).into()),
    }
}

/// Writes the mark as a whole or not at all.
fn write(dir: &Path, mark: &Mark) -> Result<(), Failure> {
    let (path, draft) = (dir.join(MARK), dir.join(format!("{MARK}.draft")));
    let text = serde_json::to_string_pretty(mark).map_err(super::internal)?;
    std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(&draft, text))
        .and_then(|()| std::fs::rename(&draft, &path))
        .map_err(|error| io(&format!("write `{}`", path.display()), &error).into())
}

/// Whether there is nothing in a folder, or no folder; a draft of the mark is nothing.
fn is_empty(dir: &Path) -> Result<bool, Failure> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(io(&format!("read `{}`", dir.display()), &error).into()),
    };
    let draft = format!("{MARK}.draft");
    Ok(entries.flatten().all(|entry| entry.file_name() == draft.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(seed: u64) -> DemoArgs {
        DemoArgs {
            dir: None,
            keep: false,
            seed,
            days: 78,
            drift_day: 40,
            customers: 1_000,
            terminals: 2_000,
        }
    }

    #[test]
    fn a_folder_is_made_once_and_gone_on_with() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("demo");
        assert_eq!(prepare(&dir, &args(1)).unwrap(), Folder::New);
        assert_eq!(prepare(&dir, &args(1)).unwrap(), Folder::GoesOn);
        prepare(&dir, &args(2)).unwrap_err();
    }

    #[test]
    fn a_demo_that_was_ended_while_it_wrote_its_files_writes_them_again() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("demo");
        prepare(&dir, &args(1)).unwrap();
        let text = std::fs::read_to_string(dir.join(MARK)).unwrap();
        std::fs::write(dir.join(MARK), text.replace("true", "false")).unwrap();
        std::fs::remove_file(dir.join("tidemill.toml")).unwrap();
        assert_eq!(prepare(&dir, &args(1)).unwrap(), Folder::New);
        assert!(dir.join("tidemill.toml").is_file());
    }

    #[test]
    fn what_somebody_else_has_there_is_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join("tidemill.toml"), "name = \"mine\"").unwrap();
        prepare(temp.path(), &args(1)).unwrap_err();
        let kept = std::fs::read_to_string(temp.path().join("tidemill.toml")).unwrap();
        assert_eq!(kept, "name = \"mine\"");
    }
}
