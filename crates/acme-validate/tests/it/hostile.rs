//! Servers that mean harm, or speak something else: a probe ends in time, in bounded memory, and
//! says what it met.

use std::time::{Duration, Instant};

use acme_core::{Finding, Phase};
use acme_types::ChallengeKind::Http01;
use acme_validate::ValidationConfig;

use crate::http_server::{HttpServer, Step, answer};
use crate::support::{check, key_authorization, loopback, observe};

use Finding::{HttpBroken, HttpMismatch, HttpStatus};
use Phase::{Compare, Http};

#[tokio::test]
async fn what_is_no_answer_is_told_and_tried_again() {
    let tls_alert = [0x15, 0x03, 0x01, 0, 2, 2, 70].to_vec();
    let h2_settings = [0, 0, 0, 4, 0, 0, 0, 0, 0].to_vec();
    let send = |text: &str| vec![Step::ReadHead, Step::Send(text.as_bytes().to_vec())];
    let for_ever = |text: &str| Step::SendForEver(text.as_bytes().to_vec(), Duration::ZERO);
    let many_fields = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(2000));

    let table: Vec<(&str, Vec<Step>, &str)> = vec![
        (
            "closed before an answer",
            vec![Step::ReadHead],
            "closed the connection without an answer",
        ),
        (
            "reset before an answer",
            vec![Step::ReadHead, Step::Reset],
            "reset the connection",
        ),
        (
            "half a head",
            send("HTTP/1.1 200 OK\r\ncontent-le"),
            "in the middle of its answer",
        ),
        (
            "half a body",
            send("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nabc"),
            "200 OK, but the body is not complete",
        ),
        (
            "a broken chunk",
            send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
            "200 OK, but the body is not complete",
        ),
        (
            "HTTP/0.9",
            send("<html>hello</html>"),
            "does not speak HTTP/1, it said \"<html>hello</html>\"",
        ),
        (
            "a control character in the head",
            send("HTTP/1.1 200 O\u{1b}K\r\n\r\n"),
            "the head of the answer is malformed, it begins \"HTTP/1.1 200 O\u{fffd}K",
        ),
        (
            "another protocol",
            vec![Step::Send(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), Step::Hang],
            "it said \"SSH-2.0-OpenSSH_9.2\"",
        ),
        (
            "TLS",
            vec![Step::ReadHead, Step::Send(tls_alert)],
            "it said TLS",
        ),
        (
            "HTTP/2",
            vec![Step::ReadHead, Step::Send(h2_settings), Step::Hang],
            "it said HTTP/2",
        ),
        (
            "too many fields",
            send(&many_fields),
            "longer than 8192 bytes or 100 fields",
        ),
        (
            "a line without end",
            vec![
                Step::ReadHead,
                Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec()),
                for_ever("xxxxxxxxxxxxxxxx"),
            ],
            "longer than 8192 bytes or 100 fields",
        ),
        (
            "fields without end",
            vec![
                Step::ReadHead,
                Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec()),
                for_ever("a: b\r\n"),
            ],
            "longer than 8192 bytes or 100 fields",
        ),
    ];
    for (situation, script, text) in table {
        let server = HttpServer::playing(script).await;
        let config = ValidationConfig {
            http01_port: server.port(),
            ..loopback()
        };
        let observed = observe(&config, Http01, "127.0.0.1").await;
        check(
            situation,
            &observed,
            HttpBroken,
            Http,
            &["connected to 127.0.0.1:", text],
        );
    }
}

#[tokio::test]
async fn the_deadline_holds_whatever_trickles_in() {
    let slowly =
        |text: &str| Step::SendForEver(text.as_bytes().to_vec(), Duration::from_millis(20));
    let fast = |text: &str| Step::SendForEver(text.as_bytes().to_vec(), Duration::ZERO);
    let send = |text: &str| Step::Send(text.as_bytes().to_vec());
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

    let no_answer = "no answer to the request within 600 ms";
    let no_body = "200 OK, but the body is not complete within 600 ms";
    let table: Vec<(&str, Vec<Step>, &str)> = vec![
        (
            "a head byte by byte",
            vec![send("HTTP/1.1 200 OK\r\na: "), slowly("b")],
            no_answer,
        ),
        (
            "interim answers without end",
            vec![fast("HTTP/1.1 100 Continue\r\n\r\n")],
            no_answer,
        ),
        (
            "a body byte by byte",
            vec![
                send("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n"),
                slowly("b"),
            ],
            no_body,
        ),
        (
            "chunks byte by byte",
            vec![send(chunked), slowly("1\r\nx\r\n")],
            no_body,
        ),
        (
            "chunk extensions without end",
            vec![send(chunked), send("1;"), slowly("x")],
            no_body,
        ),
    ];
    for (situation, mut script, text) in table {
        script.insert(0, Step::ReadHead);
        let server = HttpServer::playing(script).await;
        let config = ValidationConfig {
            http01_port: server.port(),
            timeout: Duration::from_millis(600),
            ..loopback()
        };
        let started = Instant::now();
        let observed = observe(&config, Http01, "127.0.0.1").await;
        check(situation, &observed, HttpBroken, Http, &[text]);
        let took = started.elapsed();
        assert!(took < Duration::from_secs(3), "{situation}: {took:?}");
    }
}

#[tokio::test]
async fn a_refusal_keeps_its_status_when_its_body_does_not_come() {
    let script = vec![
        Step::ReadHead,
        Step::Send(b"HTTP/1.1 404 Not Found\r\ncontent-length: 10\r\n\r\n".to_vec()),
        Step::Hang,
    ];
    let server = HttpServer::playing(script).await;
    let config = ValidationConfig {
        http01_port: server.port(),
        ..loopback()
    };
    let observed = observe(&config, Http01, "127.0.0.1").await;
    check(
        "a slow 404",
        &observed,
        HttpStatus,
        Http,
        &["404 Not Found, no body came"],
    );
    assert!(observed.took < Duration::from_secs(4));
}

#[tokio::test]
async fn what_a_server_says_is_shown_short_and_plain() {
    let bidi = format!("\u{202e}evil\u{2066}{}", "y".repeat(500));
    let server = HttpServer::answering(answer("500 Oops", &bidi)).await;
    let config = ValidationConfig {
        http01_port: server.port(),
        ..loopback()
    };
    let observed = observe(&config, Http01, "127.0.0.1").await;
    check(
        "text that reorders",
        &observed,
        HttpStatus,
        Http,
        &["500 Internal Server Error, body \"\u{fffd}evil\u{fffd}yyy"],
    );
    assert!(observed.detail.chars().count() < 200);
}

#[tokio::test]
async fn a_body_without_end_is_not_read_to_its_end() {
    let script = vec![
        Step::ReadHead,
        Step::Send(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
        Step::SendForEver(
            key_authorization().as_str().as_bytes().to_vec(),
            Duration::ZERO,
        ),
    ];
    let server = HttpServer::playing(script).await;
    let config = ValidationConfig {
        http01_port: server.port(),
        ..loopback()
    };
    let observed = observe(&config, Http01, "127.0.0.1").await;
    check(
        "without end",
        &observed,
        HttpMismatch,
        Compare,
        &["more than 4096 bytes"],
    );
}
