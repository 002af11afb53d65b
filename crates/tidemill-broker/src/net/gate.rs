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
