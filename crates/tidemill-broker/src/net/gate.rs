//! What a connection may say until its client is known: the versions it asks for, the mechanism it takes, its tokens. Frames
//! in, answers out; the rest is the connection's.
//!
//! As Apache Kafka: whatever else comes closes the connection, before any of it is decoded.

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    ApiKey, SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Encodable, HeaderVersion, StrBytes};

use super::connection::{ConnectionFault, decode, sound_request};
use super::frame::{REQUEST_BYTES_MIN, Request, peek_key, write_response, write_token};
use super::versions::supported;
use crate::api::api_versions;
use crate::api::sasl::out_of_turn;
use crate::security::SaslMechanism;
use crate::security::exchange::{Exchange, SaslFault, Step};
use crate::security::users::Users;

/// The first version of `SaslHandshake` after which tokens come in requests of their own.
const TOKENS_IN_REQUESTS_FROM: i16 = 1;

/// How far a connection has come.
pub(crate) enum Gate {
    /// No mechanism was taken yet.
    Greeting,
    /// Tokens come in `SaslAuthenticate` requests.
    Requests(SaslMechanism, Exchange),
    /// Tokens come bare, as after `SaslHandshake` 0.
    Tokens(SaslMechanism, Exchange),
}

/// What becomes of a frame.
pub(crate) enum Passage {
    /// It is answered, and the next one may come.
    Answer(Gate, Bytes),
    /// The client is known. Its requests are answered from now on.
    Admit { user: String, answer: Bytes },
    /// The connection is closed, after an answer where there is one.
    Refuse { answer: Option<Bytes>, why: GateFault },
}

/// Why a connection comes no further.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GateFault {
    #[error("{0:?} came before the client was known")]
    Unauthenticated(ApiKey),
    #[error("{0:?} came out of turn")]
    OutOfTurn(ApiKey),
    #[error("the client wants a mechanism that is not taken")]
    UnsupportedMechanism,
    #[error("failed to authenticate by {}: {fault}", mechanism.name())]
    Refused { mechanism: SaslMechanism, fault: SaslFault },
    #[error(transparent)]
    Connection(#[from] ConnectionFault),
}

impl GateFault {
    /// Whether the client tried to say who it is, so that the next try must not come at once.
    pub(crate) fn is_failed_try(&self) -> bool {
        matches!(self, GateFault::Refused { .. })
    }
}

impl Gate {
    /// The smallest frame that may come.
    pub(crate) fn frame_bytes_min(&self) -> usize {
        match self {
            Gate::Greeting | Gate::Requests(..) => REQUEST_BYTES_MIN,
            Gate::Tokens(..) => 0,
        }
    }

    /// Takes the next frame. `server_nonce` is for an exchange that may begin with it: fresh, and used for nothing else.
    pub(crate) fn take(self, users: &Users, frame: Bytes, server_nonce: String) -> Passage {
        let taken = match self {
            Gate::Tokens(mechanism, exchange) => Ok(bare_token(users, mechanism, exchange, &frame)),
            requests => requests.request(users, frame, server_nonce),
        };
        taken.unwrap_or_else(|why| Passage::Refuse { answer: None, why })
    }

    fn request(self, users: &Users, frame: Bytes, server_nonce: String) -> Result<Passage, GateFault> {
        let (key, version, correlation_id) = peek_key(&frame);
        let api = supported(key).ok_or(ConnectionFault::UnknownKey(key))?;
        let may_come = matches!(
            api.key,
            ApiKey::ApiVersions | ApiKey::SaslHandshake | ApiKey::SaslAuthenticate
        );
        if !may_come {
            return Err(GateFault::Unauthenticated(api.key));
        }
        if !(api.min..=api.max).contains(&version) {
            if api.key == ApiKey::ApiVersions {
                let answer = api_versions::unsupported(correlation_id).map_err(ConnectionFault::from)?;
                return Ok(Passage::Answer(self, answer));
            }
            return Err(ConnectionFault::UnknownVersion { key: api.key, version }.into());
        }
        let request = sound_request(frame, api.key, version)?;
        match (api.key, self) {
            (ApiKey::ApiVersions, gate) => {
                let answer = encode(&request, &api_versions::api_versions())?;
                Ok(Passage::Answer(gate, answer))
            }
            (ApiKey::SaslHandshake, Gate::Greeting) => handshake(users, &request, server_nonce),
            (ApiKey::SaslAuthenticate, Gate::Requests(mechanism, exchange)) => {
                authenticate(users, mechanism, exchange, &request)
            }
            (key, _) => Ok(Passage::Refuse {
                answer: out_of_turn(&request).map_err(ConnectionFault::from)?,
                why: GateFault::OutOfTurn(key),
            }),
        }
    }
}

fn handshake(users: &Users, request: &Request, server_nonce: String) -> Result<Passage, GateFault> {
    let wanted: SaslHandshakeRequest = decode(request)?;
    let offered = users.mechanisms().iter();
    let answer = SaslHandshakeResponse::default().with_mechanisms(
        offered
            .map(|mechanism| StrBytes::from_static_str(mechanism.name()))
            .collect(),
    );
    let Some(mechanism) = users.mechanism(&wanted.mechanism) else {
        let answer = answer.with_error_code(ResponseError::UnsupportedSaslMechanism.code());
        return Ok(Passage::Refuse {
            answer: Some(encode(request, &answer)?),
            why: GateFault::UnsupportedMechanism,
        });
    };
    let exchange = Exchange::begin(mechanism, server_nonce);
    let gate = if request.version < TOKENS_IN_REQUESTS_FROM {
        Gate::Tokens(mechanism, exchange)
    } else {
        Gate::Requests(mechanism, exchange)
    };
    Ok(Passage::Answer(gate, encode(request, &answer)?))
}

fn authenticate(
    users: &Users,
    mechanism: SaslMechanism,
    exchange: Exchange,
    request: &Request,
) -> Result<Passage, GateFault> {
    let shown: SaslAuthenticateRequest = decode(request)?;
    let answer = |token: Vec<u8>| {
        let answer = SaslAuthenticateResponse::default().with_auth_bytes(token.into());
        encode(request, &answer)
    };
    Ok(match exchange.step(users, &shown.auth_bytes) {
        Step::Challenge(exchange, token) => Passage::Answer(Gate::Requests(mechanism, exchange), answer(token)?),
        Step::Known { user, token } => Passage::Admit {
            user,
            answer: answer(token)?,
        },
        Step::Refused(fault) => {
            let refused = SaslAuthenticateResponse::default()
                .with_error_code(ResponseError::SaslAuthenticationFailed.code())
                .with_error_message(Some(StrBytes::from_string(refusal(mechanism))));
            Passage::Refuse {
                answer: Some(encode(request, &refused)?),
                why: GateFault::Refused { mechanism, fault },
            }
        }
    })
}

/// What Apache Kafka says: the same for each reason.
fn refusal(mechanism: SaslMechanism) -> String {
    match mechanism {
        SaslMechanism::Plain => "Authentication failed: Invalid username or password".to_owned(),
        scram => format!(
            "Authentication failed during authentication due to invalid credentials with SASL mechanism {}",
            scram.name()
        ),
    }
}

fn bare_token(users: &Users, mechanism: SaslMechanism, exchange: Exchange, token: &[u8]) -> Passage {
    match exchange.step(users, token) {
        Step::Challenge(exchange, token) => Passage::Answer(Gate::Tokens(mechanism, exchange), write_token(&token)),
        Step::Known { user, token } => Passage::Admit {
            user,
            answer: write_token(&token),
        },
        // There is no place for a word between bare tokens.
        Step::Refused(fault) => Passage::Refuse {
            answer: None,
            why: GateFault::Refused { mechanism, fault },
        },
    }
}

fn encode<R: Encodable + HeaderVersion>(request: &Request, answer: &R) -> Result<Bytes, ConnectionFault> {
    Ok(write_response(request.correlation_id, request.version, answer)?)
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut, BytesMut};
    use kafka_protocol::messages::{ApiVersionsRequest, RequestHeader};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::security::users::SEED_BYTES;
    use crate::security::{Password, SaslSettings};

    fn users() -> Users {
        let mechanisms = [SaslMechanism::Plain, SaslMechanism::ScramSha256];
        let user = [("ada".to_owned(), Password::new("pencil"))];
        Users::derive(&SaslSettings::new(mechanisms, user), &[5; SEED_BYTES])
    }

    fn frame<R: kafka_protocol::protocol::Request>(version: i16, request: &R) -> Vec<u8> {
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version);
        let mut frame = BytesMut::new();
        header.encode(&mut frame, R::header_version(version)).unwrap();
        request.encode(&mut frame, version).unwrap();
        frame.to_vec()
    }

    fn shown(version: i16, token: &str) -> Vec<u8> {
        let token = Bytes::copy_from_slice(token.as_bytes());
        frame(version, &SaslAuthenticateRequest::default().with_auth_bytes(token))
    }

    /// Leads frames through the gate, as far as they come, and says how far that is.
    fn lead(users: &Users, frames: &[Vec<u8>]) -> String {
        let mut gate = Gate::Greeting;
        for (index, frame) in frames.iter().enumerate() {
            if frame.len() < gate.frame_bytes_min() {
                return format!("{index}: too short");
            }
            match gate.take(users, Bytes::copy_from_slice(frame), format!("nonce-{index}")) {
                Passage::Answer(next, _) => gate = next,
                Passage::Admit { user, .. } => return user,
                Passage::Refuse { why, .. } => return format!("{index}: {why}"),
            }
        }
        "waits".to_owned()
    }

    #[test]
    fn what_may_come_depends_on_what_came() {
        let users = users();
        let take = |version| {
            let request = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str("PLAIN"));
            frame(version, &request)
        };
        let versions = || frame(3, &ApiVersionsRequest::default());
        let good = || shown(2, "\0ada\0pencil");
        let bare = || b"\0ada\0pencil".to_vec();
        let mut unknown = BytesMut::new();
        unknown.put_slice(&[0x7F, 0xFF, 0, 0, 0, 0, 0, 0, 255, 255]);
        for (frames, expected) in [
            (vec![versions(), versions(), take(1), versions(), good()], "ada"),
            (vec![take(0), bare()], "ada"),
            (vec![versions(), take(1)], "waits"),
            (vec![good()], "0: SaslAuthenticate came out of turn"),
            (vec![take(1), take(1)], "1: SaslHandshake came out of turn"),
            (vec![unknown.to_vec()], "0: unknown request 32767"),
            (
                vec![take(1), shown(2, "\0ada\0rubber")],
                "1: failed to authenticate by PLAIN: the user is not known, or the password is wrong",
            ),
            // After the older handshake a request is no token.
            (
                vec![take(0), good()],
                "1: failed to authenticate by PLAIN: the message has not three parts",
            ),
        ] {
            let told = lead(&users, &frames);
            assert!(told.starts_with(expected), "{told}, not {expected}");
        }
    }

    #[test]
    fn bent_frames_let_nobody_in() {
        let users = users();
        let request = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str("SCRAM-SHA-256"));
        let sound = [
            frame(3, &ApiVersionsRequest::default()),
            frame(1, &request),
            shown(2, "n,,n=ada,r=abc"),
            shown(2, "c=biws,r=abcnonce-1,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
        ];
        assert!(lead(&users, &sound).starts_with("3: failed to authenticate"));
        for seed in 0..5_000 {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut frames = sound.clone();
            for _ in 0..random.random_range(1..6) {
                let frame = &mut frames[random.random_range(0..4)];
                let place = random.random_range(0..frame.len());
                match random.random_range(0..3) {
                    0 => frame[place] = random.random(),
                    1 => frame[place] ^= 1 << random.random_range(0..8),
                    _ => frame.truncate(place.max(1)),
                }
            }
            assert_ne!(lead(&users, &frames), "ada", "seed {seed}");
        }
    }
}
