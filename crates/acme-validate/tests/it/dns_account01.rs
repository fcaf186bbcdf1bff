//! dns-account-01: the record stands at the account's own label.

use acme_core::{Finding, dns_account01_label, dns01_value};
use acme_types::ChallengeKind::DnsAccount01;
use acme_validate::ValidationConfig;
use hickory_proto::op::ResponseCode;

use crate::dns_server::{DnsServer, Zone};
use crate::support::{ACCOUNT, EARLIER_ACCOUNT, check, key_authorization, loopback, observe};

#[tokio::test]
async fn each_state_of_the_accounts_records_has_its_meaning() {
    use Finding::{DnsFailure, DnsNoTxt, DnsTxtMismatch, Internal, Proof};

    let value = dns01_value(&key_authorization());
    let at = |url: &str| format!("{}._acme-challenge.a.test", dns_account01_label(url));
    let (own, earlier) = (at(ACCOUNT), at(EARLIER_ACCOUNT));
    let foreign = at("https://ca.internal/acme/default/account/2");
    let table = [
        (
            "the value",
            "a.test",
            Zone::new().txt(&own, &[&value]),
            Proof,
            own.as_str(),
        ),
        (
            "for a wildcard",
            "*.a.test",
            Zone::new().txt(&own, &[&value]),
            Proof,
            "",
        ),
        (
            "one of several",
            "a.test",
            Zone::new().txt(&own, &["old"]).txt(&own, &[&value]),
            Proof,
            "",
        ),
        (
            "under an earlier URL",
            "a.test",
            Zone::new().txt(&earlier, &[&value]),
            Proof,
            earlier.as_str(),
        ),
        (
            "under both, one of them old",
            "a.test",
            Zone::new().txt(&own, &["old"]).txt(&earlier, &[&value]),
            Proof,
            "",
        ),
        (
            "behind an alias",
            "a.test",
            Zone::new().cname(&own, "x.test").txt("x.test", &[&value]),
            Proof,
            "",
        ),
        ("nothing", "a.test", Zone::new(), DnsNoTxt, own.as_str()),
        (
            "another account's label",
            "a.test",
            Zone::new().txt(&foreign, &[&value]),
            DnsNoTxt,
            own.as_str(),
        ),
        (
            "the label of dns-01",
            "a.test",
            Zone::new().txt("_acme-challenge.a.test", &[&value]),
            DnsNoTxt,
            "",
        ),
        (
            "another value",
            "a.test",
            Zone::new().txt(&own, &["old"]),
            DnsTxtMismatch,
            "\"old\"",
        ),
        (
            "a failure",
            "a.test",
            Zone::new().code(&own, ResponseCode::ServFail),
            DnsFailure,
            "SERVFAIL",
        ),
        (
            "an address",
            "192.0.2.1",
            Zone::new(),
            Internal,
            "dns-account-01 cannot prove an identifier of type ip",
        ),
    ];
    for (situation, name, zone, finding, text) in table {
        let dns = DnsServer::start(zone).await;
        let config = ValidationConfig {
            resolvers: vec![dns.address],
            ..loopback()
        };
        let observed = observe(&config, DnsAccount01, name).await;
        check(situation, &observed, finding, observed.phase, &[text]);
        assert_eq!(observed.address, None);
    }
}
