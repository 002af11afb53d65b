//! Feature views.

use axum::Json;
use axum::extract::State;

use super::openapi::Errors;
use crate::server::answer::Answer;
use crate::server::extract::QueryOf;
use crate::server::state::ApiState;
use crate::{FeatureViewSummary, FeaturesRequest};

/// Computes feature views over a range of event times and sums them up
#[utoipa::path(
    get, path = "/api/v1/features", tag = "data",
    params(FeaturesRequest),
    responses(
        (status = 200, description = "In the order of the project", body = Vec<FeatureViewSummary>),
        Errors
    ),
)]
pub(super) async fn features(
    State(state): State<ApiState>,
    QueryOf(request): QueryOf<FeaturesRequest>,
) -> Answer<Json<Vec<FeatureViewSummary>>> {
    Ok(Json(state.operations.features(request).await?))
}
