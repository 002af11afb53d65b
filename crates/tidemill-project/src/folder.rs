//! What lies in a project's folder: the files, in the order of their names, and what nobody reads.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tidemill_types::ErrorCode;

use crate::fault::{Fault, did_you_mean};
use crate::sql::{Kind, SQL_BYTES_MAX, SqlFile};

/// Largest settings or schema file that is read, in bytes.
const TEXT_BYTES_MAX: u64 = 4 << 20;
/// Most SQL files of one folder.
const SQL_FILES_MAX: usize = 10_000;

/// The text of a file of the project, `file` being relative to it.
pub(crate) fn read_text(dir: &Path, file: &Path) -> Result<String, Fault> {
    let name = file.display();
    let unreadable = |error: io::Error| {
        let code = match error.kind() {
            io::ErrorKind::NotFound => ErrorCode::NotFound,
            _ => ErrorCode::Unavailable,
        };
        let problem = match error.kind() {
            io::ErrorKind::NotFound => format!("there is no file `{name}`"),
            io::ErrorKind::InvalidData => format!("`{name}` is not text in UTF-8"),
            _ => format!("cannot read `{name}`: {error}"),
        };
        Fault::new(problem).with_code(code)
    };
    let path = dir.join(file);
    let bytes = fs::metadata(&path).map_err(unreadable)?.len();
    if bytes > TEXT_BYTES_MAX {
        let problem = format!("`{name}` has {bytes} bytes, more than {TEXT_BYTES_MAX}");
        return Err(Fault::new(problem).with_code(ErrorCode::LimitReached));
    }
    fs::read_to_string(path).map_err(unreadable)
}

/// The files of a folder of the project with this ending, sorted; none where there is no such folder.
pub(crate) fn files(dir: &Path, folder: &Path, ending: &str) -> Result<Vec<PathBuf>, Fault> {
    let mut found = Vec::new();
    for name in names(dir, folder)? {
        let file = folder.join(name);
        if file.extension().is_some_and(|extension| extension == ending) && dir.join(&file).is_file() {
            found.push(file);
        }
    }
    Ok(found)
}

/// The SQL files of a kind.
pub(crate) fn sql_files(dir: &Path, kind: Kind, faults: &mut Vec<Fault>) -> Vec<SqlFile> {
    let folder = Path::new("sql").join(kind.folder());
    let found = match files(dir, &folder, "sql") {
        Ok(found) => found,
        Err(fault) => {
            faults.push(fault);
            return Vec::new();
        }
    };
    if found.len() > SQL_FILES_MAX {
        let problem = format!("`{}` holds more than {SQL_FILES_MAX} files", folder.display());
        faults.push(Fault::new(problem).with_code(ErrorCode::LimitReached));
        return Vec::new();
    }
    let mut read = Vec::new();
    for file in found {
        match read_text(dir, &file) {
            Ok(text) if text.len() > SQL_BYTES_MAX => {
                let problem = format!("`{}` has more than {SQL_BYTES_MAX} bytes", file.display());
                faults.push(Fault::new(problem).with_code(ErrorCode::LimitReached));
            }
            Ok(text) => read.push(SqlFile::new(kind, &file, &text)),
            Err(fault) => faults.push(fault),
        }
    }
    read
}

/// What lies in `sql/` and is read by nobody.
pub(crate) fn sql_strays(dir: &Path) -> Result<Vec<Fault>, Fault> {
    let mut strays = Vec::new();
    let folders = || Kind::ALL.iter().map(|kind| kind.folder());
    for name in names(dir, Path::new("sql"))? {
        let path = Path::new("sql").join(&name);
        let is_sql = path.extension().is_some_and(|extension| extension == "sql");
        if dir.join(&path).is_dir() && !folders().any(|folder| folder == name) {
            let stray = Fault::new(format!("`{}` is not read", path.display()));
            strays.push(stray.with_hint(did_you_mean(&name, folders())));
        } else if is_sql {
            let stray = Fault::new(format!(
                "`{}` is not read: it lies in none of the folders of sql/",
                path.display()
            ));
            strays.push(stray.with_hint(did_you_mean("", folders())));
        }
    }
    Ok(strays)
}

/// Names in a folder, sorted, without hidden ones; none where there is no such folder.
fn names(dir: &Path, folder: &Path) -> Result<Vec<String>, Fault> {
    let unreadable = |error: io::Error| {
        Fault::new(format!("cannot read the folder `{}`: {error}", folder.display())).with_code(ErrorCode::Unavailable)
    };
    let entries = match fs::read_dir(dir.join(folder)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
