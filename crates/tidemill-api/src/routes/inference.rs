//! The Open Inference Protocol v2. Its "model" is a deployment, which by default has the name of its model.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tidemill_serve::protocol::{InferRequest, ModelMetadata, ModelReady, ServerLive, ServerMetadata, ServerReady};
use tidemill_types::{DeploymentName, ErrorCode, Explain, VersionNumber};

use super::health::unready_reasons;
use super::openapi::InferenceErrors;
use crate::schema;
use crate::server::answer::{Answer, ApiError};
use crate::server::extract::{PathOf, RawBody, VersionText};
use crate::server::state::{ApiState, blocking};

/// Up to this many bytes a request is parsed where it arrives; more take longer than half a millisecond.
const BYTES_INLINE_MAX: usize = 64 * 1_024;

/// What the server is
#[utoipa::path(
    get, path = "/v2", tag = "inference",
    responses((status = 200, description = "The server", body = schema::ServerMetadata), InferenceErrors),
)]
pub(super) async fn server_metadata() -> Json<ServerMetadata> {
    Json(ServerMetadata {
        name: "tidemill".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        extensions: Vec::new(),
    })
}

/// Whether the server answers
#[utoipa::path(
    get, path = "/v2/health/live", tag = "inference",
    responses((status = 200, description = "It does", body = schema::ServerLive)),
)]
pub(super) async fn server_live() -> Json<ServerLive> {
    Json(ServerLive { live: true })
}

/// Whether the server wants traffic
#[utoipa::path(
    get, path = "/v2/health/ready", tag = "inference",
    responses(
        (status = 200, description = "It does", body = schema::ServerReady),
        (status = 503, description = "It does not", body = schema::ServerReady)
    ),
)]
pub(super) async fn server_ready(State(state): State<ApiState>) -> Response {
    let ready = unready_reasons(&state).await.is_empty();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(ServerReady { live: true, ready })).into_response()
}

/// What a deployment takes and gives
#[utoipa::path(
    get, path = "/v2/models/{model}", tag = "inference",
    params(("model" = String, Path, description = "The deployment")),
    responses((status = 200, description = "Its tensors", body = schema::ModelMetadata), InferenceErrors),
)]
pub(super) async fn inference_metadata(
    State(state): State<ApiState>,
    PathOf(model): PathOf<DeploymentName>,
) -> Answer<Json<ModelMetadata>> {
    Ok(Json(state.operations.inference_metadata(&model, None).await?))
}

/// What a deployment takes and gives, if it serves this version
#[utoipa::path(
    get, path = "/v2/models/{model}/versions/{version}", tag = "inference",
    params(
        ("model" = String, Path, description = "The deployment"),
        ("version" = String, Path, description = "The version, as `3`")
    ),
    responses((status = 200, description = "Its tensors", body = schema::ModelMetadata), InferenceErrors),
)]
pub(super) async fn inference_version_metadata(
    State(state): State<ApiState>,
    PathOf((model, VersionText(version))): PathOf<(DeploymentName, VersionText)>,
) -> Answer<Json<ModelMetadata>> {
    Ok(Json(state.operations.inference_metadata(&model, Some(version)).await?))
}

/// Whether a deployment answers
#[utoipa::path(
    get, path = "/v2/models/{model}/ready", tag = "inference",
    params(("model" = String, Path, description = "The deployment")),
    responses((status = 200, description = "It does", body = schema::ModelReady), InferenceErrors),
)]
pub(super) async fn inference_ready(
    State(state): State<ApiState>,
    PathOf(model): PathOf<DeploymentName>,
) -> Answer<Response> {
    readiness(&state, model, None).await
}

/// Whether a deployment answers by this version
#[utoipa::path(
    get, path = "/v2/models/{model}/versions/{version}/ready", tag = "inference",
    params(
        ("model" = String, Path, description = "The deployment"),
        ("version" = String, Path, description = "The version, as `3`")
    ),
    responses((status = 200, description = "It does", body = schema::ModelReady), InferenceErrors),
)]
pub(super) async fn inference_version_ready(
    State(state): State<ApiState>,
    PathOf((model, VersionText(version))): PathOf<(DeploymentName, VersionText)>,
) -> Answer<Response> {
    readiness(&state, model, Some(version)).await
}

/// Scores rows
#[utoipa::path(
    post, path = "/v2/models/{model}/infer", tag = "inference",
    params(("model" = String, Path, description = "The deployment")),
    request_body = schema::InferRequest,
    responses(
        (status = 200, description = "The scores, in the order of the rows", body = schema::InferResponse),
        InferenceErrors
    ),
)]
pub(super) async fn infer(
    State(state): State<ApiState>,
    PathOf(model): PathOf<DeploymentName>,
    RawBody(body): RawBody,
) -> Answer<Response> {
    score(&state, model, None, body).await
}

/// Scores rows, if the deployment serves this version
#[utoipa::path(
    post, path = "/v2/models/{model}/versions/{version}/infer", tag = "inference",
    params(
        ("model" = String, Path, description = "The deployment"),
        ("version" = String, Path, description = "The version, as `3`")
    ),
    request_body = schema::InferRequest,
    responses(
        (status = 200, description = "The scores, in the order of the rows", body = schema::InferResponse),
        InferenceErrors
    ),
)]
pub(super) async fn infer_version(
    State(state): State<ApiState>,
    PathOf((model, VersionText(version))): PathOf<(DeploymentName, VersionText)>,
    RawBody(body): RawBody,
) -> Answer<Response> {
    score(&state, model, Some(version), body).await
}

async fn readiness(state: &ApiState, model: DeploymentName, version: Option<VersionNumber>) -> Answer<Response> {
    let ready = match state.operations.inference_metadata(&model, version).await {
        Ok(_) => true,
        // The deployment is known and its slot is empty: a matter of time.
        Err(problem) if problem.code == ErrorCode::NotReady => false,
        Err(problem) => return Err(problem.into()),
    };
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let name = model.to_string();
    Ok((status, Json(ModelReady { name, ready })).into_response())
}

async fn score(
    state: &ApiState,
    model: DeploymentName,
    version: Option<VersionNumber>,
    body: bytes::Bytes,
) -> Answer<Response> {
    let large = body.len() > BYTES_INLINE_MAX;
    let request = if large {
        blocking(move || InferRequest::parse(&body).map_err(|error| error.problem())).await?
    } else {
        InferRequest::parse(&body).map_err(|error| ApiError::of(&error))?
    };
    let response = state.operations.infer(&model, version, request).await?;
    Ok(Json(response).into_response())
}
