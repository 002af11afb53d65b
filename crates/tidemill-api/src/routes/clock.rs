//! The event clock.

use axum::Json;
use axum::extract::State;

use super::openapi::Errors;
use crate::server::answer::Answer;
use crate::server::extract::OptionalJsonBody;
use crate::server::state::ApiState;
use crate::{ClockWaitRequest, EventClock};

/// How far the event clock is
#[utoipa::path(
    get, path = "/api/v1/clock", tag = "loop",
    responses((status = 200, description = "The last tick, the watermark, the step", body = EventClock), Errors),
)]
pub(super) async fn clock(State(state): State<ApiState>) -> Answer<Json<EventClock>> {
    Ok(Json(state.operations.clock().await?))
}

/// Waits for the event clock
///
/// Until it has caught up with the watermark, or until a tick is finished. The body may be empty; 408 when it is not that
/// far in time.
#[utoipa::path(
    post, path = "/api/v1/clock/wait", tag = "loop",
    request_body = Option<ClockWaitRequest>,
    responses((status = 200, description = "How far it is", body = EventClock), Errors),
)]
pub(super) async fn wait_for_clock(
    State(state): State<ApiState>,
    OptionalJsonBody(request): OptionalJsonBody<ClockWaitRequest>,
) -> Answer<Json<EventClock>> {
    Ok(Json(state.operations.wait_for_clock(request).await?))
}
