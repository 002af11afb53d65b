//! SHA-256 as a type.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The SHA-256 of some bytes; as text, 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Hash([u8; 32]);

/// A text that is not 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a SHA-256: 64 lower-case hexadecimal digits")]
pub struct InvalidHash(String);

impl Sha256Hash {
    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Sha256Hash {
        Sha256Hash(Sha256::digest(bytes).into())
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Sha256Hash {
    fn from(digest: [u8; 32]) -> Sha256Hash {
        Sha256Hash(digest)
    }
}

impl fmt::Display for Sha256Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex::encode(self.0))
    }
}

impl FromStr for Sha256Hash {
    type Err = InvalidHash;
    fn from_str(text: &str) -> Result<Sha256Hash, InvalidHash> {
        let mut digest = [0; 32];
        let upper = text.bytes().any(|b| b.is_ascii_uppercase());
        if upper || hex::decode_to_slice(text, &mut digest).is_err() {
            return Err(InvalidHash(text.chars().take(80).collect()));
        }
        Ok(Sha256Hash(digest))
    }
}

impl TryFrom<String> for Sha256Hash {
    type Error = InvalidHash;
    fn try_from(text: String) -> Result<Sha256Hash, InvalidHash> {
        text.parse()
    }
}

impl From<Sha256Hash> for String {
    fn from(hash: Sha256Hash) -> String {
        hash.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_form_reads() {
        let good = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Sha256Hash::of(b"").to_string(), good);
        assert_eq!(good.parse(), Ok(Sha256Hash::of(b"")));
        for bad in [
            "",
            "../../etc/passwd",
            &good[1..],
            &format!("{good}0"),
            &good.to_uppercase(),
        ] {
            assert!(bad.parse::<Sha256Hash>().is_err(), "{bad}");
        }
    }
}
