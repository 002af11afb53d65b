//! What a request holds, as types; what does not fit becomes an error of the one shape.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use tidemill_types::{ErrorCode, Problem, VersionNumber};

use super::answer::ApiError;

/// A JSON body.
pub(crate) struct JsonBody<T>(pub(crate) T);

/// A JSON body, or none for the default.
pub(crate) struct OptionalJsonBody<T>(pub(crate) T);

/// The body's bytes, up to the limit.
pub(crate) struct RawBody(pub(crate) Bytes);

/// The parameters of a path.
pub(crate) struct PathOf<T>(pub(crate) T);

/// The parameters behind the question mark.
pub(crate) struct QueryOf<T>(pub(crate) T);

/// A version in a path: `3` or `v3`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VersionText(pub(crate) VersionNumber);

impl<'de> Deserialize<'de> for VersionText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<VersionText, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(VersionText).map_err(serde::de::Error::custom)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<JsonBody<T>, ApiError> {
        if !is_json(request.headers()) {
            let problem = Problem::new(ErrorCode::InvalidInput, "the body must be JSON")
                .with_hint("send the header `Content-Type: application/json`");
            return Err(ApiError::with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, problem));
        }
        let RawBody(bytes) = RawBody::from_request(request, state).await?;
        parse(&bytes).map(JsonBody)
    }
}

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<OptionalJsonBody<T>, ApiError> {
        let json = is_json(request.headers());
        let RawBody(bytes) = RawBody::from_request(request, state).await?;
        match (bytes.is_empty(), json) {
            (true, _) => Ok(OptionalJsonBody(T::default())),
            (false, true) => parse(&bytes).map(OptionalJsonBody),
            (false, false) => {
                let problem = Problem::new(ErrorCode::InvalidInput, "the body must be JSON, or empty")
                    .with_hint("send the header `Content-Type: application/json`");
                Err(ApiError::with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, problem))
            }
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<RawBody, ApiError> {
        match Bytes::from_request(request, state).await {
            Ok(bytes) => Ok(RawBody(bytes)),
            Err(rejection) => Err(unread(&rejection)),
        }
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PathOf<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<PathOf<T>, ApiError> {
        use axum::extract::rejection::PathRejection;
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(PathOf(value)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => {
                Err(ApiError::invalid(error.kind().to_string()))
            }
            Err(rejection) => Err(ApiError::invalid(rejection.body_text())),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryOf<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<QueryOf<T>, ApiError> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(QueryOf(value)),
            Err(rejection) => {
                let text = rejection.body_text();
                let fault = text
                    .strip_prefix("Failed to deserialize query string: ")
                    .unwrap_or(&text);
                let problem = Problem::new(
                    ErrorCode::InvalidInput,
                    format!("the parameters are not what this takes: {fault}"),
                )
                .with_hint("every parameter is described in /api");
                Err(problem.into())
            }
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(media_type)) = headers.get(header::CONTENT_TYPE).map(|value| value.to_str()) else {
        return false;
    };
    let essence = media_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| {
        let problem = Problem::new(
            ErrorCode::InvalidInput,
            format!("the body is not what this takes: {error}"),
        )
        .with_hint("every field is described in /api");
        problem.into()
    })
}

fn unread(rejection: &BytesRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(
            ErrorCode::LimitReached,
            "the body is longer than `server.request_bytes` allows",
        )
        .with_hint("send less at a time, or raise the setting")
        .into();
    }
    ApiError::invalid(format!("the body could not be read: {}", rejection.body_text()))
}
