//! Where requests go, and one connection for a few of them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use acme_types::{Problem, ProblemKind};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Trouble;
use crate::error::{Error, Result};

/// Most octets of an answer that are read.
const MAX_BODY: usize = 1 << 20;

/// Where requests go: to the balancer, or to one replica.
#[derive(Clone)]
pub struct Endpoint {
    address: SocketAddr,
    host: HeaderValue,
    tls: TlsConnector,
    patience: Duration,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Endpoint").field(&self.address).finish()
    }
}

impl Endpoint {
    /// Requests to `address`, which is also what URLs name; `root` (PEM) is trusted alone. A request
    /// that is not answered within `patience` is given up.
    ///
    /// # Errors
    /// When the root cannot be read.
    pub fn new(address: SocketAddr, root: &Path, patience: Duration) -> Result<Self> {
        let broken = |why: String| Error::stage(format!("{}: {why}", root.display()));
        let certificate =
            CertificateDer::from_pem_file(root).map_err(|error| broken(format!("{error:?}")))?;
        let mut roots = RootCertStore::empty();
        roots
            .add(certificate)
            .map_err(|error| broken(error.to_string()))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| broken(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            host: HeaderValue::from_str(&address.to_string())
                .map_err(|error| broken(error.to_string()))?,
            address,
            tls: TlsConnector::from(Arc::new(config)),
            patience,
        })
    }

    /// The same requests, sent to another address.
    #[must_use]
    pub fn at(&self, address: SocketAddr) -> Self {
        Self {
            address,
            ..self.clone()
        }
    }

    /// Connects.
    pub(super) async fn connect(&self) -> std::result::Result<Connection, Trouble> {
        let connecting = async {
            let tcp = TcpStream::connect(self.address).await?;
            tcp.set_nodelay(true)?;
            let stream = self
                .tls
                .connect(ServerName::from(self.address.ip()), tcp)
                .await?;
            let (sender, connection) = http1::handshake(TokioIo::new(stream))
                .await
                .map_err(std::io::Error::other)?;
            // What ends a connection shows in the sender; its task has nothing more to tell.
            tokio::spawn(connection);
            Ok::<_, std::io::Error>(sender)
        };
        match timeout(self.patience, connecting).await {
            Ok(Ok(sender)) => Ok(Connection { sender }),
            Ok(Err(error)) => Err(Trouble::NotSent(error.to_string())),
            Err(_) => Err(Trouble::NotSent("no connection in time".to_owned())),
        }
    }
}

/// An open connection.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Whether the next request may still be sent on it.
    pub(super) async fn is_open(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }

    /// Sends one request and reads the answer to its end.
    pub(super) async fn send(
        &mut self,
        endpoint: &Endpoint,
        method: Method,
        url: &str,
        body: String,
    ) -> std::result::Result<Answer, Trouble> {
        let uri = url
            .parse::<Uri>()
            .ok()
            .and_then(|uri| uri.into_parts().path_and_query);
        let Some(path) = uri else {
            return Err(Trouble::NotSent(format!("{url:?} is no URL")));
        };
        let is_post = method == Method::POST;
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = method;
        *request.uri_mut() = path.into();
        request.headers_mut().insert(HOST, endpoint.host.clone());
        if is_post {
            let jose = HeaderValue::from_static("application/jose+json");
            request.headers_mut().insert(CONTENT_TYPE, jose);
        }
        let exchange = async {
            let broken = |error: hyper::Error| Trouble::Broken(error.to_string());
            let response = self.sender.send_request(request).await.map_err(broken)?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, MAX_BODY).collect().await;
            let body = body
                .map_err(|error| Trouble::Broken(error.to_string()))?
                .to_bytes();
            Ok(Answer {
                status: parts.status,
                headers: parts.headers,
                body,
            })
        };
        let late = |_| Trouble::Broken("no answer in time".to_owned());
        timeout(endpoint.patience, exchange).await.map_err(late)?
    }
}

/// One answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON; none when it is something else.
    #[must_use]
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        Some(self.headers.get(name)?.to_str().ok()?.to_owned())
    }

    /// Whether it is a problem document of this kind.
    #[must_use]
    pub fn is_problem(&self, kind: ProblemKind) -> bool {
        self.json::<Problem>()
            .is_some_and(|problem| problem.kind == kind)
    }

    /// How long it asks to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let seconds = self.header(RETRY_AFTER.as_str())?.parse().ok()?;
        Some(Duration::from_secs(seconds))
    }
}
