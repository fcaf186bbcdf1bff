//! Authorizations ahead of orders, for several orders, and for names below (RFC 8555 § 7.4.1,
//! RFC 9444); what ends with an authorization.

use std::time::Duration;

use acme_core::{Finding, Provisioner};
use serde_json::{Value, json};

use crate::client::{Client, csr, identifier, text};
use crate::server::{Reply, Server};

const DAY: Duration = Duration::from_secs(86_400);

fn everything(provisioner: &mut Provisioner) {
    provisioner.authorizations.reuse = 10 * DAY;
    provisioner.authorizations.pre_authorization = true;
    provisioner.authorizations.subdomains = true;
}

async fn new_authz(client: &Client<'_>, payload: Value) -> Reply {
    client.post(&client.url("new-authz"), payload).await
}

/// Proves an authorization by its challenge of this type.
async fn prove(client: &Client<'_>, url: &str, kind: &str) {
    let body = client.read(url).await.json();
    let challenges = body["challenges"].as_array().unwrap();
    let challenge = challenges.iter().find(|c| c["type"] == kind).unwrap();
    let reply = client.post(&text(&challenge["url"]), json!({})).await;
    assert_eq!(reply.json()["status"], "valid", "{reply:?}");
}

fn authorizations(order: &Value) -> Vec<String> {
    let urls = order["authorizations"].as_array().unwrap();
    urls.iter().map(text).collect()
}

#[tokio::test]
async fn a_name_is_authorized_ahead_of_its_order() {
    let server = Server::with(everything).await;
    let client = Client::new(&server).await;
    let directory = server.get("/acme/default/directory").await.json();
    assert_eq!(text(&directory["newAuthz"]), client.url("new-authz"));
    let reply = new_authz(&client, json!({ "identifier": identifier("A.test") })).await;
    let reply = reply.expect_status(201);
    let body = reply.json();
    assert_eq!(body["status"], "pending");
    assert_eq!(body["identifier"], identifier("a.test"));
    assert_eq!(body["subdomainAuthAllowed"], Value::Null);
    let url = reply.location();
    assert_eq!(client.read(url).await.json(), body);
    prove(&client, url, "http-01").await;

    let order = client.new_order(&["a.test"]).await.expect_status(201);
    let body = order.json();
    assert_eq!(body["status"], "ready");
    assert_eq!(authorizations(&body), [url]);
    let csr = json!({ "csr": csr(&["a.test"]).0 });
    let issued = client.post(&text(&body["finalize"]), csr).await;
    assert_eq!(issued.json()["status"], "valid");
}

#[tokio::test]
async fn what_cannot_be_authorized_ahead_is_refused() {
    let server = Server::with(|provisioner| {
        everything(provisioner);
        provisioner.challenges = vec![acme_types::ChallengeKind::Http01];
    })
    .await;
    let client = Client::new(&server).await;
    for (payload, kind) in [
        (json!({}), "malformed"),
        (json!({ "identifier": "a.test" }), "malformed"),
        (json!({ "identifier": identifier("*.a.test") }), "malformed"),
        (json!({ "identifier": identifier("a..test") }), "malformed"),
        (json!({ "identifier": { "type": "dns" } }), "malformed"),
        (
            json!({ "identifier": { "type": "x", "value": "a.test" } }),
            "unsupportedIdentifier",
        ),
        (
            json!({ "identifier": identifier("a.test"), "subdomainAuthAllowed": "yes" }),
            "malformed",
        ),
        (
            json!({ "identifier": identifier("10.0.0.1"), "subdomainAuthAllowed": true }),
            "malformed",
        ),
        (
            json!({
                "identifier": { "type": "dns", "value": "a.test", "subdomainAuthAllowed": true },
                "subdomainAuthAllowed": false,
            }),
            "malformed",
        ),
        // Only DNS proves the names below, and this provisioner has http-01 alone.
        (
            json!({ "identifier": identifier("a.test"), "subdomainAuthAllowed": true }),
            "rejectedIdentifier",
        ),
    ] {
        let reply = new_authz(&client, payload).await;
        reply.expect_problem(400, kind);
    }
    // Where it is not allowed there is no such resource, and the directory has none.
    let elsewhere = Client::at(&server, "other").await;
    let payload = json!({ "identifier": identifier("a.test") });
    let reply = new_authz(&elsewhere, payload).await;
    reply.expect_problem(404, "malformed");
    let directory = server.get("/acme/other/directory").await.json();
    assert_eq!(directory["newAuthz"], Value::Null);
    assert_eq!(directory["meta"]["subdomainAuthAllowed"], Value::Null);
}

#[tokio::test]
async fn a_valid_authorization_serves_orders_for_its_time() {
    let server = Server::with(everything).await;
    let client = Client::new(&server).await;
    let first = client.ready_order(&["a.test"]).await;
    let ends = client.read(&first.authorization).await.json();
    assert_eq!(
        ends["expires"], "2027-01-25T08:00:00Z",
        "10 days from its proof"
    );

    let order = client.new_order(&["a.test", "b.test"]).await.json();
    assert_eq!(order["status"], "pending");
    let urls = authorizations(&order);
    assert_eq!(urls[0], first.authorization);
    // Its wildcard is another thing, and so is another account.
    for (client, names) in [
        (&client, ["*.a.test"]),
        (&Client::new(&server).await, ["a.test"]),
    ] {
        let order = client.new_order(&names).await.json();
        assert_eq!(order["status"], "pending");
        assert!(!authorizations(&order).contains(&first.authorization));
    }
    // An order ends with what it rests on.
    server.clock.advance(9 * DAY + DAY / 2);
    let order = client.new_order(&["a.test"]).await;
    assert_eq!(order.json()["status"], "ready");
    assert_eq!(order.json()["expires"], ends["expires"]);
    server.clock.advance(DAY / 2);
    let ended = client.read(order.location()).await.json();
    assert_eq!(ended["status"], "invalid");
    let expired = client.read(&first.authorization).await.json();
    assert_eq!(expired["status"], "expired");
    let order = client.new_order(&["a.test"]).await.json();
    assert_eq!(order["status"], "pending");

    // A provisioner that allows none of this.
    let elsewhere = Client::at(&server, "other").await;
    elsewhere.ready_order(&["a.test"]).await;
    let order = elsewhere.new_order(&["a.test"]).await.json();
    assert_eq!(order["status"], "pending");
}

#[tokio::test]
async fn an_authorization_that_was_given_up_serves_no_more() {
    let server = Server::with(everything).await;
    let client = Client::new(&server).await;
    let first = client.ready_order(&["a.test"]).await;
    let second = client.new_order(&["a.test"]).await;
    assert_eq!(second.json()["status"], "ready");
    let payload = json!({ "status": "deactivated" });
    client
        .post(&first.authorization, payload)
        .await
        .expect_status(200);
    for order in [&first.order, second.location()] {
        assert_eq!(client.read(order).await.json()["status"], "invalid");
    }
    let third = client.new_order(&["a.test"]).await.json();
    assert_eq!(third["status"], "pending");
}

#[tokio::test]
async fn a_name_above_covers_the_names_below() {
    let server = Server::with(everything).await;
    let client = Client::new(&server).await;
    let directory = server.get("/acme/default/directory").await.json();
    assert_eq!(directory["meta"]["subdomainAuthAllowed"], true);
    let payload = json!({
        "identifier": { "type": "dns", "value": "lab.test", "subdomainAuthAllowed": true },
    });
    let reply = new_authz(&client, payload).await.expect_status(201);
    let body = reply.json();
    assert_eq!(body["subdomainAuthAllowed"], true);
    let kinds: Vec<_> = body["challenges"].as_array().unwrap().iter().collect();
    assert!(kinds.iter().all(|c| c["type"] == "dns-01"), "{kinds:?}");
    prove(&client, reply.location(), "dns-01").await;

    let names = ["*.x.lab.test", "a.b.lab.test", "lab.test"];
    let order = client.new_order(&names).await.expect_status(201).json();
    assert_eq!(order["status"], "ready");
    assert_eq!(authorizations(&order), [reply.location()], "one for all");
    let csr = json!({ "csr": csr(&names).0 });
    let issued = client.post(&text(&order["finalize"]), csr).await;
    assert_eq!(issued.json()["status"], "valid");
    for beside in ["test", "xlab.test", "lab.test.x"] {
        let order = client.new_order(&[beside]).await.json();
        assert_eq!(order["status"], "pending", "{beside}");
    }
}

#[tokio::test]
async fn an_order_may_name_a_name_above() {
    let server = Server::with(everything).await;
    let client = Client::new(&server).await;
    let below = |value: &str, above: &str| json!({ "type": "dns", "value": value, "ancestorDomain": above });
    let ordered = |identifiers: Vec<Value>| json!({ "identifiers": identifiers });
    let url = client.url("new-order");
    let payload = ordered(vec![
        below("a.lab.test", "lab.test"),
        below("*.b.lab.test", "lab.test"),
        identifier("c.test"),
    ]);
    let reply = client.post(&url, payload).await.expect_status(201);
    let body = reply.json();
    assert_eq!(body["identifiers"].as_array().unwrap().len(), 3);
    let urls = authorizations(&body);
    assert_eq!(urls.len(), 2, "one for both below lab.test");
    let mut shown = Vec::new();
    for url in &urls {
        let body = client.read(url).await.json();
        shown.push(text(&body["identifier"]["value"]));
        let kind = if body["subdomainAuthAllowed"] == true {
            "dns-01"
        } else {
            "http-01"
        };
        prove(&client, url, kind).await;
    }
    shown.sort();
    assert_eq!(shown, ["c.test", "lab.test"]);
    assert_eq!(
        client.read(reply.location()).await.json()["status"],
        "ready"
    );

    for wrong in [
        below("a.lab.test", "other.test"),
        below("a.lab.test", "b.a.lab.test"),
        below("a.lab.test", "*.lab.test"),
        below("a.lab.test", "lab..test"),
        below("a.lab.test", ""),
        json!({ "type": "ip", "value": "10.0.0.1", "ancestorDomain": "test" }),
        json!({ "type": "dns", "value": "a.lab.test", "ancestorDomain": 7 }),
    ] {
        let reply = client.post(&url, ordered(vec![wrong])).await;
        reply.expect_problem(400, "malformed");
    }
    // Where it is not allowed, the name itself is to be proven.
    let elsewhere = Client::at(&server, "other").await;
    let payload = ordered(vec![below("a.lab.test", "lab.test")]);
    let reply = elsewhere.post(&elsewhere.url("new-order"), payload).await;
    let url = authorizations(&reply.expect_status(201).json()).remove(0);
    let body = elsewhere.read(&url).await.json();
    assert_eq!(body["identifier"], identifier("a.lab.test"));
}

#[tokio::test]
async fn too_many_unfinished_orders_supersede_the_oldest() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let mut orders = Vec::new();
    for _ in 0..12 {
        let reply = client.new_order(&["a.test", "b.test"]).await;
        orders.push(reply.expect_status(201).location().to_owned());
        server.clock.advance(Duration::from_secs(1));
    }
    let other = client.new_order(&["a.test"]).await;
    for (n, order) in orders.iter().enumerate() {
        let body = client.read(order).await.json();
        let expected = if n < 2 { "invalid" } else { "pending" };
        assert_eq!(body["status"], expected, "{n}");
    }
    let detail = text(&client.read(&orders[0]).await.json()["error"]["detail"]);
    assert!(
        detail.contains(orders[10].rsplit('/').next().unwrap()),
        "{detail}"
    );
    let body = client.read(other.location()).await.json();
    assert_eq!(body["status"], "pending");
}

#[tokio::test]
async fn all_that_hangs_on_an_authorization_ends_with_it() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    server.runner.sees(Finding::HttpStatus, "404");
    let tried = client.order_with_challenge("a.test", "http-01").await;
    let asked = client.post(&tried.challenge, json!({})).await;
    assert_eq!(asked.json()["status"], "processing");
    server.clock.advance(DAY);
    let order = client.read(&tried.order).await.json();
    assert_eq!(order["status"], "invalid");
    assert!(text(&order["error"]["detail"]).contains("expired"));
    let authorization = client.read(&tried.authorization).await.json();
    assert_eq!(authorization["status"], "invalid");
    for challenge in authorization["challenges"].as_array().unwrap() {
        assert_eq!(challenge["status"], "invalid", "{challenge}");
    }
    server.runner.sees(Finding::Proof, "too late");
    let asked = client.post(&tried.challenge, json!({})).await.json();
    assert_eq!(asked["status"], "invalid");
    server.tick().await;
    let refused = client.finalize(&tried, &csr(&["a.test"]).0).await;
    refused.expect_problem(403, "orderNotReady");
}

#[tokio::test]
async fn what_is_authorized_ahead_passes_the_rules_of_an_order() {
    let server = Server::with(|provisioner| {
        provisioner.authorizations.pre_authorization = true;
        provisioner.authorizations.reuse = Duration::from_secs(3600);
        provisioner.issuance.identifier_types = vec!["dns"];
    });
    let server = server.await;
    let client = Client::new(&server).await;
    let asked = json!({ "identifier": { "type": "ip", "value": "10.0.0.1" } });
    let reply = new_authz(&client, asked).await;
    reply.expect_problem(400, "rejectedIdentifier");

    let asked = || json!({ "identifier": { "type": "dns", "value": "a.test" } });
    let deny = acme_core::HookVerdict::Deny {
        reason: "it is another team's".to_owned(),
        identifiers: Vec::new(),
    };
    let moment = acme_core::HookMoment::NewOrder;
    server.hook.answers(moment, Some(deny));
    let reply = new_authz(&client, asked()).await;
    reply.expect_problem(403, "unauthorized");
    server.hook.answers(moment, None);
    let reply = new_authz(&client, asked()).await;
    reply.expect_problem(503, "serverInternal");
    server
        .hook
        .answers(moment, Some(acme_core::HookVerdict::Allow));
    new_authz(&client, asked()).await.expect_status(201);
}

#[tokio::test]
async fn an_account_is_told_that_it_has_too_many_pending_authorizations() {
    let server = Server::with(|provisioner| {
        provisioner.authorizations.pre_authorization = true;
        provisioner.authorizations.reuse = Duration::from_secs(3600);
    });
    let server = server.await;
    let client = Client::new(&server).await;
    let asked = |n: u32| json!({ "identifier": { "type": "dns", "value": format!("n{n}.test") } });
    let mut last = String::new();
    for n in 0..acme_core::MAX_PENDING_AUTHORIZATIONS {
        let reply = new_authz(&client, asked(n)).await.expect_status(201);
        last = reply.location().to_owned();
    }
    let reply = new_authz(&client, asked(999)).await;
    reply.expect_problem(429, "rateLimited");
    let given_up = client.post(&last, json!({ "status": "deactivated" })).await;
    given_up.expect_status(200);
    new_authz(&client, asked(999)).await.expect_status(201);
}
