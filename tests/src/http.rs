//! The web server of a name that is to be certified. It may start late.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A folder that a web server shows and clients put their http-01 answers in.
#[derive(Debug)]
pub struct Webroot {
    dir: TempDir,
}

impl Webroot {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        let dir = TempDir::new().unwrap();
        std::fs::create_dir_all(dir.path().join(".well-known/acme-challenge")).unwrap();
        Self { dir }
    }

    /// The folder, for clients that write into it themselves.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Puts an answer where the server looks for it.
    pub fn put(&self, token: &str, key_authorization: &str) {
        let file = self.path().join(".well-known/acme-challenge").join(token);
        std::fs::write(file, key_authorization).unwrap();
    }

    /// Starts to show the folder on the port.
    pub async fn serve(&self, port: u16) -> HttpTarget {
        HttpTarget::start(self.path().to_owned(), port).await
    }

    /// Starts to show the folder on the port once some time has passed; until then connections
    /// are refused.
    #[must_use]
    pub fn serve_after(&self, delay: Duration, port: u16) -> JoinHandle<HttpTarget> {
        let dir = self.path().to_owned();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            HttpTarget::start(dir, port).await
        })
    }
}

impl Default for Webroot {
    fn default() -> Self {
        Self::new()
    }
}

/// A web server that shows a folder until it is dropped.
#[derive(Debug)]
pub struct HttpTarget {
    task: JoinHandle<()>,
    requests: Arc<AtomicUsize>,
}

impl HttpTarget {
    async fn start(dir: PathBuf, port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap_or_else(|error| panic!("cannot listen on {port}: {error}"));
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (dir, counted) = (dir.clone(), Arc::clone(&counted));
                tokio::spawn(async move {
                    // A peer that hangs up is no concern of the target.
                    let _ = answer(stream, &dir, &counted).await;
                });
            }
        });
        Self { task, requests }
    }

    /// Stops; the port is free afterwards.
    pub async fn stop(mut self) {
        self.task.abort();
        // It ends by being cancelled, which is no failure here.
        let _ = (&mut self.task).await;
    }

    /// Requests that came until now.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for HttpTarget {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    mut stream: TcpStream,
    dir: &Path,
    requests: &AtomicUsize,
) -> Result<(), std::io::Error> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < 8192 {
        head.push(stream.read_u8().await?);
    }
    requests.fetch_add(1, Ordering::Relaxed);
    let head = String::from_utf8_lossy(&head);
    let path = head
        .split(' ')
        .nth(1)
        .unwrap_or("/")
        .trim_start_matches('/');
    let file = (!path.contains("..")).then(|| dir.join(path));
    let found = file.and_then(|file| std::fs::read(file).ok());
    let (status, body) = match found {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", b"nothing here\n".to_vec()),
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body).await?;
    stream.shutdown().await
}

/// Fetches a page by plain HTTP on loopback: status and body.
pub async fn http_get(port: u16, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .await
        .unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}
