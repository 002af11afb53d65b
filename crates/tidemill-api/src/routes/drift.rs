//! How far what comes in has moved.

use axum::Json;
use axum::extract::State;

use super::openapi::Errors;
use crate::server::answer::Answer;
use crate::server::extract::QueryOf;
use crate::server::state::ApiState;
use crate::{DriftRequest, DriftSeries};

/// Drift over time
#[utoipa::path(
    get, path = "/api/v1/drift", tag = "loop",
    params(DriftRequest),
    responses((status = 200, description = "By monitor, model and column", body = Vec<DriftSeries>), Errors),
)]
pub(super) async fn drift(
    State(state): State<ApiState>,
    QueryOf(request): QueryOf<DriftRequest>,
) -> Answer<Json<Vec<DriftSeries>>> {
    Ok(Json(state.operations.drift(request).await?))
}
