//! Denied networks: nothing in them is dialled, whatever way leads there.

use acme_core::{Finding, Phase};
use acme_types::ChallengeKind::{Http01, TlsAlpn01};
use acme_validate::{Network, ValidationConfig};

use crate::dns_server::{DnsServer, Zone};
use crate::http_server::{HttpServer, Step, ok, redirect};
use crate::support::{check, key_authorization, loopback, observe};

/// The inner server is at 127.0.0.2, which is denied; the outer one on the same port of 127.0.0.1.
async fn inner_server(port: u16) -> HttpServer {
    HttpServer::on(&format!("127.0.0.2:{port}"), |_| {
        vec![Step::Send(ok(key_authorization().as_str()))]
    })
    .await
}

fn denying(port: u16) -> ValidationConfig {
    ValidationConfig {
        http01_port: port,
        tlsalpn01_port: port,
        deny_networks: vec!["127.0.0.2".parse().unwrap()],
        ..loopback()
    }
}

#[tokio::test]
async fn an_address_and_a_name_that_lead_into_a_denied_network() {
    let inner = inner_server(0).await;
    let zone = Zone::new()
        .address("rebound.example", "127.0.0.2")
        .address("mapped.example", "::ffff:127.0.0.2")
        .address("nat64.example", "64:ff9b::7f00:2")
        .cname("alias.example", "rebound.example");
    let dns = DnsServer::start(zone).await;
    let config = ValidationConfig {
        resolvers: vec![dns.address],
        ..denying(inner.port())
    };
    for kind in [Http01, TlsAlpn01] {
        for (target, text) in [
            (
                "127.0.0.2",
                "127.0.0.2 is in the denied network 127.0.0.2/32",
            ),
            ("::ffff:127.0.0.2", "in the denied network 127.0.0.2/32"),
            (
                "rebound.example",
                "rebound.example has the address 127.0.0.2, in the denied",
            ),
            ("mapped.example", "in the denied network 127.0.0.2/32"),
            ("nat64.example", "in the denied network 127.0.0.2/32"),
            ("alias.example", "in the denied network 127.0.0.2/32"),
        ] {
            let observed = observe(&config, kind, target).await;
            check(
                target,
                &observed,
                Finding::DeniedNetwork,
                Phase::Connect,
                &[text],
            );
            assert_eq!(observed.address, None, "nothing was dialled");
        }
    }
    assert_eq!(inner.connections(), 0);
}

#[tokio::test]
async fn the_defaults_deny_loopback_and_metadata() {
    let config = ValidationConfig {
        resolvers: loopback().resolvers,
        ..ValidationConfig::default()
    };
    for target in [
        "127.0.0.1",
        "::1",
        "::",
        "0.0.0.0",
        "169.254.169.254",
        "fd00:ec2::254",
    ] {
        let observed = observe(&config, Http01, target).await;
        check(
            target,
            &observed,
            Finding::DeniedNetwork,
            Phase::Connect,
            &[target],
        );
    }
}

#[tokio::test]
async fn a_redirection_into_a_denied_network() {
    let inner = inner_server(0).await;
    let port = inner.port();
    let dns = DnsServer::start(Zone::new().address("rebound.example", "127.0.0.2")).await;
    for host in [
        "127.0.0.2",
        "2130706434",
        "0x7f000002",
        "0177.0.0.02",
        "127.2",
        "[::ffff:127.0.0.2]",
        "[::ffff:7f00:2]",
        "rebound.example",
    ] {
        let location = format!("http://{host}:{port}/");
        let outer = HttpServer::answering(redirect("302 Found", &location)).await;
        let config = ValidationConfig {
            http01_port: outer.port(),
            https_port: port,
            resolvers: vec![dns.address],
            ..denying(port)
        };
        let observed = observe(&config, Http01, "127.0.0.1").await;
        check(
            host,
            &observed,
            Finding::DeniedNetwork,
            Phase::Connect,
            &["302 Found to http://", "in the denied network 127.0.0.2/32"],
        );
        assert_eq!(
            observed.address,
            Some(outer.address),
            "what was dialled last"
        );
    }
    assert_eq!(inner.connections(), 0);
}

#[tokio::test]
async fn of_several_addresses_only_the_allowed_ones_are_dialled() {
    let outer = HttpServer::answering(ok(key_authorization().as_str())).await;
    let inner = inner_server(outer.port()).await;
    let zone = Zone::new()
        .address("mixed.example", "127.0.0.2")
        .address("mixed.example", "127.0.0.1");
    let dns = DnsServer::start(zone).await;
    let config = ValidationConfig {
        resolvers: vec![dns.address],
        ..denying(outer.port())
    };
    let observed = observe(&config, Http01, "mixed.example").await;
    check(
        "mixed",
        &observed,
        Finding::Proof,
        Phase::Compare,
        &["127.0.0.2 not dialled, in the denied network 127.0.0.2/32; connected to 127.0.0.1:"],
    );
    assert_eq!(inner.connections(), 0);
}

#[tokio::test]
async fn with_allowed_networks_nothing_else_is_dialled() {
    let network = |text: &str| text.parse::<Network>().unwrap();
    let server = HttpServer::answering(ok(key_authorization().as_str())).await;
    let config = ValidationConfig {
        http01_port: server.port(),
        allow_networks: vec![network("127.0.0.1"), network("127.0.0.2")],
        ..denying(server.port())
    };
    let observed = observe(&config, Http01, "127.0.0.1").await;
    check("allowed", &observed, Finding::Proof, Phase::Compare, &[]);
    let observed = observe(&config, Http01, "127.0.0.3").await;
    let denied = Finding::DeniedNetwork;
    check(
        "outside",
        &observed,
        denied,
        Phase::Connect,
        &["in none of the allowed networks"],
    );
    let observed = observe(&config, Http01, "127.0.0.2").await;
    check(
        "both",
        &observed,
        denied,
        Phase::Connect,
        &["denied network 127.0.0.2/32"],
    );
}

#[tokio::test]
async fn a_name_that_reads_like_an_address_is_a_name() {
    // A browser takes this name for 127.0.0.2; a certificate for it names a host.
    let inner = inner_server(0).await;
    let dns = DnsServer::start(Zone::new()).await;
    let config = ValidationConfig {
        http01_port: inner.port(),
        resolvers: vec![dns.address],
        ..loopback()
    };
    let observed = observe(&config, Http01, "0x7f000002").await;
    check(
        "a name",
        &observed,
        Finding::DnsNoAddress,
        Phase::Dns,
        &["0x7f000002 does not exist"],
    );
    assert_eq!(inner.connections(), 0);
}
