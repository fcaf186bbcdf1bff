//! Names of certificates, windows of renewal, and which order may replace which certificate.

use std::time::Duration;

use acme_core::{
    Certificate, EarlyRenewal, InvalidRenewalId, IssuerId, Order, OrderState, RenewalId,
    RenewalPolicy, Revocation, RevocationReason, Serial, check_replacement,
};
use acme_types::{Identifier, ProblemKind, Timestamp, encode_base64url};

use crate::support::{START, provisioner};

const DAY: Duration = Duration::from_secs(86_400);

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(letter: &str) -> T {
    letter.repeat(32).parse().unwrap()
}

fn dns(name: &str) -> Identifier {
    Identifier::Dns(name.parse().unwrap())
}

fn certificate(life: Duration) -> Certificate {
    Certificate {
        id: id("c"),
        serial: "8001".parse().unwrap(),
        order_id: id("o"),
        account_id: id("a"),
        provisioner: provisioner(),
        issuer: IssuerId([7; 32]),
        identifiers: vec![dns("a.example"), dns("b.example")],
        not_before: START,
        not_after: START.plus(life),
        tbs: Vec::new(),
        der: None,
        revocation: None,
        early_renewal: None,
        replacement: None,
        created_at: START,
    }
}

fn order(account: &str, names: &[&str]) -> Order {
    Order {
        id: id("n"),
        account_id: id(account),
        provisioner: provisioner(),
        identifiers: names.iter().map(|name| dns(name)).collect(),
        profile: None,
        not_before: None,
        not_after: None,
        created_at: START,
        expires_at: START.plus(DAY),
        authorizations: Vec::new(),
        replaces: None,
        state: OrderState::Pending,
    }
}

#[test]
fn a_certificate_has_one_name() {
    // The example of RFC 9773 § 4.1.
    let text = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE";
    let name: RenewalId = text.parse().unwrap();
    assert_eq!(name.to_string(), text);
    assert_eq!(*name.serial(), "87654321".parse::<Serial>().unwrap());

    let serial = |octets: &[u8]| format!("AQID.{}", encode_base64url(octets));
    for octets in [&[0][..], &[1], &[0, 0x80], &[0x7f; 17], &[0, 0xff, 0]] {
        let text = serial(octets);
        assert_eq!(text.parse::<RenewalId>().unwrap().to_string(), text);
    }
    for wrong in [
        String::new(),
        ".".to_owned(),
        "AQID".to_owned(),
        "AQID.".to_owned(),
        ".AQID".to_owned(),
        "AQID.AQID.AQID".to_owned(),
        "AQID=.AQID".to_owned(),
        "AQI.AQID=".to_owned(),
        "A+/D.AQID".to_owned(),
        "AQID/AQID".to_owned(),
        // Not as DER writes it: zeros in front, or a number below zero.
        serial(&[0, 1]),
        serial(&[0, 0, 0x80]),
        serial(&[0x80]),
        serial(&[1; 18]),
        format!("{}.AQID", encode_base64url([1; 65])),
        format!("AQID.{}", "A".repeat(100_000)),
    ] {
        let read = wrong.parse::<RenewalId>();
        assert_eq!(read, Err(InvalidRenewalId), "{wrong:.80}");
    }
}

#[test]
fn the_window_is_a_part_of_the_life() {
    let policy = RenewalPolicy::default();
    let info = policy.renewal_info(&certificate(100 * DAY));
    assert_eq!(info.start, START.plus(66 * DAY));
    assert_eq!(info.end, START.plus(75 * DAY));
    assert_eq!(info.explanation_url, None);
    assert_eq!(info.retry_after, 6 * 3600);
    // A short life is looked at more often, but not by the second.
    let hour = Duration::from_secs(3600);
    let short = |life| policy.renewal_info(&certificate(life)).retry_after;
    assert_eq!(short(50 * hour), 3600);
    assert_eq!(short(Duration::from_secs(300)), 60);

    let policy = RenewalPolicy {
        window_start: 99,
        window_end: 100,
        check_every: hour,
    };
    // However short the life is, the window is no empty one.
    let info = policy.renewal_info(&certificate(Duration::from_secs(3)));
    assert!(info.start < info.end, "{info:?}");
    assert_eq!(policy.renewal_info(&certificate(9 * DAY)).retry_after, 3600);
}

#[test]
fn what_is_revoked_or_marked_is_renewed_at_once() {
    let policy = RenewalPolicy::default();
    let at = |days: u32| START.plus(DAY * days);
    let is_past = |certificate: &Certificate, now: Timestamp| {
        let info = policy.renewal_info(certificate);
        assert!(info.start < info.end && info.end < now, "{info:?}");
        info
    };
    let mut revoked = certificate(100 * DAY);
    let reason = RevocationReason::Superseded;
    revoked.revocation = Some(Revocation { at: at(2), reason });
    assert_eq!(is_past(&revoked, at(2)).explanation_url, None);

    let page = "https://wiki.internal/incident-7";
    let mut marked = certificate(100 * DAY);
    marked.early_renewal = Some(EarlyRenewal {
        at: at(3),
        explanation_url: Some(page.to_owned()),
    });
    let told = is_past(&marked, at(3)).explanation_url;
    assert_eq!(told.as_deref(), Some(page));
    // The first cause counts.
    marked.revocation = revoked.revocation;
    is_past(&marked, at(2));
}

#[test]
fn an_order_replaces_a_certificate_of_its_account_for_one_of_its_names() {
    let certificate = certificate(DAY);
    let check = |order: &Order| check_replacement(order, &certificate).map_err(|p| p.kind);
    assert_eq!(check(&order("a", &["b.example", "c.example"])), Ok(()));
    assert_eq!(
        check(&order("a", &["c.example"])),
        Err(ProblemKind::Malformed)
    );
    let of_another = order("z", &["a.example", "b.example"]);
    assert_eq!(check(&of_another), Err(ProblemKind::Unauthorized));
}
