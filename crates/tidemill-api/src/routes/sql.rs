//! Queries.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};

use super::openapi::Errors;
use crate::arrow_codec::{ARROW_STREAM, to_ipc, to_json};
use crate::server::answer::Answer;
use crate::server::extract::JsonBody;
use crate::server::state::{ApiState, blocking};
use crate::{SqlRequest, SqlRows};

/// Whether a limit cut rows off the end of an Arrow answer.
pub(crate) const TRUNCATED: HeaderName = HeaderName::from_static("tidemill-truncated");
/// How long the query of an Arrow answer ran, in microseconds.
pub(crate) const ELAPSED_MICROS: HeaderName = HeaderName::from_static("tidemill-elapsed-micros");

/// Answers a read-only query
///
/// As JSON rows, or as an Arrow IPC stream where `Accept` says `application/vnd.apache.arrow.stream`; then the headers
/// `tidemill-truncated` and `tidemill-elapsed-micros` hold what is not in the stream.
#[utoipa::path(
    post, path = "/api/v1/sql", tag = "data",
    request_body = SqlRequest,
    responses(
        (
            status = 200,
            description = "The rows",
            content((SqlRows = "application/json"), (Vec<u8> = "application/vnd.apache.arrow.stream"))
        ),
        Errors
    ),
)]
pub(super) async fn sql(
    State(state): State<ApiState>,
    headers: HeaderMap,
    JsonBody(request): JsonBody<SqlRequest>,
) -> Answer<Response> {
    let accepted = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let arrow = accepted.flat_map(|value| value.split(',')).any(|media_type| {
        media_type
            .split(';')
            .next()
            .unwrap_or("")
            .trim()
            .eq_ignore_ascii_case(ARROW_STREAM)
    });
    let answer = state.operations.sql(request).await?;
    if !arrow {
        let body = blocking(move || to_json(&answer)).await?;
        return Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response());
    }
    let headers = [
        (header::CONTENT_TYPE, ARROW_STREAM.to_owned()),
        (TRUNCATED, answer.truncated.to_string()),
        (ELAPSED_MICROS, answer.elapsed.as_micros().to_string()),
    ];
    let body = blocking(move || to_ipc(&answer)).await?;
    Ok((headers, body).into_response())
}
