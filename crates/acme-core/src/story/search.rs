//! Finding what a person asks about: by name, or by the id of a challenge, an authorization, an
//! order or a certificate.

use acme_types::{
    AuthorizationId, AuthorizationStatus, CertificateId, ChallengeId, Identifier, OrderId,
    RawIdentifier, Timestamp,
};

use super::Story;
use crate::{
    AdminStore, Authorization, AuthorizationFilter, Certificate, Challenge, ChallengeState, Order,
    ProcessingChallenge, Serial, StoreError,
};

/// A shorter beginning of an id would be taken for a name by mistake, or match by accident.
const SHORTEST_BEGINNING: usize = 4;
/// How many challenges that are being tried are looked through for the beginning of an id.
const MAX_LOOKED_THROUGH: usize = 2000;
/// How many of a name's authorizations are looked at, the newest.
const AUTHORIZATIONS: u32 = 20;
/// Entries of a page of the store.
const PAGE: u32 = 200;

/// What was asked about.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A challenge, by its id.
    Challenge,
    /// An authorization, by its id.
    Authorization,
    /// An order, by its id.
    Order(Box<Order>),
    /// A certificate, by its id or serial number; with its order when that is still kept.
    Certificate(Box<Certificate>, Option<Box<Order>>),
    /// A name or an address.
    Name(Identifier),
    /// Challenges that are being tried, by the beginning of their ids.
    Beginning,
}

/// An answer to "why?".
#[derive(Debug)]
pub struct Told {
    /// What was asked about.
    pub subject: Subject,
    /// The stories that belong to it: of the challenges that clients asked for, or of all when they
    /// asked for none. Of a name those that are being tried; when none is, those of its newest
    /// authorization.
    pub stories: Vec<Story>,
}

/// Tells of what `wanted` names: a name, an address, an id or a URL that ends with one, a serial
/// number, or the beginning of the id of a challenge that is being tried. None when there is nothing
/// of that name.
///
/// # Errors
/// Those of the store.
pub async fn tell(
    store: &dyn AdminStore,
    wanted: &str,
    now: Timestamp,
) -> Result<Option<Told>, StoreError> {
    let wanted = last_segment(wanted);
    if wanted.is_empty() {
        return Ok(None);
    }
    if let Some(told) = by_id(store, wanted, now).await? {
        return Ok(Some(told));
    }
    if let Some(name) = identifier(wanted)
        && let Some(stories) = by_name(store, &name, now).await?
    {
        let subject = Subject::Name(name);
        return Ok(Some(Told { subject, stories }));
    }
    if wanted.len() < SHORTEST_BEGINNING {
        return Ok(None);
    }
    let stories = by_beginning(store, wanted, now).await?;
    let subject = Subject::Beginning;
    Ok((!stories.is_empty()).then_some(Told { subject, stories }))
}

async fn by_id(
    store: &dyn AdminStore,
    wanted: &str,
    now: Timestamp,
) -> Result<Option<Told>, StoreError> {
    if let Ok(id) = wanted.parse::<ChallengeId>()
        && let Some(story) = story(store, &id, now).await?
    {
        return Ok(Some(Told {
            subject: Subject::Challenge,
            stories: vec![story],
        }));
    }
    if let Ok(id) = wanted.parse::<AuthorizationId>()
        && let Some((authorization, _)) = store.find_authorization(&id).await?
    {
        return Ok(Some(Told {
            subject: Subject::Authorization,
            stories: asked_for(store, &authorization, now).await?,
        }));
    }
    if let Ok(id) = wanted.parse::<OrderId>()
        && let Some(view) = store.find_order(&id).await?
    {
        let stories = of_order(store, &view.order, now).await?;
        let subject = Subject::Order(Box::new(view.order));
        return Ok(Some(Told { subject, stories }));
    }
    let mut certificate = None;
    if let Ok(id) = wanted.parse::<CertificateId>() {
        certificate = store.find_certificate(&id).await?.map(|(found, _)| found);
    }
    if certificate.is_none()
        && let Some(serial) = serial(wanted)
    {
        certificate = store.find_certificate_by_serial(&serial).await?;
    }
    let Some(certificate) = certificate else {
        return Ok(None);
    };
    let (mut order, mut stories) = (None, Vec::new());
    if let Some(view) = store.find_order(&certificate.order_id).await? {
        stories = of_order(store, &view.order, now).await?;
        order = Some(Box::new(view.order));
    }
    let subject = Subject::Certificate(Box::new(certificate), order);
    Ok(Some(Told { subject, stories }))
}

/// A serial number as programs print it: hexadecimal, in pairs with colons or without.
fn serial(wanted: &str) -> Option<Serial> {
    wanted.replace(':', "").to_ascii_lowercase().parse().ok()
}

async fn of_order(
    store: &dyn AdminStore,
    order: &Order,
    now: Timestamp,
) -> Result<Vec<Story>, StoreError> {
    let mut stories = Vec::new();
    for id in &order.authorizations {
        if let Some((authorization, _)) = store.find_authorization(id).await? {
            stories.extend(asked_for(store, &authorization, now).await?);
        }
    }
    Ok(stories)
}

async fn by_name(
    store: &dyn AdminStore,
    name: &Identifier,
    now: Timestamp,
) -> Result<Option<Vec<Story>>, StoreError> {
    let filter = AuthorizationFilter {
        identifier: Some(name.clone()),
        ..AuthorizationFilter::default()
    };
    let found = store.find_authorizations(&filter, None, AUTHORIZATIONS, now);
    let found = found.await?.items;
    let mut stories = Vec::new();
    let open = |one: &&Authorization| one.status(now) == AuthorizationStatus::Pending;
    for authorization in found.iter().filter(open) {
        let tried = authorization.challenges.iter();
        for challenge in tried.filter(|one| is_tried(one)) {
            stories.extend(story(store, &challenge.id, now).await?);
        }
    }
    if stories.is_empty()
        && let Some(newest) = found.first()
    {
        stories = asked_for(store, newest, now).await?;
    }
    Ok((!found.is_empty()).then_some(stories))
}

async fn by_beginning(
    store: &dyn AdminStore,
    wanted: &str,
    now: Timestamp,
) -> Result<Vec<Story>, StoreError> {
    let (mut ids, mut after, mut looked) = (Vec::new(), None, 0);
    loop {
        let page = store.list_processing(after.as_deref(), PAGE).await?;
        looked += page.items.len();
        let begins = |one: &ProcessingChallenge| one.challenge.id.as_str().starts_with(wanted);
        ids.extend(
            page.items
                .into_iter()
                .filter(begins)
                .map(|one| one.challenge.id),
        );
        match page.next {
            Some(next) if looked < MAX_LOOKED_THROUGH => after = Some(next),
            _ => break,
        }
    }
    let mut stories = Vec::with_capacity(ids.len());
    for id in ids {
        stories.extend(story(store, &id, now).await?);
    }
    Ok(stories)
}

async fn story(
    store: &dyn AdminStore,
    id: &ChallengeId,
    now: Timestamp,
) -> Result<Option<Story>, StoreError> {
    let Some((authorization, attempts)) = store.find_attempts(id).await? else {
        return Ok(None);
    };
    let mut all = authorization.challenges.iter();
    let challenge = all.find(|challenge| challenge.id == *id);
    Ok(challenge.map(|challenge| Story::new(&authorization, challenge, &attempts, now)))
}

/// The stories of those of an authorization's challenges that a client has asked for; of all, when
/// it has asked for none.
async fn asked_for(
    store: &dyn AdminStore,
    authorization: &Authorization,
    now: Timestamp,
) -> Result<Vec<Story>, StoreError> {
    let all = &authorization.challenges;
    let is_asked = |one: &Challenge| one.state != ChallengeState::Pending;
    let none_is = !all.iter().any(is_asked);
    let mut stories = Vec::new();
    for challenge in all.iter().filter(|one| none_is || is_asked(one)) {
        stories.extend(story(store, &challenge.id, now).await?);
    }
    Ok(stories)
}

const fn is_tried(challenge: &Challenge) -> bool {
    matches!(challenge.state, ChallengeState::Processing { .. })
}

/// An id as people give it: alone, or as the URL that ends with it.
fn last_segment(text: &str) -> &str {
    let text = text.trim().trim_end_matches('/');
    text.rsplit('/').next().unwrap_or(text)
}

/// A name or an address as people write it; of a wildcard, the name below it.
fn identifier(text: &str) -> Option<Identifier> {
    let bare = text.trim_start_matches("*.");
    let is_address = bare.parse::<std::net::IpAddr>().is_ok();
    let raw = RawIdentifier {
        kind: if is_address { "ip" } else { "dns" }.to_owned(),
        value: bare.to_ascii_lowercase(),
    };
    Identifier::try_from(raw).ok()
}
