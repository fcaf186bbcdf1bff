//! The shape of a signed request, told before any signature is looked at.

use acme_types::{
    Algorithm, FlattenedJws, JwkError, JwsShapeError as E, KeyReference, ProtectedHeader,
    encode_base64url,
};

fn header(json: &str) -> Result<ProtectedHeader, E> {
    let body = format!(
        r#"{{"protected":"{}","payload":"","signature":""}}"#,
        encode_base64url(json)
    );
    FlattenedJws::parse(body.as_bytes())?.protected_header()
}

const JWK: &str = r#""jwk":{"kty":"RSA","n":"Bw","e":"AQAB"}"#;

#[track_caller]
fn bad(json: &str, error: E) {
    assert_eq!(header(json).unwrap_err(), error, "{json}");
}

#[test]
fn three_members_and_no_other() {
    let body = br#"{"payload":"e30","protected":"e30","signature":"AA"}"#;
    let jws = FlattenedJws::parse(body).unwrap();
    assert_eq!(
        (&*jws.protected, &*jws.payload, &*jws.signature),
        ("e30", "e30", "AA")
    );
    let escaped = br#"{"payload":"\u0065\u0033\u0030","protected":"e30","signature":"AA"}"#;
    assert_eq!(FlattenedJws::parse(escaped).unwrap().payload, "e30");

    for body in [
        "",
        "null",
        "[]",
        r#""e30.e30.AA""#,
        "e30.e30.AA",
        r#"{"payload":"e30","protected":"e30"}"#,
        r#"{"payload":"e30","protected":"e30","signature":"AA","header":{}}"#,
        r#"{"payload":"e30","protected":"e30","signature":"AA","header":null}"#,
        r#"{"payload":"e30","signatures":[{"protected":"e30","signature":"AA"}]}"#,
        r#"{"payload":"e30","protected":"e30","signature":"AA","signatures":[]}"#,
        r#"{"payload":"e30","payload":"e30","protected":"e30","signature":"AA"}"#,
        r#"{"payload":"e30","protected":"e30","protected":"e30","signature":"AA"}"#,
        r#"{"payload":"e30","protected":"e30","signature":"AA","\u0070ayload":"e30"}"#,
        r#"{"payload":{},"protected":"e30","signature":"AA"}"#,
        r#"{"payload":null,"protected":"e30","signature":"AA"}"#,
        r#"{"payload":"e30","protected":"e30","signature":"AA"}{}"#,
        r#"{"payload":"e30","protected":"e30","signature":"AA"} x"#,
        r#"{"payload":"e30","protected":"e30","signature":"AA",}"#,
    ] {
        let parsed = FlattenedJws::parse(body.as_bytes());
        assert!(matches!(parsed, Err(E::Json(_))), "{body}");
    }
    assert!(
        FlattenedJws::parse(b"{\"payload\":\"\xff\",\"protected\":\"\",\"signature\":\"\"}")
            .is_err()
    );
}

#[test]
fn a_header_names_its_signer_once() {
    let by_kid =
        header(r#"{"alg":"ES256","kid":"https://ca/acme/p/account/1","nonce":"AA","url":"u"}"#)
            .unwrap();
    assert_eq!(by_kid.alg, Algorithm::Es256);
    assert!(matches!(by_kid.key, KeyReference::Kid(kid) if kid == "https://ca/acme/p/account/1"));
    assert_eq!(by_kid.nonce.as_deref(), Some("AA"));
    assert_eq!(by_kid.url, "u");

    let by_key = header(&format!(
        r#"{{"alg":"RS256",{JWK},"url":"u","typ":"JOSE","cty":"x"}}"#
    ))
    .unwrap();
    assert!(matches!(by_key.key, KeyReference::Jwk(_)));
    assert_eq!(by_key.nonce, None);

    bad(
        &format!(r#"{{"alg":"RS256",{JWK},"kid":"k","url":"u"}}"#),
        E::JwkAndKid,
    );
    bad(r#"{"alg":"RS256","url":"u"}"#, E::NeitherJwkNorKid);
    bad(
        r#"{"alg":"RS256","jwk":null,"url":"u"}"#,
        E::NeitherJwkNorKid,
    );
    bad(&format!(r#"{{"alg":"RS256",{JWK}}}"#), E::NoUrl);
}

#[test]
fn critical_parameters_are_refused_whatever_they_say() {
    for value in ["[]", r#"["exp"]"#, "null", "false"] {
        bad(
            &format!(r#"{{"alg":"RS256",{JWK},"url":"u","crit":{value}}}"#),
            E::Critical,
        );
        bad(
            &format!(r#"{{"alg":"RS256",{JWK},"url":"u","b64":{value}}}"#),
            E::UnencodedPayload,
        );
    }
}

#[test]
fn algorithms_that_are_no_signatures_are_refused_before_their_keys() {
    for alg in [
        "none", "HS256", "HS512", "RS1", "ES256K", "es256", "", "RSA-OAEP",
    ] {
        bad(
            &format!(r#"{{"alg":"{alg}","jwk":{{"kty":"oct","k":"AA"}},"url":"u"}}"#),
            E::Algorithm(alg.to_owned()),
        );
    }
    for algorithm in Algorithm::ALL {
        let read = header(&format!(r#"{{"alg":"{algorithm}",{JWK},"url":"u"}}"#)).unwrap();
        assert_eq!(read.alg, *algorithm);
    }
}

#[test]
fn a_bad_key_is_told_apart_from_a_bad_header() {
    bad(
        r#"{"alg":"RS256","jwk":{"kty":"oct","k":"AA"},"url":"u"}"#,
        E::Key(JwkError::Private),
    );
    assert!(matches!(
        header(r#"{"alg":"RS256","jwk":"x","url":"u"}"#),
        Err(E::Key(JwkError::Json(_)))
    ));
    for json in [
        "",
        "[]",
        "{",
        r#"{"alg":"RS256","kid":7,"url":"u"}"#,
        r#"{"alg":7,"kid":"k","url":"u"}"#,
        r#"{"kid":"k","url":"u"}"#,
        r#"{"alg":"RS256","alg":"RS256","kid":"k","url":"u"}"#,
        r#"{"alg":"RS256","kid":"k","kid":"k","url":"u"}"#,
        r#"{"alg":"RS256","kid":"k","url":"u","url":"u"}"#,
        r#"{"alg":"RS256","kid":"k","url":"u","nonce":"a","nonce":"a"}"#,
        r#"{"alg":"RS256","kid":"k","url":"u"} x"#,
    ] {
        assert!(matches!(header(json), Err(E::Header(_))), "{json}");
    }
    for protected in ["e30=", "e3 0", "e31", "e30\n", "+/+/", "e"] {
        let jws = FlattenedJws {
            protected: protected.into(),
            payload: "".into(),
            signature: "".into(),
        };
        assert!(
            matches!(jws.protected_header(), Err(E::Header(_))),
            "{protected:?}"
        );
    }
}
