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
