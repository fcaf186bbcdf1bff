//! Orders: how they are opened, what becomes of them, and how long certificates live.

use std::convert::Infallible;
use std::time::Duration;

use acme_core::{
    Authorization, AuthorizationState, ChallengeState, Issuance, Order, OrderRequest, OrderState,
    Provisioner, Serial,
};
use acme_types::{
    AuthorizationStatus, ChallengeKind, Identifier, OrderStatus, Problem, ProblemKind, Slot,
    Timestamp,
};
use rand_core::{TryCryptoRng, TryRng};

use crate::support::{SECOND, START, provisioner, secs};

/// Random bytes of the operating system's generator.
struct Rng;

impl TryRng for Rng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        aws_lc_rs::rand::fill(bytes).unwrap();
        Ok(())
    }
}

impl TryCryptoRng for Rng {}

fn dns(name: &str) -> Identifier {
    Identifier::Dns(name.parse().unwrap())
}

fn ip(address: &str) -> Identifier {
    Identifier::Ip(address.parse().unwrap())
}

fn open(
    provisioner: &Provisioner,
    identifiers: Vec<Identifier>,
) -> Result<(Order, Vec<Authorization>), Problem> {
    let account_id = "b".repeat(32).parse().unwrap();
    let now = START.plus(Duration::from_millis(700));
    Order::open(
        &account_id,
        provisioner,
        OrderRequest::new(identifiers),
        now,
        &mut Rng,
    )
}

fn kinds(authorization: &Authorization) -> Vec<ChallengeKind> {
    authorization.challenges.iter().map(|c| c.kind).collect()
}

#[test]
fn an_order_has_one_authorization_for_each_identifier() {
    use ChallengeKind as K;
    let identifiers = vec![dns("*.a.example"), dns("a.example"), ip("192.0.2.1")];
    let provisioner = Provisioner::new(provisioner());
    let (order, authorizations) = open(&provisioner, identifiers.clone()).unwrap();
    assert_eq!(order.state, OrderState::Pending);
    assert_eq!(order.identifiers, identifiers);
    let ids: Vec<_> = authorizations.iter().map(|a| a.id.clone()).collect();
    assert_eq!(order.authorizations, ids);
    let shown: Vec<_> = authorizations
        .iter()
        .map(|a| (a.identifier.to_string(), a.wildcard, kinds(a)))
        .collect();
    assert_eq!(
        shown,
        [
            ("a.example".to_owned(), true, vec![K::Dns01]),
            (
                "a.example".to_owned(),
                false,
                vec![K::Http01, K::Dns01, K::TlsAlpn01]
            ),
            ("192.0.2.1".to_owned(), false, vec![K::Http01, K::TlsAlpn01]),
        ]
    );
    for authorization in &authorizations {
        assert_eq!(authorization.state, AuthorizationState::Pending);
        assert_eq!(authorization.expires_at, order.expires_at);
        for challenge in &authorization.challenges {
            assert_eq!(challenge.state, ChallengeState::Pending);
            assert_eq!(challenge.authorization_id, authorization.id);
        }
    }
    let tokens: std::collections::BTreeSet<_> = authorizations
        .iter()
        .flat_map(|a| &a.challenges)
        .map(|c| c.token.as_str())
        .collect();
    assert_eq!(tokens.len(), 6, "every challenge has a token of its own");
    // Whole seconds: what the client is told is when it ends.
    assert_eq!(order.expires_at, START.plus(secs(24 * 3600)));
}

#[test]
fn an_order_that_cannot_be_met_is_not_opened() {
    let refused = |provisioner: &Provisioner, identifiers, kind, named: &[&str]| {
        let problem = open(provisioner, identifiers).unwrap_err();
        assert_eq!(problem.kind, kind, "{}", problem.detail);
        let shown: Vec<_> = problem
            .subproblems
            .iter()
            .filter_map(|s| s.identifier.as_ref())
            .map(|i| i.value.as_str())
            .collect();
        assert_eq!(shown, named);
    };
    let malformed = ProblemKind::Malformed;
    let rejected = ProblemKind::RejectedIdentifier;
    let mut p = Provisioner::new(provisioner());
    refused(&p, vec![], malformed, &[]);
    p.max_identifiers = 2;
    let three = vec![dns("a.example"), dns("b.example"), dns("c.example")];
    refused(&p, three.clone(), malformed, &[]);
    assert!(open(&p, three[..2].to_vec()).is_ok());
    p.challenges = vec![ChallengeKind::Dns01];
    refused(&p, vec![dns("a.example"), ip("::1")], rejected, &["::1"]);
    p.challenges = vec![ChallengeKind::Http01];
    let wild = vec![dns("*.a.example"), dns("a.example")];
    refused(&p, wild.clone(), rejected, &["*.a.example"]);
    p.challenges = ChallengeKind::ALL.to_vec();
    assert!(open(&p, wild.clone()).is_ok());
    p.allow_wildcards = false;
    refused(&p, wild, rejected, &["*.a.example"]);
}

#[test]
fn an_order_follows_its_authorizations() {
    use AuthorizationStatus as A;
    let failed = Problem::new(ProblemKind::Dns, "no such name");
    let after = |state: OrderState, statuses: &[A]| {
        state.after_authorizations(statuses.iter().copied(), Some(&failed))
    };
    let pending = || OrderState::Pending;
    assert_eq!(after(pending(), &[A::Pending, A::Valid]), pending());
    assert_eq!(after(pending(), &[A::Valid, A::Valid]), OrderState::Ready);
    for end in [A::Invalid, A::Deactivated, A::Expired, A::Revoked] {
        for state in [pending(), OrderState::Ready] {
            let error = failed.clone();
            assert_eq!(
                after(state, &[A::Valid, end]),
                OrderState::Invalid { error }
            );
        }
        let untold = pending().after_authorizations([end], None);
        let OrderState::Invalid { error } = untold else {
            panic!("{end}");
        };
        assert!(error.detail.contains(end.as_str()));
    }
    let certificate_id: acme_types::CertificateId = "d".repeat(32).parse().unwrap();
    for settled in [
        OrderState::Processing {
            certificate_id: certificate_id.clone(),
        },
        OrderState::Valid { certificate_id },
    ] {
        assert_eq!(after(settled.clone(), &[A::Expired]), settled);
    }
}

#[test]
fn only_what_was_not_finalized_expires() {
    let (mut order, _) = open(&Provisioner::new(provisioner()), vec![dns("a.example")]).unwrap();
    let certificate_id: acme_types::CertificateId = "d".repeat(32).parse().unwrap();
    let end = order.expires_at;
    let before = Timestamp::from_millis(end.as_millis() - 1);
    for (state, early, late) in [
        (
            OrderState::Pending,
            OrderStatus::Pending,
            OrderStatus::Invalid,
        ),
        (OrderState::Ready, OrderStatus::Ready, OrderStatus::Invalid),
        (
            OrderState::Processing {
                certificate_id: certificate_id.clone(),
            },
            OrderStatus::Processing,
            OrderStatus::Processing,
        ),
        (
            OrderState::Valid { certificate_id },
            OrderStatus::Valid,
            OrderStatus::Valid,
        ),
    ] {
        order.state = state;
        assert_eq!(order.state_at(before).status(), early);
        assert_eq!(order.state_at(end).status(), late);
    }
}

#[test]
fn retry_after_stands_on_orders_that_are_worked_on() {
    let (mut order, _) = open(&Provisioner::new(provisioner()), vec![dns("a.example")]).unwrap();
    assert_eq!(order.retry_after(false, START), None);
    assert_eq!(order.retry_after(true, START), Some(3));
    assert_eq!(order.retry_after(true, order.expires_at), None);
    order.state = OrderState::Ready;
    assert_eq!(order.retry_after(true, START), None);
    let certificate_id: acme_types::CertificateId = "d".repeat(32).parse().unwrap();
    order.state = OrderState::Processing {
        certificate_id: certificate_id.clone(),
    };
    assert_eq!(order.retry_after(false, START), Some(3));
    order.state = OrderState::Valid { certificate_id };
    assert_eq!(order.retry_after(true, START), None);
}

const DAY: u64 = 86_400;

#[test]
fn certificates_live_as_long_as_the_provisioner_says() {
    let issuance = Issuance::default();
    let now = START.plus(Duration::from_millis(999));
    let (start, end) = issuance.validity(None, None, now).unwrap();
    assert_eq!(start, START.minus(secs(60)));
    // The last second is one of the life's.
    assert_eq!(end, START.plus(secs(30 * DAY - 1)));

    let day = START.plus(secs(DAY));
    let (start, end) = issuance.validity(Some(day), None, now).unwrap();
    assert_eq!((start, end), (day, day.plus(secs(30 * DAY - 1))));
    let (start, end) = issuance.validity(None, Some(day), now).unwrap();
    assert_eq!((start, end), (START.minus(secs(60)), day));
    // A start in the past is brought up to now.
    let (start, _) = issuance
        .validity(Some(START.minus(secs(9 * DAY))), None, now)
        .unwrap();
    assert_eq!(start, START.minus(secs(60)));
}

#[test]
fn lives_out_of_bounds_are_refused() {
    let issuance = Issuance::default();
    let check = |not_before: Option<u64>, not_after: Option<i64>| {
        let not_before = not_before.map(|secs| START.plus(Duration::from_secs(secs)));
        let not_after = not_after.map(|secs| Timestamp::from_secs(START.as_secs() + secs));
        issuance.validity(not_before, not_after, START)
    };
    let max = 90 * DAY;
    assert!(check(None, Some(max as i64)).is_ok());
    assert!(check(None, Some(299)).is_ok());
    assert!(check(Some(max), None).is_ok());
    for (not_before, not_after, needle) in [
        (None, Some(max as i64 + 1), "longer"),
        (None, Some(298), "shorter"),
        (None, Some(0), "not after the start"),
        (None, Some(-5), "not after the start"),
        (Some(600), Some(600), "not after the start"),
        (Some(600), Some(500), "not after the start"),
        (Some(max + 1), None, "future"),
    ] {
        let problem = check(not_before, not_after).unwrap_err();
        assert_eq!(problem.kind, ProblemKind::Malformed);
        assert!(problem.detail.contains(needle), "{}", problem.detail);
    }
    // At the end of time nothing overflows.
    assert!(issuance.validity(None, None, Timestamp::MAX).is_err());
    assert!(
        issuance
            .validity(Some(Timestamp::MAX), Some(Timestamp::MAX), START)
            .is_err()
    );
    assert!(
        issuance
            .validity(None, None, Timestamp::EPOCH.plus(SECOND))
            .is_ok()
    );
}

#[test]
fn serial_numbers_begin_with_their_slot() {
    let serial = Serial::random(Slot::new(7), &mut Rng);
    assert_eq!(serial.as_bytes()[0], 7);
    let text = serial.to_string();
    assert_eq!(text.len(), 34);
    assert!(text.starts_with("07"));
    assert_eq!(text.parse(), Ok(serial));
    assert_eq!(text.to_uppercase().parse(), Ok(serial));
    let colons: Vec<_> = text
        .as_bytes()
        .chunks(2)
        .map(|c| std::str::from_utf8(c).unwrap())
        .collect();
    assert_eq!(colons.join(":").parse(), Ok(serial));
    assert_ne!(Serial::random(Slot::new(7), &mut Rng), serial);
    let dated = |secs| Serial::dated(Slot::new(7), Timestamp::from_secs(secs), &mut Rng);
    assert_eq!(dated(1).as_bytes()[..5], [7, 0, 0, 0, 1]);
    assert_ne!(dated(1), dated(1), "the rest is random");
    assert!(dated(1) < dated(2));
}

#[test]
fn serial_numbers_are_numbers() {
    let parse = |text: &str| text.parse::<Serial>().map(|serial| serial.to_string());
    let padded = |digits: &str| Ok(format!("{digits:0>34}"));
    assert_eq!(parse("1"), padded("1"));
    assert_eq!(parse("00:00:01:ff"), padded("1ff"));
    assert_eq!(parse(&"0".repeat(80)), padded("0"));
    assert_eq!(parse(&"f".repeat(34)), Ok("f".repeat(34)));
    for text in [
        "",
        ":",
        "0x1",
        "g",
        "-1",
        "1 ",
        "é",
        &format!("1{}", "0".repeat(34)),
    ] {
        assert!(parse(text).is_err(), "{text:?}");
    }
    // In DER the same number has an octet for its sign, and no leading zeros.
    let same = Serial::from_be_bytes(&[0, 0xff, 1]).unwrap();
    assert_eq!(Ok(same), "ff01".parse());
    assert_eq!(Serial::from_be_bytes(&[]).unwrap().as_bytes(), &[0; 17]);
    assert!(Serial::from_be_bytes(&[1; 18]).is_err());
}
