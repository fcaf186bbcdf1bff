//! Authorizations and challenges.

use acme_core::{AuditAct, AuditEvent, AuthorizationFilter, BeginValidation, Role};
use acme_types::{
    AuthorizationId, AuthorizationStatus, ChallengeId, ChallengeStatus, Identifier, RawIdentifier,
};
use hyper::Method;

use crate::answer::{Answer, Outcome};
use crate::desk::Desk;
use crate::query::{CURSOR, LIMIT, Parameter};
use crate::refusal::Refusal;
use crate::request::Asked;
use crate::table::{Content, Route, shape};
use crate::wire::{
    Listed, ShownAuthorization, ShownProcessing, WholeAuthorization, WholeChallenge,
};

/// Orders that are told with their authorization.
const MAX_ORDERS: u32 = 20;

pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/api/v1/authorizations",
        role: Some(Role::Viewer),
        summary: "Authorizations with their challenges, newest first",
        query: &[
            CURSOR,
            LIMIT,
            Parameter::text("name", "Only those for this name or address, without `*.`"),
            Parameter::text("account", "Only those of this account"),
            Parameter {
                name: "status",
                means: "Only those of this status",
                words: &[
                    "pending",
                    "valid",
                    "invalid",
                    "deactivated",
                    "expired",
                    "revoked",
                ],
            },
        ],
        body: None,
        answer: Content::Json(shape::<Listed<ShownAuthorization>>),
        does: |desk, asked| Box::pin(desk.authorizations(asked)),
    },
    Route {
        method: Method::GET,
        path: "/api/v1/authorizations/{authorization}",
        role: Some(Role::Viewer),
        summary: "An authorization, and the orders that rest on it",
        query: &[],
        body: None,
        answer: Content::Json(shape::<WholeAuthorization>),
        does: |desk, asked| Box::pin(desk.authorization(asked)),
    },
    Route {
        method: Method::GET,
        path: "/api/v1/challenges",
        role: Some(Role::Viewer),
        summary: "Challenges that are being tried, the next due first",
        query: &[CURSOR, LIMIT],
        body: None,
        answer: Content::Json(shape::<Listed<ShownProcessing>>),
        does: |desk, asked| Box::pin(desk.challenges(asked)),
    },
    Route {
        method: Method::GET,
        path: "/api/v1/challenges/{challenge}",
        role: Some(Role::Viewer),
        summary: "A challenge with every attempt",
        query: &[],
        body: None,
        answer: Content::Json(shape::<WholeChallenge>),
        does: |desk, asked| Box::pin(desk.challenge(asked)),
    },
    Route {
        method: Method::POST,
        path: "/api/v1/authorizations/{authorization}/deactivate",
        role: Some(Role::Operator),
        summary: "Gives an authorization up: its challenges stop, its open orders become invalid",
        query: &[],
        body: None,
        answer: Content::Json(shape::<ShownAuthorization>),
        does: |desk, asked| Box::pin(desk.deactivate_authorization(asked)),
    },
    Route {
        method: Method::POST,
        path: "/api/v1/challenges/{challenge}/rearm",
        role: Some(Role::Operator),
        summary: "Begins a new window of attempts for a challenge that is processing, the first now",
        query: &[],
        body: None,
        answer: Content::Json(shape::<WholeChallenge>),
        does: |desk, asked| Box::pin(desk.rearm(asked)),
    },
];

impl Desk {
    async fn authorizations(&self, asked: &Asked<'_>) -> Outcome {
        let (query, now) = (&asked.query, asked.now);
        let filter = AuthorizationFilter {
            identifier: query.text("name").map(identifier).transpose()?,
            account_id: query.value("account")?,
            status: query.value("status")?,
        };
        let (after, limit) = (query.after("authorizations")?, query.limit()?);
        let found = self
            .services
            .store
            .find_authorizations(&filter, after.as_deref(), limit, now)
            .await?;
        Ok(Answer::json(&Listed::new(
            "authorizations",
            found,
            |authorization| ShownAuthorization::new(authorization, now),
        )))
    }

    async fn authorization(&self, asked: &Asked<'_>) -> Outcome {
        let id: AuthorizationId = asked.id("authorization")?;
        let store = &self.services.store;
        let found = store.find_authorization(&id).await?;
        let missing = || Refusal::not_found("authorization", id.as_str());
        let (authorization, _) = found.ok_or_else(missing)?;
        let orders = store.orders_of_authorization(&id, MAX_ORDERS).await?;
        let whole = WholeAuthorization::new(&authorization, &orders, asked.now);
        Ok(Answer::json(&whole))
    }

    async fn challenges(&self, asked: &Asked<'_>) -> Outcome {
        let query = &asked.query;
        let (after, limit) = (query.after("challenges")?, query.limit()?);
        let store = &self.services.store;
        let found = store.list_processing(after.as_deref(), limit).await?;
        let listed = Listed::new("challenges", found, |one| ShownProcessing::from(one));
        Ok(Answer::json(&listed))
    }

    async fn challenge(&self, asked: &Asked<'_>) -> Outcome {
        let id: ChallengeId = asked.id("challenge")?;
        Ok(Answer::json(&self.whole_challenge(&id).await?))
    }

    async fn deactivate_authorization(&self, asked: &Asked<'_>) -> Outcome {
        asked.request.expect_no_body()?;
        let id: AuthorizationId = asked.id("authorization")?;
        let (store, now) = (&self.services.store, asked.now);
        let missing = || Refusal::not_found("authorization", id.as_str());
        let (before, _) = store.find_authorization(&id).await?.ok_or_else(missing)?;
        let status = before.status(now);
        if !matches!(
            status,
            AuthorizationStatus::Pending | AuthorizationStatus::Valid
        ) {
            let detail = format!("the authorization is {} already", status.as_str());
            return Err(Refusal::Conflict(detail));
        }
        let act = AuditAct::AuthorizationDeactivate;
        let event = AuditEvent::done(act, "authorization", &id);
        store.note(event, &self.origin(asked)).await?;
        let done = store.deactivate_authorization(&id, &before.account_id, now);
        let authorization = done.await?.ok_or_else(missing)?;
        let shown = ShownAuthorization::new(&authorization, now);
        Ok(Answer::json(&shown))
    }

    async fn rearm(&self, asked: &Asked<'_>) -> Outcome {
        asked.request.expect_no_body()?;
        let id: ChallengeId = asked.id("challenge")?;
        let missing = || Refusal::not_found("challenge", id.as_str());
        let services = &self.services;
        let found = services.store.find_attempts(&id).await?;
        let (authorization, _) = found.ok_or_else(missing)?;
        let mut all = authorization.challenges.iter();
        let challenge = all.find(|one| one.id == id).ok_or_else(missing)?;
        let status = challenge.state.status();
        if status != ChallengeStatus::Processing
            || authorization.status(asked.now) != AuthorizationStatus::Pending
        {
            return Err(Refusal::Conflict(format!(
                "the challenge is {} and its authorization {}: only one that is processing, of a \
                 pending authorization, is tried again",
                status.as_str(),
                authorization.status(asked.now).as_str()
            )));
        }
        let name = &authorization.provisioner;
        let provisioner = services.authority.load_provisioner_by_id(name);
        let provisioner = provisioner.ok_or_else(|| {
            Refusal::Conflict(format!("its provisioner {name} is not configured any more"))
        })?;
        let event = AuditEvent::done(AuditAct::ChallengeRearm, "challenge", &id);
        services.store.note(event, &self.origin(asked)).await?;
        let request = BeginValidation {
            challenge_id: &id,
            account_id: &authorization.account_id,
            slot: services.tenure.slot(),
            epoch: services.tenure.epoch(),
            policy: &provisioner.retry,
            claim_for: None,
            now: asked.now,
        };
        services.store.begin_validation(request).await?;
        services.runner.wake();
        Ok(Answer::json(&self.whole_challenge(&id).await?))
    }

    /// A challenge with every attempt.
    pub(crate) async fn whole_challenge(
        &self,
        id: &ChallengeId,
    ) -> Result<WholeChallenge, Refusal> {
        let missing = || Refusal::not_found("challenge", id.as_str());
        let found = self.services.store.find_attempts(id).await?;
        let (authorization, attempts) = found.ok_or_else(missing)?;
        let mut all = authorization.challenges.iter();
        let challenge = all.find(|one| one.id == *id).ok_or_else(missing)?;
        Ok(WholeChallenge::new(challenge, &authorization, &attempts))
    }
}

/// A name or an address as people write it.
pub(crate) fn identifier(text: &str) -> Result<Identifier, Refusal> {
    let bare = text.trim();
    let kind = if bare.parse::<std::net::IpAddr>().is_ok() {
        "ip"
    } else {
        "dns"
    };
    let raw = RawIdentifier {
        kind: kind.to_owned(),
        value: bare.to_owned(),
    };
    Identifier::try_from(raw).map_err(|error| Refusal::malformed(format!("name={text:?}: {error}")))
}
