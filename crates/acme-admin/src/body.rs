//! Reading a request's body within bounds of size and time.

use std::pin::pin;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use hyper::HeaderMap;
use hyper::header::CONTENT_LENGTH;

use crate::refusal::Refusal;

/// Most bytes of a body; no request of an operator needs more.
pub(crate) const MAX_BODY: usize = 64 * 1024;
/// Longest time from the request's head to the body's end.
const TIME: Duration = Duration::from_secs(10);

/// Reads a body of which the head is known.
pub(crate) async fn read<B: Buf>(
    headers: &HeaderMap,
    body: impl Stream<Item = Result<B, warp::Error>>,
) -> Result<Bytes, Refusal> {
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<u64>().ok());
    if announced.is_some_and(|length| length > MAX_BODY as u64) {
        return Err(Refusal::BodyTooLarge);
    }
    tokio::time::timeout(TIME, collect(body))
        .await
        .unwrap_or(Err(Refusal::BodyTooSlow))
}

async fn collect<B: Buf>(
    body: impl Stream<Item = Result<B, warp::Error>>,
) -> Result<Bytes, Refusal> {
    let mut body = pin!(body);
    let mut whole = BytesMut::new();
    while let Some(chunk) = body.next().await {
        let mut chunk = chunk.map_err(|_| Refusal::malformed("the body ended too early"))?;
        if whole.len() + chunk.remaining() > MAX_BODY {
            return Err(Refusal::BodyTooLarge);
        }
        whole.extend_from_slice(&chunk.copy_to_bytes(chunk.remaining()));
    }
    Ok(whole.freeze())
}
