//! A TLS server for one certificate, right or wrong in one respect.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::{CertificateParams, CustomExtension, KeyPair, SanType};
use rustls::crypto::aws_lc_rs::{default_provider, sign::any_supported_type};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ResolvesServerCert;
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::http_server::read_head;

/// What the server shows.
pub(crate) struct Shown {
    pub(crate) names: Vec<SanType>,
    pub(crate) extensions: Vec<CustomExtension>,
    pub(crate) key: KeyPair,
    /// Signs the handshake; `None`: the certificate's own key.
    pub(crate) foreign_key: Option<KeyPair>,
    pub(crate) protocols: Vec<&'static [u8]>,
    pub(crate) versions: Vec<&'static SupportedProtocolVersion>,
    /// What is answered to a request after the handshake.
    pub(crate) answer: Option<Vec<u8>>,
}

impl Shown {
    /// A self-signed certificate for these names, without extensions.
    pub(crate) fn new(names: &[&str]) -> Self {
        let names = names.iter().map(|name| match name.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName((*name).try_into().unwrap()),
        });
        Self {
            names: names.collect(),
            extensions: Vec::new(),
            key: KeyPair::generate().unwrap(),
            foreign_key: None,
            protocols: vec![b"acme-tls/1"],
            versions: rustls::ALL_VERSIONS.to_vec(),
            answer: None,
        }
    }

    pub(crate) fn with(mut self, extension: CustomExtension) -> Self {
        self.extensions.push(extension);
        self
    }

    fn certified_key(&self) -> CertifiedKey {
        let mut params = CertificateParams::default();
        params.subject_alt_names.clone_from(&self.names);
        params.custom_extensions.clone_from(&self.extensions);
        let certificate: CertificateDer<'static> =
            params.self_signed(&self.key).unwrap().der().clone();
        let signer = self.foreign_key.as_ref().unwrap_or(&self.key);
        let key = PrivateKeyDer::try_from(signer.serialize_der()).unwrap();
        CertifiedKey::new(vec![certificate], any_supported_type(&key).unwrap())
    }
}

/// The names that clients asked for in their handshakes.
type Asked = Arc<Mutex<Vec<Option<String>>>>;

/// Shows one certificate to all. The library's own way to do so would refuse a certificate with an
/// extension that it does not know.
#[derive(Debug)]
struct Always {
    key: Arc<CertifiedKey>,
    asked: Asked,
}

impl ResolvesServerCert for Always {
    fn resolve(&self, hello: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().map(ToOwned::to_owned);
        self.asked.lock().unwrap().push(name);
        Some(Arc::clone(&self.key))
    }
}

/// The running server; it ends when this is dropped.
pub(crate) struct TlsServer {
    pub(crate) address: SocketAddr,
    asked: Asked,
    _task: JoinSet<()>,
}

impl TlsServer {
    pub(crate) async fn start(address: &str, shown: Shown) -> Self {
        let asked = Asked::default();
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&shown.versions)
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Always {
                key: Arc::new(shown.certified_key()),
                asked: Arc::clone(&asked),
            }));
        config.alpn_protocols = shown.protocols.iter().map(|p| p.to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut task = JoinSet::new();
        task.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // An error is a client that did not like what it saw.
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                if let Some(answer) = &shown.answer
                    && read_head(&mut stream).await.is_ok()
                {
                    let _ = stream.write_all(answer).await;
                }
                let _ = stream.shutdown().await;
            }
        });
        Self {
            address,
            asked,
            _task: task,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The names that clients asked for, oldest first.
    pub(crate) fn asked(&self) -> Vec<Option<String>> {
        self.asked.lock().unwrap().clone()
    }
}
