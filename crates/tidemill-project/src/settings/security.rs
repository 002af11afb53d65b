//! `[kafka.security]`: who we are to the brokers, and how we know them. The broker in the process demands the same.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::forms::SecretForm;
use crate::secret::{Secret, SecretError, SecretSource};

/// Encryption and authentication towards the brokers. The broker in the process demands the same of whoever connects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct KafkaSecurity {
    /// How the brokers are spoken with. `sasl_plaintext` sends what it authenticates with unencrypted.
    pub protocol: SecurityProtocol,
    /// How the client proves who it is, with a `sasl_…` protocol.
    pub mechanism: Option<SaslMechanism>,
    /// The user.
    pub username: Option<String>,
    /// The user's password: a text, `{ env = "NAME" }` or `{ file = "path" }`.
    #[schemars(with = "Option<SecretForm>")]
    pub password: Option<SecretSource>,
    /// The file of the authorities (PEM) that the brokers' certificates must come from; by default those of the system.
    pub ca: Option<PathBuf>,
    /// The file of the client's certificate (PEM), for brokers that ask for one.
    pub certificate: Option<PathBuf>,
    /// The file of its private key (PEM).
    pub key: Option<PathBuf>,
    /// The password of that key: a text, `{ env = "NAME" }` or `{ file = "path" }`.
    #[schemars(with = "Option<SecretForm>")]
    pub key_password: Option<SecretSource>,
    /// Whether a broker's certificate must name the host that was called.
    pub verify_hostname: bool,
}

impl Default for KafkaSecurity {
    fn default() -> KafkaSecurity {
        KafkaSecurity {
            protocol: SecurityProtocol::Plaintext,
            mechanism: None,
            username: None,
            password: None,
            ca: None,
            certificate: None,
            key: None,
            key_password: None,
            verify_hostname: true,
        }
    }
}

/// How brokers are spoken with, by Kafka's names in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum SecurityProtocol {
    /// Neither encrypted nor authenticated.
    Plaintext,
    /// TLS; with `certificate` and `key` the client is known by them.
    Ssl,
    /// Authenticated, not encrypted.
    SaslPlaintext,
    /// Authenticated within TLS.
    SaslSsl,
}

/// How the client proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum SaslMechanism {
    /// The password is sent.
    #[serde(rename = "plain")]
    Plain,
    /// A proof of it is sent, by SHA-256.
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// A proof of it is sent, by SHA-512.
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
}

/// Why the settings give no client.
#[derive(Debug, thiserror::Error)]
pub enum SecurityError {
    /// A setting is missing, or has no meaning beside the others.
    #[error("`{setting}` {reason}")]
    Unfit {
        /// The setting's dotted path.
        setting: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A secret is not where the setting says.
    #[error("`{setting}` cannot be had")]
    Secret {
        /// The setting's dotted path.
        setting: String,
        /// Why.
        #[source]
        source: SecretError,
    },
}

impl SecurityProtocol {
    /// Whether connections are encrypted.
    pub(super) fn is_tls(self) -> bool {
        matches!(self, SecurityProtocol::Ssl | SecurityProtocol::SaslSsl)
    }

    /// Whether clients say who they are by a password.
    pub(super) fn is_sasl(self) -> bool {
        matches!(self, SecurityProtocol::SaslPlaintext | SecurityProtocol::SaslSsl)
    }

    fn name(self) -> &'static str {
        match self {
            SecurityProtocol::Plaintext => "plaintext",
            SecurityProtocol::Ssl => "ssl",
            SecurityProtocol::SaslPlaintext => "sasl_plaintext",
            SecurityProtocol::SaslSsl => "sasl_ssl",
        }
    }
}

impl SaslMechanism {
    fn name(self) -> &'static str {
        match self {
            SaslMechanism::Plain => "PLAIN",
            SaslMechanism::ScramSha256 => "SCRAM-SHA-256",
            SaslMechanism::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl KafkaSecurity {
    /// Whether the settings belong together; the secrets themselves are not looked for.
    pub(crate) fn check(&self) -> Result<(), SecurityError> {
        let (sasl, tls) = (self.protocol.is_sasl(), self.protocol.is_tls());
        let needs_sasl = "needs a protocol that authenticates: `sasl_ssl`, or `sasl_plaintext`";
        let needs_tls = "needs a protocol with TLS: `ssl` or `sasl_ssl`";
        let missing = "must be set with a protocol that authenticates";
        let rules = [
            ("mechanism", sasl && self.mechanism.is_none(), missing),
            ("username", sasl && self.username.is_none(), missing),
            ("password", sasl && self.password.is_none(), missing),
            ("mechanism", !sasl && self.mechanism.is_some(), needs_sasl),
            ("username", !sasl && self.username.is_some(), needs_sasl),
            ("password", !sasl && self.password.is_some(), needs_sasl),
            ("ca", !tls && self.ca.is_some(), needs_tls),
            ("certificate", !tls && self.certificate.is_some(), needs_tls),
            ("key", !tls && self.key.is_some(), needs_tls),
            ("verify_hostname", !tls && !self.verify_hostname, needs_tls),
            (
                "key",
                self.certificate.is_some() && self.key.is_none(),
                "must be set beside `certificate`",
            ),
            (
                "certificate",
                self.key.is_some() && self.certificate.is_none(),
                "must be set beside `key`",
            ),
            (
                "key",
                self.key_password.is_some() && self.key.is_none(),
                "must be set beside `key_password`",
            ),
        ];
        match rules.into_iter().find(|(_, broken, _)| *broken) {
            Some((setting, _, reason)) => Err(SecurityError::Unfit {
                setting: format!("kafka.security.{setting}"),
                reason,
            }),
            None => Ok(()),
        }
    }

    /// The client's properties by librdkafka's names, secrets and all. Relative files start at `dir`.
    pub fn properties(&self, dir: &Path) -> Result<BTreeMap<String, String>, SecurityError> {
        self.check()?;
        let mut properties = BTreeMap::new();
        if self.protocol == SecurityProtocol::Plaintext {
            return Ok(properties);
        }
        let mut set = |name: &str, value: Option<String>| {
            properties.extend(value.map(|value| (name.to_owned(), value)));
        };
        let secret = |setting, source: &Option<SecretSource>| match source {
            None => Ok(None),
            Some(source) => {
                let secret = read_secret(&format!("kafka.security.{setting}"), source, dir)?;
                Ok(Some(secret.expose().to_owned()))
            }
        };
        let file = |path: &Option<PathBuf>| path.as_ref().map(|path| dir.join(path).display().to_string());
        set("security.protocol", Some(self.protocol.name().to_owned()));
        set(
            "sasl.mechanism",
            self.mechanism.map(|mechanism| mechanism.name().to_owned()),
        );
        set("sasl.username", self.username.clone());
        set("sasl.password", secret("password", &self.password)?);
        set("ssl.ca.location", file(&self.ca));
        set("ssl.certificate.location", file(&self.certificate));
        set("ssl.key.location", file(&self.key));
        set("ssl.key.password", secret("key_password", &self.key_password)?);
        let unnamed = self.protocol.is_tls() && !self.verify_hostname;
        set(
            "ssl.endpoint.identification.algorithm",
            unnamed.then(|| "none".to_owned()),
        );
        Ok(properties)
    }
}

/// Gets the secret of a setting.
pub(super) fn read_secret(setting: &str, source: &SecretSource, dir: &Path) -> Result<Secret, SecurityError> {
    source.read(dir).map_err(|source| SecurityError::Secret {
        setting: setting.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> KafkaSecurity {
        toml::from_str(toml).unwrap()
    }

    #[test]
    fn settings_become_properties_of_the_client() {
        let dir = Path::new("/project");
        let told = |toml: &str| -> String {
            match read(toml).properties(dir) {
                Ok(properties) => {
                    let pairs: Vec<String> = properties
                        .iter()
                        .map(|(name, value)| format!("{name}={value}"))
                        .collect();
                    pairs.join(" ")
                }
                Err(error) => error.to_string(),
            }
        };
        let scram =
            "protocol = 'sasl_ssl'\nmechanism = 'scram-sha-512'\nusername = 'ada'\npassword = 'pw'\nca = 'ca.pem'";
        for (toml, expected) in [
            ("", ""),
            (
                scram,
                "sasl.mechanism=SCRAM-SHA-512 sasl.password=pw sasl.username=ada security.protocol=sasl_ssl ssl.ca.location=/project/ca.pem",
            ),
            (
                "protocol = 'ssl'\ncertificate = '/c.pem'\nkey = 'k.pem'\nverify_hostname = false",
                "security.protocol=ssl ssl.certificate.location=/c.pem ssl.endpoint.identification.algorithm=none ssl.key.location=/project/k.pem",
            ),
            (
                "protocol = 'sasl_ssl'",
                "`kafka.security.mechanism` must be set with a protocol that authenticates",
            ),
            (
                "username = 'ada'",
                "`kafka.security.username` needs a protocol that authenticates: `sasl_ssl`, or `sasl_plaintext`",
            ),
            (
                "protocol = 'ssl'\nkey = 'k'",
                "`kafka.security.certificate` must be set beside `key`",
            ),
            (
                "ca = 'x'",
                "`kafka.security.ca` needs a protocol with TLS: `ssl` or `sasl_ssl`",
            ),
            (
                "protocol = 'sasl_plaintext'\nmechanism = 'plain'\nusername = 'a'\npassword = { env = 'TIDEMILL_TEST_NOT_SET' }",
                "`kafka.security.password` cannot be had",
            ),
        ] {
            assert_eq!(told(toml), expected, "{toml}");
        }
        assert!(!format!("{:?}", read(scram)).contains("pw"));
    }
}
