//! What serves, and the way back.

use axum::Json;
use axum::extract::State;
use tidemill_types::DeploymentName;

use super::openapi::Errors;
use crate::server::answer::Answer;
use crate::server::extract::{JsonBody, OptionalJsonBody, PathOf};
use crate::server::state::ApiState;
use crate::{DeployRequest, Deployment, DeploymentEvent, RollbackRequest};

/// The deployments
#[utoipa::path(
    get, path = "/api/v1/deployments", tag = "deployments",
    responses((status = 200, description = "By name", body = Vec<Deployment>), Errors),
)]
pub(super) async fn deployments(State(state): State<ApiState>) -> Answer<Json<Vec<Deployment>>> {
    Ok(Json(state.operations.deployments().await?))
}

/// Deploys a version
///
/// Its golden rows are replayed before the swap; if they do not come out, what served goes on serving.
#[utoipa::path(
    post, path = "/api/v1/deployments", tag = "deployments",
    request_body = DeployRequest,
    responses((status = 200, description = "It serves", body = Deployment), Errors),
)]
pub(super) async fn deploy(
    State(state): State<ApiState>,
    JsonBody(request): JsonBody<DeployRequest>,
) -> Answer<Json<Deployment>> {
    let deployment = state
        .change(|operations| async move { operations.deploy(request).await })
        .await?;
    Ok(Json(deployment))
}

/// What a deployment served
#[utoipa::path(
    get, path = "/api/v1/deployments/{deployment}/history", tag = "deployments",
    params(("deployment" = String, Path, description = "The deployment")),
    responses((status = 200, description = "Newest first", body = Vec<DeploymentEvent>), Errors),
)]
pub(super) async fn deployment_history(
    State(state): State<ApiState>,
    PathOf(deployment): PathOf<DeploymentName>,
) -> Answer<Json<Vec<DeploymentEvent>>> {
    Ok(Json(state.operations.deployment_history(&deployment).await?))
}

/// Takes a deployment back to the version before
///
/// The body may be empty.
#[utoipa::path(
    post, path = "/api/v1/deployments/{deployment}/rollback", tag = "deployments",
    params(("deployment" = String, Path, description = "The deployment")),
    request_body = Option<RollbackRequest>,
    responses((status = 200, description = "What serves now", body = Deployment), Errors),
)]
pub(super) async fn rollback(
    State(state): State<ApiState>,
    PathOf(deployment): PathOf<DeploymentName>,
    OptionalJsonBody(request): OptionalJsonBody<RollbackRequest>,
) -> Answer<Json<Deployment>> {
    let back = state.change(|operations| async move { operations.rollback(&deployment, request).await });
    Ok(Json(back.await?))
}
