//! The catalog.

use axum::Json;
use axum::extract::State;

use super::openapi::Errors;
use crate::TableDescription;
use crate::server::answer::Answer;
use crate::server::state::ApiState;

/// The tables that SQL can ask, with their columns
#[utoipa::path(
    get, path = "/api/v1/tables", tag = "data",
    responses((status = 200, description = "By kind and name", body = Vec<TableDescription>), Errors),
)]
pub(super) async fn tables(State(state): State<ApiState>) -> Answer<Json<Vec<TableDescription>>> {
    Ok(Json(state.operations.tables().await?))
}
