//! What a handler answers, before the envelope that every answer shares is put around it.

use acme_core::printable;
use acme_types::{Problem, RequestId};
use bytes::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LINK, LOCATION, RETRY_AFTER,
};
use hyper::{Response, StatusCode};
use serde::Serialize;

use crate::request_id::{self, REQUEST_ID};

/// Status, headers and body of an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The problem that this tells of: it becomes the body on the way out, when the id of the
    /// request is at hand.
    pub(crate) problem: Option<Box<Problem>>,
}

impl Answer {
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::with_capacity(8),
            body: Bytes::new(),
            problem: None,
        }
    }

    pub(crate) fn text(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut answer = Self::empty(StatusCode::OK);
        let content_type = HeaderValue::from_static(content_type);
        answer.headers.insert(CONTENT_TYPE, content_type);
        answer.body = body.into();
        answer
    }

    pub(crate) fn json(body: &impl Serialize) -> Self {
        Self::written(serde_json::to_vec(body))
    }

    /// JSON with a line for each member.
    pub(crate) fn indented_json(body: &impl Serialize) -> Self {
        Self::written(serde_json::to_vec_pretty(body))
    }

    fn written(json: serde_json::Result<Vec<u8>>) -> Self {
        match json {
            Ok(json) => Self::text("application/json", json),
            // No type of ours refuses to be written; a bug here must not end the connection.
            Err(error) => {
                tracing::error!(%error, "an answer could not be written as JSON");
                Self::empty(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }

    /// A problem document. Its detail may quote what the client sent, so it is cut where it gets
    /// too long to read.
    pub(crate) fn problem(problem: &Problem) -> Self {
        let mut problem = problem.clone();
        if problem.detail.len() > MAX_DETAIL {
            problem.detail = printable(problem.detail.as_bytes(), MAX_DETAIL);
        }
        let mut answer = Self::empty(problem_status(&problem));
        let content_type = HeaderValue::from_static("application/problem+json");
        answer.headers.insert(CONTENT_TYPE, content_type);
        answer.problem = Some(Box::new(problem));
        answer.cache("no-store")
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

    pub(crate) fn location(self, url: &str) -> Self {
        self.header(LOCATION, url)
    }

    /// A `Link` header ([RFC 8288](https://www.rfc-editor.org/rfc/rfc8288)).
    pub(crate) fn link(self, url: &str, relation: &str) -> Self {
        self.header(LINK, format!("<{url}>;rel=\"{relation}\""))
    }

    pub(crate) fn retry_after(self, seconds: Option<u64>) -> Self {
        match seconds {
            Some(seconds) => self.header(RETRY_AFTER, seconds.to_string()),
            None => self,
        }
    }

    pub(crate) fn cache(mut self, directives: &'static str) -> Self {
        let directives = HeaderValue::from_static(directives);
        self.headers.insert(CACHE_CONTROL, directives);
        self
    }

    /// Anyone may keep it for that long, and it is as good as new for that long.
    pub(crate) fn cache_for(mut self, time: std::time::Duration) -> Self {
        // Whole seconds and ASCII words are a header that HTTP allows.
        let directives = format!("public, max-age={}", time.as_secs());
        if let Ok(directives) = HeaderValue::from_str(&directives) {
            self.headers.insert(CACHE_CONTROL, directives);
        }
        self
    }

    /// The answer on its way out; to HEAD goes the same without its body. The id of the request
    /// goes with it, and into a problem document too
    /// ([RFC 7807 § 3.2](https://www.rfc-editor.org/rfc/rfc7807#section-3.2)).
    pub(crate) fn into_response(mut self, id: RequestId, to_head: bool) -> warp::reply::Response {
        if let Some(problem) = &self.problem {
            let written = Self::json(&ProblemDocument {
                problem,
                request_id: id.as_str(),
            });
            self.body = written.body;
        }
        self.headers.insert(REQUEST_ID, request_id::header(id));
        let length = self.body.len();
        let body = if to_head { Bytes::new() } else { self.body };
        let mut response = Response::new(body.into());
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        if to_head && length > 0 {
            let length = HeaderValue::from(length);
            response
                .headers_mut()
                .insert(hyper::header::CONTENT_LENGTH, length);
        }
        response
    }
}

/// A problem as it goes out.
#[derive(Serialize)]
struct ProblemDocument<'a> {
    #[serde(flatten)]
    problem: &'a Problem,
    request_id: &'a str,
}

fn problem_status(problem: &Problem) -> StatusCode {
    StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Most characters of a problem's detail; every text of our own is far shorter.
const MAX_DETAIL: usize = 1000;
