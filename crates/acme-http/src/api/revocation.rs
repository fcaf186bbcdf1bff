//! revokeCert ([RFC 8555 § 7.6](https://www.rfc-editor.org/rfc/rfc8555#section-7.6)).

use acme_core::{
    Authorization, Certificate, LeafFacts, Origin, Provisioner, RevocationReason, RevokeVerdict,
    jwk_from_spki,
};
use acme_types::{
    AuthorizationStatus, ProblemKind, RevocationRequest, Timestamp, decode_base64url,
};
use hyper::StatusCode;

use super::Api;
use crate::answer::Answer;
use crate::failure::{Failure, Outcome};
use crate::request::{Payload, Signer};

impl Api {
    pub(super) async fn revoke(
        &self,
        provisioner: &Provisioner,
        signer: &Signer,
        payload: &Payload,
        origin: &Origin,
    ) -> Outcome {
        let now = origin.at;
        let request: RevocationRequest = payload.object()?;
        let der = decode_base64url(&request.certificate)
            .map_err(|e| Failure::malformed(format!("the certificate is {e}")))?;
        let reason = request
            .reason
            .map_or(Ok(RevocationReason::default()), |code| {
                RevocationReason::from_code(code).ok_or_else(|| bad_reason(code))
            })?;
        let facts = LeafFacts::parse(&der)
            .ok_or_else(|| Failure::malformed("the certificate cannot be read as X.509 DER"))?;
        let certificate = self
            .services
            .store
            .find_certificate_by_serial(&facts.serial)
            .await?
            .filter(|known| known.provisioner == provisioner.name)
            // Byte for byte, or anyone could have a certificate revoked whose number they know.
            .filter(|known| known.der.as_ref() == Some(&der))
            .ok_or_else(unknown_certificate)?;
        match self.standing(signer, &certificate, &facts, now).await? {
            Standing::Holder => {}
            // It cannot know, and would block a key that is not its own.
            Standing::Authorized if reason == RevocationReason::KeyCompromise => {
                let detail = "keyCompromise can be told by the account that the certificate was \
                              issued to, or with the certificate's own key";
                return Err(Failure::new(ProblemKind::BadRevocationReason, detail));
            }
            Standing::Authorized => {}
            Standing::Stranger => {
                let detail = "only the account that it was issued to, an account with valid \
                              authorizations for all its names and the certificate's own key may \
                              revoke a certificate";
                return Err(Failure::new(ProblemKind::Unauthorized, detail));
            }
        }
        let verdict = self
            .services
            .store
            .revoke_certificate(&facts.serial, reason, now, origin)
            .await?;
        match verdict {
            RevokeVerdict::Revoked(_) => {
                let reason = reason.as_str();
                tracing::info!(serial = %facts.serial, reason, "certificate revoked");
                if let Some(publisher) = &self.services.publisher {
                    publisher.wake();
                }
                Ok(Answer::empty(StatusCode::OK))
            }
            RevokeVerdict::AlreadyRevoked(revocation) => {
                let detail = format!(
                    "the certificate was revoked at {}, reason {}",
                    revocation.at,
                    revocation.reason.as_str()
                );
                Err(Failure::new(ProblemKind::AlreadyRevoked, detail))
            }
            RevokeVerdict::NotFound => Err(unknown_certificate()),
        }
    }

    async fn standing(
        &self,
        signer: &Signer,
        certificate: &Certificate,
        facts: &LeafFacts,
        now: Timestamp,
    ) -> Result<Standing, Failure> {
        let account = match signer {
            Signer::Key(jwk, _) if jwk_from_spki(&facts.spki).as_ref() == Some(jwk) => {
                return Ok(Standing::Holder);
            }
            Signer::Key(..) => return Ok(Standing::Stranger),
            Signer::Account(account) if certificate.account_id == account.id => {
                return Ok(Standing::Holder);
            }
            Signer::Account(account) => account,
        };
        let candidates = Authorization::candidates(&certificate.identifiers);
        let store = &self.services.store;
        let mut valid = store
            .find_valid_authorizations(&account.id, &candidates)
            .await?;
        valid.retain(|found| found.status(now) == AuthorizationStatus::Valid);
        let is_covered = |identifier| valid.iter().any(|found| found.covers(identifier));
        if certificate.identifiers.iter().all(is_covered) {
            Ok(Standing::Authorized)
        } else {
            Ok(Standing::Stranger)
        }
    }
}

/// What gives somebody a say about a certificate.
enum Standing {
    /// It was issued to them, or they have its key.
    Holder,
    /// They have valid authorizations for all that it names.
    Authorized,
    /// Nothing.
    Stranger,
}

fn unknown_certificate() -> Failure {
    Failure::not_found("this directory has issued no such certificate")
}

fn bad_reason(code: i64) -> Failure {
    let known: Vec<_> = RevocationReason::ALL
        .iter()
        .map(|reason| format!("{} ({})", reason.code(), reason.as_str()))
        .collect();
    let detail = format!(
        "the reason {code} cannot be given; use {}",
        known.join(", ")
    );
    Failure::new(ProblemKind::BadRevocationReason, detail)
}
