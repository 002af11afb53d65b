//! One client's connection: a task reads requests ahead, up to a limit; another answers them one after the other.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::Decodable;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::frame::{
    Frame, FrameError, REQUEST_BYTES_MIN, Request, Taken, UnencodableResponse, peek_key, read_frame, read_request,
};
use super::handshake::{HandshakeFault, authenticate, secure};
use super::shapes::shape_of;
use super::versions::{PRODUCE_VERSION_MIN, supported};
use crate::api;
use crate::api::produce_old::{Refusal, refuse};
use crate::node::{Node, Peer};

/// Bytes that are read from a connection at a time.
const READ_BYTES: usize = 16 * 1024;

/// A response on its way out, with the memory that it holds.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub bytes: Bytes,
    /// Held until the client has taken the bytes.
    pub memory: Option<Taken>,
}

impl From<Bytes> for Outgoing {
    fn from(bytes: Bytes) -> Self {
        Outgoing { bytes, memory: None }
    }
}

/// Why a connection is closed from our side.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionFault {
    #[error("unknown request {0}")]
    UnknownKey(i16),
    #[error("request {key:?} in unknown version {version}")]
    UnknownVersion { key: ApiKey, version: i16 },
    #[error("malformed {key:?} request in version {version}: {reason}")]
    Malformed { key: ApiKey, version: i16, reason: String },
    /// A request that wants no answer failed: closing is the only way to tell.
    #[error("a produce request without acknowledgement failed: {0}")]
    Unacknowledged(ResponseError),
    #[error(transparent)]
    Unencodable(#[from] UnencodableResponse),
}

/// Serves a connection until it ends, from either side.
pub(crate) async fn serve(socket: TcpStream, address: SocketAddr, node: Arc<Node>) {
    // Requests and answers are whole messages: waiting for more to send would only add delay.
    if let Err(error) = socket.set_nodelay(true) {
        debug!(%address, %error, "failed to set TCP_NODELAY");
    }
    let Ok(local) = socket.local_addr() else { return };
    match &node.tls {
        None => {
            let mut socket = socket;
            let comes_in = authenticate(&mut socket, &node, address);
            if at_door(&node, address, comes_in).await.is_some() {
                let (reader, writer) = socket.into_split();
                converse(reader, writer, (address, local), &node).await;
            }
        }
        Some(acceptor) => {
            let comes_in = async {
                let mut stream = secure(socket, acceptor).await?;
                authenticate(&mut stream, &node, address).await?;
                Ok(stream)
            };
            if let Some(stream) = at_door(&node, address, comes_in).await {
                let (reader, writer) = tokio::io::split(stream);
                converse(reader, writer, (address, local), &node).await;
            }
        }
    }
}

/// Waits until a client has come in, within the limits of the door; none where it does not.
async fn at_door<T>(
    node: &Node,
    address: SocketAddr,
    comes_in: impl Future<Output = Result<T, HandshakeFault>>,
) -> Option<T> {
    // With nothing to show there, nobody waits at the door.
    if node.settings.security.demands_nothing() {
        return comes_in.await.ok();
    }
    let limits = &node.settings.limits;
    let Ok(_place) = node.places_at_door.try_acquire() else {
        let handshakes_max = limits.handshakes_max;
        debug!(%address, handshakes_max, "closed the connection to {address}: {handshakes_max} others are not let in yet (limits.handshakes_max)");
        return None;
    };
    let in_time = timeout(Duration::from_millis(limits.handshake_timeout_ms), comes_in);
    let came_in = tokio::select! {
        () = node.stop.cancelled() => return None,
        came_in = in_time => came_in.unwrap_or(Err(HandshakeFault::TookTooLong)),
    };
    match came_in {
        Ok(came_in) => Some(came_in),
        // Whoever tried to say who it is has waited for the answer. What others do, who only connect, fills no log.
        Err(fault) if !fault.is_failed_try() => {
            debug!(%address, %fault, "closed the connection to {address}: {fault}");
            None
        }
        Err(fault) => {
            warn!(%address, %fault, "closed the connection to {address}: {fault}");
            None
        }
    }
}

/// Reads and answers requests, both at the same time, until one of them ends.
async fn converse<R, W>(reader: R, writer: W, (address, local): (SocketAddr, SocketAddr), node: &Arc<Node>)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let gone = CancellationToken::new();
    let peer = Peer::new(node, address, local, gone.clone());
    let (sender, frames) = mpsc::channel(node.settings.limits.requests_in_flight_max);
    tokio::select! {
        () = read_ahead(reader, sender, node, address, gone) => (),
        () = answer_all(frames, writer, node, peer) => (),
    }
}

/// Reads requests until the client closes, a frame is none, or the broker stops. What was read by then is still answered:
/// this returns only when it is dropped with the connection.
async fn read_ahead(
    reader: impl AsyncRead + Unpin,
    frames: mpsc::Sender<Frame>,
    node: &Node,
    address: SocketAddr,
    gone: CancellationToken,
) {
    // Several small requests come with one read; the body of a large one goes past the buffer.
    let mut reader = BufReader::with_capacity(READ_BYTES, reader);
    let limits = &node.settings.limits;
    let idle = Duration::from_millis(limits.idle_timeout_ms);
    loop {
        let sizes = REQUEST_BYTES_MIN..=limits.request_bytes_max;
        let read = read_frame(&mut reader, sizes, idle, &node.requests_memory);
        let frame = tokio::select! {
            () = node.stop.cancelled() => break,
            frame = read => frame,
        };
        match frame {
            Ok(Some(frame)) => {
                if frames.send(frame).await.is_err() {
                    break;
                }
            }
            Ok(None) => break,
            Err(FrameError::Idle) if frames.capacity() < frames.max_capacity() => (),
            Err(error @ (FrameError::Io(_) | FrameError::Idle)) => {
                debug!(%address, %error, "closed the connection to {address}: {error}");
                break;
            }
            Err(error) => {
                warn!(%address, %error, "closed the connection to {address}: {error}");
                break;
            }
        }
    }
    // Nobody is there to wait for news any more.
    gone.cancel();
    drop(frames);
    std::future::pending::<()>().await;
}

/// Answers requests in their order, until there are no more.
async fn answer_all(
    mut frames: mpsc::Receiver<Frame>,
    mut writer: impl AsyncWrite + Unpin,
    node: &Arc<Node>,
    mut peer: Peer,
) {
    let address = peer.address;
    let write_timeout = Duration::from_millis(node.settings.limits.write_timeout_ms);
    while let Some(Frame { bytes, memory }) = frames.recv().await {
        let outgoing = match answer(bytes, node, &mut peer).await {
            Ok(Some(outgoing)) => outgoing,
            Ok(None) => continue,
            Err(fault) => {
                warn!(%address, %fault, "closed the connection to {address}: {fault}");
                break;
            }
        };
        drop(memory);
        let written = async {
            writer.write_all(&outgoing.bytes).await?;
            writer.flush().await
        };
        match timeout(write_timeout, written).await {
            Ok(Ok(())) => (),
            Ok(Err(error)) => {
                debug!(%address, %error, "lost the connection to {address}");
                // Requests that want no answer may still be there.
            }
            Err(_elapsed) => {
                warn!(%address, "closed the connection to {address}: it does not take its answer");
                return;
            }
        }
        drop(outgoing.memory);
    }
    // TLS says goodbye, so that a client can tell the end from a cut; that it may be gone already is its own affair.
    drop(timeout(write_timeout, writer.shutdown()).await);
}

/// The answer to one frame; none for a request that wants none.
async fn answer(frame: Bytes, node: &Arc<Node>, peer: &mut Peer) -> Result<Option<Outgoing>, ConnectionFault> {
    let (key, version, correlation_id) = peek_key(&frame);
    let Some(api) = supported(key) else {
        return Err(ConnectionFault::UnknownKey(key));
    };
    if !(api.min..=api.max).contains(&version) {
        if api.key == ApiKey::ApiVersions {
            return Ok(Some(api::api_versions::unsupported(correlation_id)?.into()));
        }
        return Err(ConnectionFault::UnknownVersion { key: api.key, version });
    }
    if api.key == ApiKey::Produce && version < PRODUCE_VERSION_MIN {
        return match refuse(&frame, version, correlation_id) {
            Some(Refusal::Answer(bytes)) => Ok(Some(bytes.into())),
            Some(Refusal::Silence) => Ok(None),
            None => Err(malformed(api.key, version, "it ends early")),
        };
    }
    let request = sound_request(frame, api.key, version)?;
    peer.client_id.clone_from(&request.client_id);
    api::dispatch(node, peer, request).await
}

/// Reads a request's header, and looks through its body before any of it is decoded.
pub(crate) fn sound_request(frame: Bytes, key: ApiKey, version: i16) -> Result<Request, ConnectionFault> {
    let request = read_request(frame, key, version).ok_or_else(|| malformed(key, version, "its header"))?;
    let shape = shape_of(key).ok_or(ConnectionFault::UnknownKey(key as i16))?;
    shape
        .check(&request.body, version)
        .map_err(|error| malformed(key, version, &error))?;
    Ok(request)
}

/// Decodes a request's body.
pub(crate) fn decode<R: Decodable>(request: &Request) -> Result<R, ConnectionFault> {
    R::decode(&mut request.body.clone(), request.version)
        .map_err(|error| malformed(request.key, request.version, &error))
}

fn malformed(key: ApiKey, version: i16, reason: &(impl Display + ?Sized)) -> ConnectionFault {
    ConnectionFault::Malformed {
        key,
        version,
        reason: reason.to_string(),
    }
}
