//! What every handler can reach.

use std::sync::Arc;

use tidemill_types::{ErrorCode, Problem};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::answer::{Answer, ApiError};
use super::layers::panic_text;
use super::{ServerMetrics, ServerSettings};
use crate::Operations;

/// What every handler can reach.
#[derive(Clone)]
pub(crate) struct ApiState {
    pub(crate) operations: Arc<dyn Operations>,
    pub(crate) metrics: Arc<ServerMetrics>,
    pub(crate) settings: Arc<ServerSettings>,
    pub(crate) places: Arc<Semaphore>,
    /// Changes that were begun.
    pub(crate) changes: TaskTracker,
    pub(crate) openapi: Arc<bytes::Bytes>,
}

impl ApiState {
    /// Runs a change to its end, even if whoever asked goes away or the time is up in the middle.
    pub(crate) async fn change<T, F>(&self, change: impl FnOnce(Arc<dyn Operations>) -> F) -> Answer<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Problem>> + Send + 'static,
    {
        let change = change(Arc::clone(&self.operations));
        finished(self.changes.spawn(change).await)
    }
}

/// Runs CPU work off the runtime.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Answer<T> {
    finished(tokio::task::spawn_blocking(work).await)
}

fn finished<T>(ended: Result<Result<T, Problem>, tokio::task::JoinError>) -> Answer<T> {
    match ended {
        Ok(result) => result.map_err(ApiError::from),
        Err(error) => {
            let what = match error.try_into_panic() {
                Ok(panic) => panic_text(panic.as_ref()),
                Err(_) => "the server is going down".to_owned(),
            };
            Err(Problem::new(ErrorCode::Internal, format!("the request broke off: {what}")).into())
        }
    }
}
