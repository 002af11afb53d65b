//! The users of a broker, as what was derived from their passwords.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use ring::hmac;
use subtle::{Choice, ConstantTimeEq};

use super::scram::{Hash, ScramKeys};
use super::settings::{SaslMechanism, SaslSettings};

/// Bytes of the secret that a start makes for salts and digests.
pub(crate) const SEED_BYTES: usize = 32;
/// Bytes of a salt.
const SALT_BYTES: usize = 16;

/// Who is known, by which mechanisms.
pub(crate) struct Users {
    mechanisms: Vec<SaslMechanism>,
    iterations: NonZeroU32,
    seed: hmac::Key,
    /// Digests of passwords under the seed: they never leave the process, so a slow derivation would protect nothing.
    passwords: BTreeMap<String, hmac::Tag>,
    scram: BTreeMap<(Hash, String), ScramKeys>,
    /// What an unknown user's password is compared with.
    nobody: hmac::Tag,
}

impl Users {
    /// Derives the keys of all users. `seed` comes from the system's randomness at each start.
    pub(crate) fn derive(settings: &SaslSettings, seed: &[u8; SEED_BYTES]) -> Users {
        let key = hmac::Key::new(hmac::HMAC_SHA256, seed);
        let mut users = Users {
            mechanisms: settings.mechanisms.clone(),
            iterations: NonZeroU32::new(settings.scram_iterations).unwrap_or(NonZeroU32::MIN),
            passwords: BTreeMap::new(),
            scram: BTreeMap::new(),
            nobody: digest(&key, "nobody", ""),
            seed: key,
        };
        for (user, password) in &settings.users {
            let password = password.expose();
            for mechanism in &settings.mechanisms {
                let hash = match mechanism {
                    SaslMechanism::Plain => {
                        let kept = digest(&users.seed, "password", password);
                        users.passwords.insert(user.clone(), kept);
                        continue;
                    }
                    SaslMechanism::ScramSha256 => Hash::Sha256,
                    SaslMechanism::ScramSha512 => Hash::Sha512,
                };
                let keys = ScramKeys::derive(hash, password, &users.salt(hash, user), users.iterations);
                users.scram.insert((hash, user.clone()), keys);
            }
        }
        users
    }

    /// The mechanism of this name, if it is taken.
    pub(crate) fn mechanism(&self, name: &str) -> Option<SaslMechanism> {
        self.mechanisms.iter().copied().find(|taken| taken.name() == name)
    }

    /// All that are taken.
    pub(crate) fn mechanisms(&self) -> &[SaslMechanism] {
        &self.mechanisms
    }

    /// Whether this is the password of this user. The same work is done for users who are not known.
    pub(super) fn has(&self, user: &str, password: &str) -> bool {
        let shown = digest(&self.seed, "password", password);
        let (kept, is_known) = match self.passwords.get(user) {
            Some(kept) => (kept, Choice::from(1)),
            None => (&self.nobody, Choice::from(0)),
        };
        bool::from(shown.as_ref().ct_eq(kept.as_ref()) & is_known)
    }

    /// The keys of a user. Who is not known gets a salt as well, the same at each try, and keys that no proof fits.
    pub(super) fn scram_keys(&self, hash: Hash, user: &str) -> ScramKeys {
        let nobodys = ScramKeys::nobodys(hash, &self.salt(hash, user), self.iterations);
        self.scram.get(&(hash, user.to_owned())).cloned().unwrap_or(nobodys)
    }

    fn salt(&self, hash: Hash, user: &str) -> Vec<u8> {
        let purpose = match hash {
            Hash::Sha256 => "salt of SHA-256",
            Hash::Sha512 => "salt of SHA-512",
        };
        digest(&self.seed, purpose, user).as_ref()[..SALT_BYTES].to_owned()
    }
}

fn digest(seed: &hmac::Key, purpose: &str, of: &str) -> hmac::Tag {
    let mut context = hmac::Context::with_key(seed);
    context.update(purpose.as_bytes());
    context.update(&[0]);
    context.update(of.as_bytes());
    context.sign()
}

#[cfg(test)]
mod tests {
    use super::super::Password;
    use super::*;

    #[test]
    fn a_password_is_its_own_users() {
        let passwords = [("ada", "pencil"), ("bob", "rubber")];
        let settings = SaslSettings::new(
            [SaslMechanism::Plain],
            passwords.map(|(user, password)| (user.to_owned(), Password::new(password))),
        );
        let users = Users::derive(&settings, &[7; SEED_BYTES]);
        for (user, password, expected) in [
            ("ada", "pencil", true),
            ("bob", "rubber", true),
            ("ada", "rubber", false),
            ("ada", "pencil ", false),
            ("ada", "", false),
            ("eve", "pencil", false),
            ("nobody", "", false),
        ] {
            assert_eq!(users.has(user, password), expected, "{user} {password}");
        }
        assert_eq!(users.mechanism("PLAIN"), Some(SaslMechanism::Plain));
        assert_eq!(users.mechanism("SCRAM-SHA-256"), None);
    }
}
