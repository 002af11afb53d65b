//! Frames: a four-byte length, then a request's header and body, or an answer's.

use std::io;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Bytes of a frame's length.
pub(crate) const LENGTH_BYTES: usize = 4;
/// The smallest request: key, version, correlation id.
pub(crate) const REQUEST_BYTES_MIN: usize = 8;
/// Bytes that one permit of a memory budget stands for, so that budgets fit the semaphore's numbers.
const PERMIT_BYTES: usize = 1024;

/// A budget of memory that tasks take from, in bytes.
#[derive(Debug, Clone)]
pub(crate) struct MemoryBudget {
    free: Arc<Semaphore>,
    permits: u32,
}

/// Memory that was taken; given back when dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    _permit: Option<OwnedSemaphorePermit>,
}

impl MemoryBudget {
    pub(crate) fn new(bytes: usize) -> MemoryBudget {
        let permits = u32::try_from(bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX);
        MemoryBudget {
            free: Arc::new(Semaphore::new(permits as usize)),
            permits,
        }
    }

    /// Takes memory, and waits until there is some. More than the whole budget is taken for the whole.
    pub(crate) async fn take(&self, bytes: usize) -> Taken {
        let permits = u32::try_from(bytes.div_ceil(PERMIT_BYTES))
            .unwrap_or(u32::MAX)
            .min(self.permits);
        // The semaphore is never closed; without it a frame would merely not be counted.
        Taken {
            _permit: Arc::clone(&self.free).acquire_many_owned(permits).await.ok(),
        }
    }
}

/// Why no frame came.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a request of {0} bytes is larger than the broker takes")]
    TooLarge(usize),
    #[error("a request of {0} bytes is none")]
    TooSmall(i32),
    #[error("a request was cut off")]
    CutOff,
    #[error("nothing came for too long")]
    Idle,
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
}

/// A request's frame without its length.
#[derive(Debug)]
pub(crate) struct Frame {
    pub bytes: Bytes,
    /// Its share of the memory for requests.
    pub memory: Taken,
}

/// Reads the next frame, of one of these sizes; none where the client closed the connection between two. The length is checked
/// before anything is allocated for it. A client that sends nothing for `idle` while a frame is due is given up.
pub(crate) async fn read_frame(
    reader: &mut (impl AsyncRead + Unpin),
    sizes: RangeInclusive<usize>,
    idle: Duration,
    budget: &MemoryBudget,
) -> Result<Option<Frame>, FrameError> {
    let mut length = [0; LENGTH_BYTES];
    match timeout(idle, reader.read(&mut length))
        .await
        .map_err(|_| FrameError::Idle)??
    {
        0 => return Ok(None),
        LENGTH_BYTES => (),
        read => {
            timeout(idle, reader.read_exact(&mut length[read..]))
                .await
                .map_err(|_| FrameError::CutOff)??;
        }
    }
    let length = i32::from_be_bytes(length);
    let bytes = usize::try_from(length).ok().filter(|bytes| sizes.start() <= bytes);
    let Some(bytes) = bytes else {
        return Err(FrameError::TooSmall(length));
    };
    if *sizes.end() < bytes {
        return Err(FrameError::TooLarge(bytes));
    }
    let memory = budget.take(bytes).await;
    let mut buffer = BytesMut::with_capacity(bytes);
    let mut limited = reader.take(bytes as u64);
    while buffer.len() < bytes {
        let read = timeout(idle, limited.read_buf(&mut buffer))
            .await
            .map_err(|_| FrameError::CutOff)??;
        if read == 0 {
            return Err(FrameError::CutOff);
        }
    }
    Ok(Some(Frame {
        bytes: buffer.freeze(),
        memory,
    }))
}

/// A request whose header was read.
#[derive(Debug)]
pub(crate) struct Request {
    pub key: ApiKey,
    pub version: i16,
    pub correlation_id: i32,
    pub client_id: String,
    pub body: Bytes,
}

/// Key and version of a request, before it is known whether the broker knows it. A frame is long enough for them.
pub(crate) fn peek_key(frame: &Bytes) -> (i16, i16, i32) {
    let mut bytes = &frame[..];
    (bytes.get_i16(), bytes.get_i16(), bytes.get_i32())
}

/// Reads a request's header.
pub(crate) fn read_request(mut frame: Bytes, key: ApiKey, version: i16) -> Option<Request> {
    let header = RequestHeader::decode(&mut frame, key.request_header_version(version)).ok()?;
    Some(Request {
        key,
        version,
        correlation_id: header.correlation_id,
        client_id: header.client_id.map(|id| id.to_string()).unwrap_or_default(),
        body: frame,
    })
}

/// An answer with its length and header in front.
pub(crate) fn write_response<R: Encodable + HeaderVersion>(
    correlation_id: i32,
    version: i16,
    response: &R,
) -> Result<Bytes, UnencodableResponse> {
    encode(correlation_id, version, response).map_err(|error| UnencodableResponse(error.to_string()))
}

/// A bare token with its length in front.
pub(crate) fn write_token(token: &[u8]) -> Bytes {
    let mut buffer = BytesMut::with_capacity(LENGTH_BYTES + token.len());
    buffer.put_u32(token.len() as u32);
    buffer.put_slice(token);
    buffer.freeze()
}

/// An answer that the codec refused: a fault of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to encode a response: {0}")]
pub(crate) struct UnencodableResponse(String);

fn encode<R: Encodable + HeaderVersion>(
    correlation_id: i32,
    version: i16,
    response: &R,
) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
    let header = ResponseHeader::default().with_correlation_id(correlation_id);
    let header_version = R::header_version(version);
    let bytes = header.compute_size(header_version)? + response.compute_size(version)?;
    let mut buffer = BytesMut::with_capacity(LENGTH_BYTES + bytes);
    buffer.put_i32(i32::try_from(bytes)?);
    header.encode(&mut buffer, header_version)?;
    response.encode(&mut buffer, version)?;
    Ok(buffer.freeze())
}
