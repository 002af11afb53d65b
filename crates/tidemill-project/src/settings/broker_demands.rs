//! What the broker in the process demands of whoever connects, by the settings of its clients and its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::broker::BrokerSettings;
use super::security::{KafkaSecurity, SaslMechanism, SecurityError, read_secret};
use crate::secret::Secret;

/// What the broker in the process demands: its files from where they lie, its secrets read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerDemands {
    /// Encryption; none where connections are not encrypted.
    pub tls: Option<TlsDemand>,
    /// Passwords; none where nobody is asked for one.
    pub sasl: Option<SaslDemand>,
}

/// The files of the broker's end of TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsDemand {
    /// The broker's certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities of clients' certificates; none where clients need no certificate.
    pub client_ca: Option<PathBuf>,
}

/// Who is let in, and how they say who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaslDemand {
    /// The only mechanism that is taken.
    pub mechanism: SaslMechanism,
    /// Passwords by user.
    pub users: BTreeMap<String, Secret>,
}

impl BrokerSettings {
    /// Whether the settings belong together and fit those of the clients. `is_started`: whether the broker is about to start,
    /// and not merely there to be started by somebody else, as beside a `kafka.bootstrap` that comes from the environment. Files
    /// and secrets are not looked for.
    pub(crate) fn check(&self, clients: &KafkaSecurity, is_started: bool) -> Result<(), SecurityError> {
        let (sasl, tls) = (clients.protocol.is_sasl(), clients.protocol.is_tls());
        let has_certificate = self.certificate.is_some();
        let own_user = clients.username.as_ref();
        let rules = [
            (
                "broker.certificate",
                is_started && tls && !has_certificate,
                "must be set: by `kafka.security.protocol` the broker in the process speaks TLS",
            ),
            (
                "broker.certificate",
                !has_certificate && self.key.is_some(),
                "must be set beside `broker.key`",
            ),
            (
                "broker.certificate",
                !has_certificate && self.client_ca.is_some(),
                "must be set beside `broker.client_ca`",
            ),
            (
                "broker.key",
                has_certificate && self.key.is_none(),
                "must be set beside `broker.certificate`",
            ),
            (
                "broker.certificate",
                has_certificate && !tls,
                "needs a `kafka.security.protocol` with TLS: `ssl` or `sasl_ssl`",
            ),
            (
                "broker.users",
                !self.users.is_empty() && !sasl,
                "needs a `kafka.security.protocol` that authenticates: `sasl_ssl`, or `sasl_plaintext`",
            ),
            (
                "broker.users",
                self.users.contains_key(""),
                "holds a password without a user",
            ),
            (
                "broker.users",
                own_user.is_some_and(|user| self.users.contains_key(user)),
                "names `kafka.security.username`, whose password is `kafka.security.password`",
            ),
            (
                "kafka.security.certificate",
                is_started && self.client_ca.is_some() && clients.certificate.is_none(),
                "must be set beside `broker.client_ca`: tidemill is a client of its broker, too",
            ),
        ];
        match rules.into_iter().find(|(_, broken, _)| *broken) {
            Some((setting, _, reason)) => Err(SecurityError::Unfit {
                setting: setting.to_owned(),
                reason,
            }),
            None => Ok(()),
        }
    }

    /// What the broker demands where clients go by these settings. Relative files start at `dir`.
    pub fn demands(&self, clients: &KafkaSecurity, dir: &Path) -> Result<BrokerDemands, SecurityError> {
        clients.check()?;
        self.check(clients, true)?;
        let tls = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => Some(TlsDemand {
                certificate: dir.join(certificate),
                key: dir.join(key),
                client_ca: self.client_ca.as_ref().map(|path| dir.join(path)),
            }),
            _ => None,
        };
        let sasl = match (clients.mechanism, &clients.username, &clients.password) {
            (Some(mechanism), Some(user), Some(password)) => {
                let password = read_secret("kafka.security.password", password, dir)?;
                let mut users = BTreeMap::from([(user.clone(), password)]);
                for (user, password) in &self.users {
                    let password = read_secret(&format!("broker.users.{user}"), password, dir)?;
                    users.insert(user.clone(), password);
                }
                Some(SaslDemand { mechanism, users })
            }
            _ => None,
        };
        Ok(BrokerDemands { tls, sasl })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRAM: &str = "mechanism = 'scram-sha-256'\nusername = 'ada'\npassword = 'pw'\n";

    /// What is demanded, or why it cannot be, on one line.
    fn told(clients: &str, broker: &str) -> String {
        let clients: KafkaSecurity = toml::from_str(clients).unwrap();
        let broker: BrokerSettings = toml::from_str(broker).unwrap();
        match broker.demands(&clients, Path::new("/project")) {
            Err(error) => error.to_string(),
            Ok(demands) => {
                let tls = demands.tls.map(|tls| {
                    let client_ca = tls.client_ca.map(|path| format!(" {}", path.display()));
                    format!(
                        "tls {} {}{}",
                        tls.certificate.display(),
                        tls.key.display(),
                        client_ca.unwrap_or_default()
                    )
                });
                let sasl = demands.sasl.map(|sasl| {
                    let users: Vec<String> = sasl
                        .users
                        .iter()
                        .map(|(user, password)| format!("{user}={}", password.expose()))
                        .collect();
                    format!("{:?} {}", sasl.mechanism, users.join(" "))
                });
                [tls, sasl].into_iter().flatten().collect::<Vec<_>>().join(", ")
            }
        }
    }

    #[test]
    fn the_broker_demands_what_its_clients_do() {
        let of = |protocol: &str| format!("protocol = '{protocol}'\n");
        let sasl = |protocol: &str| of(protocol) + SCRAM;
        let files = "certificate = 'c.pem'\nkey = '/k.pem'\n";
        for (clients, broker, expected) in [
            (String::new(), "", ""),
            (sasl("sasl_plaintext"), "", "ScramSha256 ada=pw"),
            (
                sasl("sasl_plaintext"),
                "users = { bob = 'bw' }",
                "ScramSha256 ada=pw bob=bw",
            ),
            (of("ssl"), files, "tls /project/c.pem /k.pem"),
            (sasl("sasl_ssl"), files, "tls /project/c.pem /k.pem, ScramSha256 ada=pw"),
            (
                of("ssl") + "certificate = 'own.pem'\nkey = 'own.key'",
                &format!("{files}client_ca = 'ca.pem'"),
                "tls /project/c.pem /k.pem /project/ca.pem",
            ),
            (
                of("ssl"),
                "",
                "`broker.certificate` must be set: by `kafka.security.protocol` the broker in the process speaks TLS",
            ),
            (
                of("ssl"),
                "certificate = 'c.pem'",
                "`broker.key` must be set beside `broker.certificate`",
            ),
            (
                String::new(),
                "key = 'k.pem'",
                "`broker.certificate` must be set beside `broker.key`",
            ),
            (
                String::new(),
                files,
                "`broker.certificate` needs a `kafka.security.protocol` with TLS: `ssl` or `sasl_ssl`",
            ),
            (
                String::new(),
                "users = { bob = 'bw' }",
                "`broker.users` needs a `kafka.security.protocol` that authenticates: `sasl_ssl`, or `sasl_plaintext`",
            ),
            (
                sasl("sasl_plaintext"),
                "users = { ada = 'bw' }",
                "`broker.users` names `kafka.security.username`, whose password is `kafka.security.password`",
            ),
            (
                sasl("sasl_plaintext"),
                "users = { bob = { env = 'TIDEMILL_TEST_NOT_SET' } }",
                "`broker.users.bob` cannot be had",
            ),
            (
                of("ssl"),
                &format!("{files}client_ca = 'ca.pem'"),
                "`kafka.security.certificate` must be set beside `broker.client_ca`: tidemill is a client of its broker, too",
            ),
        ] {
            assert_eq!(told(&clients, broker), expected, "{clients} | {broker}");
        }
    }

    #[test]
    fn no_password_is_shown() {
        let broker: BrokerSettings = toml::from_str("users = { bob = 'hunter2' }").unwrap();
        let clients: KafkaSecurity = toml::from_str(&format!("protocol = 'sasl_plaintext'\n{SCRAM}")).unwrap();
        let demands = broker.demands(&clients, Path::new("/")).unwrap();
        let shown = format!("{broker:?} {demands:?} {}", serde_json::to_string(&broker).unwrap());
        assert!(shown.contains("bob") && !shown.contains("hunter2"), "{shown}");
    }
}
