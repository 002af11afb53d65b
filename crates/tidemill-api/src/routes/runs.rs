//! Experiments and runs; training is a run that is made.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tidemill_types::RunId;
use utoipa::IntoParams;

use super::openapi::Errors;
use crate::server::answer::{Answer, ApiError};
use crate::server::extract::{JsonBody, PathOf, QueryOf};
use crate::server::state::ApiState;
use crate::{Experiment, Run, RunComparison, RunSummary, RunsRequest, TrainOutcome, TrainRequest};

/// Which runs to compare.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CompareParams {
    /// Ids of runs with commas between them.
    ids: String,
}

/// The experiments
#[utoipa::path(
    get, path = "/api/v1/experiments", tag = "training",
    responses((status = 200, description = "By name", body = Vec<Experiment>), Errors),
)]
pub(super) async fn experiments(State(state): State<ApiState>) -> Answer<Json<Vec<Experiment>>> {
    Ok(Json(state.operations.experiments().await?))
}

/// Runs, newest first or by a metric
#[utoipa::path(
    get, path = "/api/v1/runs", tag = "training",
    params(RunsRequest),
    responses((status = 200, description = "The runs", body = Vec<RunSummary>), Errors),
)]
pub(super) async fn runs(
    State(state): State<ApiState>,
    QueryOf(request): QueryOf<RunsRequest>,
) -> Answer<Json<Vec<RunSummary>>> {
    Ok(Json(state.operations.runs(request).await?))
}

/// Trains a model
///
/// A check or a gate that does not pass is an outcome with its `status`, not an error. The training goes on when whoever
/// asked goes away.
#[utoipa::path(
    post, path = "/api/v1/runs", tag = "training",
    request_body = TrainRequest,
    responses((status = 200, description = "What became of it", body = TrainOutcome), Errors),
)]
pub(super) async fn train(
    State(state): State<ApiState>,
    JsonBody(request): JsonBody<TrainRequest>,
) -> Answer<Json<TrainOutcome>> {
    let outcome = state
        .change(|operations| async move { operations.train(request).await })
        .await?;
    Ok(Json(outcome))
}

/// Runs side by side
#[utoipa::path(
    get, path = "/api/v1/runs/compare", tag = "training",
    params(CompareParams),
    responses((status = 200, description = "In the order of the ids", body = RunComparison), Errors),
)]
pub(super) async fn compare(
    State(state): State<ApiState>,
    QueryOf(params): QueryOf<CompareParams>,
) -> Answer<Json<RunComparison>> {
    let ids = params.ids.split(',').map(|id| RunId::new(id.trim()));
    let ids: Vec<RunId> = ids
        .collect::<Result<_, _>>()
        .map_err(|error| ApiError::invalid(error.to_string()))?;
    if ids.len() > crate::RUNS_COMPARED_MAX {
        let most = crate::RUNS_COMPARED_MAX;
        return Err(ApiError::invalid(format!(
            "{} runs are more than the {most} that fit side by side",
            ids.len()
        )));
    }
    Ok(Json(state.operations.compare(&ids).await?))
}

/// One run
#[utoipa::path(
    get, path = "/api/v1/runs/{run}", tag = "training",
    params(("run" = String, Path, description = "Its id")),
    responses((status = 200, description = "The run", body = Run), Errors),
)]
pub(super) async fn run(State(state): State<ApiState>, PathOf(run): PathOf<RunId>) -> Answer<Json<Run>> {
    Ok(Json(state.operations.run(&run).await?))
}
