//! Signed requests: what verifies, and every way to be refused.

use acme_core::{KeyChange, SignedRequest, VerifyKey};
use acme_types::{
    Algorithm, Curve, Jwk, KeyReference, MlDsa, Problem, ProblemKind, decode_base64url,
    encode_base64url,
};
use proptest::prelude::*;

use crate::support::{RSA, Signer, signed};

const KID: &str = "https://ca.internal/acme/default/account/1";
const URL: &str = "https://ca.internal/acme/default/new-order";

fn header(alg: &str) -> String {
    format!(r#"{{"alg":"{alg}","kid":"{KID}","nonce":"AAAA","url":"{URL}"}}"#)
}

fn parse(body: &[u8]) -> Result<(), Problem> {
    SignedRequest::parse(body).map(|_| ())
}

fn verify(body: &[u8], jwk: &Jwk) -> Result<Vec<u8>, Problem> {
    SignedRequest::parse(body)?.verify(&VerifyKey::new(jwk)?)
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Problem>, kind: ProblemKind, needle: &str) {
    let problem = result.unwrap_err();
    assert_eq!(problem.kind, kind, "{}", problem.detail);
    assert_eq!(problem.status, 400);
    assert!(problem.detail.contains(needle), "{}", problem.detail);
    let names_algorithms = kind == ProblemKind::BadSignatureAlgorithm;
    assert_eq!(!problem.algorithms.is_empty(), names_algorithms);
}

fn every_pair() -> Vec<(Signer, Vec<Algorithm>)> {
    use Algorithm as A;
    let rsa = Signer::Rsa(
        aws_lc_rs::signature::RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap(),
    );
    vec![
        (Signer::ec(Curve::P256), vec![A::Es256]),
        (Signer::ec(Curve::P384), vec![A::Es384]),
        (Signer::ec(Curve::P521), vec![A::Es512]),
        (Signer::ed25519(), vec![A::EdDsa]),
        (Signer::ml_dsa(MlDsa::MlDsa44), vec![A::MlDsa44]),
        (Signer::ml_dsa(MlDsa::MlDsa65), vec![A::MlDsa65]),
        (Signer::ml_dsa(MlDsa::MlDsa87), vec![A::MlDsa87]),
        (
            rsa,
            vec![A::Rs256, A::Rs384, A::Rs512, A::Ps256, A::Ps384, A::Ps512],
        ),
    ]
}

#[test]
fn every_algorithm_verifies_with_its_keys_and_no_others() {
    for (signer, fitting) in every_pair() {
        let key = VerifyKey::new(&signer.jwk()).unwrap();
        assert_eq!(key.algorithms(), fitting);
        for algorithm in Algorithm::ALL {
            if fitting.contains(algorithm) {
                let body = signed(&signer, *algorithm, &header(algorithm.as_str()), "{}");
                let request = SignedRequest::parse(&body).unwrap();
                assert_eq!(request.algorithm(), *algorithm);
                assert_eq!(request.nonce(), "AAAA");
                assert_eq!(request.header().url, URL);
                assert_eq!(request.verify(&key).unwrap(), b"{}");
            } else {
                let body = signed(&signer, fitting[0], &header(algorithm.as_str()), "{}");
                let problem = verify(&body, &signer.jwk()).unwrap_err();
                assert_eq!(problem.kind, ProblemKind::BadSignatureAlgorithm);
                assert_eq!(problem.algorithms, fitting, "those that fit the key");
            }
        }
    }
}

#[test]
fn rsa_algorithms_are_not_taken_for_each_other() {
    let fitting = [
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
    ];
    for made in fitting {
        for said in fitting {
            let body = signed(&RSA, made, &header(said.as_str()), "{}");
            assert_eq!(
                verify(&body, &RSA.jwk()).is_ok(),
                made == said,
                "{made} {said}"
            );
        }
    }
}

#[test]
fn a_post_as_get_has_an_empty_payload() {
    let signer = Signer::ec(Curve::P256);
    let body = signed(&signer, Algorithm::Es256, &header("ES256"), "");
    assert_eq!(verify(&body, &signer.jwk()).unwrap(), b"");
}

#[test]
fn algorithms_that_are_not_accepted_are_answered_with_those_that_are() {
    let signer = Signer::ec(Curve::P256);
    for alg in ["none", "HS256", "ES256K", "RS1", "es256"] {
        let body = signed(&signer, Algorithm::Es256, &header(alg), "{}");
        let problem = parse(&body).unwrap_err();
        assert_eq!(problem.kind, ProblemKind::BadSignatureAlgorithm);
        assert_eq!(problem.algorithms, Algorithm::USUAL);
    }
}

#[test]
fn the_form_is_checked_before_any_signature() {
    let signer = Signer::ec(Curve::P256);
    let of = |header: &str| parse(&signed(&signer, Algorithm::Es256, header, "{}"));
    let malformed = ProblemKind::Malformed;
    refused(parse(b""), malformed, "flattened");
    refused(parse(b"a.b.c"), malformed, "flattened");
    let mut body = signed(&signer, Algorithm::Es256, &header("ES256"), "{}");
    assert_eq!(parse(&body), Ok(()));
    body.extend_from_slice(b"{}");
    refused(parse(&body), malformed, "flattened");
    refused(
        of(r#"{"alg":"ES256","nonce":"AA","url":"u"}"#),
        malformed,
        "neither",
    );
    refused(
        of(r#"{"alg":"ES256","kid":"k","nonce":"AA"}"#),
        malformed,
        "no url",
    );
    refused(
        of(r#"{"alg":"ES256","kid":"k","nonce":"AA","url":"u","crit":["x"]}"#),
        malformed,
        "crit",
    );
    refused(
        of(r#"{"alg":"ES256","kid":"k","nonce":"AA","url":"u","b64":false}"#),
        malformed,
        "b64",
    );
    let key = serde_json::to_string(&signer.jwk()).unwrap();
    refused(
        of(&format!(
            r#"{{"alg":"ES256","jwk":{key},"kid":"k","nonce":"AA","url":"u"}}"#
        )),
        malformed,
        "both",
    );
    refused(
        of(r#"{"alg":"ES256","jwk":{"kty":"EC"},"nonce":"AA","url":"u"}"#),
        ProblemKind::BadPublicKey,
        "crv",
    );
}

#[test]
fn a_nonce_must_be_there_and_be_base64url() {
    let signer = Signer::ec(Curve::P256);
    let of = |nonce: &str| {
        let header = format!(r#"{{"alg":"ES256","kid":"k",{nonce}"url":"u"}}"#);
        parse(&signed(&signer, Algorithm::Es256, &header, "{}"))
    };
    assert_eq!(of(r#""nonce":"-_8","#), Ok(()));
    refused(of(""), ProblemKind::BadNonce, "no nonce");
    refused(of(r#""nonce":null,"#), ProblemKind::BadNonce, "no nonce");
    for nonce in ["", "AA==", "+/8", "A", "AA A", "ü"] {
        refused(
            of(&format!(r#""nonce":"{nonce}","#)),
            ProblemKind::Malformed,
            "not base64url",
        );
    }
}

#[test]
fn a_signature_is_this_keys_over_this_text_or_it_is_refused() {
    for (signer, fitting) in every_pair() {
        let algorithm = fitting[0];
        let body = signed(
            &signer,
            algorithm,
            &header(algorithm.as_str()),
            r#"{"a":1}"#,
        );
        let text = std::str::from_utf8(&body).unwrap();
        assert!(verify(&body, &signer.jwk()).is_ok());

        let payload = encode_base64url(r#"{"a":1}"#);
        let other = text.replace(&payload, &encode_base64url(r#"{"a":2}"#));
        refused(
            verify(other.as_bytes(), &signer.jwk()),
            ProblemKind::Malformed,
            "does not verify",
        );
        let (head, signature) = text.trim_end_matches("\"}").rsplit_once('"').unwrap();
        let octets = decode_base64url(signature).unwrap();
        let with = |octets: &[u8]| format!("{head}\"{}\"}}", encode_base64url(octets));
        assert_eq!(with(&octets), text);
        for octets in [
            &octets[1..],
            &octets[..octets.len() - 1],
            &[&[0], octets.as_slice()].concat(),
            &[octets.as_slice(), &[0]].concat(),
            &vec![0; octets.len()],
            &[],
        ] {
            refused(
                verify(with(octets).as_bytes(), &signer.jwk()),
                ProblemKind::Malformed,
                "does not verify",
            );
        }
        let padded = format!("{head}\"{signature}=\"}}");
        refused(
            verify(padded.as_bytes(), &signer.jwk()),
            ProblemKind::Malformed,
            "the signature is not base64url",
        );
    }
    let (one, two) = (Signer::ec(Curve::P256), Signer::ec(Curve::P256));
    let body = signed(&one, Algorithm::Es256, &header("ES256"), "{}");
    refused(
        verify(&body, &two.jwk()),
        ProblemKind::Malformed,
        "does not verify",
    );
}

#[test]
fn an_ecdsa_signature_in_der_is_not_one_of_jws() {
    let signer = Signer::ec(Curve::P256);
    let message = format!("{}.", encode_base64url(header("ES256")));
    let (_, der) = signer.x509(message.as_bytes());
    let body = format!(
        r#"{{"protected":"{}","payload":"","signature":"{}"}}"#,
        encode_base64url(header("ES256")),
        encode_base64url(der)
    );
    refused(
        verify(body.as_bytes(), &signer.jwk()),
        ProblemKind::Malformed,
        "does not verify",
    );
}

#[test]
fn a_payload_that_is_not_base64url_is_refused_even_when_it_is_signed() {
    let signer = Signer::ec(Curve::P256);
    let protected = encode_base64url(header("ES256"));
    for payload in ["e30=", "{}", "e31", "e3 0"] {
        let message = format!("{protected}.{payload}");
        let signature = encode_base64url(signer.jws(Algorithm::Es256, message.as_bytes()));
        let body = format!(
            r#"{{"protected":"{protected}","payload":"{payload}","signature":"{signature}"}}"#
        );
        refused(
            verify(body.as_bytes(), &signer.jwk()),
            ProblemKind::Malformed,
            "the payload is not base64url",
        );
    }
}

// --- key change ---

struct Change<'a> {
    inner_header: String,
    inner_payload: String,
    inner_signer: &'a Signer,
}

impl<'a> Change<'a> {
    fn good(old: &Signer, new: &'a Signer) -> Self {
        let jwk = |signer: &Signer| serde_json::to_string(&signer.jwk()).unwrap();
        Self {
            inner_header: format!(r#"{{"alg":"ES256","jwk":{},"url":"{URL}"}}"#, jwk(new)),
            inner_payload: format!(r#"{{"account":"{KID}","oldKey":{}}}"#, jwk(old)),
            inner_signer: new,
        }
    }

    fn parse(&self, old: &Signer) -> Result<KeyChange, Problem> {
        let inner = signed(
            self.inner_signer,
            Algorithm::Es256,
            &self.inner_header,
            &self.inner_payload,
        );
        let inner = String::from_utf8(inner).unwrap();
        let body = signed(old, Algorithm::Es256, &header("ES256"), &inner);
        let outer = SignedRequest::parse(&body).unwrap();
        let payload = outer.verify(&VerifyKey::new(&old.jwk()).unwrap()).unwrap();
        KeyChange::parse(&outer, &payload)
    }
}

#[test]
fn a_key_change_is_signed_by_both_keys() {
    let (old, new) = (Signer::ec(Curve::P256), Signer::ec(Curve::P256));
    let change = Change::good(&old, &new).parse(&old).unwrap();
    assert_eq!(change.account, KID);
    assert_eq!(change.old_key, old.jwk());
    assert_eq!(change.new_key, new.jwk());
}

#[test]
fn every_flaw_of_a_key_change_is_refused() {
    let (old, new) = (Signer::ec(Curve::P256), Signer::ec(Curve::P256));
    let check = |change: Change<'_>, kind, needle: &str| refused(change.parse(&old), kind, needle);
    let with = |edit: &dyn Fn(&mut Change<'_>)| {
        let mut change = Change::good(&old, &new);
        edit(&mut change);
        change
    };
    let malformed = ProblemKind::Malformed;
    let nonce =
        with(&|c| c.inner_header = c.inner_header.replace("\"url\"", r#""nonce":"AA","url""#));
    check(nonce, malformed, "nonce");
    let kid = with(&|c| c.inner_header = header("ES256"));
    check(kid, malformed, "must show the new key");
    let url = with(&|c| c.inner_header = c.inner_header.replace(URL, "https://elsewhere/"));
    check(url, malformed, "another url");
    let alg = with(&|c| c.inner_header = c.inner_header.replace("ES256", "HS256"));
    check(alg, ProblemKind::BadSignatureAlgorithm, "in the inner JWS");
    let fit = with(&|c| c.inner_header = c.inner_header.replace("ES256", "ES384"));
    check(fit, ProblemKind::BadSignatureAlgorithm, "does not fit");
    let by_old = Change {
        inner_signer: &old,
        ..Change::good(&old, &new)
    };
    check(by_old, malformed, "does not verify");
    let account = with(&|c| c.inner_payload = c.inner_payload.replace(KID, "https://elsewhere/"));
    check(account, malformed, "another account");
    let no_old = with(&|c| c.inner_payload = format!(r#"{{"account":"{KID}"}}"#));
    check(no_old, malformed, "oldKey");
    let bad_old = with(&|c| c.inner_payload = format!(r#"{{"account":"{KID}","oldKey":{{}}}}"#));
    check(bad_old, malformed, "oldKey");
    let no_json = with(&|c| c.inner_payload = "x".to_owned());
    check(no_json, malformed, "cannot be read");
    let weak = with(&|c| {
        c.inner_header = format!(
            r#"{{"alg":"RS256","jwk":{{"kty":"RSA","n":"{}","e":"AQAB"}},"url":"{URL}"}}"#,
            encode_base64url([0xff; 128])
        );
    });
    check(weak, ProblemKind::BadPublicKey, "1024 bits");
}

#[test]
fn an_outer_request_that_shows_a_key_changes_none() {
    let (old, new) = (Signer::ec(Curve::P256), Signer::ec(Curve::P256));
    let change = Change::good(&old, &new);
    let inner = signed(
        &new,
        Algorithm::Es256,
        &change.inner_header,
        &change.inner_payload,
    );
    let outer_header = format!(
        r#"{{"alg":"ES256","jwk":{},"nonce":"AA","url":"{URL}"}}"#,
        serde_json::to_string(&old.jwk()).unwrap()
    );
    let body = signed(&old, Algorithm::Es256, &outer_header, "{}");
    let outer = SignedRequest::parse(&body).unwrap();
    assert!(matches!(outer.header().key, KeyReference::Jwk(_)));
    refused(
        KeyChange::parse(&outer, &inner),
        ProblemKind::Malformed,
        "another account",
    );
    refused(
        KeyChange::parse(&outer, b"{}"),
        ProblemKind::Malformed,
        "in the inner JWS",
    );
}

// --- whatever comes ---

fn sample() -> (Vec<u8>, VerifyKey) {
    static SIGNER: std::sync::LazyLock<Signer> = std::sync::LazyLock::new(Signer::ed25519);
    let body = signed(
        &SIGNER,
        Algorithm::EdDsa,
        &header("EdDSA"),
        r#"{"csr":"AAAA"}"#,
    );
    (body, VerifyKey::new(&SIGNER.jwk()).unwrap())
}

proptest! {
    #[test]
    fn no_body_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = SignedRequest::parse(&body);
    }

    #[test]
    fn no_header_makes_it_panic(json in "\\{(\"(alg|kid|jwk|url|nonce|crit)\":(\"ES256\"|\\{\\}|\\[\\]|null|7),?){0,6}\\}?") {
        let body = format!(
            r#"{{"protected":"{}","payload":"","signature":""}}"#,
            encode_base64url(json)
        );
        let _ = SignedRequest::parse(body.as_bytes());
    }

    #[test]
    fn a_request_with_one_octet_changed_is_refused(at in any::<prop::sample::Index>(), bits in 1..=255_u8) {
        let (mut body, key) = sample();
        prop_assert!(SignedRequest::parse(&body).unwrap().verify(&key).is_ok());
        let at = at.index(body.len());
        body[at] ^= bits;
        let verdict = SignedRequest::parse(&body).and_then(|request| request.verify(&key));
        prop_assert!(verdict.is_err());
    }
}
