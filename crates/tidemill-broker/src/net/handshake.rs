//! The door: TLS and SASL, before the first request of a connection. All of it has one deadline, one budget of bytes, and a
//! limited number of places, so that strangers use up neither memory nor all connections. They can keep newcomers waiting, not those
//! who are in.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::debug;

use super::frame::{FrameError, LENGTH_BYTES, MemoryBudget, read_frame};
use super::gate::{Gate, GateFault, Passage};
use crate::node::Node;
use crate::security::users::Users;

/// The first byte of a TLS connection: a record of its handshake.
const TLS_HANDSHAKE_RECORD: u8 = 22;
/// Bytes of a server's nonce.
const NONCE_BYTES: usize = 24;

/// Why a connection does not come in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeFault {
    #[error("it was not done in time (limits.handshake_timeout_ms)")]
    TookTooLong,
    #[error("it sent too much before it was known (limits.handshake_bytes_max)")]
    TooManyBytes,
    #[error("it ended before it was known")]
    Ended,
    #[error("it does not speak TLS")]
    NotTls,
    #[error("TLS failed: {0}")]
    Tls(#[source] io::Error),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Gate(#[from] GateFault),
    #[error("the system gives no random numbers")]
    NoRandomness,
}

impl HandshakeFault {
    /// Whether the client tried to say who it is.
    pub(super) fn is_failed_try(&self) -> bool {
        matches!(self, HandshakeFault::Gate(fault) if fault.is_failed_try())
    }
}

/// Agrees on TLS. A client that begins without it is not answered at all: an alert would be an answer in its eyes.
pub(super) async fn secure(socket: TcpStream, acceptor: &TlsAcceptor) -> Result<TlsStream<TcpStream>, HandshakeFault> {
    let mut first = [0];
    match socket.peek(&mut first).await.map_err(HandshakeFault::Tls)? {
        0 => Err(HandshakeFault::Ended),
        _ if first[0] != TLS_HANDSHAKE_RECORD => Err(HandshakeFault::NotTls),
        _ => acceptor.accept(socket).await.map_err(|error| match error.kind() {
            // Whoever asks whether a port is open, or thinks better of it, is no fault.
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => HandshakeFault::Ended,
            _ => HandshakeFault::Tls(error),
        }),
    }
}

/// Leads a client through the gate, where there is one.
pub(super) async fn authenticate(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    node: &Node,
    address: SocketAddr,
) -> Result<(), HandshakeFault> {
    let Some(users) = &node.users else { return Ok(()) };
    let limits = &node.settings.limits;
    let passed = pass(stream, users, limits.handshake_bytes_max, limits.handshake_timeout_ms).await;
    match passed {
        Ok(user) => {
            debug!(%address, user, "`{user}` came in from {address}");
            Ok(())
        }
        Err(Refused { answer, why }) => {
            if matches!(&why, HandshakeFault::Gate(fault) if fault.is_failed_try()) {
                tokio::time::sleep(Duration::from_millis(limits.failed_authentication_delay_ms)).await;
            }
            if let Some(answer) = answer {
                // It is closed in any case.
                drop(send(stream, &answer).await);
            }
            Err(why)
        }
    }
}

/// A client that does not come in, and its last answer.
struct Refused {
    answer: Option<Bytes>,
    why: HandshakeFault,
}

impl<F: Into<HandshakeFault>> From<F> for Refused {
    fn from(why: F) -> Refused {
        Refused {
            answer: None,
            why: why.into(),
        }
    }
}

async fn pass(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    users: &Users,
    bytes_max: usize,
    timeout_ms: u64,
) -> Result<String, Refused> {
    let mut gate = Gate::Greeting;
    let mut bytes_left = bytes_max;
    // Strangers take nothing of the memory that requests share; the places at the door bound what they take together.
    let budget = MemoryBudget::new(bytes_max);
    loop {
        let sizes = gate.frame_bytes_min()..=bytes_left.saturating_sub(LENGTH_BYTES);
        let read = read_frame(stream, sizes, Duration::from_millis(timeout_ms), &budget).await;
        let frame = match read {
            Ok(Some(frame)) => frame.bytes,
            Ok(None) => return Err(HandshakeFault::Ended.into()),
            Err(FrameError::TooLarge(_)) => return Err(HandshakeFault::TooManyBytes.into()),
            Err(error) => return Err(error.into()),
        };
        bytes_left = bytes_left.saturating_sub(LENGTH_BYTES + frame.len());
        match gate.take(users, frame, nonce()?) {
            Passage::Answer(next, answer) => {
                send(stream, &answer).await.map_err(FrameError::Io)?;
                gate = next;
            }
            Passage::Admit { user, answer } => {
                send(stream, &answer).await.map_err(FrameError::Io)?;
                return Ok(user);
            }
            Passage::Refuse { answer, why } => {
                return Err(Refused {
                    answer,
                    why: why.into(),
                });
            }
        }
    }
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), answer: &[u8]) -> io::Result<()> {
    stream.write_all(answer).await?;
    stream.flush().await
}

/// A nonce that no one can know before: base64 has neither commas nor anything invisible.
fn nonce() -> Result<String, HandshakeFault> {
    let mut bytes = [0; NONCE_BYTES];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| HandshakeFault::NoRandomness)?;
    Ok(STANDARD_NO_PAD.encode(bytes))
}
