//! The server's own TLS certificate, from the authority that it serves.

use std::fmt;

use acme_core::{
    AuthorityError, Entropy, EntropyRng, IssueRequest, Issuer, IssuerId, LeafContents, Serial,
    SignAuthority,
};
use acme_types::{Identifier, ProvisionerName, Slot, Timestamp};
use zeroize::Zeroizing;

use crate::{CaKey, KeyError, KeyType};

/// What the server's own certificate shall be.
#[derive(Clone, Debug)]
pub struct ServerCertificateRequest {
    /// The provisioner in whose name it is issued.
    pub provisioner: ProvisionerName,
    /// The names and addresses under which the server is reached; not empty.
    pub identifiers: Vec<Identifier>,
    /// The slot of this replica.
    pub slot: Slot,
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
}

/// A server's certificate and its key.
#[derive(Clone)]
pub struct ServerCertificate {
    /// DER of the certificate and of those above it in the longest of its chains, without the root.
    pub chain_der: Vec<Vec<u8>>,
    /// The private key in PKCS#8.
    pub key_pkcs8: Zeroizing<Vec<u8>>,
    /// Its serial number.
    pub serial: Serial,
    /// Last second of validity, perhaps earlier than asked.
    pub not_after: Timestamp,
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCertificate")
            .field("serial", &self.serial)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

/// Makes a P-256 key and has the authority certify it for the server's own TLS.
///
/// # Errors
/// [`ServerCertificateError`] when no key can be made or the authority does not sign.
pub async fn issue_server_certificate(
    authority: &dyn SignAuthority,
    request: &ServerCertificateRequest,
    entropy: &dyn Entropy,
) -> Result<ServerCertificate, ServerCertificateError> {
    let key = CaKey::generate(KeyType::P256)?;
    let serial = Serial::random(request.slot, &mut EntropyRng(entropy));
    let prepared = authority
        .prepare(&IssueRequest {
            provisioner: request.provisioner.clone(),
            profile: None,
            serial,
            identifiers: request.identifiers.clone(),
            spki: key.spki().to_vec(),
            not_before: request.not_before,
            not_after: request.not_after,
            contents: LeafContents::default(),
        })
        .await?;
    let leaf = authority.sign(prepared.issuer, &prepared.tbs).await?;
    // The longest chain leads over a root that another one signed, where there is such, so that
    // clients of both reach the server. Of several as long the usual one.
    let others = authority.alternate_chains(prepared.issuer).iter().cloned();
    let usual = chain_of(prepared.issuer, authority.issuers())?;
    let above = others.fold(usual, |longest, other| {
        if other.len() > longest.len() {
            other
        } else {
            longest
        }
    });
    let chain_der = std::iter::once(leaf).chain(above).collect();
    Ok(ServerCertificate {
        chain_der,
        key_pkcs8: key.to_pkcs8()?,
        serial,
        not_after: prepared.not_after,
    })
}

fn chain_of(id: IssuerId, issuers: Vec<Issuer>) -> Result<Vec<Vec<u8>>, AuthorityError> {
    issuers
        .into_iter()
        .find(|issuer| issuer.id == id)
        .map(|issuer| issuer.chain)
        .ok_or(AuthorityError::UnknownIssuer)
}

/// Why the server has no certificate of its own.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerCertificateError {
    /// Its key could not be made.
    #[error("the key of the server's certificate could not be made")]
    Key(#[from] KeyError),
    /// The authority did not sign it.
    #[error("the server's certificate was not signed")]
    Authority(#[from] AuthorityError),
}
