//! http-01: the request that goes out, and what each answer means.

use std::time::Duration;

use acme_core::{Finding, Phase};
use acme_types::ChallengeKind::Http01;
use acme_validate::ValidationConfig;

use crate::dns_server::{DnsServer, Zone};
use crate::http_server::{HttpServer, Step, answer, ok};
use crate::support::{
    BlackHole, check, foreign_key_authorization, key_authorization, loopback, observe, token,
};

/// Situation, what the server sends, and what is to be seen.
type Row<'a> = (&'a str, Vec<u8>, Finding, Phase, Vec<&'a str>);

#[tokio::test]
async fn each_answer_has_its_meaning() {
    let proof = key_authorization().as_str().to_owned();
    let other_key = foreign_key_authorization().as_str().to_owned();
    let token = token().to_string();
    let chunked = |body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        )
        .into_bytes()
    };
    let gzip =
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00";
    let padded = |n: usize| format!("{proof}{}", " ".repeat(n - proof.len()));

    use Finding::{HttpMismatch, HttpRedirect, HttpStatus, Proof};
    use Phase::{Compare, Http};
    let table: Vec<Row<'_>> = vec![
        (
            "the proof",
            ok(&proof),
            Proof,
            Compare,
            vec!["connected to 127.0.0.1:", "200 OK with"],
        ),
        (
            "the proof and a line end",
            ok(format!("{proof}\r\n \t\n")),
            Proof,
            Compare,
            vec![],
        ),
        (
            "the proof in chunks",
            chunked(&proof),
            Proof,
            Compare,
            vec![],
        ),
        (
            "the proof up to the close",
            format!("HTTP/1.0 200 OK\r\n\r\n{proof}").into(),
            Proof,
            Compare,
            vec![],
        ),
        (
            "as long as can be",
            ok(padded(4096)),
            Proof,
            Compare,
            vec![],
        ),
        (
            "an interim answer first",
            [b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec(), ok(&proof)].concat(),
            Proof,
            Compare,
            vec![],
        ),
        (
            "a byte too long",
            ok(padded(4097)),
            HttpMismatch,
            Compare,
            vec!["more than 4096 bytes", "body begins"],
        ),
        (
            "a huge chunk",
            chunked(&"x".repeat(1 << 20)),
            HttpMismatch,
            Compare,
            vec!["more than 4096 bytes", "xxx…"],
        ),
        (
            "white space in front",
            ok(format!(" {proof}")),
            HttpMismatch,
            Compare,
            vec![],
        ),
        (
            "another account's",
            ok(&other_key),
            HttpMismatch,
            Compare,
            vec!["right token", "another account's key"],
        ),
        (
            "the token alone",
            ok(&token),
            HttpMismatch,
            Compare,
            vec!["thumbprint of the account's key"],
        ),
        (
            "a page",
            ok("<html>\u{1b}[2J"),
            HttpMismatch,
            Compare,
            vec!["<html>\u{fffd}[2J", "expected evaGx"],
        ),
        (
            "nothing",
            ok(""),
            HttpMismatch,
            Compare,
            vec!["200 OK, empty body"],
        ),
        (
            "compressed, unasked",
            gzip.to_vec(),
            HttpMismatch,
            Compare,
            vec!["encoded as gzip, unasked"],
        ),
        (
            "no such file",
            answer("404 Not Found", "no\nsuch file"),
            HttpStatus,
            Http,
            vec!["ms, 404 Not Found, body \"no\u{fffd}such file\""],
        ),
        (
            "no such file, in other words",
            answer("404 Nope", ""),
            HttpStatus,
            Http,
            vec!["404 Not Found, empty body"],
        ),
        (
            "a gateway without a backend",
            answer("503 x", "x".repeat(9000)),
            HttpStatus,
            Http,
            vec!["503 Service Unavailable, body begins \"xxx"],
        ),
        (
            "the proof with 201",
            answer("201 Created", &proof),
            HttpStatus,
            Http,
            vec!["201 Created"],
        ),
        (
            "a status that nobody knows",
            answer("799 ?", ""),
            HttpStatus,
            Http,
            vec!["status 799"],
        ),
        (
            "not modified",
            answer("304 Not Modified", ""),
            HttpStatus,
            Http,
            vec!["304 Not Modified"],
        ),
        (
            "nowhere",
            answer("302 Found", ""),
            HttpRedirect,
            Http,
            vec!["302 Found without a Location"],
        ),
    ];
    for (situation, bytes, finding, phase, texts) in table {
        let server = HttpServer::answering(bytes).await;
        let config = ValidationConfig {
            http01_port: server.port(),
            ..loopback()
        };
        let observed = observe(&config, Http01, "127.0.0.1").await;
        check(situation, &observed, finding, phase, &texts);
        assert_eq!(observed.address, Some(server.address), "{situation}");
    }
}

#[tokio::test]
async fn the_request_is_the_one_that_the_rfc_wants() {
    let server = HttpServer::answering(ok(key_authorization().as_str())).await;
    let dns = DnsServer::start(Zone::new().address("web.example", "127.0.0.1")).await;
    let config = ValidationConfig {
        http01_port: server.port(),
        resolvers: vec![dns.address],
        user_agent: "our-ca (ops@example.org)".to_owned(),
        ..loopback()
    };
    let observed = observe(&config, Http01, "web.example").await;
    check("by name", &observed, Finding::Proof, Phase::Compare, &[]);

    let heads = server.heads();
    let [head] = heads.as_slice() else {
        panic!("one request, not {heads:?}");
    };
    let lines: Vec<&str> = head.split("\r\n").collect();
    let path = "/.well-known/acme-challenge/evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";
    assert_eq!(lines[0], format!("GET {path} HTTP/1.1"));
    let host = format!("host: web.example:{}", server.port());
    for line in [
        host.as_str(),
        "user-agent: our-ca (ops@example.org)",
        "accept: */*",
        "connection: close",
    ] {
        assert!(lines.contains(&line), "{line} is not in {lines:?}");
    }
    assert!(!head.contains("accept-encoding"));
}

#[tokio::test]
async fn an_ipv6_address_stands_in_brackets() {
    let server = HttpServer::on("[::1]:0", |_| {
        vec![Step::Send(ok(key_authorization().as_str()))]
    })
    .await;
    let config = ValidationConfig {
        http01_port: server.port(),
        ..loopback()
    };
    let observed = observe(&config, Http01, "::1").await;
    check(
        "IPv6",
        &observed,
        Finding::Proof,
        Phase::Compare,
        &["connected to [::1]:"],
    );
    let host = format!("host: [::1]:{}\r\n", server.port());
    assert!(server.heads()[0].contains(&host));
}

#[tokio::test]
async fn nobody_listens() {
    let config = ValidationConfig {
        http01_port: 9,
        ..loopback()
    };
    let observed = observe(&config, Http01, "127.0.0.1").await;
    check(
        "a closed port",
        &observed,
        Finding::ConnectRefused,
        Phase::Connect,
        &["127.0.0.1:9 refused the connection"],
    );
    assert_eq!(observed.address, Some("127.0.0.1:9".parse().unwrap()));
}

#[tokio::test]
async fn time_out_tells_in_which_step() {
    let hole = BlackHole::start().await;
    let config = ValidationConfig {
        http01_port: hole.address.port(),
        timeout: Duration::from_millis(700),
        ..loopback()
    };
    let observed = observe(&config, Http01, "127.0.0.1").await;
    check(
        "a black hole",
        &observed,
        Finding::ConnectTimeout,
        Phase::Connect,
        &["neither accepted nor refused the connection within 700 ms"],
    );
    assert!(observed.took >= config.timeout, "{:?}", observed.took);

    let dns = DnsServer::start(Zone::new().address("web.example", "127.0.0.1")).await;
    let mute = HttpServer::on("127.0.0.1:0", |_| vec![Step::Hang]).await;
    let config = ValidationConfig {
        http01_port: mute.port(),
        resolvers: vec![dns.address],
        ..config
    };
    let observed = observe(&config, Http01, "web.example").await;
    check(
        "a server that says nothing",
        &observed,
        Finding::HttpBroken,
        Phase::Http,
        &[
            "connected to 127.0.0.1:",
            "no answer to the request within 700 ms",
        ],
    );
}

#[tokio::test]
async fn ipv6_comes_first_and_ipv4_after_a_failed_connection() {
    let zone = Zone::new()
        .address("both.example", "127.0.0.1")
        .address("both.example", "::1");
    let dns = DnsServer::start(zone).await;
    let v4 = HttpServer::answering(ok(key_authorization().as_str())).await;
    let config = ValidationConfig {
        http01_port: v4.port(),
        resolvers: vec![dns.address],
        ..loopback()
    };
    let observed = observe(&config, Http01, "both.example").await;
    check(
        "only IPv4 is served",
        &observed,
        Finding::Proof,
        Phase::Compare,
        &["[::1]:", "refused the connection; connected to 127.0.0.1:"],
    );

    let v6 = format!("[::1]:{}", v4.port());
    let v6 = HttpServer::on(&v6, |_| vec![Step::Send(answer("404 Not Found", ""))]).await;
    let before = v4.connections();
    let observed = observe(&config, Http01, "both.example").await;
    check(
        "IPv6 answers, and is believed",
        &observed,
        Finding::HttpStatus,
        Phase::Http,
        &["connected to [::1]:", "404"],
    );
    assert_eq!((v4.connections(), v6.connections()), (before, 1));
}

#[tokio::test]
async fn a_black_hole_leaves_time_for_the_next_address() {
    let v4 = HttpServer::answering(ok(key_authorization().as_str())).await;
    let hole = BlackHole::start_at(format!("[::1]:{}", v4.port()).parse().unwrap()).await;
    let zone = Zone::new()
        .address("both.example", "127.0.0.1")
        .address("both.example", "::1");
    let dns = DnsServer::start(zone).await;
    let config = ValidationConfig {
        http01_port: hole.address.port(),
        resolvers: vec![dns.address],
        timeout: Duration::from_secs(3),
        ..loopback()
    };
    let observed = observe(&config, Http01, "both.example").await;
    check(
        "IPv6 is swallowed",
        &observed,
        Finding::Proof,
        Phase::Compare,
        &[
            "[::1]:",
            "neither accepted nor refused",
            "connected to 127.0.0.1:",
        ],
    );
}
