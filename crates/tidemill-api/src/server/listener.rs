//! A TCP listener that accepts only so many connections at a time, and ends those that fall silent.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};
use tracing::{debug, warn};

use super::ServerSettings;

/// How long a connection may be silent.
#[derive(Debug, Clone, Copy)]
struct Silence {
    /// Before a request.
    before: Duration,
    /// Between a request's first byte and its answer.
    within: Duration,
}

/// Accepts while there is room; those who come when there is none wait in the operating system's queue.
pub(super) struct BoundedListener {
    listener: TcpListener,
    room: Arc<Semaphore>,
    silence: Silence,
}

impl BoundedListener {
    pub(super) fn new(listener: TcpListener, settings: &ServerSettings) -> BoundedListener {
        let longest_answer = settings.work_timeout.max(settings.request_timeout);
        BoundedListener {
            listener,
            room: Arc::new(Semaphore::new(
                settings.connections_max.clamp(1, Semaphore::MAX_PERMITS),
            )),
            silence: Silence {
                before: settings.idle_timeout,
                // The answer's own limit comes first; this is for requests that never arrive whole.
                within: longest_answer.saturating_add(settings.idle_timeout),
            },
        }
    }
}

impl Listener for BoundedListener {
    type Io = BoundedStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (BoundedStream, SocketAddr) {
        // It fails only when the semaphore is closed, and nobody closes it.
        let room = Arc::clone(&self.room).acquire_owned().await.ok();
        // The listener of TCP waits and goes on when there are too many open files.
        let (stream, address) = Listener::accept(&mut self.listener).await;
        if let Err(error) = stream.set_nodelay(true) {
            warn!("failed to set TCP_NODELAY for {address}: {error}");
        }
        let stream = BoundedStream {
            stream,
            silence: self.silence,
            answering: false,
            heard: Instant::now(),
            alarm: Box::pin(tokio::time::sleep(self.silence.before)),
            _room: room,
        };
        (stream, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends when it is silent for too long, and gives its room back when it ends.
pub(super) struct BoundedStream {
    stream: TcpStream,
    silence: Silence,
    /// Bytes of a request came, and none of its answer went yet.
    answering: bool,
    /// When bytes last came or went.
    heard: Instant,
    alarm: Pin<Box<Sleep>>,
    _room: Option<OwnedSemaphorePermit>,
}

impl BoundedStream {
    fn passed(&mut self, answering: bool) {
        self.answering = answering;
        self.heard = Instant::now();
        let due = self.heard + self.limit();
        if due < self.alarm.deadline() {
            // Sooner than it is set; a later time is set when it goes off, which is rare.
            self.alarm.as_mut().reset(due);
        }
    }

    fn limit(&self) -> Duration {
        if self.answering {
            self.silence.within
        } else {
            self.silence.before
        }
    }

    /// Nothing passed: an error once that has been so for too long.
    fn silent(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        while self.alarm.as_mut().poll(context).is_ready() {
            let due = self.heard + self.limit();
            if due <= Instant::now() {
                debug!("a connection was silent for {:?} and is closed", self.limit());
                return Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "the connection was silent"));
            }
            self.alarm.as_mut().reset(due);
        }
        Poll::Pending
    }

    fn written(&mut self, written: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(written) => {
                self.passed(false);
                Poll::Ready(written)
            }
            Poll::Pending => self.silent(context).map(Err),
        }
    }
}

impl AsyncRead for BoundedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(read) => {
                self.passed(true);
                Poll::Ready(read)
            }
            Poll::Pending => self.silent(context).map(Err),
        }
    }
}

impl AsyncWrite for BoundedStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
