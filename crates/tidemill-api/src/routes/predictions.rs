//! Predictions that have landed.

use axum::Json;
use axum::extract::State;

use super::openapi::Errors;
use crate::server::answer::{Answer, ApiError};
use crate::server::extract::{PathOf, QueryOf};
use crate::server::state::ApiState;
use crate::{PREDICTION_ID_BYTES_MAX, Prediction, PredictionsRequest};

/// Predictions, newest first
#[utoipa::path(
    get, path = "/api/v1/predictions", tag = "loop",
    params(PredictionsRequest),
    responses((status = 200, description = "By when they were scored", body = Vec<Prediction>), Errors),
)]
pub(super) async fn predictions(
    State(state): State<ApiState>,
    QueryOf(request): QueryOf<PredictionsRequest>,
) -> Answer<Json<Vec<Prediction>>> {
    Ok(Json(state.operations.predictions(request).await?))
}

/// One prediction
#[utoipa::path(
    get, path = "/api/v1/predictions/{prediction}", tag = "loop",
    params(("prediction" = String, Path, description = "Its id")),
    responses((status = 200, description = "The prediction", body = Prediction), Errors),
)]
pub(super) async fn prediction(State(state): State<ApiState>, PathOf(id): PathOf<String>) -> Answer<Json<Prediction>> {
    if id.len() > PREDICTION_ID_BYTES_MAX {
        let what = format!("an id of {} bytes is longer than any prediction's", id.len());
        return Err(ApiError::invalid(what));
    }
    Ok(Json(state.operations.prediction(&id).await?))
}
