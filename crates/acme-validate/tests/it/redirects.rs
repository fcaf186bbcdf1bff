//! http-01 over redirections: which are followed, and which are not.

use acme_core::{Finding, Phase};
use acme_types::ChallengeKind::Http01;
use acme_validate::ValidationConfig;

use crate::dns_server::{DnsServer, Zone};
use crate::http_server::{HttpServer, Step, answer, ok, redirect};
use crate::support::{check, key_authorization, loopback, observe};
use crate::tls_server::{Shown, TlsServer};

/// A server that redirects the first request and shows the proof at `/proof`.
async fn redirecting(status: &'static str, location: impl Fn(u16) -> String) -> HttpServer {
    // The port is known only once the server listens.
    let holder = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let shared = std::sync::Arc::clone(&holder);
    let server = HttpServer::on("127.0.0.1:0", move |head| {
        let bytes = if head.starts_with("GET /proof") {
            ok(key_authorization().as_str())
        } else {
            redirect(status, &shared.lock().unwrap())
        };
        vec![Step::Send(bytes)]
    })
    .await;
    *holder.lock().unwrap() = location(server.port());
    server
}

#[tokio::test]
async fn the_five_redirections_are_followed() {
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let server = redirecting(status, |_| "/proof?a=b#c".to_owned()).await;
        let config = ValidationConfig {
            http01_port: server.port(),
            ..loopback()
        };
        let observed = observe(&config, Http01, "127.0.0.1").await;
        let story = format!(
            "{status} to http://127.0.0.1:{}/proof?a=b; connected",
            server.port()
        );
        check(status, &observed, Finding::Proof, Phase::Compare, &[&story]);
        assert!(server.heads()[1].starts_with("GET /proof?a=b HTTP/1.1\r\n"));
    }
}

#[tokio::test]
async fn another_host_is_resolved_anew() {
    let server = redirecting("302 Found", |port| {
        format!("http://Other.Example:{port}/proof")
    })
    .await;
    let dns = DnsServer::start(
        Zone::new()
            .address("web.example", "127.0.0.1")
            .address("other.example", "::1")
            .address("other.example", "127.0.0.1"),
    )
    .await;
    let config = ValidationConfig {
        http01_port: server.port(),
        resolvers: vec![dns.address],
        ..loopback()
    };
    let observed = observe(&config, Http01, "web.example").await;
    // IPv4 follows a failed IPv6 connection after a redirection, too.
    check(
        "another host",
        &observed,
        Finding::Proof,
        Phase::Compare,
        &[
            "to http://other.example:",
            "[::1]:",
            "refused the connection; connected to 127.0.0.1:",
        ],
    );
    let host = format!("host: other.example:{}\r\n", server.port());
    assert!(server.heads()[1].contains(&host));
}

#[tokio::test]
async fn https_is_followed_without_a_look_at_the_certificate() {
    let mut shown = Shown::new(&["somebody-else.example"]);
    shown.protocols = vec![b"http/1.1"];
    shown.answer = Some(ok(key_authorization().as_str()));
    let https = TlsServer::start("127.0.0.1:0", shown).await;
    let location = format!("https://web.example:{}/proof", https.port());
    let http = redirecting("301 Moved Permanently", |_| location.clone()).await;
    let dns = DnsServer::start(Zone::new().address("web.example", "127.0.0.1")).await;
    let config = ValidationConfig {
        http01_port: http.port(),
        https_port: https.port(),
        resolvers: vec![dns.address],
        ..loopback()
    };
    let observed = observe(&config, Http01, "web.example").await;
    check(
        "https",
        &observed,
        Finding::Proof,
        Phase::Compare,
        &["to https://web.example:"],
    );
    assert_eq!(observed.address, Some(https.address));
    assert_eq!(https.asked(), [Some("web.example".to_owned())]);

    let plain = HttpServer::playing(vec![Step::Send(answer("400 Bad Request", ""))]).await;
    let location = format!("https://web.example:{}/proof", plain.port());
    let http = redirecting("302 Found", |_| location.clone()).await;
    let config = ValidationConfig {
        http01_port: http.port(),
        https_port: plain.port(),
        ..config
    };
    let observed = observe(&config, Http01, "web.example").await;
    check(
        "https to a port of http",
        &observed,
        Finding::TlsFailed,
        Phase::Tls,
        &[
            "to https://web.example:",
            "does not speak TLS, it said \"HTTP/1.1 400",
        ],
    );
}

#[tokio::test]
async fn what_may_not_be_followed_is_not() {
    let table: Vec<(&str, &str, &str)> = vec![
        (
            "a scheme",
            "ftp://web.example/",
            "only http and https are followed",
        ),
        ("a port", "http://127.0.0.1:6379/", "only the ports 80, 443"),
        (
            "a user name",
            "http://u:p@127.0.0.1/",
            "user name or password",
        ),
        ("no URL", "http://[", "which is no URL"),
        (
            "text that reorders",
            "ftp://a\u{202e}b/",
            "302 Found to \"ftp://a\u{fffd}b/\"",
        ),
    ];
    for (situation, location, text) in table {
        let server = redirecting("302 Found", |_| location.to_owned()).await;
        let config = ValidationConfig {
            http01_port: server.port(),
            ..loopback()
        };
        let observed = observe(&config, Http01, "127.0.0.1").await;
        check(
            situation,
            &observed,
            Finding::HttpRedirect,
            Phase::Http,
            &[text],
        );
        assert_eq!(server.connections(), 1, "{situation}");
    }
}

#[tokio::test]
async fn a_loop_ends_when_it_closes() {
    let server = HttpServer::on("127.0.0.1:0", |head| {
        let next = if head.starts_with("GET /a") {
            "/b"
        } else {
            "/a"
        };
        vec![Step::Send(redirect("302 Found", next))]
    })
    .await;
    let config = ValidationConfig {
        http01_port: server.port(),
        ..loopback()
    };
    let observed = observe(&config, Http01, "127.0.0.1").await;
    check(
        "a loop",
        &observed,
        Finding::HttpRedirect,
        Phase::Http,
        &["/a, which is a loop"],
    );
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn ten_redirections_are_followed_and_no_more() {
    for (hops, finding) in [(10, Finding::Proof), (11, Finding::HttpRedirect)] {
        let count = std::sync::Mutex::new(0);
        let server = HttpServer::on("127.0.0.1:0", move |_| {
            let mut count = count.lock().unwrap();
            *count += 1;
            let bytes = if *count > hops {
                ok(key_authorization().as_str())
            } else {
                redirect("302 Found", &format!("/hop{count}"))
            };
            vec![Step::Send(bytes)]
        })
        .await;
        let config = ValidationConfig {
            http01_port: server.port(),
            ..loopback()
        };
        let observed = observe(&config, Http01, "127.0.0.1").await;
        assert_eq!(observed.finding, finding, "{hops}: {observed:?}");
        assert_eq!(server.connections(), 11);
    }
}
