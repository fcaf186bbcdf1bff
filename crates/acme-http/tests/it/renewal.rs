//! Renewal information and `replaces` (RFC 9773).

use std::time::Duration;

use acme_core::pem::certificates_from_pem;
use acme_core::{EarlyRenewal, RenewalId, Serial};
use acme_types::encode_base64url;
use serde_json::{Value, json};

use crate::client::{Client, Tried, csr, identifier, text};
use crate::server::{BASE, Reply, START, Server};

const DAY: Duration = Duration::from_secs(86_400);

/// A certificate that was issued for some names: what names it, and its DER in base64url.
async fn issue(client: &Client<'_>, names: &[&str]) -> (RenewalId, String) {
    let tried = client.ready_order(names).await;
    finish(client, &tried, names).await
}

async fn finish(client: &Client<'_>, tried: &Tried, names: &[&str]) -> (RenewalId, String) {
    let reply = client.finalize(tried, &csr(names).0).await;
    let url = text(&reply.expect_status(200).json()["certificate"]);
    let pem = client.read(&url).await.body;
    let pem = String::from_utf8(pem.to_vec()).unwrap();
    let der = certificates_from_pem(&pem).unwrap().remove(0);
    let id = RenewalId::of_certificate(&der).unwrap();
    (id, encode_base64url(der))
}

async fn info(server: &Server, id: &RenewalId) -> Reply {
    let path = format!("/acme/default/renewal-info/{id}");
    server.get(&path).await
}

async fn order(client: &Client<'_>, names: &[&str], replaces: impl Into<Value>) -> Reply {
    let identifiers: Vec<_> = names.iter().map(|name| identifier(name)).collect();
    let payload = json!({ "identifiers": identifiers, "replaces": replaces.into() });
    client.post(&client.url("new-order"), payload).await
}

/// An order that replaces a certificate, ready to be finalized.
async fn ready(client: &Client<'_>, names: &[&str], id: &RenewalId) -> Tried {
    let reply = order(client, names, id.to_string()).await;
    let reply = reply.expect_status(201);
    let body = reply.json();
    assert_eq!(body["replaces"], id.to_string());
    let tried = Tried {
        order: reply.location().to_owned(),
        authorization: text(&body["authorizations"][0]),
        challenge: String::new(),
        finalize: text(&body["finalize"]),
    };
    let authorization = client.read(&tried.authorization).await.json();
    let challenge = text(&authorization["challenges"][0]["url"]);
    client.post(&challenge, json!({})).await.expect_status(200);
    let read = client.read(&tried.order).await.json();
    assert_eq!(
        (&read["status"], &read["replaces"]),
        (&json!("ready"), &body["replaces"])
    );
    tried
}

#[tokio::test]
async fn whoever_asks_is_told_when_to_renew() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let directory = server.get("/acme/default/directory").await.json();
    let url = format!("{BASE}/acme/default/renewal-info");
    assert_eq!(directory["renewalInfo"], url);
    let (id, _) = issue(&client, &["a.test"]).await;

    let reply = info(&server, &id).await.expect_status(200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.retry_after(), Some(6 * 3600));
    let window = &reply.json()["suggestedWindow"];
    let time = |member: &str| {
        text(&window[member])
            .parse::<acme_types::Timestamp>()
            .unwrap()
    };
    let (start, end) = (time("start"), time("end"));
    assert!(
        start > START.plus(19 * DAY) && end < START.plus(23 * DAY),
        "{window}"
    );
    assert!(start < end);
    assert_eq!(reply.json()["explanationURL"], Value::Null);
    let path = format!("/acme/default/renewal-info/{id}");
    let head = server.send("HEAD", &path, None, "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[tokio::test]
async fn a_revoked_certificate_is_to_be_renewed_at_once() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let (id, certificate) = issue(&client, &["a.test"]).await;
    let payload = json!({ "certificate": certificate });
    let revoked = client.post(&client.url("revoke-cert"), payload).await;
    revoked.expect_status(200);
    let told = info(&server, &id).await.expect_status(200).json();
    assert_eq!(told["suggestedWindow"]["start"], "2027-01-15T07:00:00Z");
    assert_eq!(told["suggestedWindow"]["end"], "2027-01-15T07:30:00Z");
}

#[tokio::test]
async fn so_is_one_that_the_operator_has_marked() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let (id, _) = issue(&client, &["a.test"]).await;
    let before = info(&server, &id).await.json();
    let mark = EarlyRenewal {
        at: START,
        explanation_url: Some("https://wiki.test/7".to_owned()),
    };
    let set = |mark| server.store.set_early_renewal(id.serial(), mark);
    set(Some(mark)).await.unwrap();
    let told = info(&server, &id).await.expect_status(200).json();
    assert_eq!(told["suggestedWindow"]["end"], "2027-01-15T07:30:00Z");
    assert_eq!(told["explanationURL"], "https://wiki.test/7");
    set(None).await.unwrap();
    assert_eq!(info(&server, &id).await.json(), before);
}

#[tokio::test]
async fn a_bad_name_of_a_certificate_is_malformed() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let (id, _) = issue(&client, &["a.test"]).await;
    let id = id.to_string();
    let (key, serial) = id.split_once('.').unwrap();
    for wrong in [
        String::new(),
        ".".to_owned(),
        key.to_owned(),
        format!("{key}.{serial}="),
        format!("{key}={serial}"),
        format!("{key}.{serial}.{serial}"),
        format!("{key}.AA{serial}"),
        format!("{key}%2E{serial}"),
        "A".repeat(10_000),
    ] {
        let path = format!("/acme/default/renewal-info/{wrong}");
        let reply = server.get(&path).await;
        reply.expect_problem(400, "malformed");
    }
    let reply = server.get("/acme/default/renewal-info").await;
    reply.expect_problem(400, "malformed");
    // Well written, and nobody's.
    let mut unknown = vec![format!("AQID.{serial}"), format!("{key}.AQID")];
    unknown.push(format!("{key}.{}", encode_base64url([1; 17])));
    for unknown in unknown {
        let path = format!("/acme/default/renewal-info/{unknown}");
        server.get(&path).await.expect_problem(404, "malformed");
    }
    // Another directory has not issued it.
    let path = format!("/acme/other/renewal-info/{id}");
    server.get(&path).await.expect_problem(404, "malformed");
    let path = format!("{BASE}/acme/default/renewal-info/{id}");
    let posted = client.post(&path, json!({})).await;
    posted.expect_problem(405, "malformed");
}

#[tokio::test]
async fn an_order_that_replaces_nothing_of_its_account_is_refused() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let (id, _) = issue(&client, &["a.test", "b.test"]).await;
    let id = id.to_string();
    let before = client.orders().await.len();
    for (replaces, status) in [
        (json!("nonsense"), 400),
        (json!(""), 400),
        (json!(7), 400),
        (json!([id]), 400),
        (json!(format!("{id}=")), 400),
        (
            json!(format!(
                "AQID.{}",
                encode_base64url(Serial::from_be_bytes(&[5]).unwrap().integer())
            )),
            404,
        ),
    ] {
        let reply = order(&client, &["a.test"], replaces).await;
        reply.expect_problem(status, "malformed");
    }
    let reply = order(&client, &["c.test"], id.as_str()).await;
    reply.expect_problem(400, "malformed");
    assert_eq!(client.orders().await.len(), before, "nothing was stored");
    let stranger = Client::new(&server).await;
    let reply = order(&stranger, &["a.test"], id.as_str()).await;
    reply.expect_problem(403, "unauthorized");
    let elsewhere = Client::at(&server, "other").await;
    let reply = order(&elsewhere, &["a.test"], id.as_str()).await;
    reply.expect_problem(404, "malformed");
    // None of this has taken the certificate's one replacement.
    let reply = order(&client, &["b.test", "c.test"], id.as_str()).await;
    reply.expect_status(201);
}

#[tokio::test]
async fn a_certificate_is_replaced_by_one_order() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let (id, _) = issue(&client, &["a.test"]).await;
    let tried = ready(&client, &["a.test"], &id).await;
    let (second, _) = finish(&client, &tried, &["a.test"]).await;
    let reply = order(&client, &["a.test"], id.to_string()).await;
    let reply = reply.expect_problem(409, "alreadyReplaced");
    assert!(text(&reply.json()["detail"]).contains("without replaces"));
    // The new one can be replaced in its turn, and an order without `replaces` is always good.
    ready(&client, &["a.test"], &second).await;
    client.new_order(&["a.test"]).await.expect_status(201);
}

#[tokio::test]
async fn an_unfinished_replacement_locks_nobody_out() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let (id, _) = issue(&client, &["a.test"]).await;
    let first = ready(&client, &["a.test"], &id).await;
    let second = ready(&client, &["a.test"], &id).await;
    let body = client.read(&first.order).await.json();
    assert_eq!(body["status"], "invalid");
    let detail = text(&body["error"]["detail"]);
    assert!(detail.contains("in place of this one"), "{detail}");
    let refused = client.finalize(&first, &csr(&["a.test"]).0).await;
    refused.expect_problem(403, "orderNotReady");
    finish(&client, &second, &["a.test"]).await;
    let reply = order(&client, &["a.test"], id.to_string()).await;
    reply.expect_problem(409, "alreadyReplaced");
}
