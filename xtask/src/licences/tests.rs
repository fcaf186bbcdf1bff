//! Licence expressions, and planted crates that must be refused.

use super::*;

#[track_caller]
fn check(expression: &str, expected: bool) {
    assert_eq!(
        is_allowed(expression, &["MIT", "ISC"]),
        expected,
        "{expression}"
    );
}

#[test]
fn reads_expressions() {
    check("MIT", true);
    check("GPL-3.0-only", false);
    check("MIT OR GPL-3.0-only", true);
    check("GPL-3.0-only/MIT", true);
    check("MIT AND ISC", true);
    check("MIT AND GPL-3.0-only", false);
    check("ISC AND (GPL-3.0-only OR MIT)", true);
    check("(ISC AND GPL-3.0-only) OR MIT", true);
    check("MIT WITH LLVM-exception", true);
    check("", false);
    check("MIT ISC", false);
}

#[test]
fn refuses_what_is_banned_unknown_or_not_allowed() {
    let deny: Deny = toml::from_str(
        r#"
        [licenses]
        allow = ["MIT"]
        exceptions = [{ crate = "odd", allow = ["OpenSSL"] }]
        [bans]
        deny = [{ crate = "bad", reason = "because" }]
        "#,
    )
    .unwrap();
    assert_eq!(deny.refuses("good", Some("MIT")), None);
    assert_eq!(deny.refuses("odd", Some("OpenSSL AND MIT")), None);
    assert!(deny.refuses("other", Some("OpenSSL")).is_some());
    assert!(deny.refuses("silent", None).is_some());
    assert!(deny.refuses("bad", Some("MIT")).is_some());
}
