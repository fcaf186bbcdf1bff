//! The accept loop's limits, and what becomes of requests when clients or the server go away.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use acme_http::{
    BodyError, BodyLimits, Drained, Peer, ServeLimits, bounded, serve, with_http_alpn,
};
use acme_types::RequestId;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use warp::filters::BoxedFilter;
use warp::{Filter as _, Reply as _};

use crate::server::SystemEntropy;

type Routes = BoxedFilter<(warp::reply::Response,)>;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);
/// A limit that a test waits for.
const SHORT: Duration = Duration::from_millis(300);

fn short() -> ServeLimits {
    ServeLimits {
        head: SHORT,
        handshake: SHORT,
        drain: SHORT,
        ..ServeLimits::default()
    }
}

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Drained>,
}

impl Server {
    async fn start(limits: ServeLimits, routes: Routes) -> Self {
        Self::with_tls(limits, None, routes).await
    }

    async fn with_tls(
        limits: ServeLimits,
        tls: Option<Arc<rustls::ServerConfig>>,
        routes: Routes,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            let _ = stopped.await;
        };
        let ended = tokio::spawn(serve(
            listener,
            tls,
            limits,
            routes,
            Arc::new(SystemEntropy),
            shutdown,
        ));
        Self {
            address,
            stop,
            ended,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends `bytes` on a connection of its own; gives what came until the server closed it.
    async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        read_to_close(&mut stream).await
    }

    async fn stop(self) -> Drained {
        self.stop.send(()).unwrap();
        timeout(LONG, self.ended).await.unwrap().unwrap()
    }
}

async fn read_to_close(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset is as good as an orderly close.
    let _ = timeout(LONG, stream.read_to_end(&mut answer))
        .await
        .expect("the server closes the connection");
    String::from_utf8(answer).unwrap()
}

async fn read_some(stream: &mut TcpStream) -> String {
    let mut answer = vec![0; 4096];
    let n = timeout(LONG, stream.read(&mut answer)).await.unwrap();
    answer.truncate(n.unwrap());
    String::from_utf8(answer).unwrap()
}

/// Tells how many bytes it got, or why it got none.
fn echo() -> Routes {
    let limits = BodyLimits {
        bytes: 1000,
        time: SHORT,
    };
    warp::any()
        .and(bounded(limits))
        .map(|body: Result<Bytes, BodyError>| match body {
            Ok(body) => format!("{} bytes", body.len()).into_response(),
            Err(error) => {
                let status = StatusCode::from_u16(error.http_status()).unwrap();
                warp::reply::with_status(error.to_string(), status).into_response()
            }
        })
        .boxed()
}

const HEAD: &str = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";

#[tokio::test]
async fn a_body_too_large_is_refused_before_it_is_read() {
    let server = Server::start(short(), echo()).await;
    // Not one byte of it is sent, and none is asked for.
    let head = format!("{HEAD}Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n");
    let answer = server.exchange(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(!answer.contains("100 Continue"), "{answer}");
}

#[tokio::test]
async fn a_body_of_unknown_length_is_read_as_far_as_the_limit() {
    let server = Server::start(short(), echo()).await;
    let chunked = |sizes: &[usize]| {
        let mut request = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n");
        for size in sizes {
            request.push_str(&format!("{size:x}\r\n{}\r\n", "x".repeat(*size)));
        }
        request
    };
    let good = chunked(&[400, 600, 0]);
    let answer = server.exchange(good.as_bytes()).await;
    assert!(answer.ends_with("1000 bytes"), "{answer}");
    // It never ends, and is refused all the same.
    let endless = chunked(&[400, 601]);
    let answer = server.exchange(endless.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let server = Server::start(short(), echo()).await;
    let head = format!("{HEAD}Content-Length: 10\r\n\r\nhalf");
    let answer = server.exchange(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn a_slow_head_and_a_silent_connection_are_closed() {
    let server = Server::start(short(), echo()).await;
    for begun in [
        "",
        "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        // The beginning of what HTTP/2 begins with.
        "PRI * HTTP/2.0\r\n",
    ] {
        let started = Instant::now();
        let answer = server.exchange(begun.as_bytes()).await;
        assert!(!answer.contains("200 OK"), "{begun:?}: {answer}");
        assert!(started.elapsed() >= SHORT, "{begun:?} had no time");
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let server = Server::start(short(), echo()).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let answer = read_to_close(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");

    let (mut sender, connection) = h2(server.connect().await).await;
    let connection = tokio::spawn(connection);
    assert_eq!(get(&mut sender).await, (StatusCode::OK, "0 bytes".into()));
    timeout(LONG, connection).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_head_too_large_is_refused() {
    let server = Server::start(short(), echo()).await;
    let header = format!("X-Large: {}\r\n", "x".repeat(70_000));
    let mut stream = server.connect().await;
    // The server may close before it has taken all.
    let _ = stream
        .write_all(format!("{HEAD}{header}\r\n").as_bytes())
        .await;
    let answer = read_some(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn more_connections_than_allowed_wait() {
    let limits = ServeLimits {
        connections: 1,
        ..ServeLimits::default()
    };
    let server = Server::start(limits, echo()).await;
    let request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut first = server.connect().await;
    first.write_all(request).await.unwrap();
    assert!(read_some(&mut first).await.ends_with("0 bytes"));

    let mut second = server.connect().await;
    second.write_all(request).await.unwrap();
    let mut byte = [0];
    timeout(SHORT, second.read(&mut byte))
        .await
        .expect_err("the second connection is served beside the first");
    drop(first);
    assert!(read_some(&mut second).await.ends_with("0 bytes"));
}

/// Waits to be let go; counts those that wait and those that have ended.
#[derive(Default)]
struct Gate {
    open: Notify,
    entered: AtomicUsize,
    left: AtomicUsize,
}

impl Gate {
    fn routes(self: &Arc<Self>) -> Routes {
        let gate = Arc::clone(self);
        warp::any()
            .then(move || {
                let gate = Arc::clone(&gate);
                async move {
                    gate.entered.fetch_add(1, Ordering::SeqCst);
                    gate.open.notified().await;
                    gate.left.fetch_add(1, Ordering::SeqCst);
                    "done".into_response()
                }
            })
            .boxed()
    }

    async fn until_entered(&self, n: usize) {
        until(|| self.entered.load(Ordering::SeqCst) == n).await;
    }
}

async fn until(mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, wait).await.expect("it does not come about");
}

#[tokio::test]
async fn a_request_goes_on_when_its_client_goes_away() {
    let gate = Arc::new(Gate::default());
    let server = Server::start(ServeLimits::default(), gate.routes()).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    gate.until_entered(1).await;
    drop(stream);
    // Long enough for the server to see it.
    tokio::time::sleep(SHORT).await;
    gate.open.notify_one();
    until(|| gate.left.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn stopping_lets_requests_end_and_takes_no_more() {
    let gate = Arc::new(Gate::default());
    let server = Server::start(ServeLimits::default(), gate.routes()).await;
    let address = server.address;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    gate.until_entered(1).await;
    let stopping = tokio::spawn(server.stop());
    until(|| std::net::TcpStream::connect(address).is_err()).await;
    gate.open.notify_one();
    let answer = read_to_close(&mut stream).await;
    assert!(answer.ends_with("done"), "{answer}");
    assert_eq!(stopping.await.unwrap(), Drained::Clean);
}

#[tokio::test]
async fn stopping_waits_for_requests_without_a_client_too() {
    let gate = Arc::new(Gate::default());
    let server = Server::start(ServeLimits::default(), gate.routes()).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    gate.until_entered(1).await;
    drop(stream);
    let stopping = tokio::spawn(server.stop());
    tokio::time::sleep(SHORT).await;
    assert!(!stopping.is_finished(), "it did not wait");
    gate.open.notify_one();
    assert_eq!(stopping.await.unwrap(), Drained::Clean);
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever() {
    let gate = Arc::new(Gate::default());
    let server = Server::start(short(), gate.routes()).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    gate.until_entered(1).await;
    assert_eq!(server.stop().await, Drained::CutOff);
    assert_eq!(read_to_close(&mut stream).await, "");
}

fn header<'a>(answer: &'a str, name: &str) -> &'a str {
    let mut lines = answer.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    value.unwrap_or_else(|| panic!("no {name} in {answer}"))
}

#[tokio::test]
async fn each_request_of_a_connection_has_an_id_of_its_own() {
    let server = Server::start(ServeLimits::default(), echo()).await;
    let mut stream = server.connect().await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: abcdefghjkmnpqrs\r\n\r\n")
            .await
            .unwrap();
        let answer = read_some(&mut stream).await;
        let id = header(&answer, "x-request-id").to_owned();
        assert!(id.parse::<RequestId>().is_ok(), "{id}");
        assert_ne!(id, "abcdefghjkmnpqrs");
        assert!(!seen.contains(&id), "{id} again");
        seen.push(id);
    }
}

#[tokio::test]
async fn a_panic_is_a_problem_and_not_the_end() {
    let routes = warp::path("bad")
        .map(|| -> warp::reply::Response { panic!("planted") })
        .or(warp::any().map(|| "good".into_response()))
        .unify()
        .boxed();
    let server = Server::start(ServeLimits::default(), routes).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /bad HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let answer = read_some(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    assert!(answer.contains("application/problem+json"), "{answer}");
    let id = header(&answer, "x-request-id");
    assert!(
        answer.contains(&format!("\"request_id\":\"{id}\"")),
        "{answer}"
    );
    stream
        .write_all(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    assert!(read_some(&mut stream).await.ends_with("good"));
}

#[tokio::test]
async fn the_peer_is_known() {
    let routes = warp::ext::get::<Peer>()
        .map(|peer: Peer| peer.0.to_string().into_response())
        .boxed();
    let server = Server::start(ServeLimits::default(), routes).await;
    let mut stream = server.connect().await;
    let local = stream.local_addr().unwrap().to_string();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    assert!(read_some(&mut stream).await.ends_with(&local));
}

type H2Sender = http2::SendRequest<Empty<Bytes>>;

async fn h2<S>(stream: S) -> (H2Sender, impl Future<Output = hyper::Result<()>> + Send)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap()
}

async fn get(sender: &mut H2Sender) -> (StatusCode, String) {
    let request = Request::get("https://x/").body(Empty::new()).unwrap();
    let response = timeout(LONG, sender.send_request(request))
        .await
        .unwrap()
        .unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn streams_of_one_connection_are_limited() {
    let gate = Arc::new(Gate::default());
    let limits = ServeLimits {
        streams: 2,
        ..ServeLimits::default()
    };
    let server = Server::start(limits, gate.routes()).await;
    let (mut sender, connection) = h2(server.connect().await).await;
    tokio::spawn(connection);
    // The first answer shows that the client knows the server's settings.
    gate.open.notify_one();
    assert_eq!(get(&mut sender).await.0, StatusCode::OK);
    let requests: Vec<_> = (0..4)
        .map(|_| {
            let mut sender = sender.clone();
            tokio::spawn(async move { get(&mut sender).await })
        })
        .collect();
    gate.until_entered(3).await;
    tokio::time::sleep(SHORT).await;
    assert_eq!(
        gate.entered.load(Ordering::SeqCst),
        3,
        "two beside each other"
    );
    for _ in 0..4 {
        gate.open.notify_one();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for request in requests {
        assert_eq!(request.await.unwrap().0, StatusCode::OK);
    }
}

#[tokio::test]
async fn tls_speaks_both_versions_of_http_and_limits_its_handshake() {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server_config = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key.into())
        .unwrap();
    let tls = Arc::new(with_http_alpn(server_config));
    let server = Server::with_tls(short(), Some(tls), echo()).await;

    let mut roots = rustls::RootCertStore::empty();
    roots.add(certified.cert.der().clone()).unwrap();
    let client = |protocol: &[u8]| {
        let mut config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        tokio_rustls::TlsConnector::from(Arc::new(config))
    };
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();

    let stream = client(b"h2")
        .connect(name.clone(), server.connect().await)
        .await
        .unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) = h2(stream).await;
    tokio::spawn(connection);
    assert_eq!(get(&mut sender).await, (StatusCode::OK, "0 bytes".into()));

    let connecting = client(b"http/1.1").connect(name, server.connect().await);
    let mut stream = connecting.await.unwrap();
    stream
        .write_all(format!("{HEAD}\r\n").as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    assert!(answer.ends_with("0 bytes"), "{answer}");

    assert_eq!(
        server.exchange(b"").await,
        "",
        "a handshake that never begins"
    );
}
