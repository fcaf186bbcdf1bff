//! External account binding (RFC 8555 § 7.3.4).

use std::time::Duration;

use acme_core::{ExternalAccountKey, MacSecret};
use acme_types::encode_base64url;
use aws_lc_rs::hmac;
use serde_json::{Value, json};

use crate::client::{Client, text};
use crate::server::{Reply, START, Server, name};

/// Whence acts come of which nothing else is said.
static ORIGIN: acme_core::Origin =
    acme_core::Origin::of_command(acme_types::Timestamp::from_secs(0));

const ID: &str = "0123456789abcdefghijABCDEFGHIJ01";
const SECRET: [u8; 32] = [9; 32];

/// A server that wants a binding and has one key, changed by the test.
async fn server(change: impl FnOnce(&mut ExternalAccountKey)) -> Server {
    let server = Server::with(|p| p.require_eab = true).await;
    let mut key = key();
    change(&mut key);
    let created = server.store.create_external_account_key(key, &ORIGIN);
    created.await.unwrap();
    server
}

/// A key that is good for an hour.
fn key() -> ExternalAccountKey {
    ExternalAccountKey {
        id: ID.parse().unwrap(),
        provisioner: name("default"),
        secret: MacSecret::from_octets(SECRET),
        names: Vec::new(),
        profiles: Vec::new(),
        max_uses: None,
        uses: 0,
        created_at: START,
        expires_at: Some(START.plus(Duration::from_secs(3600))),
        revoked_at: None,
    }
}

/// A binding, for a test to break.
struct Binding {
    header: Value,
    payload: Value,
    algorithm: hmac::Algorithm,
    secret: [u8; 32],
}

impl Binding {
    fn new(client: &Client<'_>) -> Self {
        Self {
            header: json!({ "alg": "HS256", "kid": ID, "url": client.url("new-account") }),
            payload: client.key.jwk(),
            algorithm: hmac::HMAC_SHA256,
            secret: SECRET,
        }
    }

    fn sign(&self) -> Value {
        let protected = encode_base64url(self.header.to_string());
        let payload = encode_base64url(self.payload.to_string());
        let key = hmac::Key::new(self.algorithm, &self.secret);
        let mac = hmac::sign(&key, format!("{protected}.{payload}").as_bytes());
        json!({
            "protected": protected,
            "payload": payload,
            "signature": encode_base64url(mac.as_ref()),
        })
    }
}

async fn ask(client: &Client<'_>, binding: Value) -> Reply {
    client
        .new_account(json!({ "externalAccountBinding": binding }))
        .await
}

#[tokio::test]
async fn a_bound_account_shows_its_binding() {
    let server = server(|_| {}).await;
    for (alg, algorithm) in [
        ("HS256", hmac::HMAC_SHA256),
        ("HS384", hmac::HMAC_SHA384),
        ("HS512", hmac::HMAC_SHA512),
    ] {
        let mut client = Client::without_account(&server, "default");
        let mut binding = Binding::new(&client);
        binding.header["alg"] = json!(alg);
        binding.algorithm = algorithm;
        let binding = binding.sign();
        let made = ask(&client, binding.clone()).await.expect_status(201);
        assert_eq!(made.json()["externalAccountBinding"], binding);
        client.kid = made.location().to_owned();
        let read = client.read(&client.kid).await.expect_status(200);
        assert_eq!(read.json(), made.json());
        client.new_order(&["a.test"]).await.expect_status(201);
        // It is there, and needs no binding to be found.
        let found = client.new_account(json!({})).await.expect_status(200);
        assert_eq!(found.json(), made.json());
    }
}

#[tokio::test]
async fn a_binding_that_breaks_a_rule_makes_no_account() {
    type Change = fn(&mut Binding);
    let server = server(|_| {}).await;
    let client = Client::without_account(&server, "default");
    let cases: [(&str, Change, u16, &str); 14] = [
        (
            "alg",
            |b| b.header["alg"] = json!("none"),
            400,
            "badSignatureAlgorithm",
        ),
        (
            "alg",
            |b| b.header["alg"] = json!("ES256"),
            400,
            "badSignatureAlgorithm",
        ),
        ("alg", |b| b.header["alg"] = json!(7), 400, "malformed"),
        (
            "MAC",
            |b| b.header["alg"] = json!("HS512"),
            403,
            "unauthorized",
        ),
        ("MAC", |b| b.secret = [8; 32], 403, "unauthorized"),
        (
            "nonce",
            |b| b.header["nonce"] = json!("AAAA"),
            400,
            "malformed",
        ),
        (
            "nonce",
            |b| b.header["nonce"] = Value::Null,
            400,
            "malformed",
        ),
        (
            "jwk",
            |b| b.header["jwk"] = b.payload.clone(),
            400,
            "malformed",
        ),
        ("crit", |b| b.header["crit"] = json!([]), 400, "malformed"),
        (
            "url",
            |b| b.header["url"] = json!("https://ca.test/acme/default/new-order"),
            400,
            "malformed",
        ),
        ("kid", |b| b.header["kid"] = Value::Null, 400, "malformed"),
        ("kid", |b| b.header["kid"] = json!("x"), 403, "unauthorized"),
        (
            "account key",
            |b| b.payload = crate::client::Key::new().jwk(),
            403,
            "unauthorized",
        ),
        ("payload", |b| b.payload = json!({}), 400, "malformed"),
    ];
    for (told, change, status, kind) in cases {
        let mut binding = Binding::new(&client);
        change(&mut binding);
        let reply = ask(&client, binding.sign()).await;
        let reply = reply.expect_problem(status, kind);
        let detail = text(&reply.json()["detail"]);
        let told = if kind == "badSignatureAlgorithm" {
            "HS256"
        } else {
            told
        };
        assert!(detail.contains(told), "{told}: {detail}");
    }
    for shapeless in [
        json!(7),
        json!({}),
        json!("x"),
        json!([]),
        json!({ "protected": "", "payload": "", "signature": "" }),
    ] {
        ask(&client, shapeless)
            .await
            .expect_problem(400, "malformed");
    }
    let mut long = Binding::new(&client);
    long.header["x"] = json!("x".repeat(5000));
    ask(&client, long.sign())
        .await
        .expect_problem(400, "malformed");
    let id = ID.parse().unwrap();
    let key = server.store.find_external_account_key(&id).await.unwrap();
    assert_eq!(key.unwrap().uses, 0);
    // The same key without a flaw.
    ask(&client, Binding::new(&client).sign())
        .await
        .expect_status(201);
}

#[tokio::test]
async fn a_key_that_is_used_up_expired_or_revoked_says_so() {
    let once = server(|key| key.max_uses = Some(1)).await;
    let first = Client::without_account(&once, "default");
    ask(&first, Binding::new(&first).sign())
        .await
        .expect_status(201);

    let expired = server(|_| {}).await;
    expired.clock.advance(Duration::from_secs(3600));
    let revoked = server(|key| key.revoked_at = Some(START)).await;
    for (server, told) in [
        (&once, "was used 1 times"),
        (&expired, "expired"),
        (&revoked, "revoked"),
    ] {
        let client = Client::without_account(server, "default");
        let reply = ask(&client, Binding::new(&client).sign()).await;
        let reply = reply.expect_problem(403, "unauthorized");
        let detail = text(&reply.json()["detail"]);
        assert!(detail.contains(told), "{detail}");
        // Only who holds the secret learns of its fate.
        let mut guessed = Binding::new(&client);
        guessed.secret = [0; 32];
        let reply = ask(&client, guessed.sign()).await;
        let detail = text(&reply.expect_problem(403, "unauthorized").json()["detail"]);
        assert!(detail.contains("MAC"), "{detail}");
    }
}

#[tokio::test]
async fn a_key_is_good_at_its_own_directory() {
    let server = server(|_| {}).await;
    let client = Client::without_account(&server, "other");
    let reply = ask(&client, Binding::new(&client).sign()).await;
    reply.expect_problem(403, "unauthorized");
    // There, a binding may be left out, but not be wrong.
    client.new_account(json!({})).await.expect_status(201);
}

#[tokio::test]
async fn a_bound_account_orders_what_its_key_allows() {
    let server = server(|key| {
        key.names = vec![
            "*.lab.test".parse().unwrap(),
            "10.1.0.0/16".parse().unwrap(),
        ];
    })
    .await;
    let mut client = Client::without_account(&server, "default");
    let made = ask(&client, Binding::new(&client).sign()).await;
    client.kid = made.expect_status(201).location().to_owned();
    for names in [&["a.lab.test", "*.lab.test"][..], &["10.1.2.3"]] {
        client.new_order(names).await.expect_status(201);
    }
    let refused = client
        .new_order(&["a.lab.test", "lab.test", "10.2.0.0"])
        .await;
    let refused = refused.expect_problem(400, "rejectedIdentifier").json();
    assert_eq!(
        refused["subproblems"].as_array().unwrap().len(),
        2,
        "{refused}"
    );
    assert!(text(&refused["detail"]).contains("*.lab.test, 10.1.0.0/16"));
    // What the key has made goes on when the key is taken back, within its bounds.
    let id = ID.parse().unwrap();
    let revoked = server
        .store
        .revoke_external_account_key(&id, START, &ORIGIN);
    revoked.await.unwrap();
    client.new_order(&["b.lab.test"]).await.expect_status(201);
    let refused = client.new_order(&["b.test"]).await;
    refused.expect_problem(400, "rejectedIdentifier");
}

#[tokio::test]
async fn a_bound_account_orders_with_the_profiles_of_its_key() {
    let named = |text: &str| acme_core::Profile {
        name: text.parse().unwrap(),
        description: String::new(),
        issuance: acme_core::Issuance::default(),
    };
    let server = Server::with(|p| {
        p.profiles = vec![named("tls"), named("short"), named("long")];
        p.default_profile = Some("tls".parse().unwrap());
    })
    .await;
    let key = |profiles: &[&str]| ExternalAccountKey {
        profiles: profiles.iter().map(|text| text.parse().unwrap()).collect(),
        ..key()
    };
    let bound = key(&["short", "long"]);
    server
        .store
        .create_external_account_key(bound, &ORIGIN)
        .await
        .unwrap();
    let mut client = Client::without_account(&server, "default");
    let made = ask(&client, Binding::new(&client).sign()).await;
    client.kid = made.expect_status(201).location().to_owned();
    let order = async |profile: Value| {
        let identifiers = [crate::client::identifier("a.test")];
        let payload = json!({ "identifiers": identifiers, "profile": profile });
        client.post(&client.url("new-order"), payload).await
    };
    for (asked, gets) in [
        (json!("long"), "long"),
        (json!("short"), "short"),
        // The default is not for this account.
        (Value::Null, "short"),
    ] {
        let opened = order(asked).await.expect_status(201).json();
        assert_eq!(opened["profile"], gets);
    }
    let refused = order(json!("tls")).await;
    let refused = refused.expect_problem(400, "invalidProfile").json();
    let detail = text(&refused["detail"]);
    assert!(
        detail.contains("external account key; use short, long"),
        "{detail}"
    );
    // Others are not bound.
    let free = Client::new(&server).await;
    let opened = free.new_order(&["a.test"]).await.expect_status(201);
    assert_eq!(opened.json()["profile"], "tls");
}
