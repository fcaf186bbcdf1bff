//! Parts of a page that the server sends anew when they have changed: server-sent events.

use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};
use std::time::Duration;

use acme_core::StoreError;
use acme_types::Timestamp;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::{self, BoxStream};
use hyper::HeaderMap;
use maud::Markup;
use tokio::time::{Instant, sleep};

use crate::desk::AdminServices;
use crate::proof;
use crate::request::Asked;

/// How often it is looked whether something has changed.
const EVERY: Duration = Duration::from_millis(500);
/// How often something is sent at least, so that a connection that is gone is noticed.
const ALIVE: Duration = Duration::from_secs(15);
/// How long a stream lasts before the browser asks for the next.
const LIFE: Duration = Duration::from_secs(600);

/// A part of a page.
#[async_trait]
pub(super) trait Part: Send + 'static {
    /// The part, when a reader would see something else than the last time.
    async fn changed(&mut self, now: Timestamp) -> Result<Option<Markup>, StoreError>;
}

/// A body that goes on.
#[derive(Debug)]
pub(crate) struct Events(Mutex<Inner>);

struct Inner(BoxStream<'static, Result<Bytes, std::convert::Infallible>>);

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events")
    }
}

impl Stream for Events {
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // The lock is there to be shared in name alone: who polls has it to itself.
        match self.0.get_mut() {
            Ok(inner) => inner.0.as_mut().poll_next(context),
            Err(_) => Poll::Ready(None),
        }
    }
}

struct State<P> {
    part: P,
    services: AdminServices,
    headers: HeaderMap,
    ends: Instant,
    last: Instant,
    is_first: bool,
}

/// The events of a part, for as long as its reader may look and the server serves.
pub(super) fn events(services: &AdminServices, asked: &Asked<'_>, part: impl Part) -> Events {
    let now = Instant::now();
    let state = State {
        part,
        services: services.clone(),
        headers: asked.request.headers.clone(),
        ends: now + LIFE,
        last: now,
        is_first: true,
    };
    let events = stream::unfold(state, |mut state| async move {
        let event = state.next().await?;
        Some((Ok(event), state))
    });
    Events(Mutex::new(Inner(Box::pin(events))))
}

impl<P: Part> State<P> {
    async fn next(&mut self) -> Option<Bytes> {
        if self.is_first {
            self.is_first = false;
            return Some(Bytes::from_static(b"retry: 2000\n\n"));
        }
        let mut ending = self.services.ending.clone();
        loop {
            tokio::select! {
                _ = ending.wait_for(|ends| *ends) => return None,
                () = sleep(EVERY) => {}
            }
            if Instant::now() >= self.ends {
                return None;
            }
            let (store, now) = (&*self.services.store, self.services.clock.now());
            // Who is no operator any more, or has signed out, looks no longer.
            match proof::asker(&self.headers, store, now).await {
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return None,
            }
            match self.part.changed(now).await {
                Ok(Some(part)) => {
                    self.last = Instant::now();
                    return Some(event(&part.into_string()));
                }
                Ok(None) if self.last.elapsed() >= ALIVE => {
                    self.last = Instant::now();
                    return Some(Bytes::from_static(b":\n\n"));
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "a live page lost the store"
                    );
                    return None;
                }
            }
        }
    }
}

/// An event with this text. Each line needs its own field; a carriage return would end one too.
fn event(text: &str) -> Bytes {
    let mut event = String::from("event: part\n");
    for line in text.split(['\n', '\r']) {
        event.push_str("data: ");
        event.push_str(line);
        event.push('\n');
    }
    event.push('\n');
    event.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_an_event_early() {
        let event = event("a\nevent: x\r\n\ndata: y");
        let expect = "event: part\ndata: a\ndata: event: x\ndata: \ndata: \ndata: data: y\n\n";
        assert_eq!(event, Bytes::from_static(expect.as_bytes()));
    }
}
