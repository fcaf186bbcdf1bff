//! Revocation lists and OCSP over HTTP: who may ask how, and what may be kept.

use std::sync::Arc;
use std::time::Duration;

use acme_core::{
    IssuerId, OcspQuery, OcspRefusal, OcspReply, PublishedCrl, RevocationPublisher, SignedOcsp,
};
use acme_http::public_routes;
use acme_types::Timestamp;
use async_trait::async_trait;
use hyper::{HeaderMap, StatusCode};
use warp::filters::BoxedFilter;
use warp::reply::Response;

use crate::server::{START, Server};

const HOUR: Duration = Duration::from_secs(3600);
const ISSUER: IssuerId = IssuerId([0xab; 32]);

/// A question about the certificate 5 of an issuer whose name and key have digests of sevens.
fn question() -> Vec<u8> {
    let tlv = |tag: u8, value: &[u8]| [&[tag, u8::try_from(value.len()).unwrap()], value].concat();
    let sha1 = tlv(0x30, &[6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0]);
    let digest = tlv(4, &[7; 20]);
    let name = [&sha1[..], &digest, &digest, &[2, 1, 5]].concat();
    // CertID, Request, requestList, TBSRequest, OCSPRequest.
    (0..5).fold(name, |inner, _| tlv(0x30, &inner))
}

/// Has one list and one answer.
struct One;

fn crl() -> PublishedCrl {
    PublishedCrl {
        issuer: ISSUER,
        number: 0x1f,
        revision: 1,
        this_update: START,
        next_update: START.plus(HOUR),
        der: b"a list".to_vec(),
    }
}

#[async_trait]
impl RevocationPublisher for One {
    fn crl(&self, issuer: &IssuerId) -> Option<Arc<PublishedCrl>> {
        (*issuer == ISSUER).then(|| Arc::new(crl()))
    }

    async fn ocsp(&self, query: &OcspQuery, now: Timestamp) -> Option<OcspReply> {
        let signed = SignedOcsp {
            this_update: now,
            next_update: now.plus(HOUR),
            der: b"an answer".to_vec(),
        };
        assert_eq!(query.certificates[0].serial, "05".parse().ok());
        Some(OcspReply::Kept(Arc::new(signed)))
    }

    fn wake(&self) {}
}

async fn send(
    routes: &BoxedFilter<(Response,)>,
    method: &str,
    path: &str,
    header: Option<(&str, &str)>,
    body: Vec<u8>,
) -> (StatusCode, HeaderMap, Vec<u8>) {
    let mut request = warp::test::request().method(method).path(path).body(body);
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    let response = request.reply(routes).await;
    let (parts, body) = response.into_parts();
    (parts.status, parts.headers, body.to_vec())
}

async fn public() -> BoxedFilter<(Response,)> {
    let (config, mut services) = Server::start().await.parts();
    services.publisher = Some(Arc::new(One));
    public_routes(config, services)
}

#[tokio::test]
async fn a_list_may_be_kept_and_asked_for_again() {
    let routes = public().await;
    let path = format!("/crl/{ISSUER}.crl");
    let (status, headers, body) = send(&routes, "GET", &path, None, vec![]).await;
    assert_eq!((status, body), (StatusCode::OK, crl().der));
    assert_eq!(headers["content-type"], "application/pkix-crl");
    assert_eq!(headers["cache-control"], "public, max-age=300");
    assert_eq!(headers["etag"], "\"1f\"");
    for (tag, expected) in [
        ("\"1f\"", StatusCode::NOT_MODIFIED),
        ("\"1e\", W/\"1f\"", StatusCode::NOT_MODIFIED),
        ("\"1e\"", StatusCode::OK),
    ] {
        let header = Some(("if-none-match", tag));
        let (status, _, _) = send(&routes, "GET", &path, header, vec![]).await;
        assert_eq!(status, expected, "{tag}");
    }
    for (method, path, expected) in [
        ("HEAD", path.clone(), StatusCode::OK),
        ("POST", path.clone(), StatusCode::METHOD_NOT_ALLOWED),
        ("GET", path.to_uppercase(), StatusCode::NOT_FOUND),
        ("GET", path.replace("ab", "ac"), StatusCode::NOT_FOUND),
        ("GET", "/crl/".to_owned(), StatusCode::NOT_FOUND),
    ] {
        let (status, _, _) = send(&routes, method, &path, None, vec![]).await;
        assert_eq!(status, expected, "{method} {path}");
    }
}

#[tokio::test]
async fn a_question_is_asked_by_get_or_post() {
    let routes = public().await;
    let (status, headers, body) = send(&routes, "POST", "/ocsp", None, question()).await;
    assert_eq!((status, &body[..]), (StatusCode::OK, &b"an answer"[..]));
    assert_eq!(headers["content-type"], "application/ocsp-response");
    assert_eq!(headers["cache-control"], "no-store");
    assert!(!headers.contains_key("replay-nonce"), "it is no ACME");
    let path = format!("/ocsp/{}", acme_types::encode_base64url(question()));
    let (status, headers, body) = send(&routes, "GET", &path, None, vec![]).await;
    assert_eq!((status, &body[..]), (StatusCode::OK, &b"an answer"[..]));
    assert_eq!(headers["cache-control"], "public, max-age=300");
    for (method, path) in [("GET", "/ocsp"), ("POST", &path[..]), ("PUT", "/ocsp")] {
        let (status, _, _) = send(&routes, method, path, None, question()).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
    }
}

#[tokio::test]
async fn a_bad_question_has_an_answer_of_its_own_kind() {
    let routes = public().await;
    let malformed = OcspRefusal::MalformedRequest.to_der();
    for body in [vec![], b"{}".to_vec(), question()[..30].to_vec()] {
        let (status, headers, body) = send(&routes, "POST", "/ocsp", None, body).await;
        assert_eq!((status, &body[..]), (StatusCode::OK, &malformed[..]));
        assert_eq!(headers["content-type"], "application/ocsp-response");
    }
    for path in ["/ocsp/", "/ocsp/%zz", "/ocsp/AAAA"] {
        let (status, _, body) = send(&routes, "GET", path, None, vec![]).await;
        assert_eq!(
            (status, &body[..]),
            (StatusCode::OK, &malformed[..]),
            "{path}"
        );
    }
    let (status, _, _) = send(&routes, "POST", "/ocsp", None, vec![0; 200_000]).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn nothing_is_there_when_nothing_is_published() {
    let (config, services) = Server::start().await.parts();
    let routes = public_routes(config, services);
    for path in [format!("/crl/{ISSUER}.crl"), "/ocsp".to_owned()] {
        let (status, _, _) = send(&routes, "GET", &path, None, vec![]).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    let directory = "/acme/default/directory";
    let (status, _, body) = send(&routes, "GET", directory, None, vec![]).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(String::from_utf8(body).unwrap().contains("HTTPS alone"));
    let (status, _, _) = send(&routes, "GET", "/roots.pem", None, vec![]).await;
    assert_eq!(status, StatusCode::OK);
}
