//! Certificate signing requests: which are good, and why the others are not.

mod fixtures;
mod request;

use acme_core::{Csr, spki_of};
use acme_types::{Curve, Identifier, Jwk, MlDsa, Problem, ProblemKind, encode_base64url};
use proptest::prelude::*;

use self::request::{
    BMP, DNS, IA5, IP, PRINTABLE, Request, TELETEX, UTF8, attribute, extension, oid, seq, tlv,
};
use crate::support::{RSA, Signer};

fn dns(name: &str) -> Identifier {
    Identifier::Dns(name.parse().unwrap())
}

fn ip(address: &str) -> Identifier {
    Identifier::Ip(address.parse().unwrap())
}

fn account_key() -> Jwk {
    Jwk::Ed25519 { x: [9; 32] }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Problem>, needle: &str) {
    let problem = result.unwrap_err();
    assert_eq!(problem.kind, ProblemKind::BadCsr, "{}", problem.detail);
    assert_eq!(problem.status, 400);
    assert!(problem.detail.contains(needle), "{}", problem.detail);
    assert!(problem.detail.chars().count() < 1000);
}

// --- keys and signatures ---

#[test]
fn a_request_by_ml_dsa_is_as_its_rfc_has_it() {
    let signer = Signer::ml_dsa(MlDsa::MlDsa65);
    let request = Request::new(&["a.example"]);
    // The key of one set of parameters does not sign for another.
    let other = Request {
        spki: Some(spki_of(&Signer::ml_dsa(MlDsa::MlDsa44).jwk())),
        ..Request::new(&["a.example"])
    };
    refused(Csr::parse(&other.text(&signer)), "does not fit its key");
    let foreign = Request {
        spki: Some(spki_of(&Signer::ml_dsa(MlDsa::MlDsa65).jwk())),
        ..Request::new(&["a.example"])
    };
    refused(Csr::parse(&foreign.text(&signer)), "does not verify");
    // Parameters must be absent, in the key and in the signature (RFC 9881 § 2).
    let info = request.info(&signer.jwk());
    let (algorithm, signature) = signer.x509(&info);
    let with_null = seq(&[&oid(algorithm), &tlv(5, &[])]);
    let signature = tlv(3, &[&[0], &signature]);
    let der = seq(&[&info, &with_null, &signature]);
    refused(Csr::parse(&encode_base64url(der)), "is not accepted");
    let Jwk::MlDsa { public_key, .. } = signer.jwk() else {
        panic!("an ML-DSA key");
    };
    for key in [&public_key[1..], &[&public_key[..], &[0]].concat()] {
        let key = tlv(3, &[&[0], key]);
        let spki = seq(&[&seq(&[&oid(algorithm)]), &key]);
        let short = Request {
            spki: Some(spki),
            ..Request::new(&["a.example"])
        };
        refused(Csr::parse(&short.text(&signer)), "kind not accepted");
    }
}

#[test]
fn every_kind_of_key_is_certified_as_it_is() {
    let signers = [
        Signer::ec(Curve::P256),
        Signer::ec(Curve::P384),
        Signer::ec(Curve::P521),
        Signer::ed25519(),
        Signer::ml_dsa(MlDsa::MlDsa44),
        Signer::ml_dsa(MlDsa::MlDsa65),
        Signer::ml_dsa(MlDsa::MlDsa87),
    ];
    for signer in signers.iter().chain([&*RSA]) {
        let csr = Csr::parse(&Request::new(&["a.example"]).text(signer)).unwrap();
        assert_eq!(csr.jwk(), &signer.jwk());
        assert_eq!(csr.spki(), spki_of(&signer.jwk()));
        assert_eq!(csr.identifiers(), [dns("a.example")]);
    }
}

#[test]
fn requests_of_another_implementation() {
    let names = [dns("a.example")];
    for text in [
        fixtures::P256_SHA384,
        fixtures::P256_SHA512,
        fixtures::P384_SHA256,
        fixtures::P384_SHA512,
        fixtures::PSS_SHA256,
        fixtures::PSS_SHA384_20,
        fixtures::PSS_MAX,
    ] {
        let csr = Csr::parse(text).unwrap();
        assert_eq!(csr.check(&names, &account_key()), Ok(()));
    }
    let csr = Csr::parse(fixtures::EVERYTHING).unwrap();
    assert_eq!(
        csr.identifiers(),
        [
            dns("a.example"),
            dns("b.example"),
            ip("192.0.2.1"),
            ip("2001:db8::1")
        ]
    );
}

#[test]
fn weak_keys_and_weak_signatures_are_refused() {
    for (text, needle) in [
        (fixtures::RSA_SHA1, "sign it with SHA-256"),
        (fixtures::EC_SHA1, "sign it with SHA-256"),
        (fixtures::PSS_MGF, "does not verify"),
        (fixtures::EXPLICIT, "kind not accepted"),
        (fixtures::K1, "kind not accepted"),
        (fixtures::RSAPSS, "kind not accepted"),
        (fixtures::RSA1024, "1024 bits"),
    ] {
        refused(Csr::parse(text), needle);
    }
}

#[test]
fn the_signature_is_the_keys_over_the_request() {
    let (one, two) = (Signer::ec(Curve::P256), Signer::ec(Curve::P256));
    let request = Request {
        spki: Some(spki_of(&two.jwk())),
        ..Request::new(&["a.example"])
    };
    refused(Csr::parse(&request.text(&one)), "does not verify");
    // An algorithm of another kind of key.
    let request = Request {
        spki: Some(spki_of(&RSA.jwk())),
        ..Request::new(&["a.example"])
    };
    refused(Csr::parse(&request.text(&one)), "does not fit its key");
    // Unused bits in the signature, and no signature.
    let info = Request::new(&["a.example"]).info(&one.jwk());
    let (algorithm, signature) = one.x509(&info);
    let algorithm = seq(&[&oid(algorithm)]);
    let with = |bits: &[u8]| {
        let der = seq(&[&info, &algorithm, &tlv(3, &[bits])]);
        Csr::parse(&encode_base64url(der))
    };
    assert!(with(&[&[0], signature.as_slice()].concat()).is_ok());
    refused(
        with(&[&[1], signature.as_slice()].concat()),
        "cannot be read",
    );
    refused(with(&[]), "cannot be read");
    refused(with(&[0]), "does not verify");
}

#[test]
fn the_signature_covers_the_octets_that_were_sent() {
    // Attributes in an order that DER would not give them, and that an encoder would change.
    let mut request = Request::new(&["a.example"]);
    request.attributes = vec![
        attribute(
            "1.2.840.113549.1.9.7",
            &tlv(UTF8, &[b"a password that makes it long"]),
        ),
        attribute("1.2.840.113549.1.9.2", &tlv(UTF8, &[b"x"])),
    ];
    request.asks_for(&[dns("a.example")]);
}

#[test]
fn a_point_off_its_curve_is_refused() {
    let Jwk::Ec { curve, x, mut y } = Signer::ec(Curve::P256).jwk() else {
        unreachable!();
    };
    y[31] ^= 1;
    let request = Request {
        spki: Some(spki_of(&Jwk::Ec { curve, x, y })),
        ..Request::new(&["a.example"])
    };
    request.refused("not on P-256");
}

#[test]
fn the_accounts_key_is_not_certified() {
    let signer = Signer::ec(Curve::P256);
    let csr = Csr::parse(&Request::new(&["a.example"]).text(&signer)).unwrap();
    refused(
        csr.check(&[dns("a.example")], &signer.jwk()),
        "its key is the account's",
    );
}

// --- names ---

#[test]
fn names_may_stand_in_subject_alt_name_or_be_common_names() {
    let a = || [dns("a.example")];
    let ab = || [dns("a.example"), dns("b.example")];
    Request::new(&["a.example"]).asks_for(&a());
    Request::new(&["a.example"]).cn("a.example").asks_for(&a());
    Request::new(&[])
        .without_san()
        .cn("a.example")
        .asks_for(&a());
    Request::new(&["a.example"]).cn("b.example").asks_for(&ab());
    Request::new(&[])
        .without_san()
        .cn("b.example")
        .cn("a.example")
        .asks_for(&ab());
    Request::new(&["b.example", "a.example", "a.example"]).asks_for(&ab());
    Request::new(&["A.Example"]).cn("a.EXAMPLE").asks_for(&a());
    Request::new(&["*.a.example", "a.example"]).asks_for(&[dns("*.a.example"), dns("a.example")]);
    Request::new(&["192.0.2.1", "2001:db8::1", "a.example"]).asks_for(&[
        dns("a.example"),
        ip("192.0.2.1"),
        ip("2001:db8::1"),
    ]);
    // An empty common name says nothing.
    Request::new(&["a.example"]).cn("").asks_for(&a());
}

#[test]
fn common_names_are_read_in_every_string_type() {
    let bmp: Vec<u8> = "a.example"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    for (tag, value) in [
        (UTF8, b"a.example".to_vec()),
        (PRINTABLE, b"a.example".to_vec()),
        (IA5, b"a.example".to_vec()),
        (TELETEX, b"a.example".to_vec()),
        (BMP, bmp),
    ] {
        let mut request = Request::new(&[]).without_san();
        request.common_names = vec![(tag, value)];
        request.asks_for(&[dns("a.example")]);
    }
    for (tag, value) in [
        (UTF8, vec![0xff]),
        (BMP, vec![0]),
        (BMP, vec![0xd8, 0]),
        (2, vec![1]),
        (0x30, vec![]),
    ] {
        let mut request = Request::new(&["a.example"]);
        request.common_names = vec![(tag, value)];
        request.refused("not a text");
    }
}

#[test]
fn a_common_name_is_one_of_the_names_or_is_refused() {
    Request::new(&["a.example"])
        .cn("My Web Server")
        .refused("\"My Web Server\"");
    Request::new(&["a.example"])
        .cn("a.example.")
        .refused("ends with a dot");
    Request::new(&["a.example"])
        .cn("bücher.example")
        .refused("outside ASCII");
    Request::new(&["a.example"]).cn("*").refused("wildcard");
    let long = "x".repeat(10_000);
    Request::new(&["a.example"]).cn(&long).refused("…");
}

#[test]
fn an_address_stands_in_subject_alt_name() {
    Request::new(&["192.0.2.1"])
        .cn("192.0.2.1")
        .asks_for(&[ip("192.0.2.1")]);
    Request::new(&["2001:db8::1"])
        .cn("2001:DB8:0::1")
        .asks_for(&[ip("2001:db8::1")]);
    Request::new(&[])
        .without_san()
        .cn("192.0.2.1")
        .refused("iPAddress");
    Request::new(&["a.example"])
        .cn("2001:db8::1")
        .refused("iPAddress");
    Request::new(&["192.0.2.2"])
        .cn("192.0.2.1")
        .refused("iPAddress");
    // As a DNS name it is none.
    let mut request = Request::new(&[]);
    request.alternative = Some(vec![(DNS, b"192.0.2.1".to_vec())]);
    request.refused("looks like an IP address");
    for octets in [vec![], vec![192, 0, 2], vec![0; 8], vec![0; 32]] {
        request.alternative = Some(vec![(IP, octets)]);
        request.refused("4 or 16 octets");
    }
}

#[test]
fn other_kinds_of_name_are_refused() {
    for (tag, value, needle) in [
        (0x81, b"a@b.example".to_vec(), "email address"),
        (0x86, b"https://a.example/".to_vec(), "URI"),
        (0xa4, seq(&[]), "directory name"),
        (0x88, vec![42, 3, 4], "registered id"),
        (
            0xa0,
            [oid("1.2.3"), vec![0xa0, 2, 5, 0]].concat(),
            "other name",
        ),
        (0xa0, oid("1.2.3"), "not two parts"),
        (0xa3, vec![], "X.400"),
        (0x89, vec![], "unknown kind"),
        (0x0c, b"a.example".to_vec(), "not a list of names"),
    ] {
        let mut request = Request::new(&["a.example"]);
        request.alternative.as_mut().unwrap().push((tag, value));
        request.refused(needle);
    }
    for (name, needle) in [
        (&b"a_b.example"[..], "a_b"),
        (b"a.example.", "ends with a dot"),
        (b"", "empty"),
        (b"a.example\0.evil.example", "\u{fffd}"),
        (b"\xff", "utf-8"),
        (b"a.*.example", "wildcard"),
    ] {
        let mut request = Request::new(&[]);
        request.alternative = Some(vec![(DNS, name.to_vec())]);
        request.refused(needle);
    }
}

#[test]
fn a_request_without_names_is_refused() {
    Request::new(&[]).refused("no name");
    Request::new(&[]).without_san().refused("no name");
    let mut bare = Request::new(&[]).without_san();
    bare.has_attributes = false;
    bare.refused("no name");
    bare.cn("a.example").asks_for(&[dns("a.example")]);
}

#[test]
fn a_request_names_exactly_what_its_order_does() {
    let csr = Request::new(&["a.example", "b.example"]).parse().unwrap();
    let check = |order: &[Identifier]| csr.check(order, &account_key());
    assert_eq!(check(&[dns("b.example"), dns("a.example")]), Ok(()));
    refused(
        check(&[dns("a.example")]),
        "names b.example, which the order",
    );
    let three = [dns("a.example"), dns("b.example"), ip("::1")];
    refused(check(&three), "lacks ::1 of the order");
    refused(
        check(&[dns("a.example"), dns("*.b.example")]),
        "lacks *.b.example of the order, and names b.example",
    );
    refused(check(&[]), "names a.example, b.example,");
    let many: Vec<_> = (0..100).map(|n| dns(&format!("n{n:02}.example"))).collect();
    refused(
        check(&many),
        "n00.example, n01.example, n02.example, n03.example, n04.example and 95 more",
    );
    let csr = Request::new(&[])
        .without_san()
        .cn("a.example")
        .parse()
        .unwrap();
    refused(
        csr.check(&[dns("b.example")], &account_key()),
        "lacks b.example",
    );
}

// --- what is asked for beside ---

#[test]
fn other_extensions_and_attributes_do_not_matter() {
    let mut request = Request::new(&["a.example"]);
    request.attributes = vec![
        attribute("1.2.840.113549.1.9.7", &tlv(PRINTABLE, &[b"secret"])),
        // Values that are no values of this attribute, an attribute with none, one with two.
        attribute("1.2.840.113549.1.9.2", &[]),
        attribute(
            "1.3.6.1.4.1.311.13.2.3",
            &[tlv(5, &[]), tlv(5, &[])].concat(),
        ),
        // An object identifier longer than any library keeps.
        seq(&[&tlv(6, &[&[0x2a; 200]]), &tlv(0x31, &[&tlv(5, &[])])]),
    ];
    request.extensions = vec![
        extension("2.5.29.14", &tlv(4, &[&[1; 20]])),
        // Key usage, critical, and with a value that is none.
        seq(&[
            &oid("2.5.29.15"),
            &tlv(1, &[&[0xff]]),
            &tlv(4, &[b"garbage"]),
        ]),
        // A critical flag that DER would leave out.
        seq(&[&oid("2.5.29.37"), &tlv(1, &[&[0]]), &tlv(4, &[&[]])]),
        seq(&[&tlv(6, &[&[0x2a; 100]]), &tlv(4, &[&[]])]),
    ];
    request.asks_for(&[dns("a.example")]);
}

#[test]
fn names_in_a_second_subject_alt_name_count() {
    let mut request = Request::new(&["a.example"]);
    request.extensions = vec![extension("2.5.29.17", &seq(&[&tlv(DNS, &[b"b.example"])]))];
    request.asks_for(&[dns("a.example"), dns("b.example")]);
    request.extensions.clear();
    let extensions = seq(&[&extension("2.5.29.17", &seq(&[&tlv(DNS, &[b"c.example"])]))]);
    request.attributes = vec![attribute("1.2.840.113549.1.9.14", &extensions)];
    request.asks_for(&[dns("a.example"), dns("c.example")]);
}

#[test]
fn a_version_other_than_zero_is_tolerated() {
    for version in [0, 1, 2] {
        let mut request = Request::new(&["a.example"]);
        request.version = vec![2, 1, version];
        request.asks_for(&[dns("a.example")]);
    }
    for version in [
        &[2, 1, 3][..],
        &[2, 1, 0xff],
        &[2, 0],
        &[2, 2, 0, 0],
        &[4, 1, 0],
        &[],
    ] {
        let mut request = Request::new(&["a.example"]);
        request.version = version.to_vec();
        request.refused("cannot be read");
    }
}

// --- the text ---

#[test]
fn padding_is_tolerated_and_nothing_else() {
    let signer = Signer::ec(Curve::P256);
    let request = |n: usize| Request::new(&[&format!("{}.example", "a".repeat(n))]).text(&signer);
    let texts: Vec<_> = (1..=6).map(request).collect();
    for text in &texts {
        let padded = format!("{text}{}", "=".repeat((4 - text.len() % 4) % 4));
        assert!(Csr::parse(text).is_ok() && Csr::parse(&padded).is_ok());
        refused(Csr::parse(&format!("{text}===")), "base64url");
        refused(Csr::parse(&format!("{text}\n")), "base64url");
        refused(Csr::parse(&format!(" {text}")), "base64url");
        refused(Csr::parse(&text[..text.len() - 4]), "");
        refused(Csr::parse(&format!("{text}AAAA")), "");
    }
    assert!(
        texts.iter().any(|text| text.len() % 4 == 2)
            || texts.iter().any(|text| text.len() % 4 == 3)
    );
}

#[test]
fn other_texts_say_what_is_wrong() {
    refused(
        Csr::parse("-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----"),
        "it is PEM",
    );
    refused(Csr::parse(""), "cannot be read");
    refused(Csr::parse("="), "cannot be read");
    refused(Csr::parse("MIIB+/8"), "base64url");
    refused(Csr::parse("AAAA"), "cannot be read");
    let trailing = [
        Request::new(&["a.example"]).der(&Signer::ec(Curve::P256)),
        vec![5, 0],
    ];
    refused(
        Csr::parse(&encode_base64url(trailing.concat())),
        "cannot be read",
    );
    // A length of four gigabytes, and one of indefinite form.
    refused(
        Csr::parse(&encode_base64url([0x30, 0x84, 0xff, 0xff, 0xff, 0xff])),
        "cannot be read",
    );
    refused(
        Csr::parse(&encode_base64url([0x30, 0x80, 0, 0])),
        "cannot be read",
    );
}

#[test]
fn very_many_names_are_read() {
    let names: Vec<String> = (0..4000)
        .map(|n| format!("host-{n:04}.internal.example"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let csr = Request::new(&names).parse().unwrap();
    assert_eq!(csr.identifiers().len(), 4000);
    refused(
        csr.check(&[dns("a.example")], &account_key()),
        "and 3995 more",
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[A-Za-z0-9_=-]{0,300}") {
        prop_assert!(Csr::parse(&text).is_err());
    }

    #[test]
    fn no_der_makes_it_panic(der in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Csr::parse(&encode_base64url(der)).is_err());
    }

    /// The names of a request are read after its signature; so are changed ones that it covers.
    #[test]
    fn no_signed_names_make_it_panic(
        names in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..40)), 0..5),
        common in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..40)), 0..3),
        extra in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let request = Request {
            alternative: Some(names),
            common_names: common,
            attributes: vec![extra],
            ..Request::new(&[])
        };
        let _ = request.parse();
    }

    #[test]
    fn a_request_with_one_octet_changed_is_refused(at in any::<prop::sample::Index>(), bits in 1..=255_u8) {
        static SAMPLE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
            Request::new(&["a.example", "192.0.2.1"]).cn("a.example").der(&Signer::ec(Curve::P256))
        });
        let mut der = SAMPLE.clone();
        let at = at.index(der.len());
        der[at] ^= bits;
        prop_assert!(Csr::parse(&encode_base64url(der)).is_err());
    }
}
