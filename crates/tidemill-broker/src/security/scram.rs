//! The server's side of SCRAM (RFC 5802, RFC 7677), as Apache Kafka speaks it: names and passwords are UTF-8 as they come,
//! without the normal form of SASLprep, and channels are not bound.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, pbkdf2};
use std::num::NonZeroU32;
use subtle::{Choice, ConstantTimeEq};

use super::exchange::SaslFault;
use super::settings::NAME_BYTES_MAX;

/// Longest nonce of a client, in bytes.
const CLIENT_NONCE_BYTES_MAX: usize = 256;

/// The hash that a mechanism is named after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    fn hmac(self) -> hmac::Algorithm {
        match self {
            Hash::Sha256 => hmac::HMAC_SHA256,
            Hash::Sha512 => hmac::HMAC_SHA512,
        }
    }

    fn digest(self) -> &'static digest::Algorithm {
        self.hmac().digest_algorithm()
    }

    fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Hash::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Hash::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }

    fn sign(self, key: &[u8], message: &[u8]) -> hmac::Tag {
        hmac::sign(&hmac::Key::new(self.hmac(), key), message)
    }
}

/// What the server keeps of a password: it proves a client right, and is no password.
#[derive(Clone)]
pub(crate) struct ScramKeys {
    hash: Hash,
    salt: Vec<u8>,
    iterations: NonZeroU32,
    stored_key: Vec<u8>,
    server_key: Vec<u8>,
    /// Whether they are some user's. Nobody's look the same and prove nothing.
    is_somebodys: Choice,
}

impl ScramKeys {
    /// The keys of a password. This is slow by design.
    pub(super) fn derive(hash: Hash, password: &str, salt: &[u8], iterations: NonZeroU32) -> ScramKeys {
        let mut salted = vec![0; hash.digest().output_len()];
        pbkdf2::derive(hash.pbkdf2(), iterations, salt, password.as_bytes(), &mut salted);
        let client_key = hash.sign(&salted, b"Client Key");
        ScramKeys {
            hash,
            salt: salt.to_owned(),
            iterations,
            stored_key: digest::digest(hash.digest(), client_key.as_ref()).as_ref().to_owned(),
            server_key: hash.sign(&salted, b"Server Key").as_ref().to_owned(),
            is_somebodys: Choice::from(1),
        }
    }

    /// Keys that no proof fits, for a user who is not known.
    pub(super) fn nobodys(hash: Hash, salt: &[u8], iterations: NonZeroU32) -> ScramKeys {
        ScramKeys {
            hash,
            salt: salt.to_owned(),
            iterations,
            stored_key: vec![0; hash.digest().output_len()],
            server_key: vec![0; hash.digest().output_len()],
            is_somebodys: Choice::from(0),
        }
    }
}

/// The client's first message: `n,,n=user,r=nonce`.
#[derive(Debug)]
pub(crate) struct ClientFirst {
    user: String,
    nonce: String,
    /// What stands before the bare message, and comes again in base64.
    gs2_header: String,
    bare: String,
}

impl ClientFirst {
    pub(super) fn parse(token: &[u8]) -> Result<ClientFirst, SaslFault> {
        let text = std::str::from_utf8(token).map_err(|_| SaslFault::Malformed("the first message is not UTF-8"))?;
        let malformed = SaslFault::Malformed("the first message has another form");
        let (binding, rest) = text.split_once(',').ok_or(malformed)?;
        match binding {
            // `y`: the client could bind its channel and saw that the server cannot.
            "n" | "y" => (),
            _ if binding.starts_with("p=") => return Err(SaslFault::ChannelBinding),
            _ => return Err(malformed),
        }
        let (authorization, bare) = rest.split_once(',').ok_or(malformed)?;
        let gs2_header = text[..text.len() - bare.len()].to_owned();
        if bare.starts_with("m=") {
            return Err(SaslFault::Extension);
        }
        let mut fields = bare.split(',');
        let user = field(fields.next(), "n=").ok_or(malformed)?;
        let nonce = field(fields.next(), "r=").ok_or(malformed)?;
        // What follows are extensions, which may be ignored.
        let user = name(user).ok_or(malformed)?;
        if !authorization.is_empty() {
            let authorization = field(Some(authorization), "a=").and_then(name).ok_or(malformed)?;
            if authorization != user {
                return Err(SaslFault::ForAnother);
            }
        }
        let nonce_fits =
            (1..=CLIENT_NONCE_BYTES_MAX).contains(&nonce.len()) && nonce.bytes().all(|b| b.is_ascii_graphic());
        if !nonce_fits {
            return Err(malformed);
        }
        Ok(ClientFirst {
            user,
            nonce: nonce.to_owned(),
            gs2_header,
            bare: bare.to_owned(),
        })
    }

    pub(super) fn user(&self) -> &str {
        &self.user
    }

    /// The server's first message, and what the client's proof will be held against.
    pub(super) fn challenge(self, keys: ScramKeys, server_nonce: &str) -> (Challenge, Vec<u8>) {
        let nonce = format!("{}{server_nonce}", self.nonce);
        let salt = STANDARD.encode(&keys.salt);
        let server_first = format!("r={nonce},s={salt},i={}", keys.iterations);
        let challenge = Challenge {
            user: self.user,
            binding: STANDARD.encode(&self.gs2_header),
            signed_so_far: format!("{},{server_first}", self.bare),
            nonce,
            keys,
        };
        (challenge, server_first.into_bytes())
    }
}

/// What was asked of a client. It is spent by the answer, right or wrong.
pub(crate) struct Challenge {
    user: String,
    binding: String,
    nonce: String,
    signed_so_far: String,
    keys: ScramKeys,
}

impl Challenge {
    /// Holds the client's last message, `c=binding,r=nonce,p=proof`, against the keys. The user and the server's last message,
    /// by which the client knows the server, when the proof is right.
    pub(super) fn finish(self, token: &[u8]) -> Result<(String, Vec<u8>), SaslFault> {
        let text = std::str::from_utf8(token).map_err(|_| SaslFault::Malformed("the last message is not UTF-8"))?;
        let malformed = SaslFault::Malformed("the last message has another form");
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or(malformed)?;
        let proof = STANDARD.decode(proof).map_err(|_| malformed)?;
        let mut fields = without_proof.split(',');
        let binding = field(fields.next(), "c=").ok_or(malformed)?;
        let nonce = field(fields.next(), "r=").ok_or(malformed)?;
        if binding != self.binding {
            return Err(SaslFault::ChannelBinding);
        }
        if nonce != self.nonce {
            return Err(SaslFault::ForeignNonce);
        }
        let keys = &self.keys;
        let signed = format!("{},{without_proof}", self.signed_so_far);
        let signature = keys.hash.sign(&keys.stored_key, signed.as_bytes());
        if proof.len() != signature.as_ref().len() {
            return Err(malformed);
        }
        let client_key: Vec<u8> = proof
            .iter()
            .zip(signature.as_ref())
            .map(|(proof, mask)| proof ^ mask)
            .collect();
        let shown = digest::digest(keys.hash.digest(), &client_key);
        let is_right = shown.as_ref().ct_eq(&keys.stored_key) & keys.is_somebodys;
        if !bool::from(is_right) {
            return Err(SaslFault::WrongCredentials);
        }
        let verifier = keys.hash.sign(&keys.server_key, signed.as_bytes());
        Ok((self.user, format!("v={}", STANDARD.encode(verifier)).into_bytes()))
    }
}

/// The value of the field of this name.
fn field<'a>(field: Option<&'a str>, name: &str) -> Option<&'a str> {
    field?.strip_prefix(name)
}

/// A name as it was before `,` and `=` in it were written as `=2C` and `=3D`; none where it stands for no name.
fn name(written: &str) -> Option<String> {
    let mut parts = written.split('=');
    let mut name = parts.next()?.to_owned();
    for part in parts {
        let (meant, rest) = match part.split_at_checked(2)? {
            ("2C", rest) => (',', rest),
            ("3D", rest) => ('=', rest),
            _ => return None,
        };
        name.push(meant);
        name.push_str(rest);
    }
    (1..=NAME_BYTES_MAX).contains(&name.len()).then_some(name)
}

#[cfg(test)]
#[path = "scram_tests.rs"]
mod tests;
