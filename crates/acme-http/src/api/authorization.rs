//! Authorizations ([RFC 8555 § 7.5](https://www.rfc-editor.org/rfc/rfc8555#section-7.5)).

use acme_core::{
    Account, Attempt, Authorization, CreateAuthorizationVerdict, Entropy, EntropyRng, HookEvent,
    HookQuestion, MAX_PENDING_AUTHORIZATIONS, Order, OrderState, Provisioner, check_each,
};
use acme_types::{
    AuthorizationBody, AuthorizationId, AuthorizationStatus, AuthorizationUpdate, ChallengeStatus,
    Identifier, NewAuthorizationRequest, OrderId, ProblemKind, Timestamp, parse_identifiers,
};
use hyper::StatusCode;

use super::Api;
use crate::answer::Answer;
use crate::failure::{Failure, Outcome};
use crate::request::Payload;
use crate::urls::Resource;

impl Api {
    /// newAuthz ([RFC 8555 § 7.4.1](https://www.rfc-editor.org/rfc/rfc8555#section-7.4.1)).
    pub(super) async fn new_authorization(
        &self,
        provisioner: &Provisioner,
        account: &Account,
        payload: &Payload,
        now: Timestamp,
    ) -> Outcome {
        if !provisioner.authorizations.pre_authorization {
            let detail = "this directory authorizes nothing ahead of an order; use newOrder";
            return Err(Failure::not_found(detail));
        }
        let request: NewAuthorizationRequest = payload.object()?;
        let subdomains = match (
            request.subdomain_auth_allowed,
            request.identifier.subdomain_auth_allowed,
        ) {
            (Some(one), Some(other)) if one != other => {
                let detail = "subdomainAuthAllowed is said twice, and not the same";
                return Err(Failure::malformed(detail));
            }
            (one, other) => one.or(other).unwrap_or_default(),
        };
        let identifiers = parse_identifiers(vec![request.identifier.identifier])?;
        let [identifier] = identifiers.as_slice() else {
            return Err(Failure::Bug("one identifier was read as none or many"));
        };
        if identifier.is_wildcard() {
            let detail =
                "a wildcard cannot be authorized ahead of its order (RFC 8555 section 7.4.1)";
            return Err(Failure::malformed(detail));
        }
        if subdomains && !matches!(identifier, Identifier::Dns(_)) {
            let detail = "subdomainAuthAllowed is for DNS names alone";
            return Err(Failure::malformed(detail));
        }
        if let Some(key) = self.external_key(account).await? {
            key.check_identifiers(&identifiers)?;
        }
        check_each(&identifiers, |identifier| {
            provisioner.check_identifier(identifier)?;
            provisioner.check_type(identifier)
        })?;
        self.check_authority(provisioner, &identifiers)?;
        self.ask_policy(HookQuestion {
            account,
            order: &order_for(
                account,
                provisioner,
                identifier,
                now,
                &*self.services.entropy,
            ),
            event: HookEvent::NewAuthorization,
        })
        .await?;
        let authorization = Authorization::open(
            &account.id,
            provisioner,
            identifier,
            subdomains && provisioner.authorizations.subdomains,
            now,
            &mut EntropyRng(&*self.services.entropy),
        )?;
        let url = self.url(
            provisioner,
            &Resource::Authorization(authorization.id.clone()),
        );
        let answer = self.authorization_answer(provisioner, &authorization, &[], now);
        let created = self.services.store.create_authorization(authorization, now);
        match created.await? {
            CreateAuthorizationVerdict::TooMany => {
                let detail = format!(
                    "the account has {MAX_PENDING_AUTHORIZATIONS} pending authorizations; prove some, \
                     or give them up, before you ask for more"
                );
                Err(Failure::new(ProblemKind::RateLimited, detail))
            }
            CreateAuthorizationVerdict::Created => {
                Ok(answer.status(StatusCode::CREATED).location(&url))
            }
            CreateAuthorizationVerdict::AccountEnded(status) => Err(Failure::account_ended(status)),
        }
    }

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
            subdomain_auth_allowed: authorization.subdomains,
        };
        Answer::json(&body).retry_after(authorization.retry_after(&provisioner.retry, now))
    }
}

/// The order that a policy hook is asked about: one for an identifier alone.
fn order_for(
    account: &Account,
    provisioner: &Provisioner,
    identifier: &Identifier,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Order {
    Order {
        id: OrderId::dated(now, &mut EntropyRng(entropy)),
        account_id: account.id.clone(),
        provisioner: provisioner.name.clone(),
        identifiers: vec![identifier.clone()],
        profile: None,
        not_before: None,
        not_after: None,
        created_at: now,
        expires_at: now.plus(provisioner.lifetimes.order),
        authorizations: Vec::new(),
        replaces: None,
        state: OrderState::Pending,
    }
}

fn no_authorization() -> Failure {
    Failure::not_found("this account has no such authorization")
}
