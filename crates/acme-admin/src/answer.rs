//! Answers, and the headers that all of them share.

use acme_types::RequestId;
use bytes::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, SET_COOKIE,
    WWW_AUTHENTICATE,
};
use hyper::{Response, StatusCode};
use serde::Serialize;
use warp::Reply as _;

use crate::page::Events;
use crate::refusal::Refusal;

/// Nothing from elsewhere, no script that is not a file of ours, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// Status, headers and body of an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// A body that goes on after `body`, for pages that change by themselves.
    pub(crate) events: Option<Events>,
    /// The word of the problem that this tells of, for the log.
    pub(crate) problem: Option<&'static str>,
}

/// The answer to a request, or why there is none.
pub(crate) type Outcome = Result<Answer, Refusal>;

impl Answer {
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::with_capacity(8),
            body: Bytes::new(),
            events: None,
            problem: None,
        }
    }

    pub(crate) fn of(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut answer = Self::empty(StatusCode::OK);
        let content_type = HeaderValue::from_static(content_type);
        answer.headers.insert(CONTENT_TYPE, content_type);
        answer.body = body.into();
        answer
    }

    pub(crate) fn json(body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(json) => Self::of("application/json", json),
            // No type of ours refuses to be written; a bug here must not end the connection.
            Err(error) => {
                tracing::error!(%error, "an answer could not be written as JSON");
                Self::empty(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }

    pub(crate) fn html(body: impl Into<Bytes>) -> Self {
        Self::of("text/html; charset=utf-8", body)
    }

    pub(crate) fn events(events: Events) -> Self {
        let mut answer = Self::of("text/event-stream", Bytes::new());
        answer.events = Some(events);
        answer
    }

    pub(crate) fn refused(refusal: &Refusal, id: RequestId) -> Self {
        if let Refusal::Store(error) = refusal {
            tracing::error!(error = error as &dyn std::error::Error, "the store failed");
        }
        let mut answer = Self::json(&refusal.problem(id)).status(refusal.status());
        let content_type = HeaderValue::from_static("application/problem+json");
        answer.headers.insert(CONTENT_TYPE, content_type);
        answer.problem = Some(refusal.word());
        match refusal {
            Refusal::Unauthorized(_) => answer.header(WWW_AUTHENTICATE, "Bearer"),
            Refusal::MethodNotAllowed(allowed) => answer.header(ALLOW, allowed),
            _ => answer,
        }
    }

    /// The same for people.
    pub(crate) fn refused_on_a_page(refusal: &Refusal, id: RequestId) -> Self {
        let mut answer = Self::refused(refusal, id);
        let page = crate::page::problem(refusal, id);
        answer.headers.extend(page.headers);
        answer.body = page.body;
        answer
    }

    /// Sends a browser to another page, which it asks for with GET.
    pub(crate) fn see(path: &str) -> Self {
        Self::empty(StatusCode::SEE_OTHER).header(LOCATION, path)
    }

    pub(crate) const fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Adds a header; one that HTTP does not allow is left out, and logged.
    pub(crate) fn header(mut self, name: HeaderName, value: impl AsRef<str>) -> Self {
        match HeaderValue::from_str(value.as_ref()) {
            Ok(value) => {
                self.headers.append(name, value);
            }
            Err(_) => tracing::error!(header = %name, "a header of an answer is not valid"),
        }
        self
    }

    pub(crate) fn cookie(self, cookie: impl AsRef<str>) -> Self {
        self.header(SET_COOKIE, cookie)
    }

    /// The answer on its way out, with the headers that all share; to HEAD goes the same without its
    /// body.
    pub(crate) fn into_response(mut self, to_head: bool) -> warp::reply::Response {
        let shared = [
            (CACHE_CONTROL, "no-store"),
            (hyper::header::CONTENT_SECURITY_POLICY, POLICY),
            (hyper::header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (hyper::header::REFERRER_POLICY, "no-referrer"),
        ];
        for (name, value) in shared {
            let value = HeaderValue::from_static(value);
            self.headers.entry(name).or_insert(value);
        }
        let body = if to_head { Bytes::new() } else { self.body };
        let mut response = match self.events {
            Some(events) if !to_head => warp::reply::stream(events).into_response(),
            _ => Response::new(body.into()),
        };
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}
