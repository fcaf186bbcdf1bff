//! Authorizations ([RFC 8555 § 7.5](https://www.rfc-editor.org/rfc/rfc8555#section-7.5)).

use acme_core::{Account, Attempt, Authorization, Provisioner};
use acme_types::{
    AuthorizationBody, AuthorizationId, AuthorizationStatus, AuthorizationUpdate, ChallengeStatus,
    Timestamp,
};

use super::Api;
use crate::answer::Answer;
use crate::failure::{Failure, Outcome};
use crate::request::Payload;

impl Api {
    pub(super) async fn authorization(
        &self,
        provisioner: &Provisioner,
        account: &Account,
        id: &AuthorizationId,
        payload: &Payload,
        now: Timestamp,
    ) -> Outcome {
        if !payload.is_empty() {
            self.deactivate_authorization(account, id, payload, now)
                .await?;
        }
        let (authorization, attempts) = self
            .services
            .store
            .find_authorization(id)
            .await?
            .filter(|(authorization, _)| authorization.account_id == account.id)
            .ok_or_else(no_authorization)?;
        Ok(self.authorization_answer(provisioner, &authorization, &attempts, now))
    }

    async fn deactivate_authorization(
        &self,
        account: &Account,
        id: &AuthorizationId,
        payload: &Payload,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let update: AuthorizationUpdate = payload.object()?;
        if update.status.as_deref() != Some("deactivated") {
            let detail = r#"an authorization can only be given up: {"status": "deactivated"}"#;
            return Err(Failure::malformed(detail));
        }
        self.services
            .store
            .deactivate_authorization(id, &account.id, now)
            .await?
            .map(drop)
            .ok_or_else(no_authorization)
    }

    fn authorization_answer(
        &self,
        provisioner: &Provisioner,
        authorization: &Authorization,
        attempts: &[Vec<Attempt>],
        now: Timestamp,
    ) -> Answer {
        let status = authorization.status(now);
        let bodies = authorization
            .challenges
            .iter()
            .enumerate()
            .map(|(at, challenge)| {
                let attempts = attempts.get(at).map_or(&[][..], Vec::as_slice);
                self.challenge_body(provisioner, authorization, challenge, Some(attempts), now)
            });
        let mut challenges: Vec<_> = bodies.collect();
        // Once it is settled, only the challenge that settled it is of interest (RFC 8555 § 7.1.4).
        let settled_by = match status {
            AuthorizationStatus::Valid => Some(ChallengeStatus::Valid),
            AuthorizationStatus::Invalid => Some(ChallengeStatus::Invalid),
            _ => None,
        };
        if let Some(settled_by) = settled_by
            && challenges.iter().any(|body| body.status == settled_by)
        {
            challenges.retain(|body| body.status == settled_by);
        }
        let body = AuthorizationBody {
            identifier: authorization.identifier.clone(),
            status,
            expires: authorization.expires_at,
            challenges,
            wildcard: authorization.wildcard,
        };
        Answer::json(&body).retry_after(authorization.retry_after(&provisioner.retry, now))
    }
}

fn no_authorization() -> Failure {
    Failure::not_found("this account has no such authorization")
}
