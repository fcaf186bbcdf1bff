//! Challenges whose proof comes with the request: it is judged at once, and recorded with all that
//! follows from it in one act, so that nothing is ever left to be tried again.

use std::time::Duration;

use acme_core::{
    Account, AttestationClaim, AttestationPolicy, Authorization, BeginValidation, Challenge,
    Finding, Judged, Observation, Phase, Provisioner,
};
use acme_types::{
    AuthorizationStatus, ChallengeId, ChallengeKind, ChallengeResponse, ChallengeStatus,
    KeyAuthorization, Problem, Thumbprint, Timestamp, decode_base64url,
};
use serde_json::Value;

use super::Api;
use super::challenge::{find, no_challenge};
use crate::failure::{Failure, Outcome};

/// A proof that came with the request for a validation.
pub(super) struct Proof {
    authorization: Authorization,
    /// What is to be judged.
    octets: Vec<u8>,
}

impl Api {
    /// The proof that came along, if this is a challenge that wants one along and has not got it yet.
    ///
    /// Whether a proof is there at all and can be read is a matter of the request, whose refusal changes
    /// nothing; what it says is a matter of the challenge.
    pub(super) async fn proof_along(
        &self,
        provisioner: &Provisioner,
        account: &Account,
        id: &ChallengeId,
        response: &ChallengeResponse,
    ) -> Result<Option<Proof>, Failure> {
        let mut kinds = provisioner.challenges.iter();
        if response.att_obj.is_none() && !kinds.any(|kind| kind.comes_with_request()) {
            return Ok(None);
        }
        let found = self.services.store.find_attempts(id).await?;
        let found = found.map(|(authorization, _)| authorization);
        let own = found.filter(|authorization| authorization.account_id == account.id);
        let authorization = own.ok_or_else(no_challenge)?;
        let now = self.services.clock.now();
        let challenge = find(&authorization, id).ok_or_else(no_challenge)?;
        if !challenge.kind.comes_with_request()
            || challenge.state.status().is_settled()
            || authorization.status(now) != AuthorizationStatus::Pending
        {
            return Ok(None);
        }
        let octets = statement(response.att_obj.as_ref())?;
        Ok(Some(Proof {
            authorization,
            octets,
        }))
    }

    /// Judges a proof and records what it is. A challenge that fails is answered by the problem itself, as
    /// draft-ietf-acme-device-attest section 5 asks.
    pub(super) async fn conclude(
        &self,
        provisioner: &Provisioner,
        account: &Account,
        id: &ChallengeId,
        proof: Proof,
        now: Timestamp,
    ) -> Outcome {
        let challenge = find(&proof.authorization, id).ok_or_else(no_challenge)?;
        let verdict = judge(provisioner, account, &proof, challenge, now);
        let (finding, detail) = match &verdict {
            Ok(_) => (
                Finding::Proof,
                format!(
                    "the device {} is attested to keep the key",
                    proof.authorization.identifier
                ),
            ),
            Err(why) => (Finding::AttestationRefused, why.clone()),
        };
        let observation = Observation {
            finding,
            phase: Phase::Compare,
            address: None,
            detail,
            took: Duration::ZERO,
        };
        let request = BeginValidation {
            challenge_id: id,
            account_id: &account.id,
            slot: self.services.tenure.slot(),
            epoch: self.services.tenure.epoch(),
            policy: &provisioner.retry,
            claim_for: None,
            now,
        };
        let judged = Judged {
            observation: &observation,
            attested_key: verdict.ok(),
        };
        let concluded = self.services.store.conclude_validation(request, judged);
        let view = concluded.await?.ok_or_else(no_challenge)?;
        let challenge = find(&view.authorization, id).ok_or_else(no_challenge)?;
        tracing::info!(
            challenge.id = %id,
            challenge.kind = %challenge.kind,
            identifier = %view.authorization.identifier,
            finding = finding.as_str(),
            status = %challenge.state.status(),
            "judged: {}",
            observation.detail
        );
        if finding != Finding::Proof && challenge.state.status() == ChallengeStatus::Invalid {
            let detail = observation.detail;
            return Err(Problem::new(finding.problem_kind(), detail).into());
        }
        self.challenge_answer(provisioner, id, &view, false)
    }
}

fn judge(
    provisioner: &Provisioner,
    account: &Account,
    proof: &Proof,
    challenge: &Challenge,
    now: Timestamp,
) -> Result<Thumbprint, String> {
    let key_authorization = KeyAuthorization::new(&challenge.token, &account.thumbprint);
    match challenge.kind {
        ChallengeKind::DeviceAttest01 => provisioner.attestation.judge(
            &proof.octets,
            &AttestationClaim {
                identifier: &proof.authorization.identifier,
                token: &challenge.token,
                key_authorization: &key_authorization,
                now,
            },
        ),
        ChallengeKind::Http01
        | ChallengeKind::Dns01
        | ChallengeKind::TlsAlpn01
        | ChallengeKind::DnsAccount01
        | ChallengeKind::DnsPersist01 => Err("this challenge takes no proof along".to_owned()),
    }
}

/// The octets of an attestation object.
fn statement(att_obj: Option<&Value>) -> Result<Vec<u8>, Failure> {
    let bound = AttestationPolicy::MAX_STATEMENT;
    let wrong = |why: &str| {
        let detail = format!("the attObj of the request {why}; nothing has changed, send it again");
        Failure::malformed(detail)
    };
    let text = match att_obj {
        Some(Value::String(text)) => text,
        Some(_) => return Err(wrong("is not a string")),
        None => {
            return Err(wrong(
                "is missing: this challenge is met by an attestation object in base64url",
            ));
        }
    };
    let octets = decode_base64url(text).map_err(|error| wrong(&format!("is {error}")))?;
    match octets.len() {
        0 => Err(wrong("is empty")),
        len if len > bound => Err(wrong("is longer than 64 KiB")),
        _ => Ok(octets),
    }
}
