//! CAA: a proof counts where the records of a real name server permit it.

use std::time::Duration;

use acme_core::{CaaMode, Finding, Observation, Phase, Validator as _, dns01_value};
use acme_types::ChallengeKind::{Dns01, Http01};
use acme_validate::{NetworkValidator, ValidationConfig};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use crate::dns_server::{DnsServer, Zone};
use crate::support::{ACCOUNT, a_probe, check, key_authorization, loopback, observe_probe};

fn private(suffix: &str) -> CaaMode {
    CaaMode::PrivateSuffixes(vec![suffix.parse().unwrap()])
}

/// A zone in which the name is proven by dns-01.
fn proven(name: &str) -> Zone {
    let base = name.strip_prefix("*.").unwrap_or(name);
    let value = dns01_value(&key_authorization());
    Zone::new().txt(&format!("_acme-challenge.{base}"), &[&value])
}

async fn observe(dns: &DnsServer, name: &str, caa: CaaMode) -> Observation {
    let config = ValidationConfig {
        resolvers: vec![dns.address],
        timeout: Duration::from_secs(6),
        ..loopback()
    };
    let mut probe = a_probe(Dns01, name);
    probe.caa = caa;
    observe_probe(&config, &probe).await
}

#[tokio::test]
async fn records_decide_once_the_proof_is_there() {
    use Finding::{CaaFailure, CaaRefused, DnsNoTxt, Proof};
    use Phase::{Compare, Dns};

    let on = || CaaMode::On;
    let account = format!("ca.internal; accounturi={ACCOUNT}");
    let refused = ResponseCode::Refused;
    let broken = ResponseCode::ServFail;
    let name = "a.b.test";
    let table = [
        (
            "no record",
            name,
            proven(name),
            on(),
            Proof,
            Compare,
            "no CAA record at a.b.test or above it",
        ),
        (
            "permitted",
            name,
            proven(name).caa(name, 0, "issue", "ca.internal"),
            on(),
            Proof,
            Compare,
            "the CAA records of a.b.test permit it, says 127.0.0.1:",
        ),
        (
            "permitted above",
            name,
            proven(name).caa("test", 0, "issue", "ca.internal"),
            on(),
            Proof,
            Compare,
            "the CAA records of test permit it",
        ),
        (
            "the account",
            name,
            proven(name).caa("b.test", 0, "issue", &account),
            on(),
            Proof,
            Compare,
            "of b.test permit",
        ),
        (
            "another account",
            name,
            proven(name).caa("b.test", 0, "issue", "ca.internal; accounturi=https://x"),
            on(),
            CaaRefused,
            Compare,
            "and the account is https://ca.internal/",
        ),
        (
            "another method",
            name,
            proven(name).caa(name, 0, "issue", "ca.internal; validationmethods=http-01"),
            on(),
            CaaRefused,
            Compare,
            "and the challenge was dns-01",
        ),
        (
            "another CA",
            name,
            proven(name).caa(name, 0, "issue", "other.test"),
            on(),
            CaaRefused,
            Compare,
            "TXT of _acme-challenge.a.b.test has the expected value",
        ),
        (
            "another CA, told",
            name,
            proven(name).caa(name, 0, "issue", "other.test"),
            on(),
            CaaRefused,
            Compare,
            "the CAA records of a.b.test say issue \"other.test\", which does not name this authority (ca.internal)",
        ),
        (
            "the nearest wins",
            name,
            proven(name)
                .caa(name, 0, "issue", "ca.internal")
                .caa("b.test", 0, "issue", ";"),
            on(),
            Proof,
            Compare,
            "of a.b.test permit",
        ),
        (
            "the nearest wins over failure above",
            name,
            proven(name)
                .caa(name, 0, "issue", "ca.internal")
                .code("b.test", broken),
            on(),
            Proof,
            Compare,
            "",
        ),
        (
            "an unknown critical property",
            name,
            proven(name).caa("b.test", 128, "unheardof", ""),
            on(),
            CaaRefused,
            Compare,
            "have a critical property \"unheardof\"",
        ),
        (
            "behind an alias",
            name,
            proven(name)
                .cname(name, "x.else")
                .caa("x.else", 0, "issue", ";"),
            on(),
            CaaRefused,
            Compare,
            "of a.b.test say issue",
        ),
        (
            "a wildcard",
            "*.b.test",
            proven("*.b.test")
                .caa("b.test", 0, "issue", "ca.internal")
                .caa("b.test", 0, "issuewild", ";"),
            on(),
            CaaRefused,
            Compare,
            "say issuewild \";\"",
        ),
        (
            "a failure",
            name,
            proven(name).code("b.test", broken),
            on(),
            CaaFailure,
            Dns,
            "CAA of b.test cannot be looked up: 127.0.0.1:",
        ),
        (
            "a failure at the top",
            name,
            proven(name).code("test", refused),
            on(),
            CaaFailure,
            Dns,
            "answered REFUSED",
        ),
        (
            "silence",
            name,
            proven(name).silence_for(name, RecordType::CAA),
            on(),
            CaaFailure,
            Dns,
            "did not answer within",
        ),
        (
            "nothing is proven",
            name,
            Zone::new().caa(name, 0, "issue", ";"),
            on(),
            DnsNoTxt,
            Dns,
            "no TXT record",
        ),
        (
            "off",
            name,
            proven(name).caa(name, 0, "issue", ";"),
            CaaMode::Off,
            Proof,
            Compare,
            "",
        ),
        // Under a private suffix nothing above it counts, and failure is none.
        (
            "nothing above the suffix",
            name,
            proven(name).caa("test", 0, "issue", ";"),
            private("b.test"),
            Proof,
            Compare,
            "no CAA record at a.b.test",
        ),
        (
            "the suffix itself",
            name,
            proven(name).caa("b.test", 0, "issue", ";"),
            private("b.test"),
            CaaRefused,
            Compare,
            "of b.test say",
        ),
        (
            "failure under the suffix",
            name,
            proven(name).code(name, broken),
            private("b.test"),
            Proof,
            Compare,
            "CAA of a.b.test cannot be looked up and counts as none",
        ),
        (
            "failure does not hide what is above",
            name,
            proven(name)
                .code(name, broken)
                .caa("b.test", 0, "issue", ";"),
            private("b.test"),
            CaaRefused,
            Compare,
            "of b.test say",
        ),
        (
            "silence under the suffix",
            name,
            proven(name).silence_for(name, RecordType::CAA),
            private("test"),
            Proof,
            Compare,
            "counts as none",
        ),
        (
            "failure under another suffix",
            name,
            proven(name).code(name, broken),
            private("c.test"),
            CaaFailure,
            Dns,
            "",
        ),
    ];
    for (situation, name, zone, caa, finding, phase, text) in table {
        let dns = DnsServer::start(zone).await;
        let observed = observe(&dns, name, caa).await;
        check(situation, &observed, finding, phase, &[text]);
    }
}

#[tokio::test]
async fn nobody_above_a_private_suffix_is_asked() {
    let dns = DnsServer::start(proven("a.corp.test")).await;
    observe(&dns, "a.corp.test", private("corp.test")).await;
    let questions = dns.questions();
    let mut asked: Vec<_> = questions
        .iter()
        .filter(|(_, kind, _)| *kind == RecordType::CAA)
        .map(|(name, ..)| name.as_str())
        .collect();
    asked.sort_unstable();
    assert_eq!(asked, ["a.corp.test", "corp.test"]);
}

#[tokio::test]
async fn records_are_looked_at_again_without_a_probe() {
    let zone = Zone::new().caa("test", 0, "issue", "ca.internal; validationmethods=http-01");
    let dns = DnsServer::start(zone).await;
    let config = ValidationConfig {
        resolvers: vec![dns.address],
        ..loopback()
    };
    let validator = NetworkValidator::new(&config).unwrap();
    for (kind, value, finding) in [
        (Http01, "a.test", Finding::Proof),
        (Dns01, "a.test", Finding::CaaRefused),
        (Dns01, "192.0.2.1", Finding::Proof),
    ] {
        let mut probe = a_probe(kind, value);
        probe.caa = CaaMode::On;
        let observed = validator.check_caa(&probe.caa_check().unwrap()).await;
        assert_eq!(observed.finding, finding, "{kind} {value}: {observed:?}");
    }
}
