//! Pointers to versions.

use axum::Json;
use axum::extract::State;
use tidemill_types::{AliasName, ModelName};

use super::openapi::Errors;
use crate::server::answer::Answer;
use crate::server::extract::{JsonBody, PathOf};
use crate::server::state::ApiState;
use crate::{Alias, AliasEvent, SetAlias};

/// Where a model's aliases point
#[utoipa::path(
    get, path = "/api/v1/models/{model}/aliases", tag = "models",
    params(("model" = String, Path, description = "The model")),
    responses((status = 200, description = "By alias", body = Vec<Alias>), Errors),
)]
pub(super) async fn aliases(
    State(state): State<ApiState>,
    PathOf(model): PathOf<ModelName>,
) -> Answer<Json<Vec<Alias>>> {
    Ok(Json(state.operations.aliases(&model).await?))
}

/// Every move of a model's aliases
#[utoipa::path(
    get, path = "/api/v1/models/{model}/alias-events", tag = "models",
    params(("model" = String, Path, description = "The model")),
    responses((status = 200, description = "Newest first", body = Vec<AliasEvent>), Errors),
)]
pub(super) async fn alias_events(
    State(state): State<ApiState>,
    PathOf(model): PathOf<ModelName>,
) -> Answer<Json<Vec<AliasEvent>>> {
    Ok(Json(state.operations.alias_events(&model).await?))
}

/// Moves an alias, or makes it
///
/// Deployments that follow it swap in the same step.
#[utoipa::path(
    put, path = "/api/v1/models/{model}/aliases/{alias}", tag = "models",
    params(
        ("model" = String, Path, description = "The model"),
        ("alias" = String, Path, description = "The alias")
    ),
    request_body = SetAlias,
    responses((status = 200, description = "Where it points now", body = Alias), Errors),
)]
pub(super) async fn set_alias(
    State(state): State<ApiState>,
    PathOf((model, alias)): PathOf<(ModelName, AliasName)>,
    JsonBody(request): JsonBody<SetAlias>,
) -> Answer<Json<Alias>> {
    let set = state.change(|operations| async move { operations.set_alias(&model, &alias, request).await });
    Ok(Json(set.await?))
}
