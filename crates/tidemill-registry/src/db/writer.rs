//! The one writer: a task that owns the writing connection and commits jobs in groups.
//!
//! Invariants: a job is atomic (its savepoint is rolled back when it fails, its neighbours stay); a caller is answered
//! after the commit that holds its job; a job that was taken is finished even when its caller has gone away, so that a
//! dropped future never leaves half of a change.

use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::Session;
use crate::RegistryError;
use crate::limits::{WRITE_GROUP_JOBS_MAX, WRITES_IN_FLIGHT_MAX};

/// Where writes are handed in.
#[derive(Debug)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Box<dyn Job>>,
    /// Taken by whoever closes first.
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(crate) fn start(session: Session) -> Writer {
        let (jobs, queue) = mpsc::channel(WRITES_IN_FLIGHT_MAX);
        Writer {
            jobs,
            task: Mutex::new(Some(tokio::spawn(write(session, queue)))),
        }
    }

    /// Runs `work` in the next transaction and answers once that is on disk.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, RegistryError>
    where
        T: Send + 'static,
        F: for<'s> FnOnce(&'s mut Session) -> BoxFuture<'s, Result<T, RegistryError>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.jobs
            .send(Box::new(Typed { work, reply }))
            .await
            .map_err(|_| RegistryError::Closed)?;
        answer.await.map_err(|_| RegistryError::Closed)?
    }

    /// Takes no more jobs, finishes those that were taken, closes the connection.
    pub(crate) async fn close(&self) {
        // An empty slot in the queue is the sign: what was sent before it is done before it.
        let _ = self.jobs.send(Box::new(Last)).await;
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            let _ = task.await;
        }
    }
}

/// One change, with its way back to the caller.
trait Job: Send {
    /// Nothing comes back from the job that ends the writer.
    fn run(self: Box<Self>, session: &mut Session) -> BoxFuture<'_, Option<Box<dyn Reply>>>;

    /// Says that the job could not be begun.
    fn refuse(self: Box<Self>, source: Arc<sqlx::Error>);
}

/// What a job came to; told after the commit.
trait Reply: Send {
    fn failed(&self) -> bool;
    fn send(self: Box<Self>, committed: Result<(), Arc<sqlx::Error>>);
}

struct Typed<F, T> {
    work: F,
    reply: oneshot::Sender<Result<T, RegistryError>>,
}

struct TypedReply<T> {
    result: Result<T, RegistryError>,
    reply: oneshot::Sender<Result<T, RegistryError>>,
}

/// Ends the writer.
struct Last;

impl<T, F> Job for Typed<F, T>
where
    T: Send + 'static,
    F: for<'s> FnOnce(&'s mut Session) -> BoxFuture<'s, Result<T, RegistryError>> + Send + 'static,
{
    fn run(self: Box<Self>, session: &mut Session) -> BoxFuture<'_, Option<Box<dyn Reply>>> {
        Box::pin(async move {
            let Typed { work, reply } = *self;
            let result = work(session).await;
            Some(Box::new(TypedReply { result, reply }) as Box<dyn Reply>)
        })
    }

    fn refuse(self: Box<Self>, source: Arc<sqlx::Error>) {
        let _ = self.reply.send(Err(RegistryError::Commit { source }));
    }
}

impl Job for Last {
    fn run(self: Box<Self>, _session: &mut Session) -> BoxFuture<'_, Option<Box<dyn Reply>>> {
        Box::pin(async { None })
    }

    fn refuse(self: Box<Self>, _source: Arc<sqlx::Error>) {}
}

impl<T: Send> Reply for TypedReply<T> {
    fn failed(&self) -> bool {
        self.result.is_err()
    }

    fn send(self: Box<Self>, committed: Result<(), Arc<sqlx::Error>>) {
        let TypedReply { result, reply } = *self;
        let answer = match (result, committed) {
            (Ok(_), Err(source)) => Err(RegistryError::Commit { source }),
            (result, _) => result,
        };
        // The caller may have gone away; the change stands all the same.
        let _ = reply.send(answer);
    }
}

async fn write(mut session: Session, mut queue: mpsc::Receiver<Box<dyn Job>>) {
    let mut open = true;
    while open && let Some(first) = queue.recv().await {
        let mut replies = Vec::new();
        let committed = group(&mut session, first, &mut queue, &mut replies, &mut open).await;
        if committed.is_err() {
            // Nothing of the group is on disk. SQLite may have rolled back already; then this is in vain.
            let _ = session.control("rollback").await;
        }
        for reply in replies {
            reply.send(committed.clone());
        }
    }
    if let Err(error) = session.close().await {
        tracing::warn!(%error, "the registry's writer did not close cleanly: {error}");
    }
}

/// One transaction with `first` and what is waiting behind it.
async fn group(
    session: &mut Session,
    first: Box<dyn Job>,
    queue: &mut mpsc::Receiver<Box<dyn Job>>,
    replies: &mut Vec<Box<dyn Reply>>,
    open: &mut bool,
) -> Result<(), Arc<sqlx::Error>> {
    // `immediate` takes the write lock now: a later upgrade from a read lock could fail in the middle.
    if let Err(source) = session.control("begin immediate").await {
        let source = Arc::new(source);
        first.refuse(Arc::clone(&source));
        return Err(source);
    }
    let mut next = Some(first);
    while let Some(job) = next {
        if let Err(source) = session.control("savepoint job").await {
            let source = Arc::new(source);
            job.refuse(Arc::clone(&source));
            return Err(source);
        }
        let Some(reply) = job.run(session).await else {
            *open = false;
            break;
        };
        let failed = reply.failed();
        replies.push(reply);
        if failed {
            session.control("rollback to savepoint job").await?;
        }
        session.control("release savepoint job").await?;
        let group_full = replies.len() == WRITE_GROUP_JOBS_MAX;
        next = if group_full { None } else { queue.try_recv().ok() };
    }
    session.control("commit").await?;
    Ok(())
}
