//! Certificates ([RFC 8555 § 7.4.2](https://www.rfc-editor.org/rfc/rfc8555#section-7.4.2)).

use acme_core::{Account, Provisioner, pem};
use acme_types::CertificateId;

use super::Api;
use crate::answer::Answer;
use crate::failure::{Failure, Outcome};
use crate::request::Payload;
use crate::urls::Resource;

impl Api {
    /// The certificate with its chain, the chain's number being 0, or with one of the others.
    pub(super) async fn certificate(
        &self,
        provisioner: &Provisioner,
        account: &Account,
        id: &CertificateId,
        chain: usize,
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
        // The first one is stored; which others there are is the authority's to say today.
        let others = self.services.authority.alternate_chains(issuer.id);
        let chains: Vec<_> = std::iter::once(&issuer.chain).chain(others).collect();
        let above = chains.get(chain).ok_or_else(|| {
            let others = others.len();
            Failure::not_found(format!("this certificate has {others} alternate chains"))
        })?;
        let certificates: Vec<&[u8]> = std::iter::once(leaf)
            .chain(above.iter().map(Vec::as_slice))
            .collect();
        let answer = Answer::text(
            "application/pem-certificate-chain",
            pem::certificates_to_pem(&certificates),
        );
        let alternates = (0..chains.len()).filter(|number| *number != chain);
        Ok(alternates.fold(answer, |answer, number| {
            let resource = match number {
                0 => Resource::Certificate(id.clone()),
                number => Resource::AlternateChain(id.clone(), number),
            };
            answer.link(&self.url(provisioner, &resource), "alternate")
        }))
    }
}
