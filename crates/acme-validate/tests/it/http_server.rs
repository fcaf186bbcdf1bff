//! A server that plays a script on each connection: well-formed HTTP, or whatever a hostile peer may
//! send instead.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// One step of a script. After the last one the connection is closed.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Reads a request up to the end of its head.
    ReadHead,
    Send(Vec<u8>),
    /// Sends the same bytes until the peer goes away, with a pause after each time.
    SendForEver(Vec<u8>, Duration),
    /// Keeps the connection open until the peer goes away.
    Hang,
    /// Closes with RST.
    Reset,
}

/// What the server does for a request; it sees the request's head.
type Handler = Arc<dyn Fn(&str) -> Vec<Step> + Send + Sync>;

/// The running server; it ends when this is dropped.
pub(crate) struct HttpServer {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
    _task: JoinSet<()>,
}

impl HttpServer {
    /// Answers every request with the same bytes.
    pub(crate) async fn answering(answer: impl AsRef<[u8]>) -> Self {
        let answer = answer.as_ref().to_vec();
        Self::on("127.0.0.1:0", move |_| vec![Step::Send(answer.clone())]).await
    }

    /// Plays the script without reading a request first.
    pub(crate) async fn playing(script: Vec<Step>) -> Self {
        Self::start(
            "127.0.0.1:0",
            false,
            Arc::new(move |_: &str| script.clone()),
        )
        .await
    }

    /// Reads a request's head and does what the handler says.
    pub(crate) async fn on(
        address: &str,
        handler: impl Fn(&str) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        Self::start(address, true, Arc::new(handler)).await
    }

    async fn start(address: &str, reads_first: bool, handler: Handler) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(Mutex::new(0));
        let mut task = JoinSet::new();
        let (heads_seen, count) = (Arc::clone(&heads), Arc::clone(&connections));
        task.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                *count.lock().unwrap() += 1;
                let (heads, handler) = (Arc::clone(&heads_seen), Arc::clone(&handler));
                open.spawn(async move {
                    // An error is a peer that went away.
                    let _ = serve(stream, reads_first, &heads, &handler).await;
                });
            }
        });
        Self {
            address,
            heads,
            connections,
            _task: task,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The heads of the requests so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// How many connections were made so far.
    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

async fn serve(
    mut stream: TcpStream,
    reads_first: bool,
    heads: &Mutex<Vec<String>>,
    handler: &Handler,
) -> io::Result<()> {
    let mut head = String::new();
    if reads_first {
        head = read_head(&mut stream).await?;
        heads.lock().unwrap().push(head.clone());
    }
    for step in handler(&head) {
        match step {
            Step::ReadHead => {
                let head = read_head(&mut stream).await?;
                heads.lock().unwrap().push(head);
            }
            Step::Send(bytes) => stream.write_all(&bytes).await?,
            Step::SendForEver(bytes, pause) => loop {
                stream.write_all(&bytes).await?;
                tokio::time::sleep(pause).await;
            },
            Step::Hang => {
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).await?;
            }
            Step::Reset => {
                stream.set_zero_linger()?;
                return Ok(());
            }
        }
    }
    stream.shutdown().await
}

/// Reads up to the empty line.
pub(crate) async fn read_head(
    stream: &mut (impl tokio::io::AsyncRead + Unpin),
) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    String::from_utf8(head).map_err(io::Error::other)
}

/// A complete answer with a body.
pub(crate) fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    answer("200 OK", body)
}

/// A complete answer.
pub(crate) fn answer(status: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A redirection.
pub(crate) fn redirect(status: &str, location: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n").into_bytes()
}
