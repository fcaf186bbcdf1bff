//! dns-01: what each state of the TXT records means.

use std::time::Duration;

use acme_core::{Finding, Phase};
use acme_types::ChallengeKind::Dns01;
use acme_types::encode_base64url;
use acme_validate::ValidationConfig;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use crate::dns_server::{DnsServer, Transport, Zone};
use crate::support::{check, key_authorization, loopback, observe};

/// The value that RFC 8555 section 8.4 wants.
fn value() -> String {
    let digest = aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA256,
        key_authorization().as_str().as_bytes(),
    );
    encode_base64url(digest)
}

/// Situation, identifier, what the server holds, and what is to be seen.
type Row<'a> = (&'a str, &'a str, Zone, Finding, Phase, Vec<&'a str>);

#[tokio::test]
async fn each_state_of_the_records_has_its_meaning() {
    use Finding::{DnsFailure, DnsNoTxt, DnsTxtMismatch, Proof};
    use Phase::{Compare, Dns};

    let value = value();
    let (front, back) = value.split_at(20);
    let quoted = format!("\"{value}\"");
    let label = "a".repeat(60);
    let long = format!("{label}.{label}.{label}.{label}.example");

    let table: Vec<Row<'_>> = vec![
        (
            "the value",
            "a.example",
            Zone::new().txt("_acme-challenge.a.example", &[&value]),
            Proof,
            Compare,
            vec!["TXT of _acme-challenge.a.example has the expected value, says 127.0.0.1:"],
        ),
        (
            "in two strings",
            "a.example",
            Zone::new().txt("_acme-challenge.a.example", &[front, back]),
            Proof,
            Compare,
            vec![],
        ),
        (
            "one of several",
            "a.example",
            Zone::new()
                .txt("_acme-challenge.a.example", &["old"])
                .txt("_acme-challenge.a.example", &[&value])
                .txt("_acme-challenge.a.example", &["older"]),
            Proof,
            Compare,
            vec![],
        ),
        (
            "behind an alias",
            "a.example",
            Zone::new()
                .cname("_acme-challenge.a.example", "x.acme.example")
                .txt("x.acme.example", &[&value]),
            Proof,
            Compare,
            vec![],
        ),
        (
            "behind an alias that must be asked for",
            "a.example",
            Zone::new()
                .terse()
                .cname("_acme-challenge.a.example", "x.acme.example")
                .cname("x.acme.example", "y.acme.example")
                .txt("y.acme.example", &[&value]),
            Proof,
            Compare,
            vec![],
        ),
        (
            "for a wildcard",
            "*.a.example",
            Zone::new().txt("_acme-challenge.a.example", &[&value]),
            Proof,
            Compare,
            vec![],
        ),
        (
            "another value",
            "a.example",
            Zone::new().txt("_acme-challenge.a.example", &["other"]),
            DnsTxtMismatch,
            Compare,
            vec!["is \"other\", says 127.0.0.1:", "expected \"", &value],
        ),
        (
            "in two records",
            "a.example",
            Zone::new()
                .txt("_acme-challenge.a.example", &[front])
                .txt("_acme-challenge.a.example", &[back]),
            DnsTxtMismatch,
            Compare,
            vec![front, back],
        ),
        (
            "with quotes",
            "a.example",
            Zone::new().txt("_acme-challenge.a.example", &[&quoted]),
            DnsTxtMismatch,
            Compare,
            vec!["\"\""],
        ),
        (
            "in other case",
            "a.example",
            Zone::new().txt("_acme-challenge.a.example", &[&value.to_uppercase()]),
            DnsTxtMismatch,
            Compare,
            vec![],
        ),
        (
            "many other values",
            "a.example",
            (0..5).fold(Zone::new(), |z, n| {
                z.txt("_acme-challenge.a.example", &[&format!("v{n}\u{7}")])
            }),
            DnsTxtMismatch,
            Compare,
            vec!["\"v0\u{fffd}\" and \"v1\u{fffd}\" and 3 more, none of them right"],
        ),
        (
            "no name",
            "a.example",
            Zone::new(),
            DnsNoTxt,
            Dns,
            vec![
                "no TXT record at _acme-challenge.a.example: the name does not exist (NXDOMAIN), says 127.0.0.1:",
            ],
        ),
        (
            "no record",
            "a.example",
            Zone::new().empty("_acme-challenge.a.example"),
            DnsNoTxt,
            Dns,
            vec!["the name has no TXT record"],
        ),
        (
            "an alias to nothing",
            "a.example",
            Zone::new().cname("_acme-challenge.a.example", "gone.example"),
            DnsNoTxt,
            Dns,
            vec!["NXDOMAIN"],
        ),
        (
            "an alias to nothing that must be asked for",
            "a.example",
            Zone::new()
                .terse()
                .cname("_acme-challenge.a.example", "gone.example"),
            DnsNoTxt,
            Dns,
            vec!["NXDOMAIN"],
        ),
        (
            "at the name itself",
            "a.example",
            Zone::new().txt("a.example", &[&value]),
            DnsNoTxt,
            Dns,
            vec![],
        ),
        (
            "SERVFAIL",
            "a.example",
            Zone::new().code("_acme-challenge.a.example", ResponseCode::ServFail),
            DnsFailure,
            Dns,
            vec![
                "TXT of _acme-challenge.a.example cannot be looked up: 127.0.0.1:",
                "answered SERVFAIL",
            ],
        ),
        (
            "REFUSED",
            "a.example",
            Zone::new().code("_acme-challenge.a.example", ResponseCode::Refused),
            DnsFailure,
            Dns,
            vec!["answered REFUSED"],
        ),
        (
            "NOTIMP",
            "a.example",
            Zone::new().code("_acme-challenge.a.example", ResponseCode::NotImp),
            DnsFailure,
            Dns,
            vec!["answered"],
        ),
        (
            "silence",
            "a.example",
            Zone::new().silence("_acme-challenge.a.example"),
            DnsFailure,
            Dns,
            vec!["did not answer within 1 s"],
        ),
        (
            "a name too long for the label",
            &long,
            Zone::new(),
            Finding::DnsNoAddress,
            Dns,
            vec!["not a name that DNS can hold"],
        ),
        (
            "an address",
            "192.0.2.1",
            Zone::new(),
            Finding::Internal,
            Dns,
            vec!["dns-01 cannot prove an identifier of type ip"],
        ),
    ];
    for (situation, name, zone, finding, phase, texts) in table {
        let dns = DnsServer::start(zone).await;
        let config = ValidationConfig {
            resolvers: vec![dns.address],
            timeout: Duration::from_secs(4),
            ..loopback()
        };
        let observed = observe(&config, Dns01, name).await;
        check(situation, &observed, finding, phase, &texts);
        assert_eq!(observed.address, None);
    }
}

#[tokio::test]
async fn an_answer_too_long_for_udp_comes_over_tcp() {
    let value = value();
    let name = "_acme-challenge.a.example";
    let filler = "f".repeat(200);
    let zone = (0..40).fold(Zone::new(), |zone, _| zone.txt(name, &[&filler]));
    let zone = zone.txt(name, &[&value]);

    let dns = DnsServer::start(zone.clone()).await;
    let config = ValidationConfig {
        resolvers: vec![dns.address],
        ..loopback()
    };
    let observed = observe(&config, Dns01, "a.example").await;
    check("over TCP", &observed, Finding::Proof, Phase::Compare, &[]);
    let asked = |transport| (name.to_owned(), RecordType::TXT, transport);
    assert_eq!(
        dns.questions(),
        [asked(Transport::Udp), asked(Transport::Tcp)]
    );

    let dns = DnsServer::start(zone.without_tcp()).await;
    let config = ValidationConfig {
        resolvers: vec![dns.address],
        timeout: Duration::from_secs(4),
        ..config
    };
    let observed = observe(&config, Dns01, "a.example").await;
    check(
        "without TCP",
        &observed,
        Finding::DnsFailure,
        Phase::Dns,
        &[&dns.address.to_string()],
    );
}
