//! Names as types: a name that exists is a valid one, so that nothing below checks again.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest name of anything that is also an SQL identifier, in bytes (as PostgreSQL's).
pub const IDENTIFIER_BYTES_MAX: usize = 63;
/// Longest Kafka topic name, in bytes (Apache Kafka's limit).
pub const TOPIC_BYTES_MAX: usize = 249;
/// Longest experiment, alias or deployment name, in bytes.
pub const LABEL_BYTES_MAX: usize = 128;

/// A text that cannot be the name of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {kind} name: {rule}")]
pub struct InvalidName {
    /// What it was to name, as `stream` or `topic`.
    pub kind: &'static str,
    /// The text as given, cut to a printable length.
    pub text: String,
    /// The rule it breaks, in words.
    pub rule: &'static str,
}

/// Lower-case SQL identifiers: usable unquoted in every query.
fn check_identifier(text: &str) -> Result<(), &'static str> {
    let starts_well = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let spelled_well = text
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !starts_well || !spelled_well {
        return Err("a lower-case letter or `_`, then lower-case letters, digits or `_`");
    }
    if text.len() > IDENTIFIER_BYTES_MAX {
        return Err("at most 63 bytes");
    }
    Ok(())
}

/// Column names keep the case of the user's schema.
fn check_column(text: &str) -> Result<(), &'static str> {
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let spelled_well = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !starts_well || !spelled_well {
        return Err("a letter or `_`, then letters, digits or `_`");
    }
    if text.len() > IDENTIFIER_BYTES_MAX {
        return Err("at most 63 bytes");
    }
    Ok(())
}

fn check_topic(text: &str) -> Result<(), &'static str> {
    let spelled_well = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if text.is_empty() || !spelled_well || text == "." || text == ".." {
        return Err("letters, digits, `.`, `_` or `-`, and not `.` or `..`");
    }
    if text.len() > TOPIC_BYTES_MAX {
        return Err("at most 249 bytes");
    }
    Ok(())
}

/// Names that appear in URLs and on the command line, and never in SQL.
fn check_label(text: &str) -> Result<(), &'static str> {
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    let spelled_well = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if !starts_well || !spelled_well {
        return Err("a letter or digit, then letters, digits, `.`, `_` or `-`");
    }
    if text.len() > LABEL_BYTES_MAX {
        return Err("at most 128 bytes");
    }
    Ok(())
}

fn check_run_id(text: &str) -> Result<(), &'static str> {
    let hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if text.len() != 32 || !hex {
        Err("32 lower-case hexadecimal digits")
    } else {
        Ok(())
    }
}

/// Aliases share the namespace of version numbers on the command line, so they never look like one.
fn check_alias(text: &str) -> Result<(), &'static str> {
    let digits = text.strip_prefix('v').unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err("not a version number such as `3` or `v3`");
    }
    check_label(text)
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The checked name, or why `text` cannot be one.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                match $check(&text) {
                    Ok(()) => Ok(Self(text)),
                    Err(rule) => Err(InvalidName { kind: $kind, text: text.chars().take(80).collect(), rule }),
                }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

name!(
    /// A stream of the project: its landed table has the same name.
    StreamName, "stream", check_identifier
);
name!(
    /// A table of the catalog.
    TableName, "table", check_identifier
);
name!(
    /// A feature view, after its SQL file's header.
    ViewName, "feature view", check_identifier
);
name!(
    /// A validation check, after its SQL file's header.
    CheckName, "check", check_identifier
);
name!(
    /// A drift or performance monitor, after its SQL file's header.
    MonitorName, "monitor", check_identifier
);
name!(
    /// A trigger of retraining, after its SQL file's header.
    TriggerName, "trigger", check_identifier
);
name!(
    /// What features describe: `customer`, `terminal`.
    EntityName, "entity", check_identifier
);
name!(
    /// A registered model of the project.
    ModelName, "model", check_identifier
);
name!(
    /// Who reads a topic into tables; part of the fence's app id and the consumer group's name.
    PipelineName, "pipeline", check_identifier
);
name!(
    /// A column, in the case of the user's schema.
    ColumnName, "column", check_column
);
name!(
    /// A Kafka topic.
    TopicName, "topic", check_topic
);
name!(
    /// One of the workers that share a pipeline: its instance id in the consumer groups.
    WorkerName, "worker", check_topic
);
name!(
    /// An experiment: a named group of runs.
    ExperimentName, "experiment", check_label
);
name!(
    /// A pointer to one version of a model: `champion`, `challenger`.
    AliasName, "alias", check_alias
);
name!(
    /// A named place that serves one model's versions, one at a time.
    DeploymentName, "deployment", check_identifier
);
name!(
    /// The public id of a run: 32 lower-case hexadecimal digits.
    RunId, "run", check_run_id
);

impl From<StreamName> for TableName {
    /// A stream lands in the table of its own name; both obey the same rule.
    fn from(stream: StreamName) -> TableName {
        TableName(stream.0)
    }
}

impl From<ViewName> for TableName {
    /// A feature view is a table of the catalog under its own name.
    fn from(view: ViewName) -> TableName {
        TableName(view.0)
    }
}

impl From<ModelName> for DeploymentName {
    /// Unless told otherwise a model is deployed under its own name.
    fn from(model: ModelName) -> DeploymentName {
        DeploymentName(model.0)
    }
}

/// The number of a model's version, from 1. Reads `3` and `v3`, prints `v3`, and is a plain number in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VersionNumber(pub u32);

impl fmt::Display for VersionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("v{}", self.0))
    }
}

impl FromStr for VersionNumber {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let digits = text.strip_prefix('v').unwrap_or(text);
        match digits.parse() {
            Ok(number) if number > 0 => Ok(Self(number)),
            _ => Err(InvalidName {
                kind: "version",
                text: text.into(),
                rule: "a number from 1, as `3` or `v3`",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_usable_in_sql_unquoted() {
        for good in ["a", "_a", "transactions", "tx_2"] {
            assert!(StreamName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "A", "2a", "a-b", "a b", "ä", "a.b", &"x".repeat(64)] {
            assert!(StreamName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn aliases_never_look_like_versions() {
        assert!(AliasName::new("champion").is_ok());
        assert!(AliasName::new("v").is_ok());
        for bad in ["3", "v3", "v10"] {
            assert!(AliasName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_version_reads_with_and_without_its_letter() {
        assert_eq!("v3".parse(), Ok(VersionNumber(3)));
        assert_eq!("3".parse(), Ok(VersionNumber(3)));
        assert!("0".parse::<VersionNumber>().is_err());
        assert!("-1".parse::<VersionNumber>().is_err());
    }

    #[test]
    fn json_goes_through_the_same_checks() {
        assert!(serde_json::from_str::<TopicName>("\"a/b\"").is_err());
        assert_eq!(
            serde_json::to_string(&TopicName::new("a.b").unwrap()).unwrap(),
            "\"a.b\""
        );
    }
}
