//! Certificates ([RFC 8555 § 7.4.2](https://www.rfc-editor.org/rfc/rfc8555#section-7.4.2)).

use acme_core::{Account, pem};
use acme_types::CertificateId;

use super::Api;
use crate::answer::Answer;
use crate::failure::{Failure, Outcome};
use crate::request::Payload;

impl Api {
    pub(super) async fn certificate(
        &self,
        account: &Account,
        id: &CertificateId,
        payload: &Payload,
    ) -> Outcome {
        payload.expect_empty()?;
        let not_found = || Failure::not_found("this account has no such certificate");
        let (certificate, issuer) = self
            .services
            .store
            .find_certificate(id)
            .await?
            .filter(|(certificate, _)| certificate.account_id == account.id)
            .ok_or_else(not_found)?;
        // While it is being signed its URL is not told to anyone.
        let leaf = certificate.der.as_deref().ok_or_else(not_found)?;
        let chain: Vec<&[u8]> = std::iter::once(leaf)
            .chain(issuer.chain.iter().map(Vec::as_slice))
            .collect();
        Ok(Answer::text(
            "application/pem-certificate-chain",
            pem::certificates_to_pem(&chain),
        ))
    }
}
