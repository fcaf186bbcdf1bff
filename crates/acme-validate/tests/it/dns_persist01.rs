//! dns-persist-01: a standing record, whose text is judged in acme-core's own tests.

use acme_core::{Finding, Phase};
use acme_types::ChallengeKind::DnsPersist01;
use acme_validate::ValidationConfig;
use hickory_proto::op::ResponseCode;

use crate::dns_server::{DnsServer, Zone};
use crate::support::{ACCOUNT, check, loopback, observe};

#[tokio::test]
async fn each_state_of_a_standing_record_has_its_meaning() {
    use Finding::{DnsFailure, DnsNoTxt, DnsTxtMismatch, Internal, Proof};
    use Phase::{Compare, Dns};

    let at = "_validation-persist.a.test";
    let good = format!("ca.internal; accounturi={ACCOUNT}");
    let wild = format!("{good}; policy=wildcard");
    let over = format!("{good}; persistUntil=1700000000");
    let (front, back) = good.split_at(20);
    let table = [
        (
            "the record",
            "a.test",
            Zone::new().txt(at, &[&good]),
            Proof,
            Compare,
            "TXT of _validation-persist.a.test names this authority and the account, says 127.0.0.1:",
        ),
        (
            "in two strings",
            "a.test",
            Zone::new().txt(at, &[front, back]),
            Proof,
            Compare,
            "",
        ),
        (
            "beside another CA's",
            "a.test",
            Zone::new()
                .txt(at, &["other.test; accounturi=x"])
                .txt(at, &[&good]),
            Proof,
            Compare,
            "",
        ),
        (
            "a wildcard",
            "*.a.test",
            Zone::new().txt(at, &[&wild]),
            Proof,
            Compare,
            "",
        ),
        (
            "a wildcard without its policy",
            "*.a.test",
            Zone::new().txt(at, &[&good]),
            DnsTxtMismatch,
            Compare,
            "lacks policy=wildcard",
        ),
        (
            "over",
            "a.test",
            Zone::new().txt(at, &[&over]),
            DnsTxtMismatch,
            Compare,
            "persistUntil is over",
        ),
        (
            "another CA's alone",
            "a.test",
            Zone::new().txt(at, &["other.test; accounturi=x"]),
            DnsTxtMismatch,
            Compare,
            "does not name this authority (ca.internal)",
        ),
        (
            "nothing",
            "a.test",
            Zone::new(),
            DnsNoTxt,
            Dns,
            "no TXT record at _validation-persist.a.test",
        ),
        (
            "a failure",
            "a.test",
            Zone::new().code(at, ResponseCode::ServFail),
            DnsFailure,
            Dns,
            "SERVFAIL",
        ),
        (
            "an address",
            "192.0.2.1",
            Zone::new(),
            Internal,
            Dns,
            "dns-persist-01 cannot prove an identifier of type ip",
        ),
    ];
    for (situation, name, zone, finding, phase, text) in table {
        let dns = DnsServer::start(zone).await;
        let config = ValidationConfig {
            resolvers: vec![dns.address],
            ..loopback()
        };
        let observed = observe(&config, DnsPersist01, name).await;
        check(situation, &observed, finding, phase, &[text]);
    }
}
