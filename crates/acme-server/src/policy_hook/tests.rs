//! A real listener answers, or does not, and the client makes of it what the documentation says.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use acme_core::{Account, EntropyRng, HookEvent, ManualClock, Order, OrderRequest, Provisioner};
use acme_types::{AccountId, AccountStatus, Identifier, Jwk, Thumbprint, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::*;
use crate::system::SystemEntropy;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const SECRET: &str = "a secret that nobody guesses";
const PATIENCE: Duration = Duration::from_millis(400);

/// What the listener does once it has read a question.
#[derive(Clone)]
enum Does {
    /// Sends these bytes and closes.
    Sends(Vec<u8>),
    /// Sends them and then nothing, without an end.
    Stalls(Vec<u8>),
}

/// The answer with this status and body.
fn http(status: &str, body: &str) -> Does {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    Does::Sends((head + body).into_bytes())
}

/// A listener, and the questions that it was asked, head and body.
struct Listener {
    url: String,
    questions: mpsc::UnboundedReceiver<(String, Vec<u8>)>,
    asked: Arc<AtomicUsize>,
}

impl Listener {
    async fn start(does: Does) -> Self {
        Self::over(does, None).await
    }

    async fn over(does: Does, tls: Option<tokio_rustls::TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (sender, questions) = mpsc::unbounded_channel();
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let (does, sender, tls) = (does.clone(), sender.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => answer(stream, does, sender).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                answer(stream, does, sender).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            url: format!("{scheme}://localhost:{port}/decide?team=1"),
            questions,
            asked,
        }
    }
}

async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    does: Does,
    sender: mpsc::UnboundedSender<(String, Vec<u8>)>,
) {
    let mut read = Vec::new();
    let (head, body) = loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length: usize = header(head, "content-length").unwrap().parse().unwrap();
            let body = &read[head.len() + 4..];
            if body.len() == length {
                break (head.to_owned(), body.to_vec());
            }
        }
        if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
            return;
        }
    };
    sender.send((head, body)).ok();
    match does {
        Does::Sends(bytes) => {
            stream.write_all(&bytes).await.ok();
            stream.shutdown().await.ok();
        }
        Does::Stalls(bytes) => {
            stream.write_all(&bytes).await.ok();
            std::future::pending::<()>().await;
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}

struct Fixture {
    _dir: TempDir,
    hooks: HttpPolicyHooks,
    account: Account,
    order: Order,
}

impl Fixture {
    fn new(url: &str, roots: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            let mut file = std::fs::File::create(&path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            path
        };
        let config = HookConfig {
            url: url.parse().unwrap(),
            secret_file: write("secret", &format!("{SECRET}\n")),
            roots_file: None,
            timeout: PATIENCE,
            moments: vec![HookMoment::NewOrder],
        };
        let provisioner = Provisioner::new("default".parse().unwrap());
        let mut hooks = HttpPolicyHooks::new(Arc::new(ManualClock::new(NOW)));
        let name = provisioner.name.clone();
        hooks.add(name, &config, &write("root.crt", roots)).unwrap();
        let mut rng = EntropyRng(&SystemEntropy);
        let account = Account {
            id: AccountId::random(&mut rng),
            provisioner: provisioner.name.clone(),
            jwk: Jwk::Ed25519 { x: [7; 32] },
            thumbprint: Thumbprint([7; 32]),
            status: AccountStatus::Valid,
            contact: vec!["mailto:someone@lab.test".to_owned()],
            terms_agreed: false,
            external_account: None,
            created_at: NOW,
        };
        let names = ["a.lab.test", "b.lab.test"];
        let names = names.map(|name| Identifier::Dns(name.parse().unwrap()));
        let request = OrderRequest::new(names.to_vec());
        let opened = Order::open(&account.id, &provisioner, request, NOW, &mut rng);
        Self {
            _dir: dir,
            hooks,
            account,
            order: opened.unwrap().0,
        }
    }

    async fn ask(&self) -> Result<HookVerdict, String> {
        let question = HookQuestion {
            account: &self.account,
            order: &self.order,
            event: HookEvent::NewOrder,
        };
        let verdict = self.hooks.decide(question).await;
        verdict.map_err(|PolicyHookError(why)| why.to_string())
    }
}

#[tokio::test]
async fn a_question_is_signed_and_tells_all() {
    let mut listener = Listener::start(http("200 OK", r#"{"decision":"allow"}"#)).await;
    let fixture = Fixture::new(&listener.url, "");
    assert_eq!(fixture.ask().await, Ok(HookVerdict::Allow));
    let (head, body) = listener.questions.recv().await.unwrap();

    assert!(
        head.starts_with("POST /decide?team=1 HTTP/1.1\r\n"),
        "{head}"
    );
    assert_eq!(header(&head, "content-type"), Some("application/json"));
    let timestamp = header(&head, "acme-policy-timestamp").unwrap();
    assert_eq!(timestamp, "1800000000");
    // As the documentation tells the hook's author to do it.
    let signature = header(&head, "acme-policy-signature").unwrap();
    let signature = signature.strip_prefix("sha256=").unwrap();
    let octets = (0..signature.len()).step_by(2);
    let octets: Vec<u8> = octets
        .map(|at| u8::from_str_radix(&signature[at..at + 2], 16).unwrap())
        .collect();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signed = [timestamp.as_bytes(), b".", &body].concat();
    hmac::verify(&key, &signed, &octets).expect("the signature is the secret's");

    let question: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        question,
        json!({
            "version": 1,
            "event": "newOrder",
            "provisioner": "default",
            "account": {
                "id": fixture.account.id,
                "contact": ["mailto:someone@lab.test"],
                "keyThumbprint": acme_types::encode_base64url([7; 32]),
                "createdAt": "2027-01-15T08:00:00Z",
            },
            "order": {
                "id": fixture.order.id,
                "identifiers": [
                    { "type": "dns", "value": "a.lab.test" },
                    { "type": "dns", "value": "b.lab.test" },
                ],
            },
        })
    );
}

#[tokio::test]
async fn a_denial_is_a_verdict() {
    let body = r#"{"decision":"deny","reason":"not yours"}"#;
    let listener = Listener::start(http("200 OK", body)).await;
    let verdict = Fixture::new(&listener.url, "").ask().await;
    let denied = HookVerdict::Deny {
        reason: "not yours".to_owned(),
        identifiers: Vec::new(),
    };
    assert_eq!(verdict, Ok(denied));
}

#[tokio::test]
async fn whatever_else_comes_allows_nothing() {
    let allow = r#"{"decision":"allow"}"#;
    let ok = "HTTP/1.1 200 OK\r\n";
    let padded = format!("{}{allow}", " ".repeat(65 * 1024));
    let endless = format!(
        "{ok}Transfer-Encoding: chunked\r\n\r\n10000\r\n{}\r\n10000\r\n{0}\r\n",
        " ".repeat(0x10000)
    );
    let cut = format!("{ok}Content-Length: 500\r\n\r\n{allow}");
    let long_head = format!("{ok}X: {}\r\n\r\n{allow}", "x".repeat(40_000));
    for (does, says) in [
        (http("403 Forbidden", allow), "answers 403"),
        (http("500 Internal Server Error", allow), "answers 500"),
        (http("202 Accepted", allow), "answers 202"),
        (http("204 No Content", ""), "answers 204"),
        (http("302 Found\r\nLocation: /other", allow), "answers 302"),
        (http("200 OK", "<html>welcome</html>"), "<html>welcome"),
        (http("200 OK", ""), "neither allow nor deny"),
        (
            http("200 OK", r#"{"decision":"deny"}"#),
            "neither allow nor deny",
        ),
        (http("200 OK", &padded), "limit"),
        (Does::Stalls(endless.into_bytes()), "limit"),
        (Does::Sends(cut.into_bytes()), "its answer"),
        (Does::Sends(long_head.into_bytes()), "too large"),
        (Does::Sends(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), "HTTP"),
        (Does::Sends(Vec::new()), "connection closed"),
        (Does::Stalls(Vec::new()), "no answer after 400ms"),
        (Does::Stalls(ok.into()), "no answer after 400ms"),
        (
            Does::Stalls(format!("{ok}Content-Length: 500\r\n\r\n{allow}").into_bytes()),
            "no answer after 400ms",
        ),
    ] {
        let listener = Listener::start(does).await;
        let begun = Instant::now();
        let error = Fixture::new(&listener.url, "").ask().await.unwrap_err();
        assert!(error.contains(says), "{says}: {error}");
        assert!(begun.elapsed() < PATIENCE * 20, "{says}");
        assert_eq!(
            listener.asked.load(Ordering::SeqCst),
            1,
            "asked once: {says}"
        );
    }
    // Nobody listens.
    let error = Fixture::new("http://127.0.0.1:9/", "")
        .ask()
        .await
        .unwrap_err();
    assert!(error.contains("127.0.0.1:9 cannot be reached"), "{error}");
}

#[tokio::test]
async fn a_hook_over_https_must_show_a_certificate_of_the_roots() {
    let made = |names: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        rcgen::generate_simple_self_signed(names).unwrap()
    };
    let (good, other) = (made(&["localhost"]), made(&["elsewhere.test"]));
    for (shown, trusted, says) in [
        (&good, &good, None),
        (&good, &other, Some("TLS: ")),
        (&other, &other, Some("TLS: ")),
    ] {
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(
            rustls::crypto::aws_lc_rs::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![shown.cert.der().clone()],
            rustls::pki_types::PrivatePkcs8KeyDer::from(shown.signing_key.serialize_der()).into(),
        )
        .unwrap();
        let allow = http("200 OK", r#"{"decision":"allow"}"#);
        let listener = Listener::over(allow, Some(Arc::new(config).into())).await;
        let asked = Fixture::new(&listener.url, &trusted.cert.pem()).ask().await;
        match says {
            None => assert_eq!(asked, Ok(HookVerdict::Allow)),
            Some(says) => {
                let error = asked.unwrap_err();
                assert!(error.contains(says), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn nobody_is_asked_where_nobody_is_to_be() {
    let listener = Listener::start(http("200 OK", r#"{"decision":"deny","reason":"no"}"#)).await;
    let mut fixture = Fixture::new(&listener.url, "");
    fixture.order.provisioner = "other".parse().unwrap();
    assert_eq!(fixture.ask().await, Ok(HookVerdict::Allow));

    fixture.order.provisioner = "default".parse().unwrap();
    for hook in fixture.hooks.hooks.values_mut() {
        hook.moments = vec![HookMoment::Finalize];
    }
    assert_eq!(fixture.ask().await, Ok(HookVerdict::Allow));
    assert_eq!(listener.asked.load(Ordering::SeqCst), 0);
}

#[test]
fn a_hook_that_cannot_be_set_up_says_why() {
    let dir = TempDir::new().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (secret, empty) = (file("secret", SECRET), file("empty.crt", ""));
    let missing = dir.path().join("missing");
    for (url, secret, roots, says) in [
        (
            "https://h.test/",
            &missing,
            &empty,
            "missing cannot be read",
        ),
        (
            "https://h.test/",
            &file("short", "short\n\n"),
            &empty,
            "fewer than 16 bytes",
        ),
        (
            "https://h.test/",
            &secret,
            &empty,
            "empty.crt cannot be read",
        ),
        (
            "https://h.test/",
            &secret,
            &missing,
            "missing cannot be read",
        ),
    ] {
        let config = HookConfig {
            url: url.parse().unwrap(),
            secret_file: secret.clone(),
            roots_file: Some(roots.clone()),
            timeout: PATIENCE,
            moments: Vec::new(),
        };
        let mut hooks = HttpPolicyHooks::new(Arc::new(ManualClock::new(NOW)));
        let error = hooks.add("default".parse().unwrap(), &config, roots);
        let error = error.unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
        assert!(hooks.is_empty());
    }
}
