//! Records that could not be used.

use axum::Json;
use axum::extract::State;
use tidemill_types::{KafkaPartition, LastOffset, StreamName};

use super::openapi::Errors;
use crate::server::answer::Answer;
use crate::server::extract::{JsonBody, PathOf, QueryOf};
use crate::server::state::ApiState;
use crate::{DeadLetter, DeadLetterId, DeadLetterSummary, DeadLettersRequest, ReplayReport, ReplayRequest};

/// Dead letters, newest first
#[utoipa::path(
    get, path = "/api/v1/dead-letters", tag = "data",
    params(DeadLettersRequest),
    responses(
        (status = 200, description = "Where they came from, and why", body = Vec<DeadLetterSummary>),
        Errors
    ),
)]
pub(super) async fn dead_letters(
    State(state): State<ApiState>,
    QueryOf(request): QueryOf<DeadLettersRequest>,
) -> Answer<Json<Vec<DeadLetterSummary>>> {
    Ok(Json(state.operations.dead_letters(request).await?))
}

/// Send dead letters to their topic again, as they came or repaired
#[utoipa::path(
    post, path = "/api/v1/dead-letters/{stream}/replay", tag = "data",
    params(("stream" = String, Path, description = "The stream")),
    request_body = ReplayRequest,
    responses((status = 200, description = "What was sent, and what was left alone", body = ReplayReport), Errors),
)]
pub(super) async fn replay(
    State(state): State<ApiState>,
    PathOf(stream): PathOf<StreamName>,
    JsonBody(request): JsonBody<ReplayRequest>,
) -> Answer<Json<ReplayReport>> {
    let replayed = state.change(|operations| async move { operations.replay_dead_letters(&stream, request).await });
    Ok(Json(replayed.await?))
}

/// One dead letter with its bytes
#[utoipa::path(
    get, path = "/api/v1/dead-letters/{stream}/{partition}/{offset}", tag = "data",
    params(
        ("stream" = String, Path, description = "The stream"),
        ("partition" = i32, Path, description = "The Kafka partition"),
        ("offset" = i64, Path, description = "The offset")
    ),
    responses((status = 200, description = "The record", body = DeadLetter), Errors),
)]
pub(super) async fn dead_letter(
    State(state): State<ApiState>,
    PathOf((stream, partition, offset)): PathOf<(StreamName, KafkaPartition, LastOffset)>,
) -> Answer<Json<DeadLetter>> {
    let id = DeadLetterId {
        stream,
        partition,
        offset,
    };
    Ok(Json(state.operations.dead_letter(&id).await?))
}
