//! Identifiers: canonical forms, and lists with something wrong in them.

use acme_types::{
    Identifier, IdentifierError, Problem, ProblemKind, RawIdentifier, parse_identifiers,
};

fn raw(kind: &str, value: &str) -> RawIdentifier {
    RawIdentifier {
        kind: kind.to_owned(),
        value: value.to_owned(),
    }
}

#[track_caller]
fn good(kind: &str, value: &str, canonical: &str) {
    let identifier = Identifier::try_from(raw(kind, value)).unwrap();
    assert_eq!(identifier.value(), canonical);
    assert_eq!(identifier.kind(), kind);
    let json = serde_json::to_value(&identifier).unwrap();
    assert_eq!(
        json,
        serde_json::json!({"type": kind, "value": canonical}),
        "the wire shows the canonical text"
    );
    assert_eq!(
        serde_json::from_value::<Identifier>(json).unwrap(),
        identifier
    );
}

#[track_caller]
fn bad(kind: &str, value: &str) -> IdentifierError {
    Identifier::try_from(raw(kind, value)).unwrap_err()
}

#[test]
fn addresses_are_written_as_rfc_5952_writes_them() {
    good("ip", "192.0.2.1", "192.0.2.1");
    good("ip", "2001:DB8:0:0:0:0:0:1", "2001:db8::1");
    good("ip", "2001:db8::0:1", "2001:db8::1");
    // The longest run of zeros is the one to leave out, the first of two equal ones.
    good("ip", "2001:0:0:1:0:0:0:1", "2001:0:0:1::1");
    good("ip", "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1");
    // A single zero is not left out.
    good("ip", "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1");
    good("ip", "::", "::");
    good("ip", "::1", "::1");
    good("ip", "::ffff:192.0.2.1", "::ffff:192.0.2.1");
    good("ip", "::FFFF:c000:0201", "::ffff:192.0.2.1");
}

#[test]
fn what_is_no_address_is_refused() {
    for value in [
        "",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.01",
        "192.0.2.1/24",
        " 192.0.2.1",
        "[::1]",
        "fe80::1%eth0",
        "::1::",
        "example.org",
    ] {
        assert_eq!(bad("ip", value), IdentifierError::Ip, "{value:?}");
    }
}

#[test]
fn the_kind_decides_what_the_value_is() {
    good("dns", "*.Example.ORG", "*.example.org");
    assert_eq!(
        bad("email", "a@example.org"),
        IdentifierError::UnknownKind("email".to_owned())
    );
    assert_eq!(
        bad("DNS", "example.org").problem_kind(),
        ProblemKind::UnsupportedIdentifier
    );
    assert_eq!(
        bad("dns", "192.0.2.1").problem_kind(),
        ProblemKind::Malformed
    );
}

#[test]
fn a_list_is_sorted_and_names_each_thing_once() {
    let list = vec![
        raw("dns", "b.example"),
        raw("ip", "::1"),
        raw("dns", "A.example"),
        raw("dns", "a.EXAMPLE"),
        raw("ip", "0:0::1"),
    ];
    let parsed = parse_identifiers(list).unwrap();
    let shown: Vec<_> = parsed.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["a.example", "b.example", "::1"]);
}

#[test]
fn every_bad_identifier_is_named_as_the_client_wrote_it() {
    let empty = parse_identifiers(Vec::new()).unwrap_err();
    assert_eq!(empty.kind, ProblemKind::Malformed);

    let refused = |list: Vec<RawIdentifier>| -> Problem { parse_identifiers(list).unwrap_err() };
    let one = refused(vec![raw("dns", "good.example"), raw("dns", "BAD_.example")]);
    assert_eq!(one.kind, ProblemKind::Malformed);
    assert!(one.detail.contains("bad_"), "{}", one.detail);
    assert_eq!(one.subproblems.len(), 1);
    assert_eq!(
        one.subproblems[0].identifier,
        Some(raw("dns", "BAD_.example"))
    );

    let two = refused(vec![
        raw("email", "a@b"),
        raw("dns", "good.example"),
        raw("ip", "x"),
    ]);
    assert_eq!(two.kind, ProblemKind::UnsupportedIdentifier);
    let kinds: Vec<_> = two.subproblems.iter().map(|s| s.kind).collect();
    assert_eq!(
        kinds,
        [ProblemKind::UnsupportedIdentifier, ProblemKind::Malformed]
    );
}

#[test]
fn a_wildcard_is_proven_by_its_base() {
    let wildcard = Identifier::try_from(raw("dns", "*.example.org")).unwrap();
    assert!(wildcard.is_wildcard());
    assert_eq!(wildcard.base().value(), "example.org");
    let ip = Identifier::try_from(raw("ip", "::1")).unwrap();
    assert!(!ip.is_wildcard());
    assert_eq!(ip.base(), ip);
}

#[test]
fn devices_are_written_as_the_draft_writes_them() {
    for value in [
        "ABCDEF123456",
        "ABCDEF123456/1.2.3.4",
        "abc def.-:\u{e9}",
        "x/2.23.133",
    ] {
        good("permanent-identifier", value, value);
    }
    good("hardware-module", "ABCD/1.2.3.4", "ABCD/1.2.3.4");
    let device = Identifier::try_from(raw("permanent-identifier", "A/1.2.3")).unwrap();
    assert!(device.is_device() && !device.is_wildcard());
    assert_eq!(device.base(), device);
    // Two letters that differ in case alone are two devices.
    let other = Identifier::try_from(raw("permanent-identifier", "a/1.2.3")).unwrap();
    assert_ne!(device, other);
}

#[test]
fn what_names_no_device_is_refused() {
    let long = "x".repeat(201);
    for value in [
        "",
        "/1.2.3",
        "A/",
        "A/1",
        "A/3.1",
        "A/1.40",
        // A good one, which the library cannot hold: refused, not taken for another.
        "A/2.999",
        "A/1.02.3",
        "A/1.2.",
        "A/1.2/3",
        "A//1.2",
        "A\n",
        "A\0",
        "A/1.2.99999999999",
        &long,
    ] {
        for kind in ["permanent-identifier", "hardware-module"] {
            assert_eq!(
                bad(kind, value).problem_kind(),
                ProblemKind::Malformed,
                "{value:?}"
            );
        }
    }
    assert_eq!(
        bad("hardware-module", "ABCD").problem_kind(),
        ProblemKind::Malformed
    );
}
