//! Certificates ([RFC 8555 § 7.4.2](https://www.rfc-editor.org/rfc/rfc8555#section-7.4.2)).

use acme_core::{Account, Provisioner, certs_only, pem};
use acme_types::CertificateId;
use hyper::HeaderMap;
use hyper::header::ACCEPT;

use super::Api;
use crate::answer::Answer;
use crate::failure::{Failure, Outcome};
use crate::request::Payload;
use crate::urls::Resource;

/// How a certificate is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// Leaf and issuers in PEM, unless the client asks for something else.
    Pem,
    /// The leaf alone, in DER.
    Leaf,
    /// Leaf and issuers as PKCS#7.
    CertsOnly,
}

impl Form {
    /// What the client likes best of what there is
    /// ([RFC 9110 § 12.5.1](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1)); of two that it
    /// likes the same, what it names first. PEM goes to those who like none of it.
    pub(super) fn accepted(headers: &HeaderMap) -> Self {
        let values = headers.get_all(ACCEPT).into_iter();
        let ranges = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        let (mut best, mut most) = (Self::Pem, 0.0);
        for range in ranges {
            let mut parts = range.split(';').map(str::trim);
            let form = match parts
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase()
                .as_str()
            {
                "application/pem-certificate-chain" | "application/*" | "*/*" => Self::Pem,
                "application/pkix-cert" => Self::Leaf,
                "application/pkcs7-mime" => Self::CertsOnly,
                _ => continue,
            };
            let weight = parts.find_map(|part| part.strip_prefix("q="));
            let weight = weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
            if weight > most {
                (best, most) = (form, weight);
            }
        }
        best
    }
}

impl Api {
    /// The certificate with its chain, the chain's number being 0, or with one of the others.
    pub(super) async fn certificate(
        &self,
        provisioner: &Provisioner,
        account: &Account,
        id: &CertificateId,
        chain: usize,
        form: Form,
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
        // No parameters: clients compare these word for word.
        let answer = match form {
            Form::Pem => Answer::text(
                "application/pem-certificate-chain",
                pem::certificates_to_pem(&certificates),
            ),
            Form::Leaf => Answer::text("application/pkix-cert", leaf.to_vec())
                .link(&self.linker.intermediates(), "up"),
            Form::CertsOnly => Answer::text(
                "application/pkcs7-mime; smime-type=certs-only",
                certs_only(&certificates),
            ),
        };
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
