//! How good predictions were.

use axum::Json;
use axum::extract::State;

use super::openapi::Errors;
use crate::server::answer::Answer;
use crate::server::extract::QueryOf;
use crate::server::state::ApiState;
use crate::{PerformanceRequest, PerformanceSeries};

/// Performance over time
#[utoipa::path(
    get, path = "/api/v1/performance", tag = "loop",
    params(PerformanceRequest),
    responses(
        (status = 200, description = "By monitor, model, metric and segment", body = Vec<PerformanceSeries>),
        Errors
    ),
)]
pub(super) async fn performance(
    State(state): State<ApiState>,
    QueryOf(request): QueryOf<PerformanceRequest>,
) -> Answer<Json<Vec<PerformanceSeries>>> {
    Ok(Json(state.operations.performance(request).await?))
}
