//! The way in for people: a landing page, the OpenAPI document, and a page to try it, all from the binary.

use std::sync::{Arc, LazyLock};

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use tidemill_types::{ErrorCode, Problem};
use utoipa_swagger_ui::Config;

use super::openapi::Errors;
use crate::server::answer::{Answer, ApiError};
use crate::server::extract::PathOf;
use crate::server::state::ApiState;

/// What the pages may load: nothing from elsewhere.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/// `validator_url("none")` keeps the page from asking an online validator for a badge.
static SWAGGER: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::new(["/api/openapi.json"])
        .use_base_layout()
        .validator_url("none")
        .try_it_out_enabled(true);
    Arc::new(config)
});

/// A page that says where to go
#[utoipa::path(
    get, path = "/", tag = "documentation",
    responses((status = 200, description = "HTML", content_type = "text/html", body = String)),
)]
pub(super) async fn landing() -> Response {
    page_answer(Html(include_str!("landing.html")).into_response())
}

/// The page to try it
#[utoipa::path(get, path = "/api", tag = "documentation", responses((status = 308, description = "To /api/docs/")))]
pub(super) async fn documentation() -> Redirect {
    Redirect::permanent("/api/docs/")
}

/// The page to try it
#[utoipa::path(
    get, path = "/api/docs/", tag = "documentation",
    responses((status = 200, description = "HTML", content_type = "text/html", body = String), Errors),
)]
pub(super) async fn documentation_index() -> Answer<Response> {
    file("index.html")
}

/// A file of the page to try it
#[utoipa::path(
    get, path = "/api/docs/{file}", tag = "documentation",
    params(("file" = String, Path, description = "Its name")),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream", body = Vec<u8>),
        Errors
    ),
)]
pub(super) async fn documentation_file(PathOf(name): PathOf<String>) -> Answer<Response> {
    file(&name)
}

/// The OpenAPI document
#[utoipa::path(
    get, path = "/api/openapi.json", tag = "documentation",
    responses((status = 200, description = "OpenAPI", content_type = "application/json", body = Object)),
)]
pub(super) async fn openapi(State(state): State<ApiState>) -> Response {
    let document = bytes::Bytes::clone(&state.openapi);
    ([(header::CONTENT_TYPE, "application/json")], document).into_response()
}

fn file(name: &str) -> Answer<Response> {
    let served = utoipa_swagger_ui::serve(name, Arc::clone(&SWAGGER));
    let found = served.map_err(|error| {
        ApiError::from(Problem::new(
            ErrorCode::Internal,
            format!("failed to read `{name}` of the page: {error}"),
        ))
    })?;
    let Some(file) = found else {
        return Err(Problem::new(ErrorCode::NotFound, format!("the page has no file `{name}`")).into());
    };
    let headers = [(header::CONTENT_TYPE, file.content_type)];
    let mut response = (StatusCode::OK, headers, file.bytes.into_owned()).into_response();
    if file.gzpipped {
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(page_answer(response))
}

fn page_answer(mut response: Response) -> Response {
    let policy = HeaderValue::from_static(CONTENT_SECURITY_POLICY);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}
