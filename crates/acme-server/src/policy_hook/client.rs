//! One question over HTTP/1.1, bounded in every direction: no redirection is followed, and only 200
//! with a body of at most 64 KiB is an answer. The caller bounds the time.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::HookSetupError;
use super::question::Signed;

/// Most bytes of an answer.
const MAX_ANSWER: usize = 64 * 1024;
/// Most bytes of an answer's head.
const MAX_HEAD: usize = 16 * 1024;
const AGENT: &str = concat!("acme-server/", env!("CARGO_PKG_VERSION"), " (policy hook)");

type AnyError = Box<dyn Error + Send + Sync>;

/// Asks one hook, each time over a connection of its own: a hook that was restarted, or a balancer
/// that has closed an idle connection, costs no question.
pub(super) struct HookClient {
    host: String,
    port: u16,
    /// What the Host header says.
    authority: HeaderValue,
    path: Uri,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl HookClient {
    /// A client of the hook at `url`; `roots` is the file with the roots that its certificate must
    /// lead to, read only when the hook speaks HTTPS.
    pub(super) fn new(url: &Uri, roots: &Path) -> Result<Self, HookSetupError> {
        let wrong = |source: AnyError| HookSetupError::Url {
            url: url.to_string(),
            source,
        };
        let authority = url
            .authority()
            .ok_or_else(|| wrong("it has no host".into()))?;
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let is_https = url.scheme_str() == Some("https");
        let tls = if is_https {
            let name = ServerName::try_from(host.clone()).map_err(|error| wrong(error.into()))?;
            let config = tls_config(roots, &wrong)?;
            Some((TlsConnector::from(Arc::new(config)), name))
        } else {
            None
        };
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            host,
            port: authority
                .port_u16()
                .unwrap_or(if is_https { 443 } else { 80 }),
            authority: HeaderValue::from_str(authority.as_str())
                .map_err(|error| wrong(error.into()))?,
            path: path
                .parse()
                .map_err(|error: hyper::http::uri::InvalidUri| wrong(error.into()))?,
            tls,
        })
    }

    /// Sends a question; gives the body of the answer.
    pub(super) async fn post(&self, signed: Signed, body: Vec<u8>) -> Result<Bytes, AnyError> {
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.path.clone();
        let json = HeaderValue::from_static("application/json");
        let headers = request.headers_mut();
        headers.insert(HOST, self.authority.clone());
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(CONTENT_TYPE, json.clone());
        headers.insert(ACCEPT, json);
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        headers.insert("acme-policy-timestamp", signed.timestamp.try_into()?);
        headers.insert("acme-policy-signature", signed.signature.try_into()?);

        let stream = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .map_err(|error| format!("{}:{} cannot be reached: {error}", self.host, self.port))?;
        match &self.tls {
            None => exchange(stream, request).await,
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await;
                let stream = stream.map_err(|error| format!("TLS: {error}"))?;
                exchange(stream, request).await
            }
        }
    }
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Bytes, AnyError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .handshake(TokioIo::new(stream))
        .await?;
    // The connection's task ends with this function, at the latest.
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);
    let response = sender.send_request(request).await?;
    if response.status() != StatusCode::OK {
        // Also 403: a proxy on the way may have said so, and only the hook can deny.
        return Err(format!("it answers {}, not 200", response.status()).into());
    }
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect();
    let body = body.await.map_err(|error| format!("its answer: {error}"))?;
    Ok(body.to_bytes())
}

fn tls_config(
    roots: &Path,
    wrong: &dyn Fn(AnyError) -> HookSetupError,
) -> Result<ClientConfig, HookSetupError> {
    let unreadable = |source: AnyError| HookSetupError::File {
        path: roots.to_owned(),
        source,
    };
    let certificates = CertificateDer::pem_file_iter(roots)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(error.into()))?;
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(unreadable("there is no root certificate in it".into()));
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|error| wrong(error.into()))?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(config)
}
