//! What the house is doing.

use axum::Json;
use axum::extract::State;

use super::openapi::Errors;
use crate::Status;
use crate::server::answer::Answer;
use crate::server::state::ApiState;

/// Streams, offsets, slots
#[utoipa::path(
    get, path = "/api/v1/status", tag = "house",
    responses((status = 200, description = "The house at this moment", body = Status), Errors),
)]
pub(super) async fn status(State(state): State<ApiState>) -> Answer<Json<Status>> {
    Ok(Json(state.operations.status().await?))
}
