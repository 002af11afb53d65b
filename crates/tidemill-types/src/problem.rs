//! The one shape in which anything that went wrong reaches a person or a program: a code, a message, a hint.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of thing went wrong; decides the HTTP status and the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The input is wrong: a typo, a wrong type, a setting that does not exist.
    InvalidInput,
    /// What was named is not there.
    NotFound,
    /// It is there already, or somebody else holds it.
    Conflict,
    /// The input is right, but the house is not in a state for it: no labels yet, a gate not passed, a check failed.
    NotReady,
    /// A named limit was reached: rows, bytes, memory, queue.
    LimitReached,
    /// A named time limit was reached.
    TimedOut,
    /// Who asks has not said who they are, or may not.
    Refused,
    /// Something that is needed does not answer: a broker, a store, a server.
    Unavailable,
    /// Stored data is not what it must be: a checksum, a fence, a chain.
    Corrupt,
    /// A fault of ours.
    Internal,
}

impl ErrorCode {
    /// As in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorCode::InvalidInput => "invalid_input",
            ErrorCode::NotFound => "not_found",
            ErrorCode::Conflict => "conflict",
            ErrorCode::NotReady => "not_ready",
            ErrorCode::LimitReached => "limit_reached",
            ErrorCode::TimedOut => "timed_out",
            ErrorCode::Refused => "refused",
            ErrorCode::Unavailable => "unavailable",
            ErrorCode::Corrupt => "corrupt",
            ErrorCode::Internal => "internal",
        }
    }

    /// The HTTP status of an answer with this code.
    pub fn http_status(self) -> u16 {
        match self {
            ErrorCode::InvalidInput => 400,
            ErrorCode::NotFound => 404,
            ErrorCode::Conflict | ErrorCode::NotReady => 409,
            ErrorCode::LimitReached => 413,
            ErrorCode::TimedOut => 408,
            ErrorCode::Refused => 401,
            ErrorCode::Unavailable => 503,
            ErrorCode::Corrupt | ErrorCode::Internal => 500,
        }
    }

    /// The exit code of a command that ends with this code. 2 is what the command line parser uses for wrong usage.
    pub fn exit_code(self) -> u8 {
        match self {
            ErrorCode::InvalidInput => 2,
            ErrorCode::NotFound => 3,
            ErrorCode::Conflict => 4,
            ErrorCode::NotReady => 5,
            ErrorCode::LimitReached | ErrorCode::TimedOut => 6,
            ErrorCode::Refused => 7,
            ErrorCode::Unavailable => 8,
            ErrorCode::Corrupt => 9,
            ErrorCode::Internal => 1,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What went wrong, for whoever asked. The body of every error answer: `{"error": {"code", "message", "hint"}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The kind.
    pub code: ErrorCode,
    /// What failed on what, with its causes behind it.
    pub message: String,
    /// What to do next, where there is something to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// A problem without a hint.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Problem {
        Problem {
            code,
            message: message.into(),
            hint: None,
        }
    }

    /// The same with what to do next.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Explain for Problem {
    fn code(&self) -> ErrorCode {
        self.code
    }
    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}

/// An error that can say of what kind it is and what to do next. Every public error of the house implements it.
pub trait Explain: std::error::Error {
    /// The kind.
    fn code(&self) -> ErrorCode;

    /// What to do next, where there is something to do.
    fn hint(&self) -> Option<String> {
        None
    }

    /// The error with its chain of sources as one [`Problem`].
    fn problem(&self) -> Problem
    where
        Self: Sized,
    {
        let mut message = self.to_string();
        let mut source = self.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Many libraries print their source in their own message; saying it twice helps nobody.
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            source = cause.source();
        }
        Problem {
            code: self.code(),
            message,
            hint: self.hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("failed to open `lake`")]
    struct Outer(#[source] std::io::Error);

    impl Explain for Outer {
        fn code(&self) -> ErrorCode {
            ErrorCode::Unavailable
        }
    }

    #[test]
    fn a_problem_tells_the_whole_chain_once() {
        let problem = Outer(std::io::Error::other("disk is full")).problem();
        assert_eq!(problem.message, "failed to open `lake`: disk is full");
        assert_eq!(serde_json::to_value(&problem).unwrap()["code"], "unavailable");
    }
}
