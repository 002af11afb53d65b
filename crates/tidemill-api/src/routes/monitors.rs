//! Monitors.

use axum::Json;
use axum::extract::State;
use tidemill_types::MonitorName;

use super::openapi::Errors;
use crate::server::answer::Answer;
use crate::server::extract::{OptionalJsonBody, PathOf};
use crate::server::state::ApiState;
use crate::{Monitor, MonitorRun, MonitorRunRequest};

/// The monitors of the project
#[utoipa::path(
    get, path = "/api/v1/monitors", tag = "loop",
    responses((status = 200, description = "By name", body = Vec<Monitor>), Errors),
)]
pub(super) async fn monitors(State(state): State<ApiState>) -> Answer<Json<Vec<Monitor>>> {
    Ok(Json(state.operations.monitors().await?))
}

/// Runs a monitor as of a time and keeps nothing of it
///
/// The body may be empty. What the tables hold is what the event clock ran, once per tick.
#[utoipa::path(
    post, path = "/api/v1/monitors/{monitor}/run", tag = "loop",
    params(("monitor" = String, Path, description = "The monitor")),
    request_body = Option<MonitorRunRequest>,
    responses((status = 200, description = "What it said", body = MonitorRun), Errors),
)]
pub(super) async fn run_monitor(
    State(state): State<ApiState>,
    PathOf(monitor): PathOf<MonitorName>,
    OptionalJsonBody(request): OptionalJsonBody<MonitorRunRequest>,
) -> Answer<Json<MonitorRun>> {
    Ok(Json(state.operations.run_monitor(&monitor, request).await?))
}
