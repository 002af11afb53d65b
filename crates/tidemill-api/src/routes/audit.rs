//! The proof that a stream is in its tables exactly once.

use axum::Json;
use axum::extract::State;
use tidemill_types::{AuditReport, StreamName};

use super::openapi::Errors;
use crate::operations::AuditRequest;
use crate::schema;
use crate::server::answer::Answer;
use crate::server::extract::{PathOf, QueryOf};
use crate::server::state::ApiState;

/// Whether every record of a stream landed once, and what other writers did to its tables
#[utoipa::path(
    get, path = "/api/v1/streams/{stream}/audit", tag = "data",
    params(("stream" = String, Path, description = "The stream"), AuditRequest),
    responses(
        (status = 200, description = "What was found; `faults` is empty where nothing is wrong", body = schema::AuditReport),
        Errors
    ),
)]
pub(super) async fn audit(
    State(state): State<ApiState>,
    PathOf(stream): PathOf<StreamName>,
    QueryOf(request): QueryOf<AuditRequest>,
) -> Answer<Json<AuditReport>> {
    Ok(Json(state.operations.audit(&stream, request).await?))
}
