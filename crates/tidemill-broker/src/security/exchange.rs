//! One exchange of SASL, whatever its mechanism: tokens in, tokens out, until the client is known or refused.

use super::SaslMechanism;
use super::plain;
use super::scram::{Challenge, ClientFirst, Hash};
use super::users::Users;

/// Longest token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// How far an exchange has come. A step takes it, so that no token is taken twice or out of its turn.
pub(crate) enum Exchange {
    /// PLAIN: its only token comes.
    Plain,
    /// SCRAM: the client's first token comes, and is answered with this nonce.
    ScramFirst { hash: Hash, server_nonce: String },
    /// SCRAM: the client's proof comes.
    ScramFinal(Challenge),
}

/// What becomes of a token.
pub(crate) enum Step {
    /// The client has to answer this.
    Challenge(Exchange, Vec<u8>),
    /// The client is who it says; this is the last token for it.
    Known { user: String, token: Vec<u8> },
    /// It is not, or spoke another language. Only the broker's own log may say why.
    Refused(SaslFault),
}

/// Why a client is refused. What it sent is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SaslFault {
    #[error("{0}")]
    Malformed(&'static str),
    #[error("the client wants its channel bound, which was not offered")]
    ChannelBinding,
    #[error("the client demands an extension that is not known")]
    Extension,
    #[error("the client asked to act for another user")]
    ForAnother,
    #[error("the nonce is not the one of this exchange")]
    ForeignNonce,
    #[error("the user is not known, or the password is wrong")]
    WrongCredentials,
}

impl Exchange {
    /// An exchange that begins. `server_nonce` comes from the system's randomness, in visible ASCII without commas; each
    /// exchange has one of its own.
    pub(crate) fn begin(mechanism: SaslMechanism, server_nonce: String) -> Exchange {
        match mechanism {
            SaslMechanism::Plain => Exchange::Plain,
            SaslMechanism::ScramSha256 => Exchange::ScramFirst {
                hash: Hash::Sha256,
                server_nonce,
            },
            SaslMechanism::ScramSha512 => Exchange::ScramFirst {
                hash: Hash::Sha512,
                server_nonce,
            },
        }
    }

    /// Takes the client's next token.
    pub(crate) fn step(self, users: &Users, token: &[u8]) -> Step {
        if TOKEN_BYTES_MAX < token.len() {
            return Step::Refused(SaslFault::Malformed("the message is too long"));
        }
        let taken = match self {
            Exchange::Plain => plain::parse(token).and_then(|claim| {
                if users.has(claim.user, claim.password) {
                    let user = claim.user.to_owned();
                    Ok(Step::Known {
                        user,
                        token: Vec::new(),
                    })
                } else {
                    Err(SaslFault::WrongCredentials)
                }
            }),
            Exchange::ScramFirst { hash, server_nonce } => ClientFirst::parse(token).map(|first| {
                let keys = users.scram_keys(hash, first.user());
                let (challenge, answer) = first.challenge(keys, &server_nonce);
                Step::Challenge(Exchange::ScramFinal(challenge), answer)
            }),
            Exchange::ScramFinal(challenge) => challenge.finish(token).map(|(user, token)| Step::Known { user, token }),
        };
        taken.unwrap_or_else(Step::Refused)
    }
}
