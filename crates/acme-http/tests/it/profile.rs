//! Profiles (draft-ietf-acme-profiles): which one an order gets, and what its certificate is like.

use std::time::Duration;

use acme_core::{ExtendedKeyUsage, Issuance, KeyKind, Profile, Provisioner, pem};
use serde_json::{Value, json};

use crate::client::{Client, Tried, csr, identifier, text};
use crate::server::{START, Server};

/// `tls` like the usual certificates, `short` for servers alone, an hour long, with P-384 keys, and
/// for addresses alone.
fn profiles(provisioner: &mut Provisioner) {
    let mut short = Issuance {
        default_validity: Duration::from_secs(3600),
        max_validity: Duration::from_secs(7200),
        identifier_types: vec!["dns"],
        ..Issuance::default()
    };
    short.keys.kinds = vec![KeyKind::P256];
    short.contents.extended_key_usages = vec![ExtendedKeyUsage::SERVER_AUTH];
    short.contents.common_name = false;
    let mut strict = Issuance::default();
    strict.keys.kinds = vec![KeyKind::P384];
    let named = |name: &str, issuance| Profile {
        name: name.parse().unwrap(),
        description: format!("what {name} is for"),
        issuance,
    };
    provisioner.profiles = vec![
        named("tls", Issuance::default()),
        named("short", short),
        named("strict", strict),
    ];
}

async fn order(client: &Client<'_>, name: &str, profile: Value) -> crate::server::Reply {
    let payload = json!({ "identifiers": [identifier(name)], "profile": profile });
    client.post(&client.url("new-order"), payload).await
}

/// An order with a profile, its one challenge tried with success.
async fn ready(client: &Client<'_>, name: &str, profile: Value) -> Tried {
    let order = order(client, name, profile).await.expect_status(201);
    let authorization = text(&order.json()["authorizations"][0]);
    let body = client.read(&authorization).await.json();
    let challenge = text(&body["challenges"][0]["url"]);
    let reply = client.post(&challenge, json!({})).await;
    assert_eq!(reply.json()["status"], "valid", "{reply:?}");
    Tried {
        order: order.location().to_owned(),
        finalize: text(&order.json()["finalize"]),
        authorization,
        challenge,
    }
}

#[tokio::test]
async fn the_directory_tells_the_profiles() {
    let server = Server::with(profiles).await;
    let directory = server.get("/acme/default/directory").await.json();
    assert_eq!(
        directory["meta"]["profiles"],
        json!({
            "tls": "what tls is for",
            "short": "what short is for",
            "strict": "what strict is for",
        })
    );
    let other = server.get("/acme/other/directory").await.json();
    assert_eq!(other["meta"]["profiles"], Value::Null);
}

#[tokio::test]
async fn an_order_keeps_the_profile_that_it_asked_for() {
    let server = Server::with(profiles).await;
    let client = Client::new(&server).await;
    let opened = order(&client, "a.test", json!("short")).await;
    let opened = opened.expect_status(201);
    assert_eq!(opened.json()["profile"], "short");
    let read = client.read(opened.location()).await.json();
    assert_eq!(read, opened.json());

    for none in [Value::Null, json!(null)] {
        let opened = order(&client, "a.test", none).await.expect_status(201);
        assert_eq!(opened.json().get("profile"), None);
    }
    let with_default = Server::with(|p| {
        profiles(p);
        p.default_profile = Some("tls".parse().unwrap());
    })
    .await;
    let client = Client::new(&with_default).await;
    let opened = client.new_order(&["a.test"]).await.expect_status(201);
    assert_eq!(opened.json()["profile"], "tls");
}

#[tokio::test]
async fn a_profile_that_cannot_be_had_opens_no_order() {
    let server = Server::with(profiles).await;
    let client = Client::new(&server).await;
    for (name, profile, status, kind, says) in [
        ("a.test", json!("fat"), 400, "invalidProfile", "tls, short"),
        ("a.test", json!(""), 400, "invalidProfile", "ask for none"),
        ("a.test", json!("SHORT"), 400, "invalidProfile", "short"),
        (
            "a.test",
            json!("x".repeat(9000)),
            400,
            "invalidProfile",
            "short",
        ),
        ("a.test", json!(7), 400, "malformed", "expected a string"),
        (
            "a.test",
            json!(["tls"]),
            400,
            "malformed",
            "expected a string",
        ),
        ("a.test", json!({}), 400, "malformed", "expected a string"),
        (
            "10.0.0.1",
            json!("short"),
            400,
            "rejectedIdentifier",
            "only dns",
        ),
    ] {
        let reply = order(&client, name, profile.clone()).await;
        let reply = reply.expect_problem(status, kind).json();
        let detail = text(&reply["detail"]);
        assert!(detail.contains(says), "{profile}: {detail}");
        assert!(detail.len() < 400, "{detail}");
    }
    // Another provisioner's profile, where there are none.
    let stranger = Client::at(&server, "other").await;
    let reply = order(&stranger, "a.test", json!("short")).await;
    reply.expect_problem(400, "invalidProfile");
    assert_eq!(client.orders().await, Vec::<String>::new());
    assert_eq!(stranger.orders().await, Vec::<String>::new());

    // Its own bounds hold for the validity, not those of others.
    let longer = |profile: &str| {
        json!({
            "identifiers": [identifier("a.test")],
            "profile": profile,
            "notAfter": START.plus(Duration::from_secs(86_400)),
        })
    };
    let url = client.url("new-order");
    let reply = client.post(&url, longer("short")).await;
    let reply = reply.expect_problem(400, "malformed").json();
    assert!(text(&reply["detail"]).contains("longer than the 7200 s"));
    client.post(&url, longer("tls")).await.expect_status(201);
}

#[tokio::test]
async fn the_certificate_is_as_its_profile_says() {
    let server = Server::with(profiles).await;
    let client = Client::new(&server).await;
    let tried = ready(&client, "a.test", json!("short")).await;
    let (request, _) = csr(&["a.test"]);
    let order = client.finalize(&tried, &request).await.expect_status(200);
    let url = text(&order.json()["certificate"]);
    let chain = client.read(&url).await.body;
    let chain = pem::certificates_from_pem(std::str::from_utf8(&chain).unwrap()).unwrap();
    let facts = acme_core::LeafFacts::parse(&chain[0]).unwrap();
    assert_eq!(facts.not_after, START.plus(Duration::from_secs(3599)));
    // The extended key usage with server authentication alone, and an empty subject.
    let server_auth_alone = [0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1];
    let has = |part: &[u8]| chain[0].windows(part.len()).any(|window| window == part);
    assert!(has(&server_auth_alone), "{:02x?}", chain[0]);
    assert!(
        !has(&[6, 3, 0x55, 4, 3, 0x0c, 6, b'a', b'.']),
        "no common name"
    );
}

#[tokio::test]
async fn a_key_that_the_profile_does_not_take_leaves_the_order_ready() {
    let server = Server::with(profiles).await;
    let client = Client::new(&server).await;
    let tried = ready(&client, "a.test", json!("strict")).await;
    let (p256, _) = csr(&["a.test"]);
    let refused = client.finalize(&tried, &p256).await;
    let refused = refused.expect_problem(400, "badCSR").json();
    let detail = text(&refused["detail"]);
    assert!(detail.contains("the order's profile"), "{detail}");
    assert!(detail.contains("p256; use p384"), "{detail}");
    assert_eq!(client.read(&tried.order).await.json()["status"], "ready");

    let policy = Server::with(|p| p.policy.keys.kinds = vec![KeyKind::Rsa]).await;
    let client = Client::new(&policy).await;
    let tried = client.ready_order(&["a.test"]).await;
    let refused = client.finalize(&tried, &p256).await;
    let detail = text(&refused.expect_problem(400, "badCSR").json()["detail"]);
    assert!(detail.contains("this provisioner's policy"), "{detail}");
    assert_eq!(policy.certificates().await.len(), 0);
}
