//! revokeCert by the account and by the certificate's key (RFC 8555 § 7.6).

use acme_core::pem::certificates_from_pem;
use acme_types::encode_base64url;
use serde_json::{Value, json};

use crate::client::{Client, Key, csr, text};
use crate::server::{Reply, Server};

/// A certificate that was issued, in base64url, and its key.
async fn issue(client: &Client<'_>) -> (String, Key) {
    let tried = client.ready_order(&["a.test"]).await;
    let (csr, key) = csr(&["a.test"]);
    let order = client
        .finalize(&tried, &csr)
        .await
        .expect_status(200)
        .json();
    let chain = client.read(&text(&order["certificate"])).await;
    let pem = String::from_utf8(chain.body.to_vec()).unwrap();
    (
        encode_base64url(&certificates_from_pem(&pem).unwrap()[0]),
        key,
    )
}

async fn revoke(client: &Client<'_>, certificate: &str, reason: Value) -> Reply {
    let payload = json!({ "certificate": certificate, "reason": reason });
    client.post(&client.url("revoke-cert"), payload).await
}

/// Revokes with a bare key.
async fn revoke_by_key(client: &Client<'_>, key: Key, certificate: &str) -> Reply {
    let holder = Client {
        server: client.server,
        provisioner: client.provisioner,
        key,
        kid: String::new(),
    };
    let payload = json!({ "certificate": certificate });
    let draft = holder
        .draft_with_jwk(&holder.url("revoke-cert"), payload)
        .await;
    holder.send(&draft).await
}

async fn revoked(server: &Server) -> usize {
    let issued = server.certificates().await;
    issued.iter().filter(|c| c.revocation.is_some()).count()
}

#[tokio::test]
async fn the_account_revokes_what_it_was_issued() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let (certificate, _) = issue(&client).await;
    let reply = revoke(&client, &certificate, json!(4))
        .await
        .expect_status(200);
    assert!(reply.body.is_empty());
    assert!(reply.header("replay-nonce").is_some());
    assert_eq!(revoked(&server).await, 1);
    let reply = revoke(&client, &certificate, json!(1)).await;
    let reply = reply.expect_problem(400, "alreadyRevoked");
    assert!(text(&reply.json()["detail"]).contains("superseded"));
}

#[tokio::test]
async fn so_does_the_certificates_own_key() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let (certificate, key) = issue(&client).await;
    let stranger = revoke_by_key(&client, Key::new(), &certificate).await;
    stranger.expect_problem(403, "unauthorized");
    assert_eq!(revoked(&server).await, 0);
    let reply = revoke_by_key(&client, key, &certificate).await;
    reply.expect_status(200);
    assert_eq!(revoked(&server).await, 1);
}

#[tokio::test]
async fn nobody_else_does() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let (certificate, _) = issue(&client).await;
    let other = Client::new(&server).await;
    let reply = revoke(&other, &certificate, Value::Null).await;
    reply.expect_problem(403, "unauthorized");
    // Another directory has not issued it.
    let elsewhere = Client::at(&server, "other").await;
    let reply = revoke(&elsewhere, &certificate, Value::Null).await;
    reply.expect_problem(404, "malformed");
    assert_eq!(revoked(&server).await, 0);
}

#[tokio::test]
async fn only_with_a_reason_that_may_be_given() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let (certificate, _) = issue(&client).await;
    for reason in [2, 6, 7, 8, 10, 11, -1, 256] {
        let reply = revoke(&client, &certificate, json!(reason)).await;
        reply.expect_problem(400, "badRevocationReason");
    }
    let reply = revoke(&client, &certificate, json!("keyCompromise")).await;
    reply.expect_problem(400, "malformed");
    assert_eq!(revoked(&server).await, 0);
    for reason in [0, 1, 3, 4, 5, 9] {
        let (certificate, _) = issue(&client).await;
        let reply = revoke(&client, &certificate, json!(reason)).await;
        reply.expect_status(200);
    }
}

#[tokio::test]
async fn only_what_was_issued_here() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let (certificate, _) = issue(&client).await;
    for (certificate, status) in [
        (String::new(), 400),
        ("AAAA".to_owned(), 400),
        (format!("{certificate}="), 400),
        (certificate[..certificate.len() - 8].to_owned(), 400),
    ] {
        let reply = revoke(&client, &certificate, Value::Null).await;
        reply.expect_problem(status, "malformed");
    }
    // The right number under another signature is not the certificate.
    let mut forged = acme_types::decode_base64url(&certificate).unwrap();
    *forged.last_mut().unwrap() ^= 1;
    let reply = revoke(&client, &encode_base64url(forged), Value::Null).await;
    reply.expect_problem(404, "malformed");
    let foreign = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
    let der: &[u8] = foreign.cert.der();
    let reply = revoke(&client, &encode_base64url(der), Value::Null).await;
    assert!(matches!(reply.status, 400 | 404), "{reply:?}");
    assert_eq!(reply.problem().as_deref(), Some("malformed"));
    let reply = client.post(&client.url("revoke-cert"), json!({})).await;
    reply.expect_problem(400, "malformed");
    assert_eq!(revoked(&server).await, 0);
}

/// Proves all of these names by an order that comes to nothing.
async fn authorize(client: &Client<'_>, names: &[&str]) {
    client.ready_order(names).await;
}

#[tokio::test]
async fn an_account_with_authorizations_for_all_names_revokes_too() {
    let server = Server::with(|p| p.authorizations.subdomains = true).await;
    let owner = Client::new(&server).await;
    let names = ["*.a.test", "a.test", "b.a.test"];
    let tried = owner.ready_order(&names).await;
    let order = owner.finalize(&tried, &csr(&names).0).await.json();
    let pem = owner.read(&text(&order["certificate"])).await.body;
    let pem = String::from_utf8(pem.to_vec()).unwrap();
    let certificate = encode_base64url(&certificates_from_pem(&pem).unwrap()[0]);

    let other = Client::new(&server).await;
    // The wildcard does not stand for the name below, nor the name for its wildcard.
    authorize(&other, &["a.test", "b.a.test"]).await;
    let reply = revoke(&other, &certificate, Value::Null).await;
    reply.expect_problem(403, "unauthorized");
    authorize(&other, &["*.a.test"]).await;
    // It does not know the key.
    let reply = revoke(&other, &certificate, json!(1)).await;
    reply.expect_problem(400, "badRevocationReason");
    assert_eq!(revoked(&server).await, 0);
    // What has expired counts no more.
    server.clock.advance(std::time::Duration::from_secs(86_400));
    let reply = revoke(&other, &certificate, json!(5)).await;
    reply.expect_problem(403, "unauthorized");
    authorize(&other, &names).await;
    let reply = revoke(&other, &certificate, json!(5)).await;
    reply.expect_status(200);
    assert_eq!(revoked(&server).await, 1);
}

#[tokio::test]
async fn so_does_one_with_an_authorization_for_a_name_above() {
    let server = Server::with(|p| p.authorizations.subdomains = true).await;
    let owner = Client::new(&server).await;
    let (certificate, _) = issue(&owner).await;
    let above = Client::new(&server).await;
    let ordered = json!({ "type": "dns", "value": "x.test", "ancestorDomain": "test" });
    let payload = json!({ "identifiers": [ordered] });
    let order = above.post(&above.url("new-order"), payload).await.json();
    let authorization = text(&order["authorizations"][0]);
    let reply = revoke(&above, &certificate, Value::Null).await;
    reply.expect_problem(403, "unauthorized");
    let body = above.read(&authorization).await.json();
    let challenge = text(&body["challenges"][0]["url"]);
    above.post(&challenge, json!({})).await.expect_status(200);
    let reply = revoke(&above, &certificate, Value::Null).await;
    reply.expect_status(200);
}

#[tokio::test]
async fn a_compromised_key_is_blocked_for_ever() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let tried = client.ready_order(&["a.test"]).await;
    let (request, key) = csr(&["a.test"]);
    let order = client.finalize(&tried, &request).await.json();
    let pem = client.read(&text(&order["certificate"])).await.body;
    let pem = String::from_utf8(pem.to_vec()).unwrap();
    let certificate = encode_base64url(&certificates_from_pem(&pem).unwrap()[0]);
    // The key is also that of two accounts.
    let mut owners = Vec::new();
    for provisioner in ["default", "other"] {
        let mut owner = Client::without_account(&server, provisioner);
        owner.key = key.again();
        let reply = owner.new_account(json!({})).await.expect_status(201);
        owner.kid = reply.location().to_owned();
        owners.push(owner);
    }
    let pending = owners[0].new_order(&["c.test"]).await.expect_status(201);
    // It was revoked before, for another reason; that it is compromised is heard all the same.
    let reply = revoke(&client, &certificate, json!(4)).await;
    reply.expect_status(200);
    let reply = revoke(&client, &certificate, json!(1)).await;
    reply.expect_problem(400, "alreadyRevoked");

    let again = client.ready_order(&["a.test"]).await;
    let reply = client.finalize(&again, &request).await;
    let reply = reply.expect_problem(400, "badCSR");
    assert!(text(&reply.json()["detail"]).contains("compromised"));
    // The order is still good for another key.
    let reply = client.finalize(&again, &csr(&["a.test"]).0).await;
    assert_eq!(reply.expect_status(200).json()["status"], "valid");
    for owner in &owners {
        let reply = owner.new_order(&["b.test"]).await;
        reply.expect_problem(401, "unauthorized");
        let reply = owner.new_account(json!({})).await;
        reply.expect_problem(401, "unauthorized");
    }
    let id = pending
        .location()
        .rsplit('/')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let view = server.store.find_order(&id).await.unwrap().unwrap();
    assert!(matches!(
        view.order.state,
        acme_core::OrderState::Invalid { .. }
    ));
}

#[tokio::test]
async fn no_account_gets_a_compromised_key() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let (certificate, key) = issue(&client).await;
    let reply = revoke(&client, &certificate, json!(1)).await;
    reply.expect_status(200);
    let mut stranger = Client::without_account(&server, "other");
    stranger.key = key.again();
    let reply = stranger.new_account(json!({})).await;
    reply.expect_problem(400, "badPublicKey");
    let existing = stranger.new_account(json!({ "onlyReturnExisting": true }));
    existing.await.expect_problem(400, "accountDoesNotExist");
    // Its holder may still revoke with it.
    let reply = revoke_by_key(&client, key, &certificate).await;
    reply.expect_problem(400, "alreadyRevoked");
}
