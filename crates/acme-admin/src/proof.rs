//! Who asks: a bearer token, or the session of a browser.

use std::time::Duration;

use acme_core::{AdminStore, Operator, OperatorName, ProofKind, ProofSecret, Role};
use acme_types::Timestamp;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, COOKIE};

use crate::refusal::Refusal;
use crate::request::NOBODY;

/// How long a browser's session lasts.
pub const SESSION_LIFE: Duration = Duration::from_secs(12 * 3600);

/// The session's cookie. `__Host-` makes browsers refuse it unless it is of this very host, over
/// HTTPS, for all paths.
pub(crate) const COOKIE_NAME: &str = "__Host-acme-admin";

/// The address that begins a session, once.
#[must_use]
pub fn link_url(base: &str, secret: &ProofSecret) -> String {
    format!("{base}/login?link={}", secret.to_text())
}

/// An operator who asks.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    pub(crate) name: OperatorName,
    pub(crate) role: Role,
    pub(crate) via: ProofKind,
    /// When the proof runs out.
    pub(crate) until: Timestamp,
    /// What the session's requests that change something must carry.
    pub(crate) form_token: Option<String>,
}

/// Who asks. None when nothing is shown.
///
/// # Errors
/// [`Refusal::Unauthorized`] when what is shown is not good.
pub(crate) async fn asker(
    headers: &HeaderMap,
    store: &dyn AdminStore,
    now: Timestamp,
) -> Result<Option<Asker>, Refusal> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        let token = value.to_str().ok().and_then(bearer);
        let secret = token.and_then(ProofSecret::parse);
        let secret = secret.ok_or(Refusal::Unauthorized(NOBODY))?;
        let found = known(store, &secret, ProofKind::Token, now).await?;
        return found.map(Some).ok_or(Refusal::Unauthorized(
            "the token is not good: it was never one, has run out, or was revoked",
        ));
    }
    let Some(secret) = session_secret(headers) else {
        return Ok(None);
    };
    let found = known(store, &secret, ProofKind::Session, now).await?;
    let mut asker = found.ok_or(Refusal::Unauthorized(
        "the session is over; `acme-server admin link` prints a link that begins another",
    ))?;
    asker.form_token = Some(secret.form_token());
    Ok(Some(asker))
}

/// The secret in the session's cookie.
pub(crate) fn session_secret(headers: &HeaderMap) -> Option<ProofSecret> {
    let cookies = headers.get_all(COOKIE).iter();
    let texts = cookies.filter_map(|value| value.to_str().ok());
    let mut pairs = texts.flat_map(|text| text.split(';'));
    let value = pairs.find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE_NAME).then_some(value)
    })?;
    ProofSecret::parse(value)
}

async fn known(
    store: &dyn AdminStore,
    secret: &ProofSecret,
    kind: ProofKind,
    now: Timestamp,
) -> Result<Option<Asker>, Refusal> {
    let found = store.find_proof(&secret.digest(), now).await?;
    // A link is no token, and a token no session.
    let found = found.filter(|(_, proof)| proof.kind == kind);
    Ok(found.map(|(Operator { name, role, .. }, proof)| Asker {
        name,
        role,
        via: kind,
        until: proof.expires_at,
        form_token: None,
    }))
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}
