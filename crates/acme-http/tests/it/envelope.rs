//! What every answer shares: nonces, links, methods, problems, caching (RFC 8555 §§ 6.3, 6.5, 7.1).

use acme_core::CaaMode;
use serde_json::json;

use crate::client::Client;
use crate::server::{BASE, Server};

#[tokio::test]
async fn directory() {
    let server = Server::with(|p| {
        p.terms_of_service = Some("https://ca.test/terms".to_owned());
        p.caa_identities = vec!["ca.test".to_owned()];
        p.caa = CaaMode::On;
    })
    .await;
    let reply = server
        .get("/acme/default/directory")
        .await
        .expect_status(200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let url = |resource: &str| format!("{BASE}/acme/default/{resource}");
    assert_eq!(
        reply.json(),
        json!({
            "newNonce": url("new-nonce"),
            "newAccount": url("new-account"),
            "newOrder": url("new-order"),
            "revokeCert": url("revoke-cert"),
            "keyChange": url("key-change"),
            "renewalInfo": url("renewal-info"),
            "meta": {
                "termsOfService": "https://ca.test/terms",
                "caaIdentities": ["ca.test"],
                "externalAccountRequired": false,
            },
        })
    );
    assert_eq!(reply.link("index"), None);
    assert_eq!(reply.header("replay-nonce"), None);
    // Two clients read meta unasked, so it is there even when it says nothing.
    let other = server.get("/acme/other/directory").await.json();
    assert_eq!(other["meta"], json!({ "externalAccountRequired": false }));
}

#[tokio::test]
async fn a_host_header_decides_nothing() {
    let server = Server::start().await;
    let reply = warp::test::request()
        .path("/acme/default/directory")
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-proto", "http")
        .reply(&server.api())
        .await;
    let body = String::from_utf8(reply.body().to_vec()).unwrap();
    assert!(body.contains(BASE) && !body.contains("evil"), "{body}");
}

#[tokio::test]
async fn new_nonce() {
    let server = Server::start().await;
    let path = "/acme/default/new-nonce";
    let mut seen = std::collections::HashSet::new();
    for (method, status) in [("GET", 204), ("HEAD", 200)] {
        let reply = server
            .send(method, path, None, "")
            .await
            .expect_status(status);
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(
            reply.link("index").as_deref(),
            Some("https://ca.test/acme/default/directory")
        );
        assert!(reply.body.is_empty());
        assert!(seen.insert(reply.header("replay-nonce").unwrap().to_owned()));
    }
    let client = Client::new(&server).await;
    client
        .read(&client.url("new-nonce"))
        .await
        .expect_status(204);
    client
        .read(&client.url("directory"))
        .await
        .expect_status(200);
    let nothing = client.post(&client.url("directory"), json!({})).await;
    nothing.expect_problem(400, "malformed");
}

#[tokio::test]
async fn head_is_get_without_its_body() {
    let server = Server::start().await;
    for path in [
        "/acme/default/directory",
        "/roots.pem",
        "/health",
        "/nothing",
    ] {
        let get = server.get(path).await;
        let head = server.send("HEAD", path, None, "").await;
        assert_eq!(head.status, get.status, "{path}");
        assert!(head.body.is_empty() && !get.body.is_empty(), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"));
        assert_eq!(
            head.header("content-length"),
            Some(get.body.len().to_string().as_str())
        );
    }
}

#[tokio::test]
async fn every_answer_to_a_post_brings_a_nonce() {
    let server = Server::start().await;
    let id = "0123456789abcdefghijABCDEFGHIJ01";
    for path in [
        "/acme/default/new-account",
        "/acme/default/new-order",
        "/acme/default/revoke-cert",
        "/acme/default/key-change",
        &format!("/acme/default/order/{id}"),
        &format!("/acme/default/challenge/{id}"),
        "/acme/default/nothing",
        "/acme/nobody/new-order",
        "/nothing",
        "/roots.pem",
    ] {
        let reply = server.send("POST", path, Some("text/plain"), "x").await;
        assert!(reply.problem().is_some(), "{path}: {reply:?}");
        let nonce = reply.header("replay-nonce").expect(path);
        assert!(!nonce.is_empty());
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
    }
}

#[tokio::test]
async fn the_nonce_of_an_answer_is_good_for_the_next_request() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let refused = server
        .send("POST", "/acme/default/new-order", Some("text/plain"), "x")
        .await;
    let nonce = refused.header("replay-nonce").unwrap().to_owned();
    let mut draft = client.draft(&client.kid, "").await;
    draft.header.insert("nonce".to_owned(), json!(nonce));
    client.send(&draft).await.expect_status(200);
}

#[tokio::test]
async fn wrong_methods_are_told_the_right_ones() {
    let server = Server::start().await;
    let id = "0123456789abcdefghijABCDEFGHIJ01";
    let order = format!("/acme/default/order/{id}");
    let authorization = format!("/acme/default/authz/{id}");
    let challenge = format!("/acme/default/challenge/{id}");
    let certificate = format!("/acme/default/certificate/{id}");
    for (method, path, allowed) in [
        ("GET", "/acme/default/new-account", "POST"),
        ("GET", "/acme/default/new-order", "POST"),
        ("HEAD", "/acme/default/new-order", "POST"),
        ("GET", &order, "POST"),
        ("GET", &authorization, "POST"),
        ("GET", &challenge, "POST"),
        ("GET", &certificate, "POST"),
        ("DELETE", &order, "POST"),
        ("PUT", "/acme/default/directory", "GET, HEAD, POST"),
        ("OPTIONS", "/acme/default/new-nonce", "GET, HEAD, POST"),
        ("POST", "/roots.pem", "GET, HEAD"),
        ("PATCH", "/health", "GET, HEAD"),
    ] {
        let reply = server.send(method, path, None, "").await;
        assert_eq!(reply.status, 405, "{method} {path}");
        assert_eq!(reply.header("allow"), Some(allowed), "{method} {path}");
        if method != "HEAD" {
            assert_eq!(reply.problem().as_deref(), Some("malformed"));
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let server = Server::start().await;
    for path in [
        "/",
        "/nothing",
        "/acme/nobody/directory",
        "/acme/default/nothing",
        "/acme/default/directory/",
        "/acme/default/order/short",
        "/acme/%2e%2e/directory",
        "/root/00",
    ] {
        server.get(path).await.expect_problem(404, "malformed");
    }
}

#[tokio::test]
async fn directories_are_told_apart_by_escaped_names() {
    let server = Server::start().await;
    server.get("/acme/other/directory").await.expect_status(200);
    server
        .get("/acme/d%65fault/directory")
        .await
        .expect_problem(404, "malformed");
}

#[tokio::test]
async fn bodies_too_large_are_refused_in_the_same_envelope() {
    let server = Server::start().await;
    let body = vec![b'x'; 128 * 1024 + 1];
    let jose = Some("application/jose+json");
    let reply = server
        .send("POST", "/acme/default/new-order", jose, body)
        .await;
    let reply = reply.expect_problem(413, "malformed");
    assert!(reply.header("replay-nonce").is_some());
    assert!(reply.link("index").is_some());
}

#[tokio::test]
async fn what_a_client_sent_is_not_quoted_at_length() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let mut draft = client.draft(&client.url("new-order"), "{}").await;
    let url = format!("https://ca.test/{}", "x".repeat(50_000));
    draft.header.insert("url".to_owned(), json!(url));
    let reply = client
        .send(&draft)
        .await
        .expect_problem(403, "unauthorized");
    assert!(reply.body.len() < 4000, "{} bytes", reply.body.len());
}
