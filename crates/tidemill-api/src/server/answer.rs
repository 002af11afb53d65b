//! Errors as answers: one shape, made in one place.
//!
//! A handler or a layer that fails leaves an [`ApiError`] in the response's extensions; [`render`] gives it the body that
//! the path wants: `{"error": {"code", "message", "hint"}}`, or the inference protocol's `{"error": text}` under `/v2`.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tidemill_types::{ErrorCode, Explain, Problem};

/// A request that is answered with an error.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) problem: Problem,
}

/// What a handler returns.
pub(crate) type Answer<T> = Result<T, ApiError>;

impl ApiError {
    /// A problem with a status of its own.
    pub(crate) fn with_status(status: StatusCode, problem: Problem) -> ApiError {
        ApiError { status, problem }
    }

    /// Wrong input.
    pub(crate) fn invalid(message: impl Into<String>) -> ApiError {
        Problem::new(ErrorCode::InvalidInput, message).into()
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> ApiError {
        let status = StatusCode::from_u16(problem.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        ApiError { status, problem }
    }
}

impl ApiError {
    /// Any error of the house.
    pub(crate) fn of(error: &impl Explain) -> ApiError {
        error.problem().into()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The kind of problem, where the body has no place for it.
pub(crate) const ERROR_CODE: HeaderName = HeaderName::from_static("tidemill-error-code");

/// Whether a path speaks the inference protocol.
pub(crate) fn is_inference(path: &str) -> bool {
    path == "/v2" || path.starts_with("/v2/")
}

/// Gives an error its body; everything else passes.
pub(crate) fn render(path: &str, mut response: Response) -> Response {
    let Some(ApiError { status, problem }) = response.extensions_mut().remove::<ApiError>() else {
        return response;
    };
    let inference = is_inference(path);
    let body = if inference {
        let hint = problem
            .hint
            .as_ref()
            .map_or(String::new(), |hint| format!(" (hint: {hint})"));
        json!({ "error": format!("{}{hint}", problem.message) })
    } else {
        json!({ "error": &problem })
    };
    let mut rendered = (status, Json(body)).into_response();
    // A 405 says which methods there are; the router has put that in.
    for name in [header::ALLOW, header::RETRY_AFTER] {
        if let Some(value) = response.headers_mut().remove(&name) {
            rendered.headers_mut().insert(name, value);
        }
    }
    if inference {
        rendered
            .headers_mut()
            .insert(ERROR_CODE, HeaderValue::from_static(problem.code.as_str()));
    }
    match status {
        StatusCode::UNAUTHORIZED => {
            rendered
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        StatusCode::TOO_MANY_REQUESTS => {
            rendered
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
    rendered
}
