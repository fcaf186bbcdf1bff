//! Reading a request's body within bounds of size and time.

use std::pin::pin;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use hyper::HeaderMap;
use hyper::header::CONTENT_LENGTH;
use warp::{Filter, Rejection};

/// How much of a body is read, and for how long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BodyLimits {
    /// Most bytes; a larger body is refused before it is read when its length is told beforehand.
    pub bytes: usize,
    /// Longest time from the request's head to the body's end.
    pub time: Duration,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self {
            bytes: 128 * 1024,
            time: Duration::from_secs(10),
        }
    }
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BodyError {
    /// More bytes than the limit.
    #[error("the body is larger than the {limit} bytes that are allowed")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// It did not arrive in time.
    #[error("the body did not arrive within {} s", within.as_secs())]
    TooSlow {
        /// The time there was.
        within: Duration,
    },
    /// The connection broke while it was read.
    #[error("the body ended before it was complete")]
    Broken,
}

impl BodyError {
    /// The HTTP status that tells of this.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::TooLarge { .. } => 413,
            Self::TooSlow { .. } => 408,
            Self::Broken => 400,
        }
    }
}

/// A filter that reads the body within `limits`, and rejects nothing: the handler is told why there
/// is no body.
pub fn bounded(
    limits: BodyLimits,
) -> impl Filter<Extract = (Result<Bytes, BodyError>,), Error = Rejection> + Clone {
    warp::header::headers_cloned()
        .and(warp::body::stream())
        .then(move |headers, body| async move { read(&headers, body, limits).await })
}

/// Reads a body of which the head is known.
pub(crate) async fn read<B: Buf>(
    headers: &HeaderMap,
    body: impl Stream<Item = Result<B, warp::Error>>,
    limits: BodyLimits,
) -> Result<Bytes, BodyError> {
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limits.bytes as u64) {
        return Err(BodyError::TooLarge {
            limit: limits.bytes,
        });
    }
    tokio::time::timeout(limits.time, collect(body, limits.bytes))
        .await
        .unwrap_or(Err(BodyError::TooSlow {
            within: limits.time,
        }))
}

async fn collect<B: Buf>(
    body: impl Stream<Item = Result<B, warp::Error>>,
    limit: usize,
) -> Result<Bytes, BodyError> {
    let mut body = pin!(body);
    let mut whole = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(chunk) = body.next().await {
        let mut chunk = chunk.map_err(|_| BodyError::Broken)?;
        if whole.len() + joined.len() + chunk.remaining() > limit {
            return Err(BodyError::TooLarge { limit });
        }
        // Nearly every body is a single chunk, which needs no copy.
        if whole.is_empty() && joined.is_empty() {
            whole = chunk.copy_to_bytes(chunk.remaining());
        } else {
            joined.extend_from_slice(&std::mem::take(&mut whole));
            joined.extend_from_slice(&chunk.copy_to_bytes(chunk.remaining()));
        }
    }
    Ok(if joined.is_empty() {
        whole
    } else {
        joined.freeze()
    })
}
