//! Public keys: strength, thumbprints, and the form they have in certificates.

use acme_core::{
    VerifyKey, dns01_value, jwk_from_spki, key_authorization_digest, spki_of, thumbprint,
};
use acme_types::{
    Algorithm, Curve, Jwk, KeyAuthorization, MlDsa, ProblemKind, Token, decode_base64url,
    encode_base64url,
};

use crate::support::{RSA, Signer};

/// The key of [RFC 7638 § 3.1](https://www.rfc-editor.org/rfc/rfc7638#section-3.1).
const RFC_7638_KEY: &str = r#"{
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29"
}"#;

#[test]
fn the_thumbprint_of_rfc_7638() {
    let jwk: Jwk = RFC_7638_KEY.parse().unwrap();
    assert_eq!(
        thumbprint(&jwk).to_string(),
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    );
}

/// The key of [RFC 8037 appendix A.3](https://www.rfc-editor.org/rfc/rfc8037#appendix-A.3).
#[test]
fn the_thumbprint_of_rfc_8037() {
    let jwk: Jwk =
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#
            .parse()
            .unwrap();
    assert_eq!(
        thumbprint(&jwk).to_string(),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
}

#[test]
fn the_digests_of_a_key_authorization() {
    let jwk: Jwk = RFC_7638_KEY.parse().unwrap();
    let token: Token = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
        .parse()
        .unwrap();
    let authorization = KeyAuthorization::new(&token, &thumbprint(&jwk));
    assert_eq!(
        authorization.as_str(),
        "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    );
    // printf %s KEY-AUTHORIZATION | openssl dgst -sha256 -binary | basenc --base64url
    assert_eq!(
        dns01_value(&authorization),
        "ZTRx1Ckl1-tM05o5zaizTTA0yUy5AGereMgSNWC6Ll8"
    );
    assert_eq!(
        encode_base64url(key_authorization_digest(&authorization)),
        dns01_value(&authorization)
    );
}

#[track_caller]
fn weak(jwk: &Jwk, needle: &str) {
    let problem = VerifyKey::new(jwk).unwrap_err();
    assert_eq!(problem.kind, ProblemKind::BadPublicKey);
    assert!(problem.detail.contains(needle), "{}", problem.detail);
}

/// An RSA key whose modulus is a number of that many bits.
fn rsa_of(bits: usize) -> Jwk {
    let mut n = vec![0; bits.div_ceil(8)];
    n[0] = 1 << ((bits - 1) % 8);
    // Any odd number without a small factor will do: nothing here can tell that it is no product
    // of two primes.
    let last = n.len() - 1;
    for low in (1..=u8::MAX).step_by(2) {
        n[last] = low;
        let jwk = Jwk::Rsa {
            n: n.clone(),
            e: vec![1, 0, 1],
        };
        let small = |jwk: &Jwk| {
            VerifyKey::new(jwk).is_err_and(|problem| problem.detail.contains("divided"))
        };
        if !small(&jwk) {
            return jwk;
        }
    }
    panic!("no number of {bits} bits");
}

#[test]
fn rsa_keys_have_2048_to_8192_bits() {
    for bits in [2048, 2049, 3072, 4095, 4096, 8192] {
        assert!(VerifyKey::new(&rsa_of(bits)).is_ok(), "{bits}");
    }
    for bits in [1, 512, 1024, 2047, 8193, 16384] {
        weak(&rsa_of(bits), &format!("{bits} bits"));
    }
}

#[test]
fn rsa_keys_have_the_one_exponent() {
    let Jwk::Rsa { n, .. } = RSA.jwk() else {
        unreachable!();
    };
    for e in [&[3][..], &[1, 0, 0, 1], &[1, 0, 0], &[1], &[]] {
        let (n, e) = (n.clone(), e.to_vec());
        weak(&Jwk::Rsa { n, e }, "exponent");
    }
}

#[test]
fn rsa_moduli_from_broken_generators_are_refused() {
    let Jwk::Rsa { n, e } = RSA.jwk() else {
        unreachable!();
    };
    let with = |n: Vec<u8>| Jwk::Rsa { n, e: e.clone() };
    let mut even = n.clone();
    *even.last_mut().unwrap() &= !1;
    weak(&with(even), "even");
    assert!(VerifyKey::new(&with(n.clone())).is_ok());
    // Multiples of the smallest and the largest prime that is looked for, and of some between.
    let free = octets_of(&rsa_of(2048));
    for prime in [3_u32, 5, 7, 11, 127, 251, 257, 509, 743, 751] {
        weak(&with(times(&free, prime)), &format!("divided by {prime};"));
    }
    // The first prime beyond is not looked for.
    assert!(VerifyKey::new(&with(times(&free, 757))).is_ok());
}

fn octets_of(jwk: &Jwk) -> Vec<u8> {
    match jwk {
        Jwk::Rsa { n, .. } => n.clone(),
        _ => unreachable!(),
    }
}

/// The product of a big-endian number and a small one.
fn times(n: &[u8], factor: u32) -> Vec<u8> {
    let mut product = Vec::new();
    let mut carry = 0;
    for octet in n.iter().rev() {
        carry += u64::from(*octet) * u64::from(factor);
        product.push(carry as u8);
        carry >>= 8;
    }
    while carry > 0 {
        product.push(carry as u8);
        carry >>= 8;
    }
    product.reverse();
    product
}

#[test]
fn points_off_their_curve_are_refused() {
    for curve in [Curve::P256, Curve::P384, Curve::P521] {
        let Jwk::Ec { x, y, .. } = Signer::ec(curve).jwk() else {
            unreachable!();
        };
        let with = |x: &[u8], y: &[u8]| Jwk::Ec {
            curve,
            x: x.to_vec(),
            y: y.to_vec(),
        };
        assert!(VerifyKey::new(&with(&x, &y)).is_ok());
        let mut moved = y.clone();
        *moved.last_mut().unwrap() ^= 1;
        weak(&with(&x, &moved), curve.as_str());
        weak(&with(&y, &x), curve.as_str());
        weak(&with(&vec![0; x.len()], &vec![0; x.len()]), curve.as_str());
        weak(&with(&vec![0xff; x.len()], &y), curve.as_str());
    }
}

#[test]
fn a_debugged_key_tells_its_kind() {
    let key = VerifyKey::new(&Signer::ec(Curve::P384).jwk()).unwrap();
    assert_eq!(format!("{key:?}"), "VerifyKey(P-384)");
}

#[test]
fn keys_go_into_certificates_and_come_back() {
    let signers = [
        Signer::ec(Curve::P256),
        Signer::ec(Curve::P384),
        Signer::ec(Curve::P521),
        Signer::ed25519(),
    ];
    for jwk in signers.iter().map(Signer::jwk).chain([RSA.jwk()]) {
        let spki = spki_of(&jwk);
        assert_eq!(jwk_from_spki(&spki), Some(jwk));
        assert_eq!(jwk_from_spki(&[spki.as_slice(), &[0]].concat()), None);
        assert_eq!(jwk_from_spki(&spki[..spki.len() - 1]), None);
    }
    // What another library writes is the same.
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::signature::KeyPair as _;
    let Signer::Rsa(key) = &*RSA else {
        unreachable!();
    };
    let der = key.public_key().as_der().unwrap();
    assert_eq!(spki_of(&RSA.jwk()), der.as_ref());
    let Signer::Ed25519(key) = &signers[3] else {
        unreachable!();
    };
    let der = key.public_key().as_der().unwrap();
    assert_eq!(spki_of(&signers[3].jwk()), der.as_ref());
}

#[test]
fn other_forms_of_a_key_are_not_the_key() {
    let spki = |text: &str| jwk_from_spki(&decode_base64url(text).unwrap());
    // P-256, named; the same with secp256k1; X25519; nothing; garbage.
    assert_eq!(
        spki(
            "MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        ),
        None
    );
    assert_eq!(jwk_from_spki(&[]), None);
    assert_eq!(jwk_from_spki(&[0x30, 0x80]), None);
    let ed = spki_of(&Signer::ed25519().jwk());
    let mut x25519 = ed.clone();
    // 1.3.101.112 and 1.3.101.110 differ in one octet.
    assert_eq!(x25519[8], 112);
    x25519[8] = 110;
    assert_eq!(jwk_from_spki(&x25519), None);
    // A compressed point is a second form of the same key.
    let signer = Signer::ec(Curve::P256);
    let point = signer.compressed_point();
    let mut compressed = spki_of(&signer.jwk())[..26].to_vec();
    compressed[1] -= 32;
    compressed[24] -= 32;
    compressed.extend_from_slice(&point);
    assert_eq!(compressed.len(), 26 + 33);
    assert_eq!(jwk_from_spki(&compressed), None);
}

#[test]
fn keys_of_ml_dsa_are_those_of_rfc_9964() {
    for parameters in MlDsa::ALL {
        let jwk = Signer::ml_dsa(*parameters).jwk();
        let json = serde_json::to_value(&jwk).unwrap();
        assert_eq!(
            (&json["kty"], &json["alg"]),
            (&"AKP".into(), &parameters.as_str().into())
        );
        assert_eq!(json.to_string().parse::<Jwk>().unwrap(), jwk);
        // Required members alone, in their order (RFC 7638 § 3.2).
        let input = format!(
            r#"{{"alg":"{}","kty":"AKP","pub":{}}}"#,
            parameters.as_str(),
            json["pub"]
        );
        assert_eq!(jwk.thumbprint_input(), input);
        assert_eq!(jwk_from_spki(&spki_of(&jwk)), Some(jwk.clone()));
        let broken = |change: &dyn Fn(&mut serde_json::Value)| {
            let mut json = json.clone();
            change(&mut json);
            json.to_string().parse::<Jwk>().unwrap_err().to_string()
        };
        assert!(broken(&|json| json["alg"] = "ML-DSA-66".into()).contains("use ML-DSA-44"));
        assert!(broken(&|json| json["alg"] = serde_json::Value::Null).contains("\"alg\""));
        assert!(broken(&|json| json["pub"] = "AAAA".into()).contains("wrong length"));
        assert!(broken(&|json| json["pub"] = serde_json::Value::Null).contains("\"pub\""));
        assert!(broken(&|json| json["priv"] = "AAAA".into()).contains("private parts"));
    }
}

/// Signatures without the zeros that r or s began with, made with OpenSSL by way of Python: both
/// lack one, s lacks two, r lacks two.
const SHORT: [(&str, &str); 3] = [
    (
        "message 81635",
        "ce213f4f564786208734025cf5648e3da99a6713b4d9664a2aeaa54a957edc91c86af03b2ab6bb6da8dea2575c4684330ea17092825927abb5b8a09df333",
    ),
    (
        "message 112645",
        "b346275b927b26593247b18c284812cbba108ca8392659d64c75a596d1993150fd4969c7639c8ff6c69d37bf0ef4ddfc9310e42a52c02c846c080dfa2ef7",
    ),
    (
        "message 131719",
        "f5103044e22d02e75ca220ca526fe9ad04819b586bf9aeed463e3d2b379e7915b946ac96434cb7b40f220bbb616142e16b986c838e86565d3efc862f6521",
    ),
];

#[test]
fn es256_signatures_that_lost_their_zeros_verify() {
    let octets = |hex: &str| -> Vec<u8> {
        let pairs = (0..hex.len()).step_by(2);
        pairs
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    };
    let key = VerifyKey::new(&Jwk::Ec {
        curve: Curve::P256,
        x: octets("53bc141eda403f127793bfcb8048077a8b4ea8e7c557baf5a6546209562932d9"),
        y: octets("55a6d6da474108d0afc391013d960bfdbba80973b615729c44c92f97eac69112"),
    })
    .unwrap();
    let verifies = |message: &str, signature: &[u8]| {
        key.verifies(Algorithm::Es256, message.as_bytes(), signature)
    };
    for (message, signature) in SHORT {
        let signature = octets(signature);
        assert!(verifies(message, &signature), "{message}");
        let mut wrong = signature.clone();
        wrong[40] ^= 1;
        assert!(!verifies(message, &wrong), "{message}");
        assert!(!verifies("another message", &signature));
        assert!(!verifies(message, &signature[1..]), "{message}");
        assert!(!verifies(
            message,
            &[signature.as_slice(), &[0; 3]].concat()
        ));
    }
    for length in 0..64 {
        assert!(!verifies("message", &vec![1; length]), "{length}");
    }
}

#[test]
fn other_curves_take_no_short_signatures() {
    for (curve, algorithm) in [
        (Curve::P384, Algorithm::Es384),
        (Curve::P521, Algorithm::Es512),
    ] {
        let signer = Signer::ec(curve);
        let key = VerifyKey::new(&signer.jwk()).unwrap();
        let signature = signer.jws(algorithm, b"message");
        assert!(key.verifies(algorithm, b"message", &signature));
        assert!(!key.verifies(algorithm, b"message", &signature[1..]));
    }
}
