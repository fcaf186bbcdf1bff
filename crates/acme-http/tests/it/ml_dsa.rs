//! Accounts whose keys are of ML-DSA (RFC 9964), where the provisioner takes them.

use acme_core::KeyKind;
use acme_types::encode_base64url;
use aws_lc_rs::signature::{KeyPair as _, ML_DSA_65_SIGNING, PqdsaKeyPair};
use serde_json::{Value, json};

use crate::client::{Client, identifier};
use crate::server::{BASE, Reply, Server};

/// Where an inner JWS has its signature made by the new key, and no nonce.
const KEY_CHANGE: &str = "https://ca.test/acme/default/key-change";

struct Key(PqdsaKeyPair);

impl Key {
    fn new() -> Self {
        Self(PqdsaKeyPair::generate(&ML_DSA_65_SIGNING).unwrap())
    }

    fn jwk(&self) -> Value {
        let public = encode_base64url(self.0.public_key().as_ref());
        json!({ "kty": "AKP", "alg": "ML-DSA-65", "pub": public })
    }

    fn sign(&self, header: &Value, payload: &Value) -> Value {
        let protected = encode_base64url(header.to_string());
        let payload = encode_base64url(payload.to_string());
        let mut signature = vec![0; self.0.algorithm().signature_len()];
        let message = format!("{protected}.{payload}");
        let length = self.0.sign(message.as_bytes(), &mut signature).unwrap();
        json!({
            "protected": protected,
            "payload": payload,
            "signature": encode_base64url(&signature[..length]),
        })
    }

    async fn post(
        &self,
        server: &Server,
        resource: &str,
        who: (&str, Value),
        payload: Value,
    ) -> Reply {
        let url = format!("{BASE}/acme/default/{resource}");
        let mut header = json!({ "alg": "ML-DSA-65", "nonce": server.nonce().await, "url": url });
        header[who.0] = who.1;
        let body = self.sign(&header, &payload).to_string();
        let media = Some("application/jose+json");
        server.send("POST", &url, media, body).await
    }
}

async fn taking_ml_dsa() -> Server {
    Server::with(|p| p.policy.keys.kinds.push(KeyKind::MlDsa65)).await
}

#[tokio::test]
async fn an_account_of_an_ml_dsa_key_acts_where_such_keys_are_taken() {
    let server = taking_ml_dsa().await;
    let key = Key::new();
    let reply = key.post(&server, "new-account", ("jwk", key.jwk()), json!({}));
    let kid = reply.await.expect_status(201).location().to_owned();
    let again = key.post(&server, "new-account", ("jwk", key.jwk()), json!({}));
    assert_eq!(again.await.expect_status(200).location(), kid);
    let order = json!({ "identifiers": [identifier("a.test")] });
    let reply = key.post(&server, "new-order", ("kid", json!(kid)), order);
    reply.await.expect_status(201);

    // Another key signs nothing for it.
    let order = json!({ "identifiers": [identifier("a.test")] });
    let other = Key::new();
    let reply = other.post(&server, "new-order", ("kid", json!(kid)), order);
    reply.await.expect_problem(400, "malformed");
}

#[tokio::test]
async fn no_account_is_made_where_such_keys_are_not_taken() {
    let server = Server::start().await;
    let key = Key::new();
    let reply = key.post(&server, "new-account", ("jwk", key.jwk()), json!({}));
    let problem = reply.await.expect_problem(400, "badPublicKey").json();
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("key_types of provisioner.policy"),
        "{detail}"
    );
    let existing = json!({ "onlyReturnExisting": true });
    let reply = key.post(&server, "new-account", ("jwk", key.jwk()), existing);
    reply.await.expect_problem(400, "accountDoesNotExist");
}

#[tokio::test]
async fn an_account_changes_to_an_ml_dsa_key_where_such_keys_are_taken() {
    for (server, taken) in [
        (taking_ml_dsa().await, true),
        (Server::start().await, false),
    ] {
        let client = Client::new(&server).await;
        let key = Key::new();
        let header = json!({ "alg": "ML-DSA-65", "jwk": key.jwk(), "url": KEY_CHANGE });
        let change = json!({ "account": client.kid, "oldKey": client.key.jwk() });
        let reply = client.post(KEY_CHANGE, key.sign(&header, &change)).await;
        let order = json!({ "identifiers": [identifier("a.test")] });
        let by_new = key.post(&server, "new-order", ("kid", json!(client.kid)), order);
        if taken {
            reply.expect_status(200);
            by_new.await.expect_status(201);
        } else {
            reply.expect_problem(400, "badPublicKey");
            client.new_order(&["a.test"]).await.expect_status(201);
        }
    }
}

#[tokio::test]
async fn an_account_whose_kind_of_key_is_not_taken_any_more_may_change_it() {
    let server = taking_ml_dsa().await;
    let key = Key::new();
    let reply = key.post(&server, "new-account", ("jwk", key.jwk()), json!({}));
    let kid = reply.await.expect_status(201).location().to_owned();

    let later = Server::on(server.store.clone(), |_| {}).await;
    let order = json!({ "identifiers": [identifier("a.test")] });
    let reply = key.post(&later, "new-order", ("kid", json!(kid)), order);
    let problem = reply.await.expect_problem(400, "badPublicKey").json();
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("takes no account keys of type ml-dsa-65"),
        "{detail}"
    );

    let usual = crate::client::Key::new();
    let header = json!({ "alg": "ES256", "jwk": usual.jwk(), "url": KEY_CHANGE });
    let change = json!({ "account": kid, "oldKey": key.jwk() });
    let inner = crate::client::sign(&header, change.to_string().as_bytes(), &usual);
    let reply = key.post(&later, "key-change", ("kid", json!(kid)), inner);
    reply.await.expect_status(200);
    let client = Client {
        key: usual,
        kid,
        ..Client::without_account(&later, "default")
    };
    client.new_order(&["a.test"]).await.expect_status(201);
}
