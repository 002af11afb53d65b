//! Threads for work that nobody waits for row by row, and that would take the cores from what somebody does wait for.
//!
//! Invariants: they give way to all other threads of the process, those that move rows into larger files more than those
//! that encode new ones; what runs on them, with all that it spawns, holds up no thread of the caller's runtime.

use std::io;

use thread_priority::{ThreadPriority, ThreadPriorityValue, set_current_thread_priority};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::{JoinError, JoinHandle};
use tracing::debug;

/// The priority of threads that encode, of 99, where others have half of it. On Linux nice 10: they get a tenth of what
/// another thread gets where there are too few cores.
const ENCODERS_PRIORITY: u8 = 22;
/// That of threads that maintain tables. On Linux nice 19: they get what is left over.
const UPKEEP_PRIORITY: u8 = 0;
/// Flushes that are encoded at once; more of them wait.
const ENCODERS_MAX: usize = 16;
/// Threads that maintain tables.
const UPKEEP_THREADS: usize = 1;

/// The threads of a lake.
#[derive(Debug)]
pub(crate) struct Background {
    encoders: Threads,
    upkeep: Threads,
}

impl Background {
    pub(crate) fn start() -> io::Result<Background> {
        // It is never driven: of this one only the threads for blocking work are used.
        let mut encoders = Builder::new_current_thread();
        encoders
            .thread_name("tidemill-encode")
            .max_blocking_threads(ENCODERS_MAX);
        let mut upkeep = Builder::new_multi_thread();
        upkeep
            .thread_name("tidemill-upkeep")
            .worker_threads(UPKEEP_THREADS)
            .enable_all();
        Ok(Background {
            encoders: Threads::start(encoders, ENCODERS_PRIORITY)?,
            upkeep: Threads::start(upkeep, UPKEEP_PRIORITY)?,
        })
    }

    /// Encodes rows, and waits for it. What it asks of a store is done by the caller's runtime.
    pub(crate) async fn encode<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, JoinError> {
        let caller = Handle::current();
        let encoded = self.encoders.handle.spawn_blocking(move || caller.block_on(work));
        encoded.await
    }

    /// Begins to maintain a table. It goes on where nobody waits for it.
    pub(crate) fn maintain<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.upkeep.handle.spawn(work)
    }
}

/// A runtime whose threads give way.
#[derive(Debug)]
struct Threads {
    /// Present until it is dropped.
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Threads {
    fn start(mut builder: Builder, priority: u8) -> io::Result<Threads> {
        let runtime = builder.on_thread_start(move || give_way(priority)).build()?;
        Ok(Threads {
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
        })
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Waiting for the threads would block, and a lake may be dropped on an async thread.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Lowers the priority of this thread. Where the system does not let it, all is done as before, only not in that order.
fn give_way(priority: u8) {
    let lowered = ThreadPriorityValue::try_from(priority)
        .and_then(|value| set_current_thread_priority(ThreadPriority::Crossplatform(value)).map_err(|e| e.to_string()));
    if let Err(reason) = lowered {
        debug!("a background thread has the priority of all others: {reason}");
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    /// How nice this thread is, by field 19 of what the kernel says of it.
    fn nice() -> u32 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let (_, fields) = stat.rsplit_once(')').unwrap();
        fields.split_ascii_whitespace().nth(16).unwrap().parse().unwrap()
    }

    #[tokio::test]
    async fn background_threads_give_way() {
        let background = Background::start().unwrap();
        let own = nice();
        assert_eq!(background.encode(async { nice() }).await.unwrap(), 10.max(own));
        let spawned = background.maintain(async { (nice(), tokio::spawn(async { nice() }).await.unwrap()) });
        assert_eq!(spawned.await.unwrap(), (19, 19));
        let read = background.maintain(async { tokio::task::spawn_blocking(nice).await.unwrap() });
        assert_eq!(read.await.unwrap(), 19);
        assert_eq!(nice(), own);
    }

    #[tokio::test]
    async fn a_panic_is_told_and_the_next_goes_on() {
        let background = Background::start().unwrap();
        assert!(background.encode(async { panic!("on purpose") }).await.is_err());
        assert!(background.maintain(async { panic!("on purpose") }).await.is_err());
        assert_eq!(
            background.encode(async { 1 }).await.unwrap() + background.maintain(async { 2 }).await.unwrap(),
            3
        );
    }
}
