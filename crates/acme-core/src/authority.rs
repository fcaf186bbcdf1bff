//! The port to what signs: a provisioner is looked up, a certificate is prepared, then signed.

use std::sync::Arc;

use acme_types::{Identifier, ProfileName, ProvisionerName, Timestamp};
use async_trait::async_trait;

use crate::{CrlRequest, Issuer, IssuerId, LeafContents, OcspRequest, Provisioner, Serial};

/// What a certificate shall say; every member has been checked.
#[derive(Clone, Debug)]
pub struct IssueRequest {
    /// The provisioner it is issued by.
    pub provisioner: ProvisionerName,
    /// The profile that its order has.
    pub profile: Option<ProfileName>,
    /// Its serial number.
    pub serial: Serial,
    /// What it is for; not empty.
    pub identifiers: Vec<Identifier>,
    /// DER of the subject's public key (SubjectPublicKeyInfo), as the CSR had it.
    pub spki: Vec<u8>,
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
    /// What else it says.
    pub contents: LeafContents,
}

/// A certificate that is ready to be signed. It is stored before it is signed, so that whatever was
/// signed can be found and revoked.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Who will sign it.
    pub issuer: IssuerId,
    /// DER of the to-be-signed form.
    pub tbs: Vec<u8>,
    /// Last second of validity, perhaps earlier than asked: never beyond the issuer's own.
    pub not_after: Timestamp,
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// The authority cannot be reached or used right now; try again.
    #[error("the signing authority is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The authority will not sign this, now or later.
    #[error("the signing authority refuses: {0}")]
    Refused(String),
    /// No issuer of that id is known.
    #[error("the issuer of this certificate is not known to the authority")]
    UnknownIssuer,
}

/// Signs certificates, and knows the provisioners in whose name it does.
#[async_trait]
pub trait SignAuthority: Send + Sync {
    /// The provisioner of this id.
    fn load_provisioner_by_id(&self, id: &ProvisionerName) -> Option<Arc<Provisioner>>;

    /// Whether it could certify an identifier for a provisioner: its own certificates may be
    /// constrained. It is asked when an order is opened, so that no client proves in vain what
    /// cannot be signed. An authority without constraints takes all.
    ///
    /// # Errors
    /// What refuses the identifier, and what to do.
    fn check_identifier(
        &self,
        provisioner: &ProvisionerName,
        identifier: &Identifier,
    ) -> Result<(), String> {
        let _ = (provisioner, identifier);
        Ok(())
    }

    /// Writes the to-be-signed form of a certificate and picks its issuer. Nothing is signed yet.
    ///
    /// # Errors
    /// [`AuthorityError`] when no issuer can or may sign this.
    async fn prepare(&self, request: &IssueRequest) -> Result<Prepared, AuthorityError>;

    /// Signs what was prepared and stored; gives the certificate's DER.
    ///
    /// It may be called again for the same `tbs` after a crash; all results are the same
    /// certificate but for the bits of its signature.
    ///
    /// # Errors
    /// [`AuthorityError`] when the issuer is unknown or cannot sign now.
    async fn sign(&self, issuer: IssuerId, tbs: &[u8]) -> Result<Vec<u8>, AuthorityError>;

    /// Signs a revocation list; gives its DER. An authority that signs none refuses.
    ///
    /// # Errors
    /// [`AuthorityError`] when the issuer is unknown, has no lists or cannot sign now.
    async fn sign_crl(&self, request: &CrlRequest<'_>) -> Result<Vec<u8>, AuthorityError> {
        let _ = request;
        Err(AuthorityError::Refused(
            "it publishes no revocation lists".to_owned(),
        ))
    }

    /// Signs an answer about the status of certificates; gives the DER of the OCSPResponse. An
    /// authority that signs none refuses.
    ///
    /// # Errors
    /// [`AuthorityError`] when the issuer is unknown, gives no such answers or cannot sign now.
    async fn sign_ocsp(&self, request: &OcspRequest<'_>) -> Result<Vec<u8>, AuthorityError> {
        let _ = request;
        Err(AuthorityError::Refused(
            "it answers no questions about certificates".to_owned(),
        ))
    }

    /// The issuers in use and those before them that are still known.
    fn issuers(&self) -> Vec<Issuer>;

    /// Other chains for what an issuer signed, for clients that trust another root
    /// ([RFC 8555 § 7.4.2](https://www.rfc-editor.org/rfc/rfc8555#section-7.4.2)): each the DER of
    /// the issuing certificate and of those above it, without the root. Their order is that of
    /// their URLs, so it should stay the same. An authority without such has none.
    fn alternate_chains(&self, issuer: IssuerId) -> &[Vec<Vec<u8>>] {
        let _ = issuer;
        &[]
    }

    /// DER of the roots that clients should trust.
    fn roots(&self) -> Vec<Vec<u8>>;
}
