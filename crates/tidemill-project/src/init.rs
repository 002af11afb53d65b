//! `tidemill init`: a project written into a folder, and nothing overwritten.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tidemill_types::ErrorCode;

use crate::fault::{Fault, ProjectError};
use crate::propose::StreamProposal;
use crate::template::FRAUD_PROJECT;

/// What keeps the state out of version control.
const GITIGNORE: (&str, &str) = (".gitignore", ".tidemill/\n");

/// Writes the fraud project into `dir`, which is made if need be. Gives the files, relative to it.
///
/// Files that are there already are an error that names them all, and then nothing is written; `overwrite` replaces them.
pub fn init(dir: &Path, overwrite: bool) -> Result<Vec<PathBuf>, ProjectError> {
    let files = FRAUD_PROJECT
        .iter()
        .map(|file| (PathBuf::from(file.path), file.text.to_owned()));
    write_all(dir, files.collect(), overwrite)
}

/// Writes a project for one stream, as proposed from data: settings, schema, a first feature view and two checks.
/// Gives the files, relative to `dir`. Errors as [`init`].
pub fn init_from(dir: &Path, proposal: &StreamProposal, overwrite: bool) -> Result<Vec<PathBuf>, ProjectError> {
    write_all(dir, proposal.files(), overwrite)
}

fn write_all(dir: &Path, mut files: Vec<(PathBuf, String)>, overwrite: bool) -> Result<Vec<PathBuf>, ProjectError> {
    let (ignore, ignored) = GITIGNORE;
    // An ignore file of the user's own is left alone: theirs may say more.
    if !dir.join(ignore).exists() {
        files.push((PathBuf::from(ignore), ignored.to_owned()));
    }
    let there: Vec<String> = files
        .iter()
        .filter(|(file, _)| dir.join(file).exists())
        .map(|(file, _)| format!("`{}`", file.display()))
        .collect();
    if !there.is_empty() && !overwrite {
        let fault = Fault::new(format!("`{}` holds {} already", dir.display(), there.join(", ")))
            .with_code(ErrorCode::Conflict)
            .with_hint("choose an empty folder, or overwrite them with --force");
        return Err(ProjectError::one(dir, fault));
    }
    for (file, text) in &files {
        write(&dir.join(file), text, overwrite).map_err(|error| {
            let fault = Fault::new(format!("cannot write `{}`: {error}", dir.join(file).display()));
            ProjectError::one(dir, fault.with_code(ErrorCode::Unavailable))
        })?;
    }
    Ok(files.into_iter().map(|(file, _)| file).collect())
}

fn write(path: &Path, text: &str, overwrite: bool) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true);
    if overwrite {
        options.create(true).truncate(true);
    } else {
        // Between the look and the write somebody else may have made it.
        options.create_new(true);
    }
    options.open(path)?.write_all(text.as_bytes())
}
