//! Registered models and their versions.

use axum::Json;
use axum::extract::State;
use tidemill_types::ModelName;

use super::openapi::Errors;
use crate::server::answer::Answer;
use crate::server::extract::{PathOf, VersionText};
use crate::server::state::ApiState;
use crate::{Model, ModelVersion, VersionLineage};

/// The registered models
#[utoipa::path(
    get, path = "/api/v1/models", tag = "models",
    responses((status = 200, description = "By name", body = Vec<Model>), Errors),
)]
pub(super) async fn models(State(state): State<ApiState>) -> Answer<Json<Vec<Model>>> {
    Ok(Json(state.operations.models().await?))
}

/// One registered model
#[utoipa::path(
    get, path = "/api/v1/models/{model}", tag = "models",
    params(("model" = String, Path, description = "The model")),
    responses((status = 200, description = "The model", body = Model), Errors),
)]
pub(super) async fn model(State(state): State<ApiState>, PathOf(model): PathOf<ModelName>) -> Answer<Json<Model>> {
    Ok(Json(state.operations.model(&model).await?))
}

/// A model's versions
#[utoipa::path(
    get, path = "/api/v1/models/{model}/versions", tag = "models",
    params(("model" = String, Path, description = "The model")),
    responses((status = 200, description = "Newest first", body = Vec<ModelVersion>), Errors),
)]
pub(super) async fn versions(
    State(state): State<ApiState>,
    PathOf(model): PathOf<ModelName>,
) -> Answer<Json<Vec<ModelVersion>>> {
    Ok(Json(state.operations.versions(&model).await?))
}

/// One version
#[utoipa::path(
    get, path = "/api/v1/models/{model}/versions/{version}", tag = "models",
    params(
        ("model" = String, Path, description = "The model"),
        ("version" = String, Path, description = "`3` or `v3`")
    ),
    responses((status = 200, description = "The version", body = ModelVersion), Errors),
)]
pub(super) async fn version(
    State(state): State<ApiState>,
    PathOf((model, VersionText(version))): PathOf<(ModelName, VersionText)>,
) -> Answer<Json<ModelVersion>> {
    Ok(Json(state.operations.version(&model, version).await?))
}

/// What a version was made from, and where it serves
#[utoipa::path(
    get, path = "/api/v1/models/{model}/versions/{version}/lineage", tag = "models",
    params(
        ("model" = String, Path, description = "The model"),
        ("version" = String, Path, description = "`3` or `v3`")
    ),
    responses((status = 200, description = "Its lineage", body = VersionLineage), Errors),
)]
pub(super) async fn lineage(
    State(state): State<ApiState>,
    PathOf((model, VersionText(version))): PathOf<(ModelName, VersionText)>,
) -> Answer<Json<VersionLineage>> {
    Ok(Json(state.operations.lineage(&model, version).await?))
}
