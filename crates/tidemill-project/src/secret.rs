//! Values that must not be seen: they print and serialise as stars, and only [`Secret::expose`] gives them away.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What stands in the place of a secret.
pub const MASK: &str = "***";

/// A password, token or key.
#[derive(Clone, PartialEq, Eq, JsonSchema)]
#[schemars(inline)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The secret itself, for whoever has to send or compare it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        // The message of serde would quote what it found.
        let text = String::deserialize(deserializer).map_err(|_| D::Error::custom("expected a text in quotes"))?;
        Ok(Secret(text))
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

/// A secret, or where it stands: `"hunter2"`, `{ env = "KAFKA_PASSWORD" }`, `{ file = "/run/secrets/kafka" }`.
///
/// Prints and serialises the place, never the secret.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// In the settings themselves.
    Here(Secret),
    /// In an environment variable.
    Env(String),
    /// In a file, from the project's folder; white space at its end does not count.
    File(PathBuf),
}

/// Why a secret could not be had. Says where it should stand, never what stands there.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set.
    #[error("the environment variable `{0}` is not set, or is not text")]
    NotSet(String),
    /// The file cannot be read.
    #[error("`{}` cannot be read", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
}

impl SecretSource {
    /// Gets the secret. Relative files start at `dir`.
    pub fn read(&self, dir: &Path) -> Result<Secret, SecretError> {
        match self {
            SecretSource::Here(secret) => Ok(secret.clone()),
            SecretSource::Env(name) => match std::env::var(name) {
                Ok(text) => Ok(Secret::new(text)),
                Err(_) => Err(SecretError::NotSet(name.clone())),
            },
            SecretSource::File(file) => {
                let file = dir.join(file);
                match std::fs::read_to_string(&file) {
                    Ok(text) => Ok(Secret::new(text.trim_end())),
                    Err(source) => Err(SecretError::Unreadable { file, source }),
                }
            }
        }
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretSource::Here(secret) => secret.fmt(f),
            SecretSource::Env(name) => write!(f, "env `{name}`"),
            SecretSource::File(file) => write!(f, "file `{}`", file.display()),
        }
    }
}

impl Serialize for SecretSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            SecretSource::Here(secret) => secret.serialize(serializer),
            SecretSource::Env(name) => serializer.collect_map([("env", name.as_str())]),
            SecretSource::File(file) => serializer.collect_map([("file", file)]),
        }
    }
}

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SecretSource, D::Error> {
        deserializer.deserialize_any(SecretSourceVisitor)
    }
}

struct SecretSourceVisitor;

impl<'de> Visitor<'de> for SecretSourceVisitor {
    type Value = SecretSource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"a text, `{ env = "NAME" }` or `{ file = "path" }`"#)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<SecretSource, E> {
        Ok(SecretSource::Here(Secret::new(text)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretSource, A::Error> {
        let unfit = || A::Error::custom(r#"expected a text, `{ env = "NAME" }` or `{ file = "path" }`"#);
        let (key, place): (String, String) = map.next_entry()?.ok_or_else(unfit)?;
        let source = match key.as_str() {
            "env" => SecretSource::Env(place),
            "file" => SecretSource::File(place.into()),
            _ => return Err(unfit()),
        };
        match map.next_key::<String>()? {
            None => Ok(source),
            Some(_) => Err(unfit()),
        }
    }
}

/// Settings of a library by the library's own names, some of them secret by their name.
#[derive(Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Properties(BTreeMap<String, String>);

/// Parts of a name that make its value a secret: `sasl.password`, `ssl.key.pem`, `secret_access_key`, `session_token`.
const SECRET_PARTS: [&str; 6] = ["password", "secret", "token", "key", "jaas", "credential"];

impl Properties {
    /// All of them, the secret ones too.
    pub fn expose(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn masked(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| {
            let shown = if is_secret_name(name) { MASK } else { value };
            (name.as_str(), shown)
        })
    }
}

impl FromIterator<(String, String)> for Properties {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Properties {
        Properties(pairs.into_iter().collect())
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.masked()).finish()
    }
}

impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.masked())
    }
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_PARTS.iter().any(|part| name.contains(part))
}

/// A place by path or URL: `.tidemill/lake`, `s3://bucket/lake`, `postgres://user:password@host/registry`.
///
/// Prints and serialises without the password that a URL may hold.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Place(String);

impl Place {
    /// A place by its path or URL.
    pub fn new(text: impl Into<String>) -> Place {
        Place(text.into())
    }

    /// The path or URL as it was written, password and all.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it is a URL and not a path.
    pub fn is_url(&self) -> bool {
        self.0.contains("://")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((scheme, rest)) = self.0.split_once("://") else {
            return f.pad(&self.0);
        };
        let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(authority_end);
        // What stands behind `?` may hold a password as well, and nobody needs it to recognise the place.
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let shown = match authority.rsplit_once('@') {
            Some((user, host)) if user.contains(':') => {
                let user = user.split(':').next().unwrap_or_default();
                format!("{scheme}://{user}:{MASK}@{host}{path}")
            }
            _ => format!("{scheme}://{authority}{path}"),
        };
        f.pad(&shown)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_seen_only_when_exposed() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"***\"");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn a_secret_is_read_from_where_it_stands() {
        let dir = tempfile::TempDir::new().unwrap();
        std::fs::write(dir.path().join("pw"), "hunter2\n").unwrap();
        let read = |json: &str| -> SecretSource { serde_json::from_str(json).unwrap() };
        for json in [r#""hunter2""#, r#"{"file":"pw"}"#] {
            let source = read(json);
            assert_eq!(source.read(dir.path()).unwrap().expose(), "hunter2");
            let shown = format!("{source:?} {}", serde_json::to_string(&source).unwrap());
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        assert_eq!(
            serde_json::to_string(&read(r#"{"env":"X"}"#)).unwrap(),
            r#"{"env":"X"}"#
        );
        for json in [r#"{"env":"TIDEMILL_TEST_NOT_SET"}"#, r#"{"file":"absent"}"#] {
            read(json).read(dir.path()).unwrap_err();
        }
        for json in ["7", "{}", r#"{"vault":"x"}"#, r#"{"env":"a","file":"b"}"#] {
            serde_json::from_str::<SecretSource>(json).unwrap_err();
        }
    }

    #[test]
    fn properties_mask_by_name() {
        let pairs = [
            ("sasl.username", "me"),
            ("sasl.password", "hunter2"),
            ("ssl.key.pem", "x"),
        ];
        let properties: Properties = pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        assert_eq!(
            serde_json::to_string(&properties).unwrap(),
            r#"{"sasl.password":"***","sasl.username":"me","ssl.key.pem":"***"}"#
        );
        assert_eq!(properties.expose()["sasl.password"], "hunter2");
    }

    #[test]
    fn a_place_shows_no_password() {
        for (text, shown) in [
            ("data/lake", "data/lake"),
            ("s3://bucket/lake", "s3://bucket/lake"),
            ("postgres://me:pw@host:5432/db", "postgres://me:***@host:5432/db"),
            ("postgres://me:p@w@host/db?password=x", "postgres://me:***@host/db"),
            ("postgres://me@host/db", "postgres://me@host/db"),
        ] {
            assert_eq!(Place::new(text).to_string(), shown, "{text}");
        }
    }
}
