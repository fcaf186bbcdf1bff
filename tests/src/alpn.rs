//! The TLS server of a name that is to be certified by tls-alpn-01 (RFC 8737).

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rcgen::{CertificateParams, CustomExtension, KeyPair, SanType};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::{default_provider, sign::any_supported_type};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// Answers TLS handshakes with one challenge certificate until it is dropped.
#[derive(Debug)]
pub struct AlpnTarget {
    task: JoinHandle<()>,
}

impl AlpnTarget {
    /// Starts on the port with the certificate for the name and the digest of the key
    /// authorization.
    pub async fn start(port: u16, name: &str, digest: &[u8]) -> Self {
        let config = Arc::new(config(name, digest));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap_or_else(|error| panic!("cannot listen on {port}: {error}"));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = TlsAcceptor::from(Arc::clone(&config));
                tokio::spawn(async move {
                    // The server hangs up once it has seen the certificate.
                    let _ = acceptor.accept(stream).await;
                });
            }
        });
        Self { task }
    }
}

impl Drop for AlpnTarget {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn config(name: &str, digest: &[u8]) -> ServerConfig {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![match name.parse::<IpAddr>() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => SanType::DnsName(name.try_into().unwrap()),
    }];
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let key = any_supported_type(&key).unwrap();
    // A plain certificate would be checked and refused: it has a critical extension that rustls
    // does not know.
    let certified = CertifiedKey::new(vec![certificate.der().clone()], key);
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    config
}
