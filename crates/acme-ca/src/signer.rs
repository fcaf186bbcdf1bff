//! A private key together with the certificate of the authority that it is.

use std::sync::Arc;

use acme_core::{AuthorityError, IssuerId};
use der::asn1::Any;

use crate::ca_certificate::CaCertificate;
use crate::{CaError, CaKey};

/// A key that signs, and the certificate that says for whom.
#[derive(Debug)]
pub(crate) struct Signer {
    id: IssuerId,
    key: Arc<CaKey>,
    certificate: CaCertificate,
    algorithm: Any,
}

impl Signer {
    /// The caller has checked that the key is that of the certificate.
    pub(crate) fn new(key: CaKey, certificate: CaCertificate) -> Result<Self, CaError> {
        Ok(Self {
            id: IssuerId(certificate.sha256()),
            algorithm: Any::encode_from(&key.algorithm())?,
            key: Arc::new(key),
            certificate,
        })
    }

    pub(crate) const fn id(&self) -> IssuerId {
        self.id
    }

    pub(crate) fn key(&self) -> &CaKey {
        &self.key
    }

    pub(crate) fn spki(&self) -> &[u8] {
        self.key.spki()
    }

    pub(crate) const fn certificate(&self) -> &CaCertificate {
        &self.certificate
    }

    /// The algorithm that it signs with, encoded.
    pub(crate) const fn algorithm(&self) -> &Any {
        &self.algorithm
    }

    /// Signs on this thread, or beside it when that takes long enough to hold up other tasks.
    pub(crate) async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, AuthorityError> {
        if !self.key.is_slow() || tokio::runtime::Handle::try_current().is_err() {
            return self.key.sign_message(message).map_err(unavailable);
        }
        let (key, message) = (Arc::clone(&self.key), message.to_vec());
        tokio::task::spawn_blocking(move || key.sign_message(&message))
            .await
            .map_err(unavailable)?
            .map_err(unavailable)
    }
}

pub(crate) fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> AuthorityError {
    AuthorityError::Unavailable(Box::new(error))
}
