//! SaslHandshake and SaslAuthenticate where they have no place: the door has answered all others.

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{ApiKey, SaslAuthenticateResponse, SaslHandshakeResponse};
use kafka_protocol::protocol::StrBytes;

use crate::net::frame::{Request, UnencodableResponse, write_response};

/// The answer to a request of SASL out of turn: on a connection whose client is known already, from a broker that asks nobody,
/// or in the wrong order. None for other requests.
pub(crate) fn out_of_turn(request: &Request) -> Result<Option<Bytes>, UnencodableResponse> {
    let code = ResponseError::IllegalSaslState.code();
    let (correlation_id, version) = (request.correlation_id, request.version);
    match request.key {
        ApiKey::SaslHandshake => {
            let answer = SaslHandshakeResponse::default().with_error_code(code);
            write_response(correlation_id, version, &answer).map(Some)
        }
        ApiKey::SaslAuthenticate => {
            let message = StrBytes::from_static_str("SaslAuthenticate came out of turn");
            let answer = SaslAuthenticateResponse::default()
                .with_error_code(code)
                .with_error_message(Some(message));
            write_response(correlation_id, version, &answer).map(Some)
        }
        _ => Ok(None),
    }
}
