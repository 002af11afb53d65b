//! How a command fails: with one problem, or with all the faults of a project.

use std::io::ErrorKind;
use std::process::ExitCode;

use tidemill_project::ProjectError;
use tidemill_types::{ErrorCode, Explain, Problem};

use crate::render::{exit_code, print_problem};

/// Why a command failed.
#[derive(Debug)]
pub enum Failure {
    /// One problem.
    Problem(Problem),
    /// The project has faults.
    Project(ProjectError),
    /// It did what it was asked, and what it found is bad: checks that fail, SQL that does not plan. Told already.
    Found(ErrorCode),
    /// A signal ended it before it was through. Told already.
    Interrupted,
}

/// The exit code of a command that Ctrl-C ended, as shells have it.
const INTERRUPTED_EXIT_CODE: u8 = 130;

impl Failure {
    /// Prints it and gives its exit code.
    pub fn report(&self, json: bool) -> ExitCode {
        match self {
            Failure::Problem(problem) => {
                print_problem(problem, json);
                exit_code(problem)
            }
            Failure::Project(error) => {
                print_faults(error, json);
                ExitCode::from(error.code().exit_code())
            }
            Failure::Found(code) => ExitCode::from(code.exit_code()),
            Failure::Interrupted => ExitCode::from(INTERRUPTED_EXIT_CODE),
        }
    }
}

fn print_faults(error: &ProjectError, json: bool) {
    if json {
        eprintln!(
            "{}",
            serde_json::json!({ "error": error.problem(), "faults": error.faults })
        );
        return;
    }
    for fault in &error.faults {
        eprintln!("error: {}", fault.message);
        if let Some(advice) = fault.advice() {
            eprintln!("hint: {advice}");
        }
    }
    let count = error.faults.len();
    if count > 1 {
        eprintln!("{count} faults in `{}`", error.dir.display());
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        Failure::Problem(problem)
    }
}

impl From<ProjectError> for Failure {
    fn from(error: ProjectError) -> Failure {
        Failure::Project(error)
    }
}

/// An error of the operating system, as a problem.
pub fn io(what: &str, error: &std::io::Error) -> Problem {
    let code = match error.kind() {
        ErrorKind::NotFound => ErrorCode::NotFound,
        ErrorKind::AlreadyExists => ErrorCode::Conflict,
        ErrorKind::InvalidData | ErrorKind::InvalidInput => ErrorCode::InvalidInput,
        _ => ErrorCode::Unavailable,
    };
    Problem::new(code, format!("failed to {what}: {error}"))
}

/// Writes text to standard output.
pub fn print(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

/// Writes to standard output. A reader that went away ends the command quietly, as other tools do.
pub fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(io("write to standard output", &error).into()),
        Ok(()) => Ok(()),
    }
}

/// Writes a line to standard output.
pub fn line(text: impl AsRef<str>) -> Result<(), Failure> {
    print(&format!("{}\n", text.as_ref()))
}

/// Writes a value as JSON, indented.
pub fn json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Problem::new(ErrorCode::Internal, format!("failed to write JSON: {error}")))?;
    line(text)
}
