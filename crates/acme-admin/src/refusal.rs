//! Why a request is not done, and the one place that says so on the wire.

use acme_core::{Role, StoreError};
use acme_types::RequestId;
use hyper::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::body::MAX_BODY;

/// What each problem's `type` begins with.
const URN: &str = "urn:acme-server:admin:";
/// Most characters of a detail, which may quote what was sent.
const MAX_DETAIL: usize = 1000;

/// Why a request is not done. Nothing has changed.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Nobody has shown who they are, or the proof is not good (any more).
    Unauthorized(&'static str),
    /// The operator's role may not do this.
    Forbidden { needs: Role, has: Role },
    /// A session's request without the session's form token.
    Forged,
    /// There is nothing at this path, or no such object.
    NotFound(String),
    /// The path takes other methods.
    MethodNotAllowed(String),
    /// The request cannot be read.
    Malformed(String),
    /// The list knows no such filter.
    UnknownFilter(String),
    /// The cursor is none of this list.
    BadCursor,
    /// The body is larger than is read.
    BodyTooLarge,
    /// The body did not arrive in time.
    BodyTooSlow,
    /// The body is of a type that is not read.
    MediaType(&'static str),
    /// The object's state does not allow it.
    Conflict(String),
    /// The store failed.
    Store(StoreError),
}

impl Refusal {
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::Malformed(detail.into())
    }

    pub(crate) fn not_found(what: &str, id: &str) -> Self {
        Self::NotFound(format!("there is no {what} {id:?}"))
    }

    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden { .. } | Self::Forged => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Malformed(_) | Self::UnknownFilter(_) | Self::BadCursor => {
                StatusCode::BAD_REQUEST
            }
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::MediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Store(StoreError::Unavailable { .. }) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The end of the problem's `type`.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Unauthorized(_) => "unauthorized",
            Self::Forbidden { .. } => "forbidden",
            Self::Forged => "forged",
            Self::NotFound(_) => "notFound",
            Self::MethodNotAllowed(_) => "methodNotAllowed",
            Self::Malformed(_) => "malformed",
            Self::UnknownFilter(_) => "unknownFilter",
            Self::BadCursor => "badCursor",
            Self::BodyTooLarge => "bodyTooLarge",
            Self::BodyTooSlow => "bodyTooSlow",
            Self::MediaType(_) => "mediaType",
            Self::Conflict(_) => "conflict",
            Self::Store(StoreError::Unavailable { .. }) => "unavailable",
            Self::Store(_) => "serverInternal",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Unauthorized(why) => (*why).to_owned(),
            Self::Forbidden { needs, has } => {
                format!("this needs the role {needs}; yours is {has}")
            }
            Self::Forged => "a request of a browser's session needs the session's form token, in \
                             the header X-CSRF-Token or the form field csrf"
                .to_owned(),
            Self::NotFound(detail)
            | Self::Malformed(detail)
            | Self::UnknownFilter(detail)
            | Self::Conflict(detail) => detail.clone(),
            Self::MethodNotAllowed(allowed) => format!("this path takes {allowed}"),
            Self::BadCursor => {
                "the cursor is none that this list has given; leave it out to begin anew".to_owned()
            }
            Self::BodyTooLarge => format!("the body is larger than {MAX_BODY} bytes"),
            Self::BodyTooSlow => "the body did not arrive in time".to_owned(),
            Self::MediaType(wanted) => format!("the body must be {wanted}"),
            // The cause is in the log.
            Self::Store(StoreError::Unavailable { .. }) => {
                "the store is not available; try again".to_owned()
            }
            Self::Store(_) => "the server failed; its log tells why".to_owned(),
        }
    }

    pub(crate) fn problem(&self, id: RequestId) -> Problem {
        let detail = self.detail();
        Problem {
            kind: format!("{URN}{}", self.word()),
            status: self.status().as_u16(),
            detail: acme_core::printable(detail.as_bytes(), MAX_DETAIL),
            request_id: id.to_string(),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A problem document ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)).
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Problem {
    /// Which problem: a URN under `urn:acme-server:admin:`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The answer's HTTP status.
    pub(crate) status: u16,
    /// What is wrong and what to do.
    pub(crate) detail: String,
    /// The request's id, which is in the server's log lines about it too.
    pub(crate) request_id: String,
}
