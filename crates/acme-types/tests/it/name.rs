//! DNS names: the canonical text, or why there is none.

use acme_types::{DnsName, DnsNameError as E};

#[track_caller]
fn good(text: &str, canonical: &str) {
    let name: DnsName = text.parse().unwrap();
    assert_eq!(name.as_str(), canonical);
    assert_eq!(
        canonical.parse(),
        Ok(name),
        "the canonical text must be its own"
    );
}

#[track_caller]
fn bad(text: &str, error: E) {
    assert_eq!(text.parse::<DnsName>(), Err(error));
}

#[test]
fn names_that_certificates_may_carry() {
    good("example.org", "example.org");
    good("EXAMPLE.Org", "example.org");
    good("db", "db");
    good("a-b.c--d.internal", "a-b.c--d.internal");
    good("1.2.3.4.example", "1.2.3.4.example");
    good("0x7f.internal", "0x7f.internal");
    good("*.example.org", "*.example.org");
    good("*.internal", "*.internal");
    good("xn--bcher-kva.example", "xn--bcher-kva.example");
    good("XN--BCHER-KVA.example", "xn--bcher-kva.example");
    good(
        &format!("{}.org", "a".repeat(63)),
        &format!("{}.org", "a".repeat(63)),
    );
    let longest = format!("{}a", "a.".repeat(126));
    assert_eq!(longest.len(), 253);
    good(&longest, &longest);
}

#[test]
fn names_that_are_refused_say_why() {
    let label = |make: fn(String) -> E, text: &str| make(text.to_owned());
    bad("", E::Empty);
    bad("bücher.example", E::NotAscii);
    bad("example。org", E::NotAscii);
    bad(&format!("{}aa", "a.".repeat(126)), E::TooLong);
    bad("example.org.", E::TrailingDot);
    bad(".", E::TrailingDot);
    bad("a..b", E::EmptyLabel);
    bad(".example.org", E::EmptyLabel);
    bad("*..example.org", E::EmptyLabel);
    let long = "a".repeat(64);
    bad(&format!("{long}.org"), label(E::LabelTooLong, &long));
    bad("a_b.example", label(E::NotLdh, "a_b"));
    bad("-a.example", label(E::NotLdh, "-a"));
    bad("a-.example", label(E::NotLdh, "a-"));
    bad("a b.example", label(E::NotLdh, "a b"));
    bad("example.org\0", label(E::NotLdh, "org\0"));
    bad("example.org:443", label(E::NotLdh, "org:443"));
    bad("http://example.org", label(E::NotLdh, "http://example"));
    bad("*", E::MisplacedWildcard);
    bad("a.*.example", E::MisplacedWildcard);
    bad("*.*.example", E::MisplacedWildcard);
    bad("a*.example", E::MisplacedWildcard);
    bad("ab--cd.example", label(E::InvalidALabel, "ab--cd"));
    bad("xn--.example", label(E::NotLdh, "xn--"));
    bad("xn--a.example", label(E::InvalidALabel, "xn--a"));
    // Decodes to plain ASCII, which no A-label may.
    bad("xn--abc-.example", label(E::NotLdh, "xn--abc-"));
    bad("127.0.0.1", E::LooksLikeIp);
    bad("example.1", E::LooksLikeIp);
    bad("*.7", E::LooksLikeIp);
    bad("42", E::LooksLikeIp);
    bad("::1", label(E::NotLdh, "::1"));
}

#[test]
fn wildcard_and_base_are_each_others_inverse() {
    let name: DnsName = "example.org".parse().unwrap();
    let wildcard: DnsName = "*.example.org".parse().unwrap();
    assert!(wildcard.is_wildcard() && !name.is_wildcard());
    assert_eq!(wildcard.base(), name);
    assert_eq!(name.base(), name);
    assert_eq!(name.wildcard(), wildcard);
    assert_eq!(wildcard.wildcard(), wildcard);
}
