//! The threads that plan and run SQL, apart from those that serve requests.
//!
//! Invariants: nothing of a query runs on the caller's threads; who drops an answer stops its query.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use futures::{Stream, StreamExt};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::explain::explain;
use crate::settings::{BATCHES_IN_FLIGHT_MAX, WORKER_STACK_BYTES};
use crate::{EngineError, Rows};

/// The engine's own runtime.
#[derive(Debug)]
pub(crate) struct Workers {
    /// Present until the engine is dropped.
    runtime: Option<Runtime>,
}

impl Workers {
    pub(crate) fn start(threads: usize) -> Result<Workers, EngineError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("tidemill-sql")
            .thread_stack_size(WORKER_STACK_BYTES)
            .enable_all()
            .build()
            .map_err(EngineError::Start)?;
        Ok(Workers { runtime: Some(runtime) })
    }

    /// Runs `work` on the engine's threads. Dropping the future that this returns stops it at its next await.
    pub(crate) async fn run<T, W>(&self, work: W) -> Result<T, EngineError>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, EngineError>> + Send + 'static,
    {
        let runtime = self.runtime.as_ref().ok_or(EngineError::Stopped)?;
        let task = runtime.spawn(work);
        let _stop = StopOnDrop(task.abort_handle());
        match task.await {
            Ok(result) => result,
            Err(error) if error.is_cancelled() => Err(EngineError::Stopped),
            Err(error) => Err(EngineError::Internal {
                message: error.to_string(),
            }),
        }
    }

    /// Drives `batches` on the engine's threads and hands them over through a bounded channel.
    pub(crate) fn pipe(&self, batches: SendableRecordBatchStream) -> Result<BatchStream, EngineError> {
        let runtime = self.runtime.as_ref().ok_or(EngineError::Stopped)?;
        let schema = batches.schema();
        let (sender, receiver) = mpsc::channel(BATCHES_IN_FLIGHT_MAX);
        let task = runtime.spawn(pump(batches, sender));
        Ok(BatchStream {
            schema,
            receiver,
            _stop: StopOnDrop(task.abort_handle()),
        })
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // Waiting for the threads would block, and an engine may be dropped on an async thread.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn pump(mut batches: SendableRecordBatchStream, sender: mpsc::Sender<Result<RecordBatch, EngineError>>) {
    while let Some(batch) = batches.next().await {
        let failed = batch.is_err();
        if sender.send(batch.map_err(|error| explain(error, ""))).await.is_err() || failed {
            return;
        }
    }
}

#[derive(Debug)]
struct StopOnDrop(AbortHandle);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The batches of an answer as they come. Dropping it stops the query.
#[derive(Debug)]
pub struct BatchStream {
    schema: SchemaRef,
    receiver: mpsc::Receiver<Result<RecordBatch, EngineError>>,
    _stop: StopOnDrop,
}

impl BatchStream {
    /// The columns of every batch.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// All batches, in order.
    pub async fn collect_rows(mut self) -> Result<Rows, EngineError> {
        let mut batches = Vec::new();
        while let Some(batch) = self.receiver.recv().await {
            batches.push(batch?);
        }
        Ok(Rows {
            schema: self.schema.clone(),
            batches,
        })
    }
}

impl Stream for BatchStream {
    type Item = Result<RecordBatch, EngineError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.receiver.poll_recv(context)
    }
}
