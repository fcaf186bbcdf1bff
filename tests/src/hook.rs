//! A policy hook as an operator could write it: it allows what is not denied by name.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A hook that denies every question about `denied`, and remembers what it was asked.
#[derive(Debug)]
pub struct PolicyHook {
    port: u16,
    dir: TempDir,
    asked: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl PolicyHook {
    /// Starts one.
    pub async fn start(denied: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let dir = TempDir::new().unwrap();
        std::fs::write(dir.path().join("secret"), "a secret of the two of them\n").unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (denied, remembered) = (denied.to_owned(), Arc::clone(&asked));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let question = answer(stream, &denied).await;
                remembered.lock().unwrap().extend(question);
            }
        });
        Self {
            port,
            dir,
            asked,
            task,
        }
    }

    /// What a server sets to ask it.
    #[must_use]
    pub fn settings(&self) -> [String; 2] {
        let secret: PathBuf = self.dir.path().join("secret");
        [
            format!(
                "provisioner.default.policy.hook.url=http://127.0.0.1:{}/acme",
                self.port
            ),
            format!(
                "provisioner.default.policy.hook.secret_file={}",
                secret.display()
            ),
        ]
    }

    /// What both of them know.
    #[must_use]
    pub fn secret(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("secret")).unwrap()
    }

    /// The bodies of all questions so far.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// From now on nobody answers.
    pub fn stop(&self) {
        self.task.abort();
    }
}

/// Reads one question and answers it; gives its body.
async fn answer(mut stream: TcpStream, denied: &str) -> Option<String> {
    let mut read = Vec::new();
    let body = loop {
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.parse::<usize>().ok())?
        })?;
        if body.len() == length {
            assert!(head.contains("acme-policy-signature: sha256="), "{head}");
            break body.to_owned();
        }
    };
    let answer = if body.contains(denied) {
        r#"{"decision":"deny","reason":"the host is another team's"}"#
    } else {
        r#"{"decision":"allow"}"#
    };
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{answer}",
        answer.len()
    );
    stream.write_all(answer.as_bytes()).await.ok()?;
    Some(body)
}
