//! Triggers and what they fired.

use axum::Json;
use axum::extract::State;
use tidemill_types::TriggerName;

use super::openapi::Errors;
use crate::server::answer::Answer;
use crate::server::extract::{OptionalJsonBody, PathOf, QueryOf};
use crate::server::state::ApiState;
use crate::{FireRequest, Firing, FiringsRequest, Trigger};

/// The triggers of the project, and how they stand
#[utoipa::path(
    get, path = "/api/v1/triggers", tag = "loop",
    responses((status = 200, description = "By name", body = Vec<Trigger>), Errors),
)]
pub(super) async fn triggers(State(state): State<ApiState>) -> Answer<Json<Vec<Trigger>>> {
    Ok(Json(state.operations.triggers().await?))
}

/// What triggers fired, and what came of it
#[utoipa::path(
    get, path = "/api/v1/firings", tag = "loop",
    params(FiringsRequest),
    responses((status = 200, description = "Newest first", body = Vec<Firing>), Errors),
)]
pub(super) async fn firings(
    State(state): State<ApiState>,
    QueryOf(request): QueryOf<FiringsRequest>,
) -> Answer<Json<Vec<Firing>>> {
    Ok(Json(state.operations.firings(request).await?))
}

/// Fires a trigger by hand
///
/// Whatever its query, cooldown and quota say. The firing is written down and answered at once; the event clock trains.
/// The body may be empty.
#[utoipa::path(
    post, path = "/api/v1/triggers/{trigger}/fire", tag = "loop",
    params(("trigger" = String, Path, description = "The trigger")),
    request_body = Option<FireRequest>,
    responses((status = 200, description = "The firing", body = Firing), Errors),
)]
pub(super) async fn fire(
    State(state): State<ApiState>,
    PathOf(trigger): PathOf<TriggerName>,
    OptionalJsonBody(request): OptionalJsonBody<FireRequest>,
) -> Answer<Json<Firing>> {
    let fired = state.change(|operations| async move { operations.fire(&trigger, request).await });
    Ok(Json(fired.await?))
}
