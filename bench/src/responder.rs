//! The targets of validation: an http-01 responder that serves proofs, fails or hangs, and keeps
//! when it was asked.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::error::{Error, Result};

const PATH: &str = "/.well-known/acme-challenge/";
/// Longest request head that is read.
const MAX_HEAD: usize = 8 * 1024;
/// Connections that may wait to be accepted; a storm brings many at once.
const BACKLOG: u32 = 4096;

/// What a responder does with a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Behaviour {
    /// Serves the proof, or 404.
    Serve,
    /// Answers 500.
    Fail,
    /// Reads the request and never answers.
    Hang,
    /// Reads the request and closes without an answer.
    Close,
}

impl Behaviour {
    const ALL: [Self; 4] = [Self::Serve, Self::Fail, Self::Hang, Self::Close];
}

/// What is known of one token.
pub(crate) struct Proof {
    key_authorization: String,
    /// When the token was asked for, oldest first; kept by a recording responder alone.
    pub(crate) asked_at: Vec<Instant>,
    /// When the proof was first served.
    pub(crate) served_at: Option<Instant>,
}

/// The proofs by token, and what to do with those who ask for them. Clones share them.
#[derive(Clone)]
pub(crate) struct Proofs(Arc<Shared>);

struct Shared {
    behaviour: AtomicU8,
    recording: bool,
    proofs: Mutex<HashMap<String, Proof>>,
}

impl Proofs {
    /// No proofs yet. `recording` keeps the time of every request.
    pub(crate) fn new(behaviour: Behaviour, recording: bool) -> Self {
        Self(Arc::new(Shared {
            behaviour: AtomicU8::new(behaviour as u8),
            recording,
            proofs: Mutex::default(),
        }))
    }

    /// Serves this proof from now on.
    pub(crate) fn put(&self, token: &str, key_authorization: String) {
        let proof = Proof {
            key_authorization,
            asked_at: Vec::new(),
            served_at: None,
        };
        self.lock().insert(token.to_owned(), proof);
    }

    /// Forgets a proof.
    pub(crate) fn remove(&self, token: &str) {
        self.lock().remove(token);
    }

    /// Changes what the responder does.
    pub(crate) fn behave(&self, behaviour: Behaviour) {
        self.0.behaviour.store(behaviour as u8, Ordering::Relaxed);
    }

    /// The proofs, for reading what was recorded.
    pub(crate) fn lock(&self) -> MutexGuard<'_, HashMap<String, Proof>> {
        self.0.proofs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens until the handle is aborted.
    pub(crate) fn listen(&self, address: SocketAddr) -> Result<JoinHandle<()>> {
        let listener = bind(address).map_err(Error::io(format!("listening on {address}")))?;
        let proofs = self.clone();
        Ok(tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        let proofs = proofs.clone();
                        // A validator that goes away is no matter to a responder.
                        tokio::spawn(async move { proofs.answer(stream).await.ok() });
                    }
                    // Out of file descriptors, most likely; let some connections end.
                    Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
                }
            }
        }))
    }

    async fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut head = Vec::with_capacity(512);
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            if stream.read_buf(&mut head).await? == 0 || head.len() > MAX_HEAD {
                return Ok(());
            }
        }
        let token = token(&head);
        let behaviour = Behaviour::ALL[usize::from(self.0.behaviour.load(Ordering::Relaxed))];
        let response = match behaviour {
            Behaviour::Serve => match self.serve(token) {
                Some(proof) => response("200 OK", &proof),
                None => response("404 Not Found", ""),
            },
            Behaviour::Fail => {
                self.record(token);
                response("500 Internal Server Error", "")
            }
            Behaviour::Close => {
                self.record(token);
                return Ok(());
            }
            Behaviour::Hang => {
                self.record(token);
                // Ends when the validator gives up.
                let mut rest = [0; 64];
                while stream.read(&mut rest).await? > 0 {}
                return Ok(());
            }
        };
        stream.write_all(response.as_bytes()).await?;
        stream.shutdown().await
    }

    fn serve(&self, token: &str) -> Option<String> {
        let mut proofs = self.lock();
        let proof = proofs.get_mut(token)?;
        if self.0.recording {
            proof.served_at.get_or_insert_with(Instant::now);
        }
        Some(proof.key_authorization.clone())
    }

    fn record(&self, token: &str) {
        if self.0.recording
            && let Some(proof) = self.lock().get_mut(token)
        {
            proof.asked_at.push(Instant::now());
        }
    }
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
        SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The token that a request asks for; empty when it asks for something else.
fn token(head: &[u8]) -> &str {
    let line = head.split(|octet| *octet == b'\r').next().unwrap_or(head);
    let line = std::str::from_utf8(line).unwrap_or_default();
    let path = line.strip_prefix("GET ").unwrap_or_default();
    let path = path.split(' ').next().unwrap_or_default();
    path.strip_prefix(PATH).unwrap_or_default()
}

fn response(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/octet-stream\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(address: SocketAddr, token: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {PATH}{token} HTTP/1.1\r\nHost: a.test\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn it_serves_fails_heals_and_keeps_the_times() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let proofs = Proofs::new(Behaviour::Fail, true);
        let listener = proofs.listen(address).unwrap();
        proofs.put("t1", "t1.thumb".to_owned());
        assert!(ask(address, "t1").await.starts_with("HTTP/1.1 500 "));
        proofs.behave(Behaviour::Close);
        assert_eq!(ask(address, "t1").await, "");
        proofs.behave(Behaviour::Serve);
        let answer = ask(address, "t1").await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nt1.thumb"));
        assert!(ask(address, "t2").await.starts_with("HTTP/1.1 404 "));
        let kept = proofs.lock();
        assert_eq!(kept["t1"].asked_at.len(), 2);
        assert!(kept["t1"].served_at.is_some());
        listener.abort();
    }
}
