//! tls-alpn-01: the handshake, and each way in which a certificate may be wrong.

use std::time::Duration;

use acme_core::{Finding, Phase};
use acme_types::ChallengeKind::TlsAlpn01;
use acme_types::KeyAuthorization;
use acme_validate::ValidationConfig;
use rcgen::{
    CustomExtension, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256, SanType,
};
use rustls::version::{TLS12, TLS13};

use crate::dns_server::{DnsServer, Zone};
use crate::http_server::{HttpServer, Step, answer};
use crate::support::{
    BlackHole, check, foreign_key_authorization, key_authorization, loopback, observe,
};
use crate::tls_server::{Shown, TlsServer};

const ACME_IDENTIFIER: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 31];
const SUBJECT_ALT_NAME: &[u64] = &[2, 5, 29, 17];

fn digest(of: &KeyAuthorization) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, of.as_str().as_bytes())
        .as_ref()
        .to_vec()
}

fn proof() -> CustomExtension {
    CustomExtension::new_acme_identifier(&digest(&key_authorization()))
}

/// An acmeIdentifier with this content, critical.
fn extension(content: Vec<u8>) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(ACME_IDENTIFIER, content);
    extension.set_criticality(true);
    extension
}

fn right(name: &str) -> Shown {
    Shown::new(&[name]).with(proof())
}

fn config(port: u16, dns: &DnsServer) -> ValidationConfig {
    ValidationConfig {
        tlsalpn01_port: port,
        resolvers: vec![dns.address],
        ..loopback()
    }
}

async fn web_example() -> DnsServer {
    DnsServer::start(Zone::new().address("web.example", "127.0.0.1")).await
}

#[tokio::test]
async fn every_kind_of_key_and_version_proves() {
    let dns = web_example().await;
    let keys = || {
        vec![
            ("P-256", KeyPair::generate().unwrap()),
            (
                "P-384",
                KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap(),
            ),
            ("Ed25519", KeyPair::generate_for(&PKCS_ED25519).unwrap()),
            ("RSA", KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap()),
        ]
    };
    for version in [&TLS12, &TLS13] {
        for (word, key) in keys() {
            let situation = format!("{word} over {:?}", version.version);
            let mut shown = right("web.example");
            shown.key = key;
            shown.versions = vec![version];
            let server = TlsServer::start("127.0.0.1:0", shown).await;
            let observed = observe(&config(server.port(), &dns), TlsAlpn01, "web.example").await;
            check(
                &situation,
                &observed,
                Finding::Proof,
                Phase::Compare,
                &[
                    "connected to 127.0.0.1:",
                    "carries the name and the expected digest",
                ],
            );
            assert_eq!(server.asked(), [Some("web.example".to_owned())]);
        }
    }
}

#[tokio::test]
async fn an_address_is_asked_for_by_its_reverse_name() {
    let dns = web_example().await;
    let reverse_v6 = format!("1.{}ip6.arpa", "0.".repeat(31));
    for (address, bind, name) in [
        ("127.0.0.1", "127.0.0.1:0", "1.0.0.127.in-addr.arpa"),
        ("::1", "[::1]:0", reverse_v6.as_str()),
    ] {
        let server = TlsServer::start(bind, right(address)).await;
        let observed = observe(&config(server.port(), &dns), TlsAlpn01, address).await;
        check(address, &observed, Finding::Proof, Phase::Compare, &[]);
        assert_eq!(server.asked(), [Some(name.to_owned())]);
    }
    assert!(dns.questions().is_empty(), "there is nothing to look up");
}

#[tokio::test]
async fn each_wrong_certificate_is_told_apart() {
    use Finding::{Proof, TlsMismatch, TlsWrongCertificate as Wrong};

    let name = "web.example";
    let right_digest = digest(&key_authorization());
    let octets = |bytes: &[u8]| {
        let mut der = vec![4, u8::try_from(bytes.len()).unwrap()];
        der.extend_from_slice(bytes);
        der
    };
    let not_critical = CustomExtension::from_oid_content(ACME_IDENTIFIER, octets(&right_digest));
    let foreign = CustomExtension::new_acme_identifier(&digest(&foreign_key_authorization()));
    let second_names = CustomExtension::from_oid_content(SUBJECT_ALT_NAME, {
        let mut der = vec![0x30, 13, 0x82, 11];
        der.extend_from_slice(name.as_bytes());
        der
    });
    let old = {
        let mut old = CustomExtension::from_oid_content(
            &[1, 3, 6, 1, 5, 5, 7, 1, 30, 1],
            octets(&right_digest),
        );
        old.set_criticality(true);
        old
    };
    let mut email = right(name);
    email.names = vec![SanType::Rfc822Name("web@web.example".try_into().unwrap())];

    let table: Vec<(&str, Shown, Finding, &str)> = vec![
        ("the name in other case", right("WEB.example"), Proof, ""),
        (
            "no extension",
            Shown::new(&[name]),
            Wrong,
            "it has no acmeIdentifier extension",
        ),
        (
            "the extension of a draft",
            Shown::new(&[name]).with(old),
            Wrong,
            "it has no acmeIdentifier",
        ),
        (
            "not critical",
            Shown::new(&[name]).with(not_critical),
            Wrong,
            "is not critical",
        ),
        (
            "two of them",
            right(name).with(proof()),
            Wrong,
            "more than one acmeIdentifier",
        ),
        (
            "no OCTET STRING",
            Shown::new(&[name]).with(extension(vec![5, 0])),
            Wrong,
            "not an OCTET STRING",
        ),
        (
            "bytes behind",
            Shown::new(&[name]).with(extension([octets(&right_digest), vec![0]].concat())),
            Wrong,
            "not an OCTET STRING",
        ),
        (
            "a bare digest",
            Shown::new(&[name]).with(extension(right_digest.clone())),
            Wrong,
            "not an OCTET STRING",
        ),
        (
            "too short",
            Shown::new(&[name]).with(extension(octets(&right_digest[..31]))),
            Wrong,
            "OCTET STRING of 31 octets",
        ),
        (
            "no names",
            Shown::new(&[]).with(proof()),
            Wrong,
            "it has no subjectAltName",
        ),
        (
            "another name",
            right("other.example"),
            Wrong,
            "it names other.example where web.example alone",
        ),
        (
            "a name more",
            Shown::new(&[name, "other.example"]).with(proof()),
            Wrong,
            "it names web.example, other.example",
        ),
        (
            "the name twice",
            Shown::new(&[name, name]).with(proof()),
            Wrong,
            "it names web.example, web.example",
        ),
        (
            "a wildcard",
            right("*.example"),
            Wrong,
            "it names *.example",
        ),
        (
            "an address",
            right("127.0.0.1"),
            Wrong,
            "it names 127.0.0.1",
        ),
        (
            "a name of another kind",
            email,
            Wrong,
            "a name of another kind",
        ),
        (
            "names twice",
            right(name).with(second_names),
            Wrong,
            "more than one subjectAltName",
        ),
        (
            "another's digest",
            Shown::new(&[name]).with(foreign.clone()),
            TlsMismatch,
            "carries the digest",
        ),
        (
            "another's digest for another name",
            Shown::new(&["other.example"]).with(foreign),
            Wrong,
            "it names other.example",
        ),
    ];
    let dns = web_example().await;
    for (situation, shown, finding, text) in table {
        let server = TlsServer::start("127.0.0.1:0", shown).await;
        let observed = observe(&config(server.port(), &dns), TlsAlpn01, name).await;
        check(situation, &observed, finding, Phase::Compare, &[text]);
        assert_eq!(observed.address, Some(server.address), "{situation}");
    }
}

#[tokio::test]
async fn a_certificate_whose_key_the_server_does_not_hold_proves_nothing() {
    let dns = web_example().await;
    for version in [&TLS12, &TLS13] {
        let mut shown = right("web.example");
        shown.foreign_key = Some(KeyPair::generate().unwrap());
        shown.versions = vec![version];
        let server = TlsServer::start("127.0.0.1:0", shown).await;
        let observed = observe(&config(server.port(), &dns), TlsAlpn01, "web.example").await;
        check(
            "a stolen certificate",
            &observed,
            Finding::TlsFailed,
            Phase::Tls,
            &["BadSignature"],
        );
    }
}

#[tokio::test]
async fn each_handshake_that_fails_has_its_meaning() {
    use Finding::{TlsFailed, TlsNoAlpn};

    let dns = web_example().await;
    let mut no_protocols = right("web.example");
    no_protocols.protocols = Vec::new();
    let server = TlsServer::start("127.0.0.1:0", no_protocols).await;
    let observed = observe(&config(server.port(), &dns), TlsAlpn01, "web.example").await;
    let text = "did not agree to the protocol acme-tls/1";
    check(
        "no ALPN",
        &observed,
        TlsNoAlpn,
        Phase::Tls,
        &["connected to", text],
    );

    let mut others = right("web.example");
    others.protocols = vec![b"h2", b"http/1.1"];
    let server = TlsServer::start("127.0.0.1:0", others).await;
    let observed = observe(&config(server.port(), &dns), TlsAlpn01, "web.example").await;
    check(
        "others",
        &observed,
        TlsNoAlpn,
        Phase::Tls,
        &["alert 120, no_application_protocol"],
    );

    let alert = |code: u8| {
        vec![
            Step::Send(vec![0x15, 0x03, 0x03, 0, 2, 2, code]),
            Step::Hang,
        ]
    };
    let send = |bytes: &[u8]| vec![Step::Send(bytes.to_vec()), Step::Hang];
    let web = [
        Step::Send(answer("400 Bad Request", "plain HTTP")),
        Step::Hang,
    ];
    let table: Vec<(&str, Vec<Step>, &str)> = vec![
        (
            "unrecognized_name",
            alert(112),
            "alert 112 (unrecognized_name)",
        ),
        (
            "handshake_failure",
            alert(40),
            "alert 40 (handshake_failure)",
        ),
        ("protocol_version", alert(70), "alert 70 (protocol_version)"),
        ("internal_error", alert(80), "alert 80 (internal_error)"),
        (
            "HTTP",
            web.to_vec(),
            "does not speak TLS, it said \"HTTP/1.1 400 Bad Request",
        ),
        (
            "another protocol",
            send(b"220 mail.example ESMTP\r\n"),
            "it said \"220 mail.example ESMTP",
        ),
        (
            "nothing, and a close",
            Vec::new(),
            "during the TLS handshake",
        ),
        (
            "nothing, and a reset",
            vec![Step::Reset],
            "during the TLS handshake",
        ),
    ];
    for (situation, script, text) in table {
        let server = HttpServer::playing(script).await;
        let observed = observe(&config(server.port(), &dns), TlsAlpn01, "web.example").await;
        check(
            situation,
            &observed,
            TlsFailed,
            Phase::Tls,
            &["connected to 127.0.0.1:", text],
        );
    }
}

#[tokio::test]
async fn time_out_and_refusal_tell_in_which_step() {
    let dns = web_example().await;
    let mute = HttpServer::playing(vec![Step::Hang]).await;
    let mut config = config(mute.port(), &dns);
    config.timeout = Duration::from_millis(800);
    let observed = observe(&config, TlsAlpn01, "web.example").await;
    check(
        "a server that says nothing",
        &observed,
        Finding::TlsFailed,
        Phase::Tls,
        &[
            "connected to",
            "the TLS handshake did not end within 800 ms",
        ],
    );

    let hole = BlackHole::start().await;
    config.tlsalpn01_port = hole.address.port();
    let observed = observe(&config, TlsAlpn01, "web.example").await;
    let finding = Finding::ConnectTimeout;
    check(
        "a black hole",
        &observed,
        finding,
        Phase::Connect,
        &["within 800 ms"],
    );

    config.tlsalpn01_port = 9;
    let observed = observe(&config, TlsAlpn01, "web.example").await;
    let finding = Finding::ConnectRefused;
    check(
        "a closed port",
        &observed,
        finding,
        Phase::Connect,
        &["127.0.0.1:9 refused"],
    );
}
