//! One TLS connection to the server, kept alive; HTTP/1.1 or HTTP/2.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::{http1, http2};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::error::{Error, Result};

/// Longest wait for one answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// Most octets of an answer that are read.
const MAX_BODY: usize = 1 << 20;

/// The version of HTTP that connections speak.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum HttpVersion {
    /// HTTP/1.1.
    #[value(name = "1")]
    One,
    /// HTTP/2.
    #[value(name = "2")]
    Two,
}

/// Where connections go, and whom they trust.
pub(crate) struct Endpoint {
    address: SocketAddr,
    authority: String,
    host: HeaderValue,
    server_name: ServerName<'static>,
    tls: TlsConnector,
    version: HttpVersion,
}

impl Endpoint {
    /// The endpoint that a directory URL names, trusting the certificates in `roots` (PEM) alone.
    pub(crate) async fn new(
        directory: &str,
        roots: &[&Path],
        version: HttpVersion,
    ) -> Result<Self> {
        let usage = |why: &str| Error::Usage(format!("{directory:?} is no directory URL: {why}"));
        let url: Uri = directory.parse().map_err(|_| usage("not a URL"))?;
        if url.scheme_str() != Some("https") {
            return Err(usage("not https"));
        }
        let host = url.host().ok_or_else(|| usage("no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = url.port_u16().unwrap_or(443);
        let mut addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port))
            .await
            .map_err(Error::io(format!("resolving {host}")))?
            .collect();
        // IPv4 first: a server of tests mostly listens there alone.
        addresses.sort_by_key(SocketAddr::is_ipv6);
        let address = *addresses.first().ok_or_else(|| usage("no address"))?;
        let authority = url.authority().map(ToString::to_string).unwrap_or_default();
        Ok(Self {
            address,
            host: HeaderValue::from_str(&authority).map_err(|_| usage("no host"))?,
            authority,
            server_name: ServerName::try_from(host.to_owned()).map_err(|_| usage("no host"))?,
            tls: TlsConnector::from(Arc::new(tls_config(roots, version)?)),
            version,
        })
    }
}

fn tls_config(roots: &[&Path], version: HttpVersion) -> Result<ClientConfig> {
    let mut store = RootCertStore::empty();
    for file in roots {
        let broken = |why: String| Error::Tls(format!("{}: {why}", file.display()));
        let certificates =
            CertificateDer::pem_file_iter(file).map_err(|error| broken(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| broken(error.to_string()))?;
            store
                .add(certificate)
                .map_err(|error| broken(error.to_string()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Tls(error.to_string()))?
        .with_root_certificates(store)
        .with_no_client_auth();
    config.alpn_protocols = vec![match version {
        HttpVersion::One => b"http/1.1".to_vec(),
        HttpVersion::Two => b"h2".to_vec(),
    }];
    Ok(config)
}

/// One answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// From the request's sending to the answer's last octet.
    pub(crate) took: Duration,
}

enum Sender {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

/// A connection that is made when it is needed and made again when the server has closed it.
pub(crate) struct Connection {
    endpoint: Arc<Endpoint>,
    sender: Option<Sender>,
    /// How many times it was made.
    pub(crate) made: u64,
}

impl Connection {
    /// A connection not made yet.
    pub(crate) const fn new(endpoint: Arc<Endpoint>) -> Self {
        Self {
            endpoint,
            sender: None,
            made: 0,
        }
    }

    /// Closes it; the next request makes a new one.
    pub(crate) fn close(&mut self) {
        self.sender = None;
    }

    /// Sends one request and reads the answer.
    pub(crate) async fn send(
        &mut self,
        what: &'static str,
        method: &Method,
        url: &str,
        body: Bytes,
    ) -> Result<Answer> {
        match self.send_once(what, method, url, body.clone()).await {
            // The server may close a kept connection at the moment the request goes out.
            Err(Error::Http(_)) => {
                self.close();
                self.send_once(what, method, url, body).await
            }
            outcome => outcome,
        }
    }

    async fn send_once(
        &mut self,
        what: &'static str,
        method: &Method,
        url: &str,
        body: Bytes,
    ) -> Result<Answer> {
        let request = self.request(what, method, url, body)?;
        let mut sender = self.sender().await?;
        let start = Instant::now();
        let exchange = async {
            let response = match &mut sender {
                Sender::One(sender) => sender.send_request(request).await?,
                Sender::Two(sender) => sender.send_request(request).await?,
            };
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, MAX_BODY).collect().await;
            let body = body.map_err(|error| Error::Answer {
                request: what,
                what: error.to_string(),
            })?;
            Ok::<_, Error>(Answer {
                status: parts.status,
                headers: parts.headers,
                body: body.to_bytes(),
                took: start.elapsed(),
            })
        };
        let answer = tokio::time::timeout(ANSWER_WITHIN, exchange)
            .await
            .map_err(|_| Error::TimedOut(what, ANSWER_WITHIN.as_secs()))??;
        self.sender = Some(sender);
        Ok(answer)
    }

    fn request(
        &self,
        what: &'static str,
        method: &Method,
        url: &str,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>> {
        let broken = |why: &str| Error::Answer {
            request: what,
            what: format!("the URL {url:?} {why}"),
        };
        let uri: Uri = url.parse().map_err(|_| broken("cannot be read"))?;
        if uri
            .authority()
            .is_none_or(|a| a.as_str() != self.endpoint.authority)
        {
            return Err(broken("is on another host than the directory"));
        }
        let uri = match self.endpoint.version {
            HttpVersion::Two => uri,
            HttpVersion::One => uri
                .into_parts()
                .path_and_query
                .ok_or_else(|| broken("has no path"))?
                .into(),
        };
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method.clone();
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        if self.endpoint.version == HttpVersion::One {
            headers.insert(HOST, self.endpoint.host.clone());
        }
        headers.insert(USER_AGENT, HeaderValue::from_static("acme-bench"));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        if method == Method::POST {
            headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_static("application/jose+json"),
            );
        }
        Ok(request)
    }

    /// A sender that takes a request now.
    async fn sender(&mut self) -> Result<Sender> {
        if let Some(mut sender) = self.sender.take() {
            let ready = match &mut sender {
                Sender::One(sender) => sender.ready().await,
                Sender::Two(sender) => sender.ready().await,
            };
            if ready.is_ok() {
                return Ok(sender);
            }
        }
        self.made += 1;
        let Endpoint {
            address,
            server_name,
            tls,
            version,
            ..
        } = &*self.endpoint;
        let tcp = TcpStream::connect(address)
            .await
            .map_err(Error::io(format!("connecting to {address}")))?;
        tcp.set_nodelay(true).map_err(Error::io("TCP_NODELAY"))?;
        let stream = tls
            .connect(server_name.clone(), tcp)
            .await
            .map_err(|error| Error::Tls(error.to_string()))?;
        let io = TokioIo::new(stream);
        // What ends a connection shows in the sender; its task has nothing more to tell.
        Ok(match version {
            HttpVersion::One => {
                let (sender, connection) = http1::handshake(io).await?;
                tokio::spawn(connection);
                Sender::One(sender)
            }
            HttpVersion::Two => {
                let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
                tokio::spawn(connection);
                Sender::Two(sender)
            }
        })
    }
}
