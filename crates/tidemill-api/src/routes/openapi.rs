//! The OpenAPI document, but for the routes themselves.

use std::collections::BTreeMap;

use bytes::Bytes;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, OpenApi as Document, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, OpenApi};

use crate::schema;

/// The name of the security scheme.
const BEARER: &str = "bearer";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "tidemill",
        description = "Streams in, served models out. Errors are `{\"error\": {\"code\", \"message\", \"hint\"}}`; under `/v2`, \
                       as the Open Inference Protocol has it, `{\"error\": text}`.",
    ),
    components(schemas(schema::ErrorBody, schema::InferenceError)),
    tags(
        (name = "house", description = "What it is doing"),
        (name = "data", description = "Tables, features, checks, dead letters"),
        (name = "training", description = "Experiments and runs"),
        (name = "models", description = "Registered models, versions, aliases"),
        (name = "deployments", description = "What serves, and the way back"),
        (name = "loop", description = "Drift, performance, triggers, predictions, the event clock"),
        (name = "inference", description = "The Open Inference Protocol v2"),
        (name = "documentation", description = "What you are reading"),
    ),
)]
struct Head;

/// The document before the routes are in it.
pub(super) fn document() -> Document {
    let mut document = Head::openapi();
    let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    if let Some(components) = document.components.as_mut() {
        components.add_security_scheme(BEARER, bearer);
    }
    // Either nothing, where no token is set, or the token.
    document.security = Some(vec![
        SecurityRequirement::default(),
        SecurityRequirement::new(BEARER, Vec::<String>::new()),
    ]);
    document
}

/// The document as it is served.
pub(super) fn json(document: &Document) -> Bytes {
    let json = serde_json::to_vec_pretty(document).expect("plain data with text for keys always becomes JSON");
    Bytes::from(json)
}

/// Every error answer of a route outside `/v2`.
pub(super) struct Errors;

/// Every error answer of a route under `/v2`.
pub(super) struct InferenceErrors;

impl IntoResponses for Errors {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        error("ErrorBody")
    }
}

impl IntoResponses for InferenceErrors {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        error("InferenceError")
    }
}

fn error(schema: &str) -> BTreeMap<String, RefOr<Response>> {
    let response = ResponseBuilder::new()
        .description("What went wrong")
        .content("application/json", Content::new(Some(Ref::from_schema_name(schema))))
        .build();
    BTreeMap::from([("default".to_owned(), RefOr::T(response))])
}
