//! JWKs: which are public keys of a known kind, in the one form they have.

use acme_types::{Jwk, JwkError as E, encode_base64url};

#[track_caller]
fn bad(json: &str, error: E) {
    assert_eq!(json.parse::<Jwk>(), Err(error), "{json}");
}

fn octets(len: usize) -> String {
    encode_base64url(vec![7; len])
}

fn ec(crv: &str, x: usize, y: usize) -> String {
    format!(
        r#"{{"kty":"EC","crv":"{crv}","x":"{}","y":"{}"}}"#,
        octets(x),
        octets(y)
    )
}

#[test]
fn every_kind_reads_and_writes_itself() {
    for json in [
        ec("P-256", 32, 32),
        ec("P-384", 48, 48),
        ec("P-521", 66, 66),
        format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, octets(32)),
        format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#, octets(256)),
    ] {
        let jwk: Jwk = json.parse().unwrap();
        let written = serde_json::to_value(&jwk).unwrap();
        assert_eq!(
            written,
            serde_json::from_str::<serde_json::Value>(&json).unwrap()
        );
        assert_eq!(jwk.thumbprint_input().parse::<Jwk>(), Ok(jwk));
    }
}

#[test]
fn members_that_do_not_matter_are_ignored() {
    let plain: Jwk = ec("P-256", 32, 32).parse().unwrap();
    let more = format!(
        r#"{{"use":"sig","alg":"ES256","kid":"1","key_ops":["verify"],"x5c":[],{}"#,
        &ec("P-256", 32, 32)[1..]
    );
    assert_eq!(more.parse::<Jwk>(), Ok(plain));
}

#[test]
fn escapes_in_members_are_read() {
    let escaped = r#"{"kty":"\u0052SA","n":"\u0042w","e":"AQAB"}"#;
    assert_eq!(
        escaped.parse::<Jwk>(),
        Ok(Jwk::Rsa {
            n: vec![7],
            e: vec![1, 0, 1]
        })
    );
}

#[test]
fn private_and_symmetric_keys_are_refused() {
    let private = format!(r#"{{"d":"AQAB",{}"#, &ec("P-256", 32, 32)[1..]);
    bad(&private, E::Private);
    let private = format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB","d":"AA"}}"#, octets(3));
    bad(&private, E::Private);
    bad(r#"{"kty":"oct","k":"AQAB"}"#, E::Private);
}

#[test]
fn other_keys_are_refused_and_say_why() {
    let curve = |name: &str| E::UnknownCurve(name.to_owned());
    bad(&ec("secp256k1", 32, 32), curve("secp256k1"));
    bad(&ec("Ed25519", 32, 32), curve("Ed25519"));
    bad(
        &format!(r#"{{"kty":"OKP","crv":"X25519","x":"{}"}}"#, octets(32)),
        curve("X25519"),
    );
    bad(
        &format!(r#"{{"kty":"OKP","crv":"P-256","x":"{}"}}"#, octets(32)),
        curve("P-256"),
    );
    bad(r#"{"kty":"oct"}"#, E::UnknownKind("oct".to_owned()));
    bad(r#"{"kty":"AKP"}"#, E::Missing("alg"));
    bad(r#"{"kty":"EC","x":"AA","y":"AA"}"#, E::Missing("crv"));
    bad(r#"{"kty":"OKP","x":"AA"}"#, E::Missing("crv"));
    bad(r#"{"kty":"EC","crv":"P-256","y":"AA"}"#, E::Missing("x"));
    bad(r#"{"kty":"RSA","e":"AQAB"}"#, E::Missing("n"));
    bad(r#"{"kty":"RSA","n":"Bw"}"#, E::Missing("e"));
}

#[test]
fn every_member_has_one_length_and_one_spelling() {
    bad(&ec("P-256", 31, 32), E::Length("x"));
    bad(&ec("P-256", 32, 33), E::Length("y"));
    bad(&ec("P-521", 65, 66), E::Length("x"));
    let ed = |x: &str| format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#);
    bad(&ed(&octets(31)), E::Length("x"));
    bad(&ed(""), E::Length("x"));
    let rsa = |n: &str, e: &str| format!(r#"{{"kty":"RSA","n":"{n}","e":"{e}"}}"#);
    bad(&rsa("AAcH", "AQAB"), E::LeadingZero("n"));
    bad(&rsa("Bw", "AAEAAQ"), E::LeadingZero("e"));
    bad(&rsa("", "AQAB"), E::Length("n"));
    bad(&rsa("Bw==", "AQAB"), E::Base64("n"));
    bad(&rsa("B+", "AQAB"), E::Base64("n"));
    bad(&rsa("Bx", "AQAB"), E::Base64("n"));
}

#[test]
fn what_is_not_one_json_object_is_refused() {
    for json in [
        "",
        "null",
        "[]",
        r#""RSA""#,
        r#"{"n":"Bw","e":"AQAB"}"#,
        r#"{"kty":7}"#,
        r#"{"kty":"RSA","kty":"RSA","n":"Bw","e":"AQAB"}"#,
        r#"{"kty":"RSA","n":"Bw","e":"AQAB","n":"Bw"}"#,
        r#"{"kty":"RSA","n":"Bw","e":"AQAB"} "x""#,
        r#"{"kty":"RSA","n":["Bw"],"e":"AQAB"}"#,
    ] {
        assert!(matches!(json.parse::<Jwk>(), Err(E::Json(_))), "{json}");
    }
}
