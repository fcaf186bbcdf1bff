//! A stream that remembers how the other side began: what is no HTTP or no TLS can then be shown.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use acme_core::printable;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many bytes are remembered.
const REMEMBERED: usize = 48;

/// A stream whose first received bytes are remembered.
#[derive(Debug)]
pub(crate) struct Tap<S> {
    stream: S,
    beginning: Beginning,
}

/// The first bytes that came; shared, because the stream itself goes into a protocol's machinery.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beginning(Arc<Mutex<Vec<u8>>>);

impl<S> Tap<S> {
    pub(crate) fn new(stream: S) -> (Self, Beginning) {
        let beginning = Beginning::default();
        let tap = Self {
            stream,
            beginning: beginning.clone(),
        };
        (tap, beginning)
    }
}

impl Beginning {
    fn remember(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = REMEMBERED.saturating_sub(kept.len());
        kept.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// What the other side said; `None` when it said nothing.
    pub(crate) fn speech(&self) -> Option<Speech> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.as_slice() {
            [] => None,
            // Records of a TLS handshake or alert, version 3.x (RFC 8446 § 5.1).
            [0x15 | 0x16, 0x03, ..] => Some(Speech::Tls),
            // A SETTINGS frame on stream 0 opens a connection of HTTP/2 (RFC 9113 § 3.4).
            [0, 0, _, 0x04, _, 0, 0, 0, 0, ..] => Some(Speech::Http2),
            bytes => Some(Speech::Other(printable(bytes, 40))),
        }
    }
}

/// A protocol, guessed from how the other side began.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Speech {
    Tls,
    Http2,
    /// The beginning itself.
    Other(String),
}

impl Speech {
    pub(crate) fn is_http1(&self) -> bool {
        matches!(self, Self::Other(text) if text.starts_with("HTTP/1."))
    }
}

impl fmt::Display for Speech {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tls => f.write_str("TLS"),
            Self::Http2 => f.write_str("HTTP/2"),
            Self::Other(text) => write!(f, "\"{text}\""),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if let Some(fresh) = buffer.filled().get(before..) {
            self.beginning.remember(fresh);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
