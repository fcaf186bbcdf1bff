//! What the answers about a challenge say while it is tried, and what requests and polls do
//! (RFC 8555 §§ 7.5.1, 8.2).

use std::time::Duration;

use acme_core::Finding;
use serde_json::{Value, json};

use crate::client::Client;
use crate::server::Server;

#[tokio::test]
async fn a_proof_that_is_there_is_answered_at_once() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let tried = client.order_with_challenge("a.test", "http-01").await;
    let reply = client
        .post(&tried.challenge, json!({}))
        .await
        .expect_status(200);
    let body = reply.json();
    assert_eq!(body["status"], "valid");
    assert_eq!(body["validated"], "2027-01-15T08:00:00Z");
    assert_eq!(body["error"], Value::Null);
    assert_eq!(reply.retry_after(), None);
    assert_eq!(reply.location(), tried.challenge);
    assert_eq!(reply.link("up"), Some(tried.authorization.clone()));

    let authorization = client.read(&tried.authorization).await.json();
    assert_eq!(authorization["status"], "valid");
    // Settled, it shows the challenge that was met alone.
    let challenges = authorization["challenges"].as_array().unwrap();
    assert_eq!(challenges.len(), 1);
    assert_eq!(challenges[0], body);
    assert_eq!(client.read(&tried.order).await.json()["status"], "ready");
    assert_eq!(server.runner.counts(), (1, 0));

    // Asking again changes nothing.
    let again = client.post(&tried.challenge, json!({})).await;
    assert_eq!(again.expect_status(200).json(), body);
    assert_eq!(server.runner.counts(), (1, 0));
}

#[tokio::test]
async fn what_is_not_there_yet_is_processing_and_only_polls_tell_why() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let tried = client.order_with_challenge("a.test", "http-01").await;
    server
        .runner
        .sees(Finding::ConnectRefused, "10.0.3.7:80 refused, first");
    let posted = client
        .post(&tried.challenge, json!({}))
        .await
        .expect_status(200);
    let body = posted.json();
    assert_eq!(body["status"], "processing");
    // At least one client dies of an error here.
    assert_eq!(body["error"], Value::Null);
    assert_eq!(body["validated"], Value::Null);
    assert_eq!(
        posted.retry_after(),
        Some(13),
        "just after the next attempt"
    );
    assert_eq!(posted.location(), tried.challenge);
    assert_eq!(posted.link("up"), Some(tried.authorization.clone()));

    server.clock.advance(Duration::from_secs(12));
    server
        .runner
        .sees(Finding::HttpStatus, "404 Not Found, second");
    server.tick().await;
    let polled = client.read(&tried.challenge).await.expect_status(200);
    let body = polled.json();
    assert_eq!(body["status"], "processing");
    assert_eq!(body["error"]["detail"], "404 Not Found, second");
    let earlier = body["error"]["subproblems"].as_array().unwrap();
    assert_eq!(earlier.len(), 1);
    let detail = earlier[0]["detail"].as_str().unwrap();
    assert!(
        detail.contains("attempt 1") && detail.contains("first"),
        "{detail}"
    );
    assert_eq!(polled.retry_after(), Some(13));
    assert_eq!(polled.link("up"), Some(tried.authorization.clone()));

    let authorization = client.read(&tried.authorization).await;
    assert_eq!(authorization.json()["status"], "pending");
    assert_eq!(authorization.retry_after(), Some(5));
    for challenge in authorization.json()["challenges"].as_array().unwrap() {
        if challenge["url"] == json!(tried.challenge) {
            assert_eq!(challenge, &body);
        } else {
            assert_eq!(challenge["status"], "pending", "siblings wait");
        }
    }
    let order = client.read(&tried.order).await;
    assert_eq!(order.json()["status"], "pending");
    assert_eq!(order.retry_after(), Some(3));

    // A further request is no error either, and has none.
    server.clock.advance(Duration::from_secs(1));
    let again = client
        .post(&tried.challenge, json!({}))
        .await
        .expect_status(200);
    assert_eq!(again.json()["status"], "processing");
    assert_eq!(again.json()["error"], Value::Null);
    assert_eq!(
        again.retry_after(),
        Some(5),
        "min_gap after the last attempt"
    );
}

#[tokio::test]
async fn a_contradiction_is_told_in_every_answer() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let tried = client.order_with_challenge("a.test", "http-01").await;
    server
        .runner
        .sees(Finding::HttpMismatch, "another key authorization");
    let posted = client
        .post(&tried.challenge, json!({}))
        .await
        .expect_status(200);
    let body = posted.json();
    assert_eq!(body["status"], "invalid");
    assert_eq!(
        body["error"]["type"],
        "urn:ietf:params:acme:error:incorrectResponse"
    );
    assert_eq!(posted.retry_after(), None);
    let authorization = client.read(&tried.authorization).await;
    assert_eq!(authorization.json()["status"], "invalid");
    assert_eq!(authorization.json()["challenges"], json!([body]));
    assert_eq!(authorization.retry_after(), None);
    let order = client.read(&tried.order).await.json();
    assert_eq!(order["status"], "invalid");
    assert_eq!(order["error"], body["error"]);
}

#[tokio::test]
async fn polls_change_nothing_while_the_window_is_open() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let tried = client.order_with_challenge("a.test", "http-01").await;
    // Before anyone has asked, a poll starts nothing.
    let reply = client.read(&tried.challenge).await.expect_status(200);
    assert_eq!(reply.json()["status"], "pending");
    assert_eq!(reply.retry_after(), None);
    server.tick().await;
    assert_eq!(server.runner.counts(), (0, 0));

    server.runner.sees(Finding::DnsNoAddress, "no such name");
    client
        .post(&tried.challenge, json!({}))
        .await
        .expect_status(200);
    for second in 1..12 {
        server.clock.advance(Duration::from_secs(1));
        let reply = client.read(&tried.challenge).await;
        assert_eq!(reply.retry_after(), Some(13 - second));
    }
    assert_eq!(server.runner.counts(), (1, 0), "no poll woke the worker");
}

#[tokio::test]
async fn a_poll_after_the_window_arms_another() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let tried = client.order_with_challenge("a.test", "http-01").await;
    server.runner.sees(Finding::ConnectTimeout, "no answer");
    client
        .post(&tried.challenge, json!({}))
        .await
        .expect_status(200);
    for _ in 0..10 {
        server.clock.advance(Duration::from_secs(12));
        server.tick().await;
    }
    server.clock.advance(Duration::from_secs(2));
    let authorization = client.read(&tried.authorization).await;
    assert_eq!(
        authorization.json()["status"],
        "pending",
        "no conclusion yet"
    );
    assert_eq!(authorization.retry_after(), Some(5));
    let (_, woken) = server.runner.counts();
    let reply = client.read(&tried.challenge).await.expect_status(200);
    assert_eq!(reply.json()["status"], "processing");
    assert_eq!(reply.json()["error"]["detail"], "no answer");
    assert_eq!(
        reply.retry_after(),
        Some(11),
        "one interval after the last attempt"
    );
    assert_eq!(server.runner.counts().1, woken + 1, "the worker is told");

    server.runner.sees(Finding::Proof, "there");
    server.clock.advance(Duration::from_secs(10));
    server.tick().await;
    assert_eq!(
        client.read(&tried.challenge).await.json()["status"],
        "valid"
    );
    assert_eq!(client.read(&tried.order).await.json()["status"], "ready");
}

#[tokio::test]
async fn without_room_the_worker_is_told() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let tried = client.order_with_challenge("a.test", "http-01").await;
    server.runner.set_room(false);
    let reply = client
        .post(&tried.challenge, json!({}))
        .await
        .expect_status(200);
    assert_eq!(reply.json()["status"], "processing");
    assert_eq!(reply.retry_after(), Some(1));
    assert_eq!(server.runner.counts(), (0, 1));
    server.tick().await;
    assert_eq!(
        client.read(&tried.challenge).await.json()["status"],
        "valid"
    );
}

#[tokio::test]
async fn an_attempt_that_takes_long_is_not_waited_for() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let tried = client.order_with_challenge("a.test", "http-01").await;
    server.runner.hang();
    let started = std::time::Instant::now();
    let reply = client
        .post(&tried.challenge, json!({}))
        .await
        .expect_status(200);
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(reply.json()["status"], "processing");
    assert_eq!(reply.retry_after(), Some(1));
}

#[tokio::test]
async fn any_object_is_a_request_and_nothing_else_is() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    server.runner.sees(Finding::ConnectRefused, "refused");
    for payload in [
        json!({}),
        json!({ "keyAuthorization": "x.y" }),
        json!({ "resource": "challenge", "type": "http-01", "token": 7, "deep": [[{}]] }),
    ] {
        let tried = client.order_with_challenge("a.test", "http-01").await;
        let reply = client
            .post(&tried.challenge, payload)
            .await
            .expect_status(200);
        assert_eq!(reply.json()["status"], "processing");
    }
    let tried = client.order_with_challenge("a.test", "http-01").await;
    for payload in ["[]", "7", "\"x\"", "null", "{", "{}{}", "{\"a\"}"] {
        let draft = client.draft(&tried.challenge, payload).await;
        client.send(&draft).await.expect_problem(400, "malformed");
    }
    assert_eq!(
        client.read(&tried.challenge).await.json()["status"],
        "pending"
    );
}
