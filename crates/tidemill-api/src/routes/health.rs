//! Whether it lives, whether it wants traffic, and its figures.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tidemill_types::{ErrorCode, Problem};
use utoipa::ToSchema;

use super::openapi::Errors;
use crate::server::answer::{Answer, ApiError};
use crate::server::state::ApiState;

/// The media type of OpenMetrics.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The server answers.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct Health {
    /// Whether it does.
    healthy: bool,
}

/// Whether the house wants traffic.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct Ready {
    /// Whether it does.
    ready: bool,
    /// Why not, one sentence each.
    reasons: Vec<String>,
}

/// Whether the server answers
#[utoipa::path(
    get, path = "/health", tag = "house",
    responses((status = 200, description = "It does", body = Health)),
)]
pub(super) async fn health() -> Json<Health> {
    Json(Health { healthy: true })
}

/// Whether no stream has failed and every slot serves what it should
#[utoipa::path(
    get, path = "/ready", tag = "house",
    responses(
        (status = 200, description = "It wants traffic", body = Ready),
        (status = 503, description = "It does not, and why", body = Ready)
    ),
)]
pub(super) async fn ready(State(state): State<ApiState>) -> Response {
    let reasons = unready_reasons(&state).await;
    let status = if reasons.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let ready = reasons.is_empty();
    (status, Json(Ready { ready, reasons })).into_response()
}

/// Figures in the text format of OpenMetrics, for Prometheus
#[utoipa::path(
    get, path = "/metrics", tag = "house",
    responses(
        (
            status = 200,
            description = "The figures",
            content_type = "application/openmetrics-text",
            body = String
        ),
        Errors
    ),
)]
pub(super) async fn metrics(State(state): State<ApiState>) -> Answer<Response> {
    let status = state.operations.status().await;
    let text = state.metrics.encode(&status).map_err(|error| {
        ApiError::from(Problem::new(
            ErrorCode::Internal,
            format!("failed to write the figures: {error}"),
        ))
    })?;
    Ok(([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response())
}

/// Why the house does not want traffic; empty when it does.
pub(super) async fn unready_reasons(state: &ApiState) -> Vec<String> {
    match state.operations.status().await {
        Ok(status) => status.unready_reasons(),
        Err(problem) => vec![format!("the status is not known: {problem}")],
    }
}
