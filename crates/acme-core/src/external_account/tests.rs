//! The bounds of a key, one by one. The bindings themselves are tried through the API.

use acme_types::RawIdentifier;

use super::*;

fn key() -> ExternalAccountKey {
    ExternalAccountKey {
        id: "0123456789abcdefghijABCDEFGHIJ01".parse().unwrap(),
        provisioner: "default".parse().unwrap(),
        secret: MacSecret::from_octets(*b"a secret of thirty-two octets...".first_chunk().unwrap()),
        names: Vec::new(),
        profiles: Vec::new(),
        max_uses: Some(2),
        uses: 0,
        created_at: Timestamp::from_secs(100),
        expires_at: Some(Timestamp::from_secs(200)),
        revoked_at: None,
    }
}

#[test]
fn a_key_is_good_for_its_uses_and_its_time() {
    let now = Timestamp::from_secs(199);
    let once = key().used(now).unwrap();
    let twice = once.used(now).unwrap();
    assert_eq!(twice.uses, 2);
    assert_eq!(twice.used(now), Err(ExternalKeyRefusal::UsedUp(2)));

    let end = Timestamp::from_secs(200);
    assert_eq!(key().used(end), Err(ExternalKeyRefusal::Expired(end)));
    let revoked = ExternalAccountKey {
        revoked_at: Some(now),
        ..key()
    };
    assert_eq!(revoked.used(now), Err(ExternalKeyRefusal::Revoked(now)));

    let mut endless = ExternalAccountKey {
        max_uses: None,
        expires_at: None,
        ..key()
    };
    for _ in 0..100 {
        endless = endless
            .used(Timestamp::from_secs(i64::from(u32::MAX)))
            .unwrap();
    }
    assert_eq!(endless.uses, 100);
}

#[test]
fn a_key_binds_its_accounts_to_names() {
    let dns = |name: &str| Identifier::Dns(name.parse().unwrap());
    let all = [dns("a.lab.internal"), dns("b.test"), dns("c.test")];
    assert_eq!(key().check_identifiers(&all), Ok(()));
    let bound = ExternalAccountKey {
        names: vec![
            "*.lab.internal".parse().unwrap(),
            "10.0.0.0/8".parse().unwrap(),
        ],
        ..key()
    };
    assert_eq!(bound.check_identifiers(&all[..1]), Ok(()));
    let problem = bound.check_identifiers(&all).unwrap_err();
    assert_eq!(problem.kind, ProblemKind::RejectedIdentifier);
    assert!(problem.detail.contains("*.lab.internal, 10.0.0.0/8"));
    let named: Vec<_> = problem
        .subproblems
        .iter()
        .filter_map(|s| s.identifier.clone())
        .collect();
    assert_eq!(
        named,
        all[1..]
            .iter()
            .cloned()
            .map(RawIdentifier::from)
            .collect::<Vec<_>>()
    );
}

#[test]
fn nothing_prints_the_secret() {
    let shown = format!("{:?}", key());
    assert!(shown.contains("MacSecret(..)"));
    assert!(!shown.contains("secret of") && !shown.contains(&key().secret.to_base64url()));
}
