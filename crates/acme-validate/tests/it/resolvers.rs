//! Looking names up: what each failure of DNS is called, and which server is asked.

use std::time::Duration;

use acme_core::{Finding, Phase, Validator as _};
use acme_types::ChallengeKind::{Dns01, Http01};
use acme_validate::{NetworkValidator, ValidationConfig};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use crate::dns_server::{DnsServer, Zone};
use crate::http_server::{HttpServer, ok};
use crate::support::{a_probe, check, key_authorization, loopback, nobody, observe};

#[tokio::test]
async fn each_failure_has_its_name() {
    let zone = Zone::new()
        .empty("empty.example")
        .cname("dangling.example", "gone.example")
        .cname("loop.example", "pool.example")
        .cname("pool.example", "loop.example")
        .code("servfail.example", ResponseCode::ServFail)
        .code("refused.example", ResponseCode::Refused)
        .silence("silent.example");
    let dns = DnsServer::start(zone).await;
    let config = ValidationConfig {
        resolvers: vec![dns.address],
        timeout: Duration::from_secs(4),
        ..loopback()
    };
    let server = dns.address.to_string();
    let table = [
        (
            "gone.example",
            Finding::DnsNoAddress,
            "gone.example does not exist (NXDOMAIN), says",
        ),
        (
            "dangling.example",
            Finding::DnsNoAddress,
            "does not exist (NXDOMAIN)",
        ),
        (
            "empty.example",
            Finding::DnsNoAddress,
            "has no A and no AAAA record, says",
        ),
        (
            "loop.example",
            Finding::DnsNoAddress,
            "loop.example has no A and no AAAA record",
        ),
        ("servfail.example", Finding::DnsFailure, "answered SERVFAIL"),
        ("refused.example", Finding::DnsFailure, "answered REFUSED"),
        (
            "silent.example",
            Finding::DnsFailure,
            "did not answer within 1 s",
        ),
    ];
    for (name, finding, text) in table {
        let observed = observe(&config, Http01, name).await;
        check(name, &observed, finding, Phase::Dns, &[name, text, &server]);
        assert_eq!(observed.address, None);
    }
}

#[tokio::test]
async fn one_family_is_enough() {
    let zone = Zone::new()
        .address("half.example", "127.0.0.1")
        .silence_for("half.example", RecordType::AAAA);
    let dns = DnsServer::start(zone).await;
    let server = HttpServer::answering(ok(key_authorization().as_str())).await;
    let config = ValidationConfig {
        http01_port: server.port(),
        resolvers: vec![dns.address],
        timeout: Duration::from_secs(4),
        ..loopback()
    };
    let observed = observe(&config, Http01, "half.example").await;
    check(
        "no answer about AAAA",
        &observed,
        Finding::Proof,
        Phase::Compare,
        &[],
    );
}

#[tokio::test]
async fn the_next_server_is_asked_when_one_fails_and_stays_first() {
    let broken = DnsServer::start(Zone::new().code("web.example", ResponseCode::ServFail)).await;
    let sound = DnsServer::start(Zone::new().address("web.example", "127.0.0.1")).await;
    let http = HttpServer::answering(ok(key_authorization().as_str())).await;
    let config = ValidationConfig {
        http01_port: http.port(),
        resolvers: vec![broken.address, sound.address],
        ..loopback()
    };
    let validator = NetworkValidator::new(&config).unwrap();
    let probe = a_probe(Http01, "web.example");
    for _ in 0..2 {
        let observed = validator.probe(&probe).await;
        check(
            "one is broken",
            &observed,
            Finding::Proof,
            Phase::Compare,
            &[],
        );
    }
    assert_eq!(broken.questions().len(), 2, "AAAA and A, once");

    // "No such name" is an answer: no other server is asked.
    let both = ValidationConfig {
        resolvers: vec![sound.address, broken.address],
        ..config
    };
    let asked_before = broken.questions().len();
    let observed = observe(&both, Http01, "gone.example").await;
    let finding = Finding::DnsNoAddress;
    check(
        "NXDOMAIN",
        &observed,
        finding,
        Phase::Dns,
        &[&sound.address.to_string()],
    );
    assert_eq!(broken.questions().len(), asked_before);
}

#[tokio::test]
async fn every_server_is_named_when_none_answers() {
    let refusing = DnsServer::start(Zone::new().code("web.example", ResponseCode::Refused)).await;
    let config = ValidationConfig {
        resolvers: vec![refusing.address, nobody()],
        timeout: Duration::from_secs(2),
        ..loopback()
    };
    let observed = observe(&config, Http01, "web.example").await;
    let refusal = format!("{} answered REFUSED", refusing.address);
    check(
        "none answers",
        &observed,
        Finding::DnsFailure,
        Phase::Dns,
        &[&refusal, "127.0.0.1:9 did not answer within 500 ms"],
    );
}

#[tokio::test]
async fn no_proof_is_remembered_between_probes() {
    // The record may be kept for a minute, says the server.
    let zone = Zone::new().txt("_acme-challenge.web.example", &["old"]);
    let dns = DnsServer::start(zone).await;
    let config = ValidationConfig {
        resolvers: vec![dns.address],
        ..loopback()
    };
    let validator = NetworkValidator::new(&config).unwrap();
    for n in 1..=3 {
        validator.probe(&a_probe(Dns01, "web.example")).await;
        assert_eq!(dns.questions().len(), n);
    }
}

#[tokio::test]
async fn addresses_are_remembered_while_nothing_answers_there() {
    let zone = Zone::new().address("web.example", "127.0.0.1");
    let dns = DnsServer::start(zone).await;
    let config = ValidationConfig {
        resolvers: vec![dns.address],
        http01_port: 9,
        ..loopback()
    };
    let validator = NetworkValidator::new(&config).unwrap();
    for n in 0..3 {
        let observed = validator.probe(&a_probe(Http01, "web.example")).await;
        let refused = Finding::ConnectRefused;
        check("down", &observed, refused, Phase::Connect, &["127.0.0.1"]);
        assert_eq!(dns.questions().len(), 2 + 2 * n, "AAAA and A, once");
        // That there is no address is not remembered.
        validator.probe(&a_probe(Http01, "gone.example")).await;
        assert_eq!(dns.questions().len(), 4 + 2 * n);
    }
}

#[tokio::test]
async fn a_remembered_address_contradicts_nothing() {
    let zone = Zone::new().address("web.example", "127.0.0.1");
    let dns = DnsServer::start(zone).await;
    let http = HttpServer::answering(ok("another's answer")).await;
    let config = ValidationConfig {
        resolvers: vec![dns.address],
        http01_port: http.port(),
        ..loopback()
    };
    let validator = NetworkValidator::new(&config).unwrap();
    for n in 1..=3 {
        let observed = validator.probe(&a_probe(Http01, "web.example")).await;
        let mismatch = Finding::HttpMismatch;
        check("wrong", &observed, mismatch, Phase::Compare, &["another's"]);
        // The name may have moved: it is looked up again before this ends the challenge.
        assert_eq!(dns.questions().len(), 2 * n);
    }
}

#[tokio::test]
async fn a_provisioner_may_have_settings_of_its_own() {
    let inside = DnsServer::start(Zone::new().address("web.example", "127.0.0.1")).await;
    let outside = DnsServer::start(Zone::new()).await;
    let http = HttpServer::answering(ok(key_authorization().as_str())).await;
    let config = |dns: &DnsServer| ValidationConfig {
        http01_port: http.port(),
        resolvers: vec![dns.address],
        ..loopback()
    };
    let validator = NetworkValidator::new(&config(&outside))
        .unwrap()
        .with_provisioner("lab".parse().unwrap(), &config(&inside))
        .unwrap();
    let mut probe = a_probe(Http01, "web.example");
    let observed = validator.probe(&probe).await;
    check("default", &observed, Finding::DnsNoAddress, Phase::Dns, &[]);
    probe.provisioner = "lab".parse().unwrap();
    let observed = validator.probe(&probe).await;
    check("lab", &observed, Finding::Proof, Phase::Compare, &[]);
}

#[tokio::test]
async fn settings_out_of_bounds_are_refused() {
    let refused =
        |config: ValidationConfig| NetworkValidator::new(&config).unwrap_err().to_string();
    let no_time = ValidationConfig {
        timeout: Duration::ZERO,
        ..loopback()
    };
    assert!(refused(no_time).contains("timeout"));
    let no_port = ValidationConfig {
        https_port: 0,
        ..loopback()
    };
    assert!(refused(no_port).contains("port 0"));
    let agent = ValidationConfig {
        user_agent: "a\r\nb: c".to_owned(),
        ..loopback()
    };
    assert!(refused(agent).contains("user agent"));
}

#[tokio::test]
async fn dropping_a_probe_ends_it() {
    use crate::http_server::Step;

    let server = HttpServer::on("127.0.0.1:0", |_| vec![Step::Hang]).await;
    let config = ValidationConfig {
        http01_port: server.port(),
        ..loopback()
    };
    let validator = NetworkValidator::new(&config).unwrap();
    let probe = a_probe(Http01, "127.0.0.1");
    let before = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    let cut = tokio::time::timeout(Duration::from_millis(300), validator.probe(&probe)).await;
    assert!(cut.is_err());
    assert_eq!(server.connections(), 1);
    // The server's own task for the connection ends when the connection does.
    for _ in 0..100 {
        if tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
            <= before
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("a task outlives its probe");
}

#[tokio::test]
async fn without_resolvers_the_system_is_asked() {
    // The answer about this name is the same everywhere, and leaves no system.
    let config = ValidationConfig::default();
    assert!(config.resolvers.is_empty());
    let observed = observe(&config, Http01, "localhost").await;
    let finding = Finding::DeniedNetwork;
    check(
        "the system",
        &observed,
        finding,
        Phase::Connect,
        &["localhost has the address"],
    );
}
