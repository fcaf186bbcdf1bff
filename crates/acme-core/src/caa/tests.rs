//! What each set of records means, and which names are asked.

use super::*;
use crate::OrderRequest;

fn check(name: &str) -> CaaCheck {
    let name: DnsName = name.parse().unwrap();
    CaaCheck {
        provisioner: "default".parse().unwrap(),
        wildcard: name.is_wildcard(),
        identifier: Identifier::Dns(name.base()),
        method: ChallengeKind::Dns01,
        account_urls: vec!["https://ca/1".to_owned(), "https://old/1".to_owned()],
        issuer_names: vec!["ca.internal".to_owned(), "ca2.internal".to_owned()],
        private_suffixes: Vec::new(),
    }
}

fn record(text: &str) -> CaaRecord {
    let mut parts = text.splitn(3, ' ');
    CaaRecord {
        flags: parts.next().unwrap().parse().unwrap(),
        tag: parts.next().unwrap().to_owned(),
        value: parts.next().unwrap_or("").as_bytes().to_vec(),
    }
}

#[test]
fn each_set_of_records_has_its_meaning() {
    const PERMITTED: &str = "";

    let table: &[(&str, &[&str], &str)] = &[
        ("a.test", &["0 issue ca.internal"], PERMITTED),
        ("a.test", &["0 ISSUE CA.Internal"], PERMITTED),
        (
            "a.test",
            &["0 issue other", "0 issue ca2.internal"],
            PERMITTED,
        ),
        (
            "a.test",
            &["0 issue other"],
            "say issue \"other\", which does not name this authority (ca.internal, ca2.internal)",
        ),
        (
            "a.test",
            &["0 issue ;"],
            "which does not name this authority",
        ),
        ("a.test", &["0 issue"], "which does not name this authority"),
        ("a.test", &["0 issue ca.internal; x"], "without \"=\""),
        ("a.test", &["0 issue sub.ca.internal"], "does not name"),
        // Nothing is said of issuing.
        ("a.test", &["0 iodef mailto:a@b"], PERMITTED),
        ("a.test", &["0 unheardof x"], PERMITTED),
        ("a.test", &["0 issuewild ;"], PERMITTED),
        ("a.test", &["0 issuemail ;"], PERMITTED),
        // Critical, and understood or not.
        ("a.test", &["128 issue ca.internal"], PERMITTED),
        ("a.test", &["128 iodef mailto:a@b"], PERMITTED),
        (
            "a.test",
            &["0 issue ca.internal", "128 unheardof x"],
            "have a critical property \"unheardof\"",
        ),
        ("a.test", &["1 unheardof x"], "critical"),
        ("a.test", &["2 unheardof x"], PERMITTED),
        // Wildcards: issuewild wins over issue, and issue holds where there is none.
        ("*.a.test", &["0 issue ca.internal"], PERMITTED),
        (
            "*.a.test",
            &["0 issue ca.internal", "0 issuewild ;"],
            "say issuewild",
        ),
        (
            "*.a.test",
            &["0 issue ;", "0 issuewild ca.internal"],
            PERMITTED,
        ),
        (
            "a.test",
            &["0 issue ;", "0 issuewild ca.internal"],
            "say issue \";\"",
        ),
        // Accounts.
        (
            "a.test",
            &["0 issue ca.internal; accounturi=https://ca/1"],
            PERMITTED,
        ),
        (
            "a.test",
            &["0 issue ca.internal; accounturi=https://old/1"],
            PERMITTED,
        ),
        (
            "a.test",
            &["0 issue ca.internal; ACCOUNTURI=https://ca/2"],
            "and the account is https://ca/1",
        ),
        (
            "a.test",
            &["0 issue ca.internal; accounturi=https://CA/1"],
            "and the account is",
        ),
        (
            "a.test",
            &["0 issue other", "0 issue ca.internal; accounturi="],
            "and the account is",
        ),
        (
            "a.test",
            &["0 issue ca.internal; accounturi=https://ca/1; accounturi=https://ca/1"],
            "names an account twice",
        ),
        // Methods.
        (
            "a.test",
            &["0 issue ca.internal; validationmethods=dns-01"],
            PERMITTED,
        ),
        (
            "a.test",
            &["0 issue ca.internal; validationmethods=http-01,dns-01"],
            PERMITTED,
        ),
        (
            "a.test",
            &["0 issue ca.internal; validationmethods=http-01"],
            "and the challenge was dns-01",
        ),
        (
            "a.test",
            &["0 issue ca.internal; validationmethods="],
            "and the challenge was dns-01",
        ),
        (
            "a.test",
            &["0 issue ca.internal; validationmethods=dns-01; validationmethods=dns-01"],
            "lists methods twice",
        ),
        (
            "a.test",
            &[
                "0 issue ca.internal; validationmethods=http-01",
                "0 issue ca.internal; validationmethods=dns-01",
            ],
            PERMITTED,
        ),
        (
            "a.test",
            &["0 issue ca.internal; policy=unheardof"],
            PERMITTED,
        ),
    ];
    for (name, records, expected) in table {
        let records: Vec<_> = records.iter().map(|text| record(text)).collect();
        match check(name).judge(&records) {
            Ok(()) => assert_eq!(*expected, PERMITTED, "{name} {records:?}"),
            Err(why) => assert!(
                *expected != PERMITTED && why.contains(expected),
                "{name} {records:?}: {why}"
            ),
        }
    }
}

#[test]
fn the_climb_ends_at_the_top_or_at_a_private_suffix() {
    let suffixes = |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect();
    let table: &[(&str, &[&str], &[&str], bool)] = &[
        ("a.b.test", &[], &["a.b.test", "b.test", "test"], false),
        ("*.b.test", &[], &["b.test", "test"], false),
        ("db", &[], &["db"], false),
        ("a.b.test", &["b.test"], &["a.b.test", "b.test"], true),
        ("b.test", &["b.test"], &["b.test"], true),
        (
            "a.b.test",
            &["test", "b.test"],
            &["a.b.test", "b.test"],
            true,
        ),
        (
            "a.bb.test",
            &["b.test"],
            &["a.bb.test", "bb.test", "test"],
            false,
        ),
        ("test", &["b.test"], &["test"], false),
    ];
    for (name, private, expected, tolerant) in table {
        let check = CaaCheck {
            private_suffixes: suffixes(private),
            ..check(name)
        };
        assert_eq!(check.names(), *expected, "{name} under {private:?}");
        assert_eq!(
            check.tolerates_failure(),
            *tolerant,
            "{name} under {private:?}"
        );
    }
    let address = CaaCheck {
        identifier: Identifier::Ip("10.0.0.1".parse().unwrap()),
        private_suffixes: suffixes(&["test"]),
        ..check("a.test")
    };
    assert!(address.names().is_empty());
    assert!(!address.tolerates_failure());
}

#[test]
fn an_old_proof_and_that_of_another_name_are_looked_at_again() {
    let hours = |n: i64| Timestamp::from_secs(1_800_000_000 + n * 3600);
    let mut provisioner = Provisioner::new("default".parse().unwrap());
    provisioner.caa_identities = vec!["ca.internal".to_owned()];
    let identifiers: Vec<_> = ["*.a.test", "b.test", "c.test", "sub.d.test"]
        .iter()
        .map(|name| Identifier::Dns(name.parse().unwrap()))
        .collect();
    let (order, mut authorizations) = Order::open(
        &"a".repeat(32).parse().unwrap(),
        &provisioner,
        OrderRequest::new(identifiers),
        hours(0),
        &mut Zeroes(0),
    )
    .unwrap();
    for (authorization, validated_at) in authorizations.iter_mut().zip([0, 1, 0, 1]) {
        let dns = authorization.challenges.iter_mut();
        let mut dns = dns.filter(|c| c.kind == ChallengeKind::Dns01);
        dns.next().unwrap().state = ChallengeState::Valid {
            validated_at: hours(validated_at),
        };
    }
    authorizations[3].identifier = Identifier::Dns("d.test".parse().unwrap());
    authorizations[3].subdomains = true;
    let urls = vec!["https://ca/1".to_owned()];
    let due = |provisioner: &Provisioner, now| {
        let due = CaaCheck::due(provisioner, &order, &authorizations, &urls, now);
        let told = |c: &CaaCheck| (c.identifier.to_string(), c.wildcard);
        assert!(due.iter().all(|c| c.method == ChallengeKind::Dns01));
        due.iter().map(told).collect::<Vec<_>>()
    };
    assert_eq!(due(&provisioner, hours(9)), [], "it is off");

    provisioner.caa = CaaMode::On;
    let of = |names: &[(&str, bool)]| {
        let owned = names.iter().map(|(name, wild)| ((*name).to_owned(), *wild));
        owned.collect::<Vec<_>>()
    };
    assert_eq!(due(&provisioner, hours(7)), of(&[("sub.d.test", false)]));
    let one_more = hours(7).plus(Duration::from_secs(1));
    let old = [("a.test", true), ("c.test", false), ("sub.d.test", false)];
    assert_eq!(due(&provisioner, one_more), of(&old));
    provisioner.caa = CaaMode::PrivateSuffixes(vec!["test".parse().unwrap()]);
    assert_eq!(due(&provisioner, hours(9)).len(), 4);
}

/// Numbers one after another, for ids that need only differ.
struct Zeroes(u64);

impl rand_core::TryRng for Zeroes {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.0 += 1;
        Ok(self.0 as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.0 += 1;
        Ok(self.0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for byte in bytes {
            self.0 += 1;
            *byte = self.0 as u8;
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Zeroes {}
