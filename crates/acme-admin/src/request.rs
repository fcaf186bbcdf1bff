//! A request as handlers see it: read, matched, and of someone who may.

use acme_core::{Actor, Origin, Peer, Role};
use acme_types::{RequestId, Slot, Timestamp};
use bytes::Bytes;
use hyper::header::{ACCEPT, CONTENT_TYPE};
use hyper::{HeaderMap, Method};
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use crate::proof::Asker;
use crate::query::Query;
use crate::refusal::Refusal;

/// A request as the filter takes it in.
#[derive(Debug)]
pub(crate) struct Request {
    /// Names it in logs and in problem documents.
    pub(crate) id: RequestId,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) peer: Option<Peer>,
    pub(crate) body: Result<Bytes, Refusal>,
}

impl Request {
    /// The media type of the body, in lower case, without parameters.
    fn media_type(&self) -> String {
        let value = self.headers.get(CONTENT_TYPE);
        let value = value.and_then(|value| value.to_str().ok());
        let media = value.unwrap_or_default().split(';').next();
        media.unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// Whether a person looks at the answer.
    pub(crate) fn is_of_a_browser(&self) -> bool {
        let accepted = self.headers.get(ACCEPT);
        let accepted = accepted.and_then(|value| value.to_str().ok());
        accepted.is_some_and(|accepted| accepted.contains("text/html"))
            && !self.path.starts_with("/api/")
    }

    fn bytes(&self) -> Result<&Bytes, Refusal> {
        self.body.as_ref().map_err(|refusal| match refusal {
            Refusal::BodyTooLarge => Refusal::BodyTooLarge,
            Refusal::BodyTooSlow => Refusal::BodyTooSlow,
            _ => Refusal::malformed("the body ended too early"),
        })
    }

    /// A field of a form; none when the body is no form or has no such field.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        if self.media_type() != "application/x-www-form-urlencoded" {
            return None;
        }
        let body = self.bytes().ok()?;
        let mut fields = form_urlencoded::parse(body);
        let found = fields.find(|(found, _)| found == name)?;
        Some(found.1.into_owned())
    }

    /// The body, which must be a JSON object without members that are not known.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let bytes = self.bytes()?;
        if self.media_type() != "application/json" {
            return Err(Refusal::MediaType("application/json"));
        }
        // A struct can also be read from an array, which is no object.
        if bytes.iter().find(|b| !b.is_ascii_whitespace()) != Some(&b'{') {
            return Err(Refusal::malformed("the body is no JSON object"));
        }
        serde_json::from_slice(bytes)
            .map_err(|error| Refusal::malformed(format!("the body cannot be read: {error}")))
    }

    /// Refuses a body where none is read.
    pub(crate) fn expect_no_body(&self) -> Result<(), Refusal> {
        let bytes = self.bytes()?;
        // A browser's form has the form token in it.
        if bytes.is_empty() || self.media_type() == "application/x-www-form-urlencoded" {
            return Ok(());
        }
        let text = std::str::from_utf8(bytes).unwrap_or("-");
        if matches!(text.trim(), "" | "{}") {
            Ok(())
        } else {
            Err(Refusal::malformed("this takes no body"))
        }
    }
}

/// A request that is for a route, by someone who may.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) request: &'a Request,
    /// The path's variable segments, by their names in the route.
    pub(crate) segments: Vec<(&'static str, &'a str)>,
    /// The query, of which every parameter is the route's.
    pub(crate) query: Query,
    /// Who asks; none where anybody may.
    pub(crate) asker: Option<Asker>,
    pub(crate) now: Timestamp,
}

impl Asked<'_> {
    /// A segment of the path.
    pub(crate) fn segment(&self, name: &str) -> &str {
        let mut all = self.segments.iter();
        all.find(|(found, _)| *found == name)
            .map_or("", |(_, value)| value)
    }

    /// The id in the path; what is no id names nothing.
    pub(crate) fn id<T: std::str::FromStr>(&self, what: &'static str) -> Result<T, Refusal> {
        let text = self.segment(what);
        text.parse().map_err(|_| Refusal::not_found(what, text))
    }

    /// Who asks, on routes that have a role.
    pub(crate) fn asker(&self) -> Result<&Asker, Refusal> {
        self.asker.as_ref().ok_or(Refusal::Unauthorized(NOBODY))
    }

    /// Whence what is asked comes, for the audit trail.
    pub(crate) fn origin(&self, slot: Slot) -> Origin {
        let actor = self.asker.as_ref().map(|asker| asker.name.clone());
        Origin {
            actor: actor.map_or(Actor::Server, Actor::Operator),
            address: self.request.peer.map(|peer| peer.0.ip()),
            request: Some(self.request.id),
            slot: Some(slot),
            at: self.now,
        }
    }

    /// Whether whoever asks has at least this role.
    pub(crate) fn may(&self, role: Role) -> bool {
        self.asker.as_ref().is_some_and(|asker| asker.role >= role)
    }
}

/// What is said to those who show nothing.
pub(crate) const NOBODY: &str = "say who you are: with `Authorization: Bearer TOKEN`, or in a \
                                 browser by the link that `acme-server admin link` prints";
