//! The accept loop: TCP and TLS connections in, HTTP/1.1 and HTTP/2 requests to a warp filter.
//!
//! warp's own server has no limit on the time for a request's head and none on connections, so the
//! filter is served from here: limits on the TLS handshake, the head, idle connections, their number
//! and the streams of each, and a stop that lets requests finish.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use acme_core::{Entropy, Peer};
use acme_types::{Problem, ProblemKind, RequestId};
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use metrics::Counter;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower::Service as _;
use tracing::Instrument as _;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use crate::answer::Answer;
use crate::metrics::ConnectionMeters;
use crate::request_id::{self, REQUEST_ID};

/// What one listener allows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ServeLimits {
    /// Most connections at a time; more of them wait in the kernel's queue.
    pub connections: usize,
    /// Longest time for a TLS handshake.
    pub handshake: Duration,
    /// Longest time for a request's head to arrive, and how long a connection may idle before.
    pub head: Duration,
    /// Most bytes of a request's head; at least 8 KiB.
    pub head_bytes: usize,
    /// Most requests at a time on one HTTP/2 connection.
    pub streams: u32,
    /// How long the requests that run when the server stops may take.
    pub drain: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            connections: 4096,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
            head_bytes: 32 * 1024,
            streams: 64,
            drain: Duration::from_secs(10),
        }
    }
}

/// How serving ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Drained {
    /// Every request was answered.
    Clean,
    /// Some requests or connections were cut off when the time for draining was over.
    CutOff,
}

/// Serves `routes` on `listener` until `shutdown` is ready and what runs then has been drained.
///
/// With `tls` the connections are TLS; its ALPN protocols decide which HTTP is spoken (`h2` and
/// `http/1.1`, see [`with_http_alpn`]). Each request gets an id, by `entropy`, which its answer
/// tells as `X-Request-Id` and all that is logged for it as `request_id`; it is handled in a task of
/// its own, so that a client that goes away never leaves an act half-way.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    limits: ServeLimits,
    routes: BoxedFilter<(Response,)>,
    entropy: Arc<dyn Entropy>,
    shutdown: impl Future<Output = ()>,
) -> Drained {
    let acceptor = tls.map(TlsAcceptor::from);
    let meters = ConnectionMeters::new();
    let slots = Arc::new(Semaphore::new(limits.connections));
    let (stop, stopped) = watch::channel(false);
    let (busy, mut idle) = mpsc::channel(1);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &slots) => accepted,
        };
        match accepted {
            Ok((stream, peer, slot)) => {
                let connection = Connection {
                    peer: Peer(peer),
                    limits,
                    routes: routes.clone(),
                    entropy: Arc::clone(&entropy),
                    handshakes_failed: meters.handshakes_failed.clone(),
                    stopped: stopped.clone(),
                    busy: busy.clone(),
                };
                let acceptor = acceptor.clone();
                let open = meters.opened();
                connections.spawn(async move {
                    connection.run(stream, acceptor).await;
                    drop((slot, open));
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                // Most likely there are no file descriptors left; give some back first.
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    drop(busy);
    stop.send_replace(true);
    let drained = async {
        while connections.join_next().await.is_some() {}
        // Requests whose clients went away still run.
        idle.recv().await;
    };
    match timeout(limits.drain, drained).await {
        Ok(()) => Drained::Clean,
        Err(_) => {
            tracing::warn!(
                connections = connections.len(),
                "the time for draining is over"
            );
            connections.shutdown().await;
            Drained::CutOff
        }
    }
}

/// Offers HTTP/2 and HTTP/1.1 by ALPN.
#[must_use]
pub fn with_http_alpn(mut tls: ServerConfig) -> ServerConfig {
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    tls
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, slot))
}

/// All that one connection needs.
struct Connection {
    peer: Peer,
    limits: ServeLimits,
    routes: BoxedFilter<(Response,)>,
    entropy: Arc<dyn Entropy>,
    handshakes_failed: Counter,
    stopped: watch::Receiver<bool>,
    /// Held by every request that runs.
    busy: mpsc::Sender<Infallible>,
}

/// Counts a connection's requests, so that one that only idles can be told.
#[derive(Default)]
struct Activity {
    begun: AtomicU64,
    ended: AtomicU64,
}

/// A request that is being handled.
struct Running {
    activity: Arc<Activity>,
    _busy: mpsc::Sender<Infallible>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.activity.ended.fetch_add(1, Ordering::Relaxed);
    }
}

impl Connection {
    async fn run(self, stream: TcpStream, acceptor: Option<TlsAcceptor>) {
        // A failure here only costs latency.
        let _ = stream.set_nodelay(true);
        let peer = self.peer.0;
        match acceptor {
            None => self.serve(stream).await,
            Some(acceptor) => match timeout(self.limits.handshake, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => self.serve(stream).await,
                Ok(Err(error)) => {
                    self.handshakes_failed.increment(1);
                    tracing::debug!(%peer, %error, "TLS handshake failed");
                }
                Err(_) => {
                    self.handshakes_failed.increment(1);
                    tracing::debug!(%peer, "TLS handshake took too long");
                }
            },
        }
    }

    async fn serve(mut self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let limits = self.limits;
        let activity = Arc::new(Activity::default());
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_buf_size(limits.head_bytes.max(8192));
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.streams)
            .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
            .keep_alive_interval(limits.head)
            .keep_alive_timeout(limits.head);
        let service = {
            let (peer, activity) = (self.peer, Arc::clone(&activity));
            let (routes, busy, entropy) = (warp::service(self.routes), self.busy, self.entropy);
            service_fn(move |mut request: Request<Incoming>| {
                activity.begun.fetch_add(1, Ordering::Relaxed);
                let id = request_id::new(&*entropy);
                request.extensions_mut().insert(peer);
                request.extensions_mut().insert(id);
                let mut routes = routes.clone();
                let running = Running {
                    activity: Arc::clone(&activity),
                    _busy: busy.clone(),
                };
                let handling = async move {
                    let answered = routes.call(request).await;
                    drop(running);
                    answered
                };
                let handling = tokio::spawn(handling.instrument(request_id::span(id)));
                async move {
                    let answered = handling.await.unwrap_or_else(|_| Ok(broken(id)));
                    answered.map(|mut response| {
                        // The API has it there already; other routes have not.
                        let headers = response.headers_mut();
                        headers.insert(REQUEST_ID, request_id::header(id));
                        response
                    })
                }
            })
        };
        let mut connection = pin!(
            builder
                .serve_connection(TokioIo::new(stream), service)
                .into_owned()
        );
        let mut stopping = false;
        let mut begun = 0;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(peer = %self.peer.0, %error, "connection ended");
                    }
                    return;
                }
                _ = self.stopped.wait_for(|stopped| *stopped), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                // hyper limits the head of a request, not the wait for the first byte of a
                // connection nor an idle HTTP/2 connection.
                () = sleep(limits.head) => {
                    let now_begun = activity.begun.load(Ordering::Relaxed);
                    let at_rest = activity.ended.load(Ordering::Relaxed) == now_begun;
                    if now_begun == 0 {
                        return;
                    }
                    if now_begun == begun && at_rest {
                        connection.as_mut().graceful_shutdown();
                    }
                    begun = now_begun;
                }
            }
        }
    }
}

/// The answer when handling a request has panicked.
fn broken(id: RequestId) -> Response {
    let detail = "the server failed while it handled the request";
    Answer::problem(&Problem::new(ProblemKind::ServerInternal, detail)).into_response(id, false)
}
