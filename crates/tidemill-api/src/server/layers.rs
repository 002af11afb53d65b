//! What every request passes on its way: a name, a guard, a place among the others, a time limit.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tidemill_types::{ErrorCode, Problem};
use tracing::{Instrument, debug, error, info_span};

use super::answer::{ApiError, render};
use super::state::ApiState;

/// The header that names a request, in logs and answers.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest name of a request that is taken from whoever asks.
const REQUEST_ID_BYTES_MAX: usize = 64;

/// Outermost: names the request, catches panics, gives errors their body, counts and logs.
pub(super) async fn observe(State(state): State<ApiState>, mut request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    if let Ok(value) = HeaderValue::from_str(&id) {
        request.headers_mut().insert(REQUEST_ID, value);
    }
    let span = info_span!("request", id = %id, method = %method, path = %path);
    let started = Instant::now();
    let answered = AssertUnwindSafe(next.run(request))
        .catch_unwind()
        .instrument(span.clone())
        .await;
    let response = answered.unwrap_or_else(|panic| {
        let what = panic_text(panic.as_ref());
        let problem = Problem::new(ErrorCode::Internal, format!("the request broke off: {what}")).with_hint(format!(
            "this is a fault of tidemill; the log has more under request {id}"
        ));
        ApiError::from(problem).into_response()
    });
    let failure = response.extensions().get::<ApiError>().cloned();
    let mut response = render(&path, response);
    let elapsed = started.elapsed();
    let status = response.status();
    span.in_scope(|| match failure {
        Some(ApiError { problem, .. }) if status.is_server_error() => {
            error!(status = status.as_u16(), ?elapsed, "{method} {path} failed: {problem}");
        }
        Some(ApiError { problem, .. }) => {
            debug!(
                status = status.as_u16(),
                ?elapsed,
                "{method} {path} was refused: {problem}"
            );
        }
        None => debug!(status = status.as_u16(), ?elapsed, "{method} {path} answered"),
    });
    state.metrics.request(&method, route.as_deref(), status, elapsed);
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    response
}

/// Lets through who shows the token; without a token, who is on this machine and not sent by a page of elsewhere.
///
/// A browser is the one program on this machine that runs the code of strangers. It says whose code asks (`Origin`) and
/// which name was asked for (`Host`), so a page of elsewhere cannot roll back a model, nor read one by a name of its own
/// that it lets point here.
pub(super) async fn guard(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let refused = match &state.settings.token {
        Some(token) if !is_open(request.uri()) => {
            let shown = request.headers().get(header::AUTHORIZATION);
            let known = shown.is_some_and(|value| token.is_shown_by(value.as_bytes()));
            (!known).then(|| {
                let problem = Problem::new(ErrorCode::Refused, "this server wants its token")
                    .with_hint("send the header `Authorization: Bearer <token>`");
                ApiError::from(problem)
            })
        }
        Some(_) => None,
        None => foreign(request.headers()).map(|message| {
            let problem = Problem::new(ErrorCode::Refused, message)
                .with_hint("ask for 127.0.0.1 or localhost, or set a token (TIDEMILL_SERVER__TOKEN) and send it");
            ApiError::with_status(StatusCode::FORBIDDEN, problem)
        }),
    };
    match refused {
        Some(refused) => refused.into_response(),
        None => next.run(request).await,
    }
}

/// Takes a place among the requests in flight, or refuses.
pub(super) async fn place(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    if is_open(request.uri()) || request.uri().path() == "/metrics" {
        return next.run(request).await;
    }
    let Ok(_place) = state.places.try_acquire() else {
        let most = state.settings.requests_in_flight_max;
        let problem = Problem::new(
            ErrorCode::LimitReached,
            format!("{most} requests are in flight already"),
        )
        .with_hint("ask again in a second, or raise server.requests_in_flight");
        return ApiError::with_status(StatusCode::TOO_MANY_REQUESTS, problem).into_response();
    };
    next.run(request).await
}

/// Gives up on an answer that only looks something up.
pub(super) async fn request_timeout(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    within(state.settings.request_timeout, request, next).await
}

/// Gives up on an answer that computes.
pub(super) async fn work_timeout(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    within(state.settings.work_timeout, request, next).await
}

async fn within(limit: Duration, request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    if let Ok(response) = tokio::time::timeout(limit, next.run(request)).await {
        return response;
    }
    let problem = Problem::new(ErrorCode::TimedOut, format!("no answer within {limit:?}"));
    let problem = if changes {
        problem.with_hint("what was started to change something goes on; look at it before you ask again")
    } else {
        problem
    };
    ApiError::from(problem).into_response()
}

/// Paths that answer to everybody: whether it lives, what it is, how to ask.
fn is_open(uri: &Uri) -> bool {
    let path = uri.path();
    matches!(
        path,
        "/" | "/health" | "/ready" | "/v2/health/live" | "/v2/health/ready" | "/api" | "/api/openapi.json"
    ) || path.starts_with("/api/docs/")
}

/// Why a request does not come from a program of this machine's user, if it does not.
fn foreign(headers: &HeaderMap) -> Option<String> {
    let text = |name: HeaderName| {
        headers
            .get(name)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let host = text(header::HOST).unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    };
    // Only programs leave the name out.
    let is_here = name.is_empty() || name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok();
    if !is_here {
        return Some(format!(
            "without a token this server answers only under its own address, not as `{name}`"
        ));
    }
    let origin = text(header::ORIGIN)?;
    let own = origin
        .strip_prefix("http://")
        .is_some_and(|authority| authority.eq_ignore_ascii_case(&host));
    (!own).then(|| format!("without a token this server does not answer pages of `{origin}`"))
}

fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let usable = |id: &&str| {
        (1..=REQUEST_ID_BYTES_MAX).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    match given.filter(usable) {
        Some(id) => id.to_owned(),
        None => uuid::Uuid::new_v4().simple().to_string(),
    }
}

pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic".to_owned())
}
