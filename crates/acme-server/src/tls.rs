//! The server's own TLS: a certificate from files, or one that the CA itself issues and renews.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use acme_types::Timestamp;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};

/// Why the server has no certificate of its own.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read as PEM.
    #[error("{path} cannot be read")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// Key and certificate do not fit each other, or the key is of a kind not supported.
    #[error("the TLS certificate and its key cannot be used")]
    Key(#[source] rustls::Error),
}

/// The certificate that the server shows; it may be replaced while connections go on.
#[derive(Debug)]
pub struct OwnCertificate(RwLock<Arc<CertifiedKey>>);

impl OwnCertificate {
    /// Shows this certificate.
    #[must_use]
    pub fn new(certificate: CertifiedKey) -> Self {
        Self(RwLock::new(Arc::new(certificate)))
    }

    /// Shows another certificate to whoever connects from now on.
    pub fn replace(&self, certificate: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certificate);
    }
}

impl ResolvesServerCert for OwnCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // Whoever asks for another name gets this one too, and can tell what is wrong.
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

/// A certificate from DER: the leaf first, then those above it; the key as PKCS #8.
///
/// # Errors
/// [`TlsError::Key`] when they do not fit each other.
pub fn certified_key(chain: Vec<Vec<u8>>, key_pkcs8: &[u8]) -> Result<CertifiedKey, TlsError> {
    let chain = chain.into_iter().map(CertificateDer::from).collect();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key_pkcs8.to_vec()));
    certify(chain, key)
}

/// A certificate from PEM files.
///
/// # Errors
/// [`TlsError`] names the file, or tells that they do not fit each other.
pub fn from_files(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let unreadable = |path: &Path| {
        let path = path.display().to_string();
        move |source| TlsError::File { path, source }
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(unreadable(certificate))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(unreadable(key))?;
    certify(chain, key)
}

fn certify(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<CertifiedKey, TlsError> {
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(TlsError::Key)
}

/// When to replace a certificate: after two thirds of its life.
#[must_use]
pub fn renew_at(now: Timestamp, not_after: Timestamp) -> Timestamp {
    now.plus(not_after.since(now) * 2 / 3)
}

/// The TLS settings of a listener: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1.
///
/// # Errors
/// [`TlsError::Key`] when the library refuses its own defaults.
pub fn server_config(own: Arc<OwnCertificate>) -> Result<rustls::ServerConfig, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(TlsError::Key)?
        .with_no_client_auth()
        .with_cert_resolver(own);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
