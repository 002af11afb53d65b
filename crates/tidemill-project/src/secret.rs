//! Values that must not be seen: they print and serialise as stars, and only [`Secret::expose`] gives them away.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::Error as _;
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
