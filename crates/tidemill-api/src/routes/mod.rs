//! Every route with its description, a file per noun. A route is only ever added here, together with its description, so
//! that the OpenAPI document cannot lack one.

mod aliases;
mod audit;
mod checks;
mod clock;
mod dead_letters;
mod deployments;
mod documentation;
mod drift;
mod features;
mod health;
mod inference;
mod models;
mod monitors;
mod openapi;
mod performance;
mod predictions;
mod runs;
mod sql;
mod status;
mod tables;
mod triggers;

use axum::Router;
use bytes::Bytes;
pub(crate) use sql::{ELAPSED_MICROS, TRUNCATED};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::server::state::ApiState;

/// The routes by the time they may take, and the document that describes them all.
pub(crate) struct Routes {
    /// They look something up, or score.
    pub(crate) quick: Router<ApiState>,
    /// They compute.
    pub(crate) work: Router<ApiState>,
    /// OpenAPI, JSON.
    pub(crate) openapi: Bytes,
}

/// All routes.
pub(crate) fn routes() -> Routes {
    let quick = OpenApiRouter::with_openapi(openapi::document())
        .routes(routes!(documentation::landing))
        .routes(routes!(documentation::documentation))
        .routes(routes!(documentation::documentation_index))
        .routes(routes!(documentation::documentation_file))
        .routes(routes!(documentation::openapi))
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
        .routes(routes!(inference::server_metadata))
        .routes(routes!(inference::server_live))
        .routes(routes!(inference::server_ready))
        .routes(routes!(inference::inference_metadata))
        .routes(routes!(inference::inference_version_metadata))
        .routes(routes!(inference::inference_ready))
        .routes(routes!(inference::inference_version_ready))
        .routes(routes!(inference::infer))
        .routes(routes!(inference::infer_version))
        .routes(routes!(status::status))
        .routes(routes!(tables::tables))
        .routes(routes!(runs::experiments))
        .routes(routes!(runs::compare))
        .routes(routes!(runs::run))
        .routes(routes!(models::models))
        .routes(routes!(models::model))
        .routes(routes!(models::versions))
        .routes(routes!(models::version))
        .routes(routes!(models::lineage))
        .routes(routes!(aliases::aliases))
        .routes(routes!(aliases::alias_events))
        .routes(routes!(aliases::set_alias))
        .routes(routes!(deployments::deployments, deployments::deploy))
        .routes(routes!(deployments::deployment_history))
        .routes(routes!(deployments::rollback))
        .routes(routes!(dead_letters::dead_letters))
        .routes(routes!(dead_letters::dead_letter))
        .routes(routes!(drift::drift))
        .routes(routes!(performance::performance))
        .routes(routes!(monitors::monitors))
        .routes(routes!(triggers::triggers))
        .routes(routes!(triggers::firings))
        .routes(routes!(triggers::fire))
        .routes(routes!(predictions::predictions))
        .routes(routes!(predictions::prediction))
        .routes(routes!(clock::clock));
    let work = OpenApiRouter::new()
        .routes(routes!(sql::sql))
        .routes(routes!(features::features))
        .routes(routes!(checks::check))
        .routes(routes!(monitors::run_monitor))
        .routes(routes!(clock::wait_for_clock))
        .routes(routes!(audit::audit))
        .routes(routes!(dead_letters::replay))
        .routes(routes!(runs::runs, runs::train));
    let (quick, mut document) = quick.split_for_parts();
    let (work, more) = work.split_for_parts();
    document.merge(more);
    Routes {
        quick,
        work,
        openapi: openapi::json(&document),
    }
}
