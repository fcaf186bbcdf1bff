//! One line for each request, and no secrets in any.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::Once;

use serde_json::{Value, json};

use crate::client::{Client, csr, text};
use crate::server::Server;

thread_local! {
    /// What this test has logged, once it listens: each test runs on a thread of its own.
    static LINES: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Writes to the thread's lines.
struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| {
            if let Some(lines) = lines {
                lines.extend_from_slice(bytes);
            }
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Begins to keep what this thread logs.
///
/// A subscriber for one thread alone would not do: tracing remembers of an event that nobody wants
/// it when a thread without one met it first.
fn listen() {
    static SUBSCRIBER: Once = Once::new();
    SUBSCRIBER.call_once(|| {
        tracing_subscriber::fmt()
            .json()
            .with_env_filter("acme_http=trace,acme_core=trace,warp=trace,hyper=trace")
            .with_writer(|| Lines)
            .init();
    });
    LINES.set(Some(Vec::new()));
}

/// What was logged since the last call.
fn logged() -> String {
    String::from_utf8(LINES.replace(Some(Vec::new())).unwrap()).unwrap()
}

/// The events of requests since the last call.
fn requests() -> Vec<Value> {
    logged()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["fields"].take())
        .filter(|fields| fields["message"] == "request")
        .collect()
}

#[tokio::test]
async fn each_request_has_its_line() {
    listen();
    let server = Server::start().await;
    let client = Client::new(&server).await;
    requests();

    let id = client.kid.rsplit('/').next().unwrap();
    client
        .new_order(&["a..test"])
        .await
        .expect_problem(400, "malformed");
    let seen = requests();
    let [nonce, order] = &seen[..] else {
        panic!("{seen:?}");
    };
    assert_eq!(nonce["route"], "new-nonce");
    assert_eq!(nonce["status"], 204);
    assert_eq!(nonce["problem"], Value::Null);
    assert_eq!(order["method"], "POST");
    assert_eq!(order["route"], "new-order");
    assert_eq!(order["status"], 400);
    assert_eq!(order["provisioner"], "default");
    assert_eq!(order["account"], id);
    assert_eq!(order["problem"], "malformed");
    assert!(order["duration_ms"].as_f64().unwrap() >= 0.0);

    // Neither ids nor what a client made up become the name of a route.
    server.get("/acme/nobody/x").await;
    server.get("/acme/nobody/new-nonce").await;
    let seen = requests();
    assert_eq!(seen[0]["route"], "none");
    assert_eq!(seen[1]["route"], "new-nonce");
    assert_eq!(seen[1]["provisioner"], Value::Null);
}

#[tokio::test]
async fn the_lines_of_a_request_have_the_id_that_its_answer_tells() {
    listen();
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let tried = client.order_with_challenge("a.test", "http-01").await;
    client
        .post(&tried.challenge, json!({}))
        .await
        .expect_status(200);
    let (csr, _) = csr(&["a.test"]);
    logged();
    let reply = client.finalize(&tried, &csr).await.expect_status(200);
    let id = reply.header("x-request-id").unwrap();
    let lines = logged();
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["span"]["request_id"] == id)
        .collect();
    let messages: Vec<_> = lines
        .iter()
        .map(|line| &line["fields"]["message"])
        .collect();
    assert_eq!(messages, ["certificate issued", "request"], "{lines:?}");
}

#[tokio::test]
async fn nothing_secret_is_logged() {
    listen();
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let tried = client.order_with_challenge("a.test", "http-01").await;
    let token = text(&client.read(&tried.challenge).await.json()["token"]);
    client
        .post(&tried.challenge, json!({}))
        .await
        .expect_status(200);
    let (csr, _) = csr(&["a.test"]);
    client.finalize(&tried, &csr).await.expect_status(200);
    let nonce = server.nonce().await;
    let seen = logged();
    assert!(seen.contains("certificate issued"), "{seen}");
    let key = text(&client.key.jwk()["x"]);
    for secret in [&token, &key, &nonce, &csr] {
        assert!(!seen.contains(secret.as_str()), "{secret} in {seen}");
    }
}
