//! Authorizations and challenges.

use acme_core::{AuthorizationFilter, Role};
use acme_types::{AuthorizationId, ChallengeId, Identifier, RawIdentifier};
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
