//! What a broker demands of those who connect.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Fewest rounds of SCRAM's key derivation. Source: RFC 7677, section 4.
const SCRAM_ITERATIONS_MIN: u32 = 4_096;
/// Most rounds, which clients pay for at each connection. Source: Apache Kafka's `ScramMechanism`.
const SCRAM_ITERATIONS_MAX: u32 = 16_384;
/// Most users: the start derives keys for each of them.
const USERS_MAX: usize = 1_000;
/// Longest name of a user and longest password, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 1_024;

/// What the broker demands of every connection. By default nothing, which only an address of the machine itself may do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BrokerSecurity {
    /// Encryption; absent: none.
    pub tls: Option<TlsSettings>,
    /// Authentication by name and password; absent: none.
    pub sasl: Option<SaslSettings>,
}

/// The broker's side of TLS 1.2 and 1.3. The files are read at the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSettings {
    /// The file of the broker's certificate (PEM), with those between it and the authority, if any.
    pub certificate: PathBuf,
    /// The file of its private key (PEM), unencrypted.
    pub key: PathBuf,
    /// The file of the authorities (PEM) that clients' certificates must come from. Absent: clients are asked for none.
    #[serde(default)]
    pub client_ca: Option<PathBuf>,
}

/// How clients say who they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaslSettings {
    /// The mechanisms that are taken; at least one.
    pub mechanisms: Vec<SaslMechanism>,
    /// Passwords by user; at least one. They are read and never written.
    #[serde(skip_serializing, default)]
    pub users: BTreeMap<String, Password>,
    /// Rounds of SCRAM's key derivation, 4,096 to 16,384.
    #[serde(default = "scram_iterations_default")]
    pub scram_iterations: u32,
}

/// A mechanism of SASL, by Kafka's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SaslMechanism {
    /// The password is sent: RFC 4616.
    #[serde(rename = "PLAIN")]
    Plain,
    /// A proof of it is sent, by SHA-256: RFC 5802, RFC 7677.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// A proof of it is sent, by SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

/// A password. It prints as stars.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Password(String);

fn scram_iterations_default() -> u32 {
    SCRAM_ITERATIONS_MIN
}

impl Password {
    /// Wraps a password.
    pub fn new(text: impl Into<String>) -> Password {
        Password(text.into())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl SaslMechanism {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            SaslMechanism::Plain => "PLAIN",
            SaslMechanism::ScramSha256 => "SCRAM-SHA-256",
            SaslMechanism::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl SaslSettings {
    /// These mechanisms and users, with the fewest rounds that the standard allows.
    pub fn new(
        mechanisms: impl IntoIterator<Item = SaslMechanism>,
        users: impl IntoIterator<Item = (String, Password)>,
    ) -> SaslSettings {
        SaslSettings {
            mechanisms: mechanisms.into_iter().collect(),
            users: users.into_iter().collect(),
            scram_iterations: SCRAM_ITERATIONS_MIN,
        }
    }
}

impl BrokerSecurity {
    /// Whether a connection has to show or to do anything before its first request.
    pub(crate) fn demands_nothing(&self) -> bool {
        self.tls.is_none() && self.sasl.is_none()
    }

    /// Whether the broker learns who a client is.
    pub(crate) fn knows_clients(&self) -> bool {
        self.sasl.is_some() || self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some())
    }

    /// What no broker could run with; none when the settings are sound. The files are not looked for.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let sasl = self.sasl.as_ref()?;
        let fits = |text: &str| (1..=NAME_BYTES_MAX).contains(&text.len()) && !text.contains('\0');
        let faults = [
            (
                sasl.mechanisms.is_empty(),
                "security.sasl.mechanisms must name at least one",
            ),
            (sasl.users.is_empty(), "security.sasl.users must name at least one"),
            (
                USERS_MAX < sasl.users.len(),
                "security.sasl.users must be at most 1,000",
            ),
            (
                !sasl.users.keys().all(|user| fits(user)),
                "the name of each of security.sasl.users must have 1 to 1,024 bytes, and no NUL",
            ),
            (
                !sasl.users.values().all(|password| fits(password.expose())),
                "the password of each of security.sasl.users must have 1 to 1,024 bytes, and no NUL",
            ),
            (
                !(SCRAM_ITERATIONS_MIN..=SCRAM_ITERATIONS_MAX).contains(&sasl.scram_iterations),
                "security.sasl.scram_iterations must be 4,096 to 16,384",
            ),
        ];
        faults.into_iter().find(|(is_fault, _)| *is_fault).map(|(_, what)| what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sasl() -> SaslSettings {
        SaslSettings::new(
            [SaslMechanism::ScramSha256],
            [("ada".to_owned(), Password::new("hunter2"))],
        )
    }

    #[test]
    fn a_password_is_never_written() {
        let security = BrokerSecurity {
            sasl: Some(sasl()),
            ..BrokerSecurity::default()
        };
        let written = format!("{security:?} {}", serde_json::to_string(&security).unwrap());
        assert!(!written.contains("hunter2"), "{written}");
        assert!(written.contains("ada"), "{written}");
    }

    #[test]
    fn settings_that_ask_nobody_are_none() {
        let check = |change: fn(&mut SaslSettings), expected: Option<&str>| {
            let mut sasl = sasl();
            change(&mut sasl);
            let security = BrokerSecurity {
                sasl: Some(sasl),
                ..BrokerSecurity::default()
            };
            let fault = security.fault();
            assert_eq!(fault.is_some(), expected.is_some(), "{fault:?}");
            assert!(
                fault.unwrap_or_default().contains(expected.unwrap_or_default()),
                "{fault:?}"
            );
        };
        check(|_| (), None);
        check(|s| s.mechanisms.clear(), Some("mechanisms"));
        check(|s| s.users.clear(), Some("users"));
        check(|s| s.scram_iterations = 4_095, Some("scram_iterations"));
        check(|s| s.scram_iterations = 16_385, Some("scram_iterations"));
        check(
            |s| drop(s.users.insert(String::new(), Password::new("x"))),
            Some("the name"),
        );
        check(
            |s| drop(s.users.insert("bob".to_owned(), Password::new(""))),
            Some("the password"),
        );
    }
}
