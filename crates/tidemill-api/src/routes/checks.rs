//! Validation checks.

use axum::Json;
use axum::extract::State;

use super::openapi::Errors;
use crate::server::answer::Answer;
use crate::server::extract::JsonBody;
use crate::server::state::ApiState;
use crate::{CheckReport, CheckRequest};

/// Runs checks over a window
///
/// A check that does not pass is a report with `passed: false`, not an error.
#[utoipa::path(
    post, path = "/api/v1/checks", tag = "data",
    request_body = CheckRequest,
    responses((status = 200, description = "The report", body = CheckReport), Errors),
)]
pub(super) async fn check(
    State(state): State<ApiState>,
    JsonBody(request): JsonBody<CheckRequest>,
) -> Answer<Json<CheckReport>> {
    Ok(Json(state.operations.check(request).await?))
}
