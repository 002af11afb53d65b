//! Problems on standard error, and the exit code they end in.

use std::process::ExitCode;

use tidemill_types::Problem;

/// Prints `error: …` and, where there is one, `hint: …`; as JSON for machines.
pub fn print_problem(problem: &Problem, json: bool) {
    if json {
        eprintln!("{}", serde_json::json!({ "error": problem }));
        return;
    }
    eprintln!("error: {}", problem.message);
    if let Some(hint) = &problem.hint {
        eprintln!("hint: {hint}");
    }
}

/// The exit code of a command that ends with `problem`.
pub fn exit_code(problem: &Problem) -> ExitCode {
    ExitCode::from(problem.code.exit_code())
}
