//! The id of a request on its way: made where the request comes in, in every line that is logged
//! for it, and in its answer.

use acme_core::{Entropy, EntropyRng};
use acme_types::RequestId;
use hyper::header::{HeaderName, HeaderValue};
use tracing::Span;

/// The header that tells a client the id of its request. One that a client sends is not read.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(crate) fn new(entropy: &dyn Entropy) -> RequestId {
    RequestId::random(&mut EntropyRng(entropy))
}

/// What all that is logged for the request stands in; on whatever level anything is logged.
pub(crate) fn span(id: RequestId) -> Span {
    tracing::error_span!("request", request_id = id.as_str())
}

pub(crate) fn header(id: RequestId) -> HeaderValue {
    // Letters and digits are a header that HTTP allows.
    HeaderValue::from_str(id.as_str()).unwrap_or(HeaderValue::from_static(""))
}
