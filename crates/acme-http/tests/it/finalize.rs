//! From a CSR to a certificate (RFC 8555 § 7.4).

use std::sync::Arc;
use std::time::Duration;

use acme_core::{Clock as _, LeafFacts, SignAuthority as _, pem};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::client::{Client, csr, identifier, text};
use crate::server::{Mood, Server};

#[tokio::test]
async fn the_answer_is_valid_at_once() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let names = ["a.test", "b.test", "10.0.0.1"];
    let tried = client.ready_order(&names).await;
    let (csr, _) = csr(&names);
    let reply = client.finalize(&tried, &csr).await.expect_status(200);
    assert_eq!(reply.location(), tried.order);
    assert_eq!(reply.retry_after(), None);
    let order = reply.json();
    assert_eq!(order["status"], "valid");
    assert_eq!(client.read(&tried.order).await.json(), order);

    let url = text(&order["certificate"]);
    let certificate = client.read(&url).await.expect_status(200);
    let media = "application/pem-certificate-chain";
    assert_eq!(certificate.header("content-type"), Some(media));
    assert!(certificate.link("index").is_some());
    let text = String::from_utf8(certificate.body.to_vec()).unwrap();
    let chain = pem::certificates_from_pem(&text).unwrap();
    assert_eq!(chain[1..], server.authority.issuers()[0].chain);
    assert!(LeafFacts::parse(&chain[0]).is_some());

    assert_eq!(certificate.links("alternate"), [""; 0]);

    let stranger = Client::new(&server).await;
    stranger.read(&url).await.expect_problem(404, "malformed");
    client
        .post(&url, json!({}))
        .await
        .expect_problem(400, "malformed");
}

#[tokio::test]
async fn alternate_chains_are_linked_to_each_other() {
    let server = Server::start().await;
    let others = vec![vec![vec![0x30, 0]], vec![vec![0x30, 0], vec![0x30, 1, 0]]];
    server.authority.alternates.set(others.clone()).unwrap();
    let client = Client::new(&server).await;
    let tried = client.ready_order(&["a.test"]).await;
    let (csr, _) = csr(&["a.test"]);
    let order = client.finalize(&tried, &csr).await.expect_status(200);
    let url = text(&order.json()["certificate"]);

    let urls = [url.clone(), format!("{url}/1"), format!("{url}/2")];
    let usual = server.authority.issuers()[0].chain.clone();
    let mut leaf = None;
    for (number, above) in std::iter::once(&usual).chain(&others).enumerate() {
        let reply = client.read(&urls[number]).await.expect_status(200);
        let text = String::from_utf8(reply.body.to_vec()).unwrap();
        let chain = pem::certificates_from_pem(&text).unwrap();
        assert_eq!(chain[1..], *above);
        assert_eq!(leaf.get_or_insert_with(|| chain[0].clone()), &chain[0]);
        let mut linked = reply.links("alternate");
        linked.push(urls[number].clone());
        linked.sort();
        assert_eq!(linked, urls);
    }
    for number in ["0", "3", "01", "+1", "99999999999999999999", "x", "1/"] {
        let url = format!("{url}/{number}");
        client.read(&url).await.expect_problem(404, "malformed");
    }
    let stranger = Client::new(&server).await;
    stranger
        .read(&urls[1])
        .await
        .expect_problem(404, "malformed");
}

#[tokio::test]
async fn an_order_that_is_not_ready_is_not_finalized() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let (csr, _) = csr(&["a.test"]);

    let pending = client.order_with_challenge("a.test", "http-01").await;
    let reply = client.finalize(&pending, &csr).await;
    reply.expect_problem(403, "orderNotReady");
    assert_eq!(
        client.read(&pending.order).await.json()["status"],
        "pending"
    );

    let valid = client.ready_order(&["a.test"]).await;
    let first = client
        .finalize(&valid, &csr)
        .await
        .expect_status(200)
        .json();
    let reply = client.finalize(&valid, &csr).await;
    reply.expect_problem(403, "orderNotReady");
    assert_eq!(client.read(&valid.order).await.json(), first);

    let expired = client.ready_order(&["a.test"]).await;
    server.clock.advance(Duration::from_secs(24 * 3600));
    let reply = client.finalize(&expired, &csr).await;
    let reply = reply.expect_problem(403, "orderNotReady");
    assert!(text(&reply.json()["detail"]).contains("expired"));
}

#[tokio::test]
async fn requests_that_race_end_in_one_certificate() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let tried = client.ready_order(&["a.test"]).await;
    let (csr, _) = csr(&["a.test"]);
    let replies = tokio::join!(
        client.finalize(&tried, &csr),
        client.finalize(&tried, &csr),
        client.finalize(&tried, &csr),
    );
    let mut statuses = [replies.0.status, replies.1.status, replies.2.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403, 403]);
    assert_eq!(server.certificates().await.len(), 1);
}

#[tokio::test]
async fn a_bad_csr_leaves_the_order_ready() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let tried = client.ready_order(&["a.test"]).await;
    for bad in [
        "",
        "AAAA",
        "-----BEGIN CERTIFICATE REQUEST-----",
        &csr(&["b.test"]).0,
        &csr(&["a.test", "b.test"]).0,
        &csr(&["*.a.test"]).0,
    ] {
        let reply = client.finalize(&tried, bad).await;
        reply.expect_problem(400, "badCSR");
    }
    for payload in [json!({}), json!({ "csr": 7 }), json!([])] {
        let reply = client.post(&tried.finalize, payload).await;
        reply.expect_problem(400, "malformed");
    }
    assert_eq!(client.read(&tried.order).await.json()["status"], "ready");
    let reply = client.finalize(&tried, &csr(&["a.test"]).0).await;
    assert_eq!(reply.expect_status(200).json()["status"], "valid");
}

#[tokio::test]
async fn an_authority_that_is_away_before_signing_leaves_the_order_ready() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let tried = client.ready_order(&["a.test"]).await;
    let (csr, _) = csr(&["a.test"]);
    server.authority.set(Mood::PrepareAway);
    let reply = client.finalize(&tried, &csr).await;
    let reply = reply.expect_problem(503, "serverInternal");
    assert!(reply.retry_after().is_some());
    assert!(
        !text(&reply.json()["detail"]).contains("planted"),
        "causes are ours alone"
    );
    server.authority.set(Mood::PrepareRefuses);
    client
        .finalize(&tried, &csr)
        .await
        .expect_problem(400, "badCSR");
    assert_eq!(client.read(&tried.order).await.json()["status"], "ready");
    server.authority.set(Mood::Well);
    client.finalize(&tried, &csr).await.expect_status(200);
}

#[tokio::test]
async fn an_authority_that_cannot_sign_yet_leaves_the_order_processing() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let tried = client.ready_order(&["a.test"]).await;
    let (csr, _) = csr(&["a.test"]);
    server.authority.set(Mood::SignAway);
    let reply = client.finalize(&tried, &csr).await.expect_status(200);
    assert_eq!(reply.json()["status"], "processing");
    assert_eq!(reply.json()["certificate"], Value::Null);
    assert_eq!(reply.retry_after(), Some(3));
    assert_eq!(reply.location(), tried.order);
    let again = client.finalize(&tried, &csr).await;
    again.expect_problem(403, "orderNotReady");
    // It is found by whoever takes it to its end.
    let later = server.clock.now().plus(Duration::from_secs(60));
    let unsigned = server.store.find_unsigned(Default::default(), later, 10);
    assert_eq!(unsigned.await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_refusal_to_sign_ends_the_order() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let tried = client.ready_order(&["a.test"]).await;
    server.authority.set(Mood::SignRefuses);
    let reply = client.finalize(&tried, &csr(&["a.test"]).0).await;
    reply.expect_problem(400, "badCSR");
    let order = client.read(&tried.order).await.json();
    assert_eq!(order["status"], "invalid");
    assert_eq!(order["error"]["type"], "urn:ietf:params:acme:error:badCSR");
}

#[tokio::test(start_paused = true)]
async fn a_slow_signature_is_not_waited_for_and_not_lost() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let tried = client.ready_order(&["a.test"]).await;
    let signing = Arc::new(Notify::new());
    server.authority.set(Mood::SignWaits(Arc::clone(&signing)));
    let reply = client.finalize(&tried, &csr(&["a.test"]).0).await;
    assert_eq!(reply.expect_status(200).json()["status"], "processing");
    signing.notify_one();
    let order = loop {
        let order = client.read(&tried.order).await.json();
        if order["status"] != "processing" {
            break order;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(order["status"], "valid");
}

#[tokio::test]
async fn a_client_that_goes_away_loses_nothing() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let tried = client.ready_order(&["a.test"]).await;
    let signing = Arc::new(Notify::new());
    server.authority.set(Mood::SignWaits(Arc::clone(&signing)));
    let csr = csr(&["a.test"]).0;
    // The request's future is dropped while the authority signs.
    let gone = client.finalize(&tried, &csr);
    let cut = tokio::time::timeout(Duration::from_millis(200), gone).await;
    assert!(cut.is_err());
    assert_eq!(
        client.read(&tried.order).await.json()["status"],
        "processing"
    );
    signing.notify_one();
    let valid = async {
        while client.read(&tried.order).await.json()["status"] != "valid" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), valid)
        .await
        .unwrap();
}

#[tokio::test]
async fn validity_is_what_was_ordered() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let payload = json!({
        "identifiers": [identifier("a.test")],
        "notAfter": "2027-01-20T09:00:00Z",
    });
    let reply = client.post(&client.url("new-order"), payload).await;
    let order = reply.expect_status(201);
    let authorization = text(&order.json()["authorizations"][0]);
    let body = client.read(&authorization).await.json();
    client
        .post(&text(&body["challenges"][0]["url"]), json!({}))
        .await;
    let finalize = text(&order.json()["finalize"]);
    let csr = csr(&["a.test"]).0;
    let reply = client.post(&finalize, json!({ "csr": csr })).await;
    let certificate = text(&reply.expect_status(200).json()["certificate"]);
    let chain = client.read(&certificate).await;
    let pem = String::from_utf8(chain.body.to_vec()).unwrap();
    let leaf = &pem::certificates_from_pem(&pem).unwrap()[0];
    let not_after = LeafFacts::parse(leaf).unwrap().not_after;
    assert_eq!(not_after, "2027-01-20T09:00:00Z".parse().unwrap());
}
