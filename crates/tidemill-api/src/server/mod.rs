//! The server: it listens, lets requests through the layers to the routes, and ends without cutting one off.

pub(crate) mod answer;
mod error;
pub(crate) mod extract;
mod layers;
mod listener;
mod metrics;
mod settings;
pub(crate) mod state;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use tidemill_types::{ErrorCode, Problem};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::info;

pub use error::ServerError;
pub use metrics::ServerMetrics;
pub use settings::ServerSettings;

use answer::ApiError;
use listener::BoundedListener;
use state::ApiState;

use crate::Operations;
use crate::routes::{Routes, routes};

/// A server that holds its address and does not answer yet.
pub struct Server {
    listener: BoundedListener,
    address: SocketAddr,
    state: ApiState,
    router: Router,
}

impl Server {
    /// Takes the address. Errors when it is another machine's to reach and no token is set, or when it is taken.
    pub async fn bind(
        settings: ServerSettings,
        operations: Arc<dyn Operations>,
        metrics: Arc<ServerMetrics>,
    ) -> Result<Server, ServerError> {
        let asked = settings.address;
        if !asked.ip().is_loopback() && settings.token.is_none() {
            return Err(ServerError::OpenToOthers { address: asked });
        }
        let bind = |source| ServerError::Bind { address: asked, source };
        let listener = TcpListener::bind(asked).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let listener = BoundedListener::new(listener, &settings);
        let (state, router) = router(settings, operations, metrics);
        Ok(Server {
            listener,
            address,
            state,
            router,
        })
    }

    /// The address that was taken; with port 0 asked, the one that was found.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `shutdown` is cancelled, then finishes the requests in flight and the changes that were begun.
    ///
    /// Errors when they take longer than `shutdown_timeout`: then they are cut off.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), ServerError> {
        let Server {
            listener,
            address,
            state,
            router,
        } = self;
        info!(address = %address, "listening on http://{address}");
        let timeout = state.settings.shutdown_timeout;
        let serve = axum::serve(listener, router).with_graceful_shutdown(shutdown.clone().cancelled_owned());
        let answered = async {
            serve
                .await
                .map_err(|source| ServerError::BrokeOff { address, source })?;
            state.changes.close();
            state.changes.wait().await;
            Ok(())
        };
        let overdue = async {
            shutdown.cancelled().await;
            tokio::time::sleep(timeout).await;
        };
        tokio::select! {
            ended = answered => ended,
            () = overdue => Err(ServerError::CutOff { timeout }),
        }
    }
}

/// The routes with the layers around them.
fn router(
    settings: ServerSettings,
    operations: Arc<dyn Operations>,
    metrics: Arc<ServerMetrics>,
) -> (ApiState, Router) {
    let Routes { quick, work, openapi } = routes();
    let state = ApiState {
        operations,
        metrics,
        places: Arc::new(Semaphore::new(
            settings.requests_in_flight_max.clamp(1, Semaphore::MAX_PERMITS),
        )),
        settings: Arc::new(settings),
        changes: TaskTracker::new(),
        openapi: Arc::new(openapi),
    };
    let quick = quick.route_layer(from_fn_with_state(state.clone(), layers::request_timeout));
    let work = work.route_layer(from_fn_with_state(state.clone(), layers::work_timeout));
    let router = quick
        .merge(work)
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(DefaultBodyLimit::max(state.settings.request_bytes_max))
        .layer(from_fn_with_state(state.clone(), layers::place))
        .layer(from_fn_with_state(state.clone(), layers::guard))
        .layer(from_fn_with_state(state.clone(), layers::observe))
        .with_state(state.clone());
    (state, router)
}

async fn no_route(uri: Uri) -> Response {
    let problem = Problem::new(ErrorCode::NotFound, format!("nothing is at {}", uri.path()))
        .with_hint("every path is described in /api");
    ApiError::from(problem).into_response()
}

async fn no_method(method: Method, uri: Uri) -> Response {
    let problem = Problem::new(
        ErrorCode::InvalidInput,
        format!("{} does not take {method}", uri.path()),
    )
    .with_hint("every path is described in /api");
    ApiError::with_status(StatusCode::METHOD_NOT_ALLOWED, problem).into_response()
}
