//! Orders and authorizations (RFC 8555 §§ 7.4, 7.5).

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Client, identifier, text};
use crate::server::Server;

#[tokio::test]
async fn a_new_order() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let names = [
        "*.Example.TEST",
        "b.test",
        "10.0.0.1",
        "FD00:0::1",
        "b.test",
    ];
    let reply = client.new_order(&names).await.expect_status(201);
    let body = reply.json();
    assert_eq!(body["status"], "pending");
    assert_eq!(body["expires"], "2027-01-16T08:00:00Z");
    let values = ["*.example.test", "b.test", "10.0.0.1", "fd00::1"];
    assert_eq!(body["identifiers"], json!(values.map(identifier)));
    assert_eq!(body["authorizations"].as_array().unwrap().len(), 4);
    assert_eq!(
        text(&body["finalize"]),
        format!("{}/finalize", reply.location())
    );
    for absent in ["certificate", "error", "notBefore", "notAfter"] {
        assert_eq!(body[absent], Value::Null);
    }
    assert_eq!(reply.retry_after(), None);

    let read = client.read(reply.location()).await.expect_status(200);
    assert_eq!(read.json(), body);
    assert_eq!(read.location(), reply.location());
}

#[tokio::test]
async fn authorizations_offer_what_can_prove_them() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let all = ["http-01", "dns-01", "tls-alpn-01"];
    for (name, shown, wildcard, kinds) in [
        ("a.test", "a.test", false, &all[..]),
        ("*.a.test", "a.test", true, &["dns-01"]),
        ("10.0.0.1", "10.0.0.1", false, &["http-01", "tls-alpn-01"]),
    ] {
        let order = client.new_order(&[name]).await.json();
        let url = text(&order["authorizations"][0]);
        let reply = client.read(&url).await.expect_status(200);
        let body = reply.json();
        assert_eq!(body["status"], "pending");
        assert_eq!(body["identifier"], identifier(shown));
        assert_eq!(body["expires"], order["expires"]);
        assert_eq!(
            body["wildcard"],
            if wildcard { json!(true) } else { Value::Null }
        );
        assert_eq!(reply.retry_after(), None);
        let challenges = body["challenges"].as_array().unwrap();
        let offered: Vec<_> = challenges.iter().map(|c| text(&c["type"])).collect();
        assert_eq!(offered, kinds, "{name}");
        for challenge in challenges {
            assert_eq!(challenge["status"], "pending");
            assert_eq!(text(&challenge["token"]).len(), 43);
            assert!(text(&challenge["url"]).starts_with("https://ca.test/acme/default/challenge/"));
            assert_eq!(challenge["error"], Value::Null);
        }
    }
}

#[tokio::test]
async fn orders_that_are_refused() {
    let server = Server::with(|p| {
        p.max_identifiers = 3;
        p.allow_wildcards = false;
    })
    .await;
    let client = Client::new(&server).await;
    let url = client.url("new-order");
    let one =
        |kind: &str, value: &str| json!({ "identifiers": [{ "type": kind, "value": value }] });
    let with = |member: &str, value: Value| {
        let mut payload = one("dns", "a.test");
        payload[member] = value;
        payload
    };
    let four = ["a.test", "b.test", "c.test", "d.test"].map(identifier);
    for (payload, kind) in [
        (json!({}), "malformed"),
        (json!({ "identifiers": [] }), "malformed"),
        (json!({ "identifiers": {} }), "malformed"),
        (json!({ "identifiers": [{ "type": "dns" }] }), "malformed"),
        (one("dns", ""), "malformed"),
        (one("dns", "a..test"), "malformed"),
        (one("dns", "a.test."), "malformed"),
        (one("dns", "a_b.test"), "malformed"),
        (one("dns", "a.*.test"), "malformed"),
        (one("dns", "bücher.test"), "malformed"),
        (one("dns", "10.0.0.1"), "malformed"),
        (one("ip", "10.0.0.256"), "malformed"),
        (one("ip", "a.test"), "malformed"),
        (one("email", "a@b.test"), "unsupportedIdentifier"),
        (one("dns", "*.a.test"), "rejectedIdentifier"),
        (json!({ "identifiers": four }), "malformed"),
        (with("notAfter", json!("tomorrow")), "malformed"),
        (with("notAfter", json!("2027-01-15T08:00:10Z")), "malformed"),
        (with("notAfter", json!("2037-01-15T08:00:00Z")), "malformed"),
        (with("notBefore", json!(7)), "malformed"),
    ] {
        let what = payload.to_string();
        let reply = client.post(&url, payload).await;
        assert_eq!(
            (reply.status, reply.problem().as_deref()),
            (400, Some(kind)),
            "{what}: {reply:?}"
        );
    }
    assert_eq!(client.orders().await, [""; 0]);
}

#[tokio::test]
async fn each_bad_identifier_is_named() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let names = ["good.test", "a_b.test", "c..test"];
    let reply = client
        .new_order(&names)
        .await
        .expect_problem(400, "malformed");
    let body = reply.json();
    let subproblems = body["subproblems"].as_array().unwrap();
    let named: Vec<_> = subproblems
        .iter()
        .map(|s| s["identifier"].clone())
        .collect();
    assert_eq!(named, [identifier("a_b.test"), identifier("c..test")]);
}

#[tokio::test]
async fn validity_is_ordered_within_bounds() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let payload = json!({
        "identifiers": [identifier("a.test")],
        "notBefore": "2027-01-15T09:00:00Z",
        "notAfter": "2027-01-20T09:00:00Z",
    });
    let reply = client.post(&client.url("new-order"), payload).await;
    let body = reply.expect_status(201).json();
    assert_eq!(body["notBefore"], "2027-01-15T09:00:00Z");
    assert_eq!(body["notAfter"], "2027-01-20T09:00:00Z");
}

#[tokio::test]
async fn what_is_only_read_takes_no_payload() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let order = client.new_order(&["a.test"]).await.location().to_owned();
    client
        .post(&order, json!({}))
        .await
        .expect_problem(400, "malformed");
}

#[tokio::test]
async fn an_authorization_is_given_up() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let tried = client.order_with_challenge("a.test", "http-01").await;
    for payload in [
        json!({}),
        json!({ "status": "valid" }),
        json!({ "status": 7 }),
        json!([]),
    ] {
        let reply = client.post(&tried.authorization, payload).await;
        reply.expect_problem(400, "malformed");
        assert_eq!(client.read(&tried.order).await.json()["status"], "pending");
    }
    let end = json!({ "status": "deactivated" });
    for _ in 0..2 {
        let reply = client.post(&tried.authorization, end.clone()).await;
        assert_eq!(reply.expect_status(200).json()["status"], "deactivated");
    }
    let order = client.read(&tried.order).await;
    assert_eq!(order.json()["status"], "invalid");
    assert_eq!(
        order.json()["error"]["type"],
        "urn:ietf:params:acme:error:unauthorized"
    );
    // Asking for a validation changes nothing any more.
    client
        .post(&tried.challenge, json!({}))
        .await
        .expect_status(200);
    assert_eq!(server.runner.counts().0, 0);
}

#[tokio::test]
async fn an_order_ends_with_its_time() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let tried = client.order_with_challenge("a.test", "http-01").await;
    server
        .runner
        .sees(acme_core::Finding::ConnectRefused, "refused");
    client
        .post(&tried.challenge, json!({}))
        .await
        .expect_status(200);
    server.clock.advance(Duration::from_secs(24 * 3600));
    let order = client.read(&tried.order).await.expect_status(200);
    assert_eq!(order.json()["status"], "invalid");
    assert!(text(&order.json()["error"]["detail"]).contains("expired"));
    assert_eq!(order.retry_after(), None);
    let authorization = client.read(&tried.authorization).await.expect_status(200);
    assert_eq!(authorization.json()["status"], "invalid");
    assert_eq!(authorization.retry_after(), None);
    let challenge = client.read(&tried.challenge).await.expect_status(200);
    assert_eq!(challenge.json()["status"], "invalid");
    assert_eq!(challenge.retry_after(), None);
}
