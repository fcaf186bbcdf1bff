//! What those who rely on certificates ask: the revocation list of an issuer
//! ([RFC 5280](https://www.rfc-editor.org/rfc/rfc5280#section-5)) and the status of one certificate
//! ([RFC 6960](https://www.rfc-editor.org/rfc/rfc6960),
//! [RFC 5019](https://www.rfc-editor.org/rfc/rfc5019)).

use std::time::Duration;

use acme_core::{IssuerId, OcspQuery, OcspRefusal, OcspReply, SignedOcsp};
use acme_types::{Timestamp, decode_base64url};
use hyper::header::{ETAG, IF_NONE_MATCH};
use hyper::{Method, StatusCode};

use super::Api;
use crate::answer::Answer;
use crate::failure::{Failure, Outcome};
use crate::request::Request;

/// How long others may keep a list or an answer before they ask again: what was revoked meanwhile
/// they learn so much later.
const KEPT: Duration = Duration::from_secs(300);
/// Longest question in a path; what clients send is about 100 octets.
const MAX_QUESTION: usize = 4096;

impl Api {
    pub(super) fn crl(&self, request: &Request, issuer: &IssuerId) -> Outcome {
        let publisher = self.services.publisher.as_ref();
        let crl = publisher
            .and_then(|publisher| publisher.crl(issuer))
            .ok_or_else(|| Failure::not_found("there is no revocation list of this issuer"))?;
        let now = self.services.clock.now();
        let tag = format!("\"{:x}\"", crl.number);
        let answer = if is_known(request, &tag) {
            Answer::empty(StatusCode::NOT_MODIFIED)
        } else {
            Answer::text("application/pkix-crl", crl.der.clone())
        };
        Ok(answer
            .header(ETAG, tag)
            .cache_for(KEPT.min(crl.next_update.since(now))))
    }

    /// A question is the body of a POST, or the rest of the path of a GET. Whatever becomes of it,
    /// the answer is one of OCSP, status 200.
    pub(super) async fn ocsp(&self, request: &Request, path: Option<&str>) -> Outcome {
        let publisher = self.services.publisher.as_ref();
        let off = || Failure::not_found("no questions about certificates are answered here");
        let publisher = publisher.ok_or_else(off)?;
        let question = match (&request.method, path) {
            (&Method::POST, None) => Some(request.body.clone()?.to_vec()),
            (&Method::GET | &Method::HEAD, Some(path)) => question_of(path),
            (_, None) => return Err(Failure::method_not_allowed("POST")),
            (_, Some(_)) => return Err(Failure::method_not_allowed("GET, HEAD")),
        };
        let now = self.services.clock.now();
        let question = question.ok_or(OcspRefusal::MalformedRequest);
        let reply = match question.and_then(|der| OcspQuery::parse(&der)) {
            Ok(query) => publisher.ocsp(&query, now).await.ok_or_else(off)?,
            Err(refusal) => OcspReply::Refused(refusal),
        };
        Ok(match reply {
            OcspReply::Kept(signed) => kept(request, &signed, now),
            OcspReply::Fresh(signed) => answer(signed.der.clone()),
            OcspReply::Refused(refusal) => answer(refusal.to_der().to_vec()),
        })
    }
}

fn answer(der: Vec<u8>) -> Answer {
    Answer::text("application/ocsp-response", der)
}

fn kept(request: &Request, signed: &SignedOcsp, now: Timestamp) -> Answer {
    if request.method == Method::POST {
        return answer(signed.der.clone());
    }
    let until = signed.next_update.since(now);
    answer(signed.der.clone()).cache_for(KEPT.min(until))
}

/// Reads what stands behind `/ocsp/`: base64, of which `/`, `+` and `=` may be escaped or not.
fn question_of(path: &str) -> Option<Vec<u8>> {
    if path.len() > MAX_QUESTION {
        return None;
    }
    let text = crate::urls::unescape(path)?;
    let text: String = text
        .trim_end_matches('=')
        .chars()
        .map(|c| match c {
            '+' => '-',
            '/' => '_',
            other => other,
        })
        .collect();
    decode_base64url(&text).ok()
}

/// Whether the client has what has this tag already.
fn is_known(request: &Request, tag: &str) -> bool {
    let tags = request.headers.get_all(IF_NONE_MATCH).iter();
    let mut tags = tags.filter_map(|value| value.to_str().ok());
    tags.any(|list| {
        list.split(',')
            .any(|one| one.trim().trim_start_matches("W/") == tag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_in_a_path_is_read_escaped_or_not() {
        let octets = vec![0xfb, 0xff, 0xfe, 0x01];
        for path in ["+//+AQ==", "%2B%2F%2f+AQ%3D%3D", "+//+AQ", "-__-AQ"] {
            assert_eq!(question_of(path), Some(octets.clone()), "{path}");
        }
        for path in ["", "+", "%2", "%zz", "AQ==A", "A Q", "é"] {
            let read = question_of(path);
            assert!(read.is_none_or(|octets| octets.is_empty()), "{path}");
        }
        assert_eq!(question_of(&"A".repeat(MAX_QUESTION + 1)), None);
    }
}
