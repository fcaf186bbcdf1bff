//! The whole flow of an issuance, as clients do it (RFC 8555 § 7.1): newOrder, authorization,
//! challenge, polls, finalize, certificate.

use std::time::{Duration, Instant};

use acme_types::encode_base64url;
use serde_json::json;

use crate::connection::Answer;
use crate::error::{Error, Result};
use crate::name::Name;
use crate::responder::Proofs;
use crate::sample::Kind;
use crate::session::Session;
use crate::wire::{Authorization, Challenge, Order, Status};

/// How long a client waits between polls when the server does not say.
const UNTOLD: Duration = Duration::from_millis(250);
/// When a client gives one wait up.
const GIVE_UP_AFTER: Duration = Duration::from_secs(120);

/// When a client polls again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Polls {
    /// When the server's `Retry-After` says, as a well-behaved client.
    RetryAfter,
    /// After this time, whatever the server says: shows what the server can do rather than what it
    /// asks for.
    Every(Duration),
}

impl Polls {
    fn wait(self, answer: &Answer) -> Duration {
        match self {
            Self::RetryAfter => answer.retry_after().unwrap_or(UNTOLD),
            Self::Every(time) => time,
        }
    }
}

impl std::str::FromStr for Polls {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match (text, text.parse()) {
            ("retry-after", _) => Ok(Self::RetryAfter),
            (_, Ok(millis)) => Ok(Self::Every(Duration::from_millis(millis))),
            _ => Err("neither retry-after nor a number of milliseconds".to_owned()),
        }
    }
}

/// An order that was opened.
pub(crate) struct Opened {
    pub(crate) url: String,
    pub(crate) order: Order,
}

/// Opens an order.
pub(crate) async fn open_order(session: &mut Session, names: &[Name]) -> Result<Opened> {
    let payload = json!({ "identifiers": names }).to_string();
    let url = session.directory.new_order.clone();
    let answer = session.post(Kind::NewOrder, &url, &payload).await?;
    Ok(Opened {
        url: answer.location(Kind::NewOrder)?,
        order: answer.json(Kind::NewOrder)?,
    })
}

/// Reads an authorization and picks its http-01 challenge; None when it is valid already.
pub(crate) async fn http01(
    session: &mut Session,
    authorization: &str,
) -> Result<Option<Challenge>> {
    let kind = Kind::Authorization;
    let authorization: Authorization = session.post(kind, authorization, "").await?.json(kind)?;
    if authorization.status == Status::Valid {
        return Ok(None);
    }
    let challenge = authorization
        .challenges
        .into_iter()
        .find(|challenge| challenge.kind == "http-01");
    match challenge {
        Some(challenge) => Ok(Some(challenge)),
        None => Err(Error::Answer {
            request: kind.as_str(),
            what: "no http-01 challenge".to_owned(),
        }),
    }
}

/// One issuance. The authorization is polled at least once, as clients do whatever the challenge's
/// answer says.
pub(crate) async fn issue(
    session: &mut Session,
    names: &[Name],
    proofs: &Proofs,
    polls: Polls,
) -> Result<String> {
    let start = Instant::now();
    let Opened { url, order } = open_order(session, names).await?;
    for authorization in &order.authorizations {
        if let Some(challenge) = http01(session, authorization).await? {
            let proof = session.account.key_authorization(&challenge.token);
            proofs.put(&challenge.token, proof);
            let proven = prove(session, authorization, &challenge, polls).await;
            proofs.remove(&challenge.token);
            proven?;
        }
    }
    let request = session.certificate_key.request(names)?;
    let payload = json!({ "csr": encode_base64url(request) }).to_string();
    let answer = session
        .post(Kind::Finalize, &order.finalize, &payload)
        .await?;
    let certificate = wait_for_certificate(session, &url, answer, polls).await?;
    let chain = session.post(Kind::Certificate, &certificate, "").await?;
    session.samples.add(Kind::Issuance, start.elapsed());
    String::from_utf8(chain.body.into()).map_err(|_| Error::Answer {
        request: Kind::Certificate.as_str(),
        what: "not PEM".to_owned(),
    })
}

async fn prove(
    session: &mut Session,
    authorization: &str,
    challenge: &Challenge,
    polls: Polls,
) -> Result<()> {
    let answer = session.post(Kind::Challenge, &challenge.url, "{}").await?;
    let asked: Challenge = answer.json(Kind::Challenge)?;
    if asked.status != Status::Valid && matches!(polls, Polls::Every(_)) {
        tokio::time::sleep(polls.wait(&answer)).await;
    }
    let kind = Kind::AuthorizationPoll;
    let start = Instant::now();
    while start.elapsed() < GIVE_UP_AFTER {
        let answer = session.post(kind, authorization, "").await?;
        match answer.json::<Authorization>(kind)?.status {
            Status::Valid => return Ok(()),
            Status::Pending | Status::Processing => {
                tokio::time::sleep(polls.wait(&answer)).await;
            }
            _ => return Err(ended(kind, &answer)),
        }
    }
    Err(Error::TimedOut(kind.as_str(), GIVE_UP_AFTER.as_secs()))
}

async fn wait_for_certificate(
    session: &mut Session,
    url: &str,
    finalized: Answer,
    polls: Polls,
) -> Result<String> {
    let kind = Kind::OrderPoll;
    let mut answer = finalized;
    let start = Instant::now();
    while start.elapsed() < GIVE_UP_AFTER {
        let order: Order = answer.json(kind)?;
        match (order.status, order.certificate) {
            (Status::Valid, Some(certificate)) => return Ok(certificate),
            (Status::Ready | Status::Processing | Status::Valid, _) => {
                tokio::time::sleep(polls.wait(&answer)).await;
            }
            _ => return Err(ended(kind, &answer)),
        }
        answer = session.post(kind, url, "").await?;
    }
    Err(Error::TimedOut(kind.as_str(), GIVE_UP_AFTER.as_secs()))
}

fn ended(kind: Kind, answer: &Answer) -> Error {
    Error::Answer {
        request: kind.as_str(),
        what: format!("it ended: {}", String::from_utf8_lossy(&answer.body)),
    }
}
