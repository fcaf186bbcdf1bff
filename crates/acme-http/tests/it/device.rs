//! Devices: device-attest-01 and what a certificate for a device may have.

use acme_core::{AttestationFormat, AttestationPolicy, Csr, pem, thumbprint};
use acme_types::{Jwk, encode_base64url};
use serde_json::{Value, json};

use crate::client::{Client, Tried, text};
use crate::devices::{
    DeviceKey, Maker, Tpm, apple, dns_name, hardware_module, packed, permanent_identifier, step,
};
use crate::server::{Reply, Server};

/// A server that believes what a maker says in every format, and that maker.
async fn server() -> (Server, Maker) {
    let maker = Maker::new("Maker of devices");
    let mut policy = AttestationPolicy::default();
    for format in AttestationFormat::ALL {
        policy.trust(*format, &maker.certificate).unwrap();
    }
    let server = Server::with(|provisioner| {
        let kinds = ["http-01", "device-attest-01"];
        provisioner.challenges = kinds.map(|kind| kind.parse().unwrap()).to_vec();
        provisioner.attestation = policy;
    });
    (server.await, maker)
}

/// An order for a device, and its challenge's token.
async fn order(client: &Client<'_>, kind: &str, value: &str) -> (Tried, String) {
    let payload = json!({ "identifiers": [{ "type": kind, "value": value }] });
    let order = client.post(&client.url("new-order"), payload).await;
    let order = order.expect_status(201);
    let body = order.json();
    assert_eq!(
        body["identifiers"],
        json!([{ "type": kind, "value": value }])
    );
    let authorization = text(&body["authorizations"][0]);
    let body = client.read(&authorization).await.json();
    let [challenge] = &body["challenges"].as_array().unwrap()[..] else {
        panic!("one challenge: {body}");
    };
    assert_eq!(challenge["type"], "device-attest-01");
    let tried = Tried {
        order: order.location().to_owned(),
        finalize: text(&order.json()["finalize"]),
        authorization,
        challenge: text(&challenge["url"]),
    };
    (tried, text(&challenge["token"]))
}

fn key_authorization(client: &Client<'_>, token: &str) -> String {
    let jwk: Jwk = client.key.jwk().to_string().parse().unwrap();
    format!("{token}.{}", thumbprint(&jwk))
}

async fn attest(client: &Client<'_>, tried: &Tried, statement: &[u8]) -> Reply {
    let payload = json!({ "attObj": encode_base64url(statement) });
    client.post(&tried.challenge, payload).await
}

async fn finalize(client: &Client<'_>, tried: &Tried, csr: &[u8]) -> Reply {
    client.finalize(tried, &encode_base64url(csr)).await
}

async fn status(client: &Client<'_>, url: &str) -> Value {
    client.read(url).await.json()["status"].clone()
}

/// The DER of the certificate of an order.
async fn certificate(client: &Client<'_>, order: &Reply) -> Vec<u8> {
    let url = text(&order.json()["certificate"]);
    let body = client.read(&url).await.expect_status(200).body;
    let chain = pem::certificates_from_pem(std::str::from_utf8(&body).unwrap()).unwrap();
    chain[0].clone()
}

fn contains(der: &[u8], part: &[u8]) -> bool {
    der.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn a_device_that_is_attested_gets_a_certificate_for_its_key() {
    let (server, maker) = server().await;
    let client = Client::new(&server).await;
    let key = DeviceKey::p256();
    for format in AttestationFormat::ALL {
        let (kind, value, name) = match format {
            AttestationFormat::Apple => ("permanent-identifier", "C02X", None),
            AttestationFormat::Step => ("permanent-identifier", "7", None),
            AttestationFormat::Tpm => (
                "hardware-module",
                "SN1/2.23.133.1.2",
                Some(hardware_module("SN1", "2.23.133.1.2")),
            ),
            AttestationFormat::Packed => (
                "permanent-identifier",
                "A-1/1.2.3.4",
                Some(permanent_identifier("A-1", Some("1.2.3.4"))),
            ),
        };
        let name = name.unwrap_or_else(|| permanent_identifier(value, None));
        let (tried, token) = order(&client, kind, value).await;
        let signed = key_authorization(&client, &token);
        let names = [name.clone()];
        let statement = match format {
            AttestationFormat::Apple => apple(&maker, &key, value, &token),
            AttestationFormat::Step => step(&maker, &key, &[7], &signed),
            AttestationFormat::Tpm => {
                Tpm::new(&maker, &DeviceKey::rsa(), &names).certify(&key, &signed)
            }
            AttestationFormat::Packed => packed(&maker, &key, &names, &signed),
        };

        let reply = attest(&client, &tried, &statement.encode()).await;
        let reply = reply.expect_status(200);
        assert_eq!(reply.json()["status"], "valid", "{format} {reply:?}");
        assert!(reply.link("up").is_some());
        assert_eq!(reply.retry_after(), None);
        assert_eq!(status(&client, &tried.authorization).await, "valid");
        assert_eq!(status(&client, &tried.order).await, "ready");
        // A settled challenge stays as it is, whatever is sent.
        let again = attest(&client, &tried, b"junk").await.expect_status(200);
        assert_eq!(again.json()["status"], "valid");

        let done = finalize(&client, &tried, &key.csr(None, &names)).await;
        let done = done.expect_status(200);
        let leaf = certificate(&client, &done).await;
        assert!(contains(&leaf, &name), "{format}");
        assert!(contains(&leaf, &acme_core::spki_of(&key.jwk())));
    }
}

#[tokio::test]
async fn a_certificate_is_for_the_attested_key_alone() {
    let (server, maker) = server().await;
    let client = Client::new(&server).await;
    let (key, other) = (DeviceKey::p256(), DeviceKey::p256());
    let (tried, token) = order(&client, "permanent-identifier", "C02X").await;
    let statement = apple(&maker, &key, "C02X", &token).encode();
    attest(&client, &tried, &statement).await.expect_status(200);

    let name = [permanent_identifier("C02X", None)];
    let refused = finalize(&client, &tried, &other.csr(None, &name)).await;
    let refused = refused.expect_problem(400, "badCSR");
    let detail = text(&refused.json()["detail"]);
    assert!(detail.contains("not the one that was attested"), "{detail}");
    assert_eq!(status(&client, &tried.order).await, "ready");

    // Names that the order does not have.
    for names in [
        vec![permanent_identifier("C02Y", None)],
        vec![permanent_identifier("C02X", Some("1.2.3"))],
        vec![hardware_module("C02X", "1.2.3")],
        vec![name[0].clone(), dns_name("a.test")],
    ] {
        let reply = finalize(&client, &tried, &key.csr(None, &names)).await;
        reply.expect_problem(400, "badCSR");
    }
    assert!(server.certificates().await.is_empty());
    let good = finalize(&client, &tried, &key.csr(None, &name)).await;
    good.expect_status(200);
}

#[tokio::test]
async fn a_common_name_may_be_the_identity_of_the_device() {
    let (server, maker) = server().await;
    let client = Client::new(&server).await;
    let key = DeviceKey::p256();
    let (tried, token) = order(&client, "permanent-identifier", "C02X").await;
    let statement = apple(&maker, &key, "C02X", &token).encode();
    attest(&client, &tried, &statement).await.expect_status(200);
    let reply = finalize(&client, &tried, &key.csr(Some("C02Y"), &[])).await;
    reply.expect_problem(400, "badCSR");
    let done = finalize(&client, &tried, &key.csr(Some("C02X"), &[])).await;
    let leaf = certificate(&client, &done.expect_status(200)).await;
    assert!(contains(&leaf, &permanent_identifier("C02X", None)));
}

#[tokio::test]
async fn a_device_may_be_left_out_of_the_certificate() {
    let (server, maker) = server().await;
    let client = Client::new(&server).await;
    let key = DeviceKey::p256();
    let payload = json!({ "identifiers": [
        { "type": "permanent-identifier", "value": "C02X" },
        { "type": "dns", "value": "laptop.test" },
    ] });
    let order = client.post(&client.url("new-order"), payload).await;
    let order = order.expect_status(201);
    let mut tried = Tried {
        order: order.location().to_owned(),
        finalize: text(&order.json()["finalize"]),
        authorization: String::new(),
        challenge: String::new(),
    };
    for authorization in order.json()["authorizations"].as_array().unwrap() {
        let body = client.read(&text(authorization)).await.json();
        let challenge = &body["challenges"][0];
        tried.challenge = text(&challenge["url"]);
        let reply = if body["identifier"]["type"] == "dns" {
            assert_eq!(challenge["type"], "http-01");
            // What belongs to another challenge is passed over.
            client.post(&tried.challenge, json!({ "attObj": 7 })).await
        } else {
            let statement = apple(&maker, &key, "C02X", &text(&challenge["token"]));
            attest(&client, &tried, &statement.encode()).await
        };
        assert_eq!(reply.json()["status"], "valid", "{reply:?}");
    }
    let name = [dns_name("laptop.test")];
    let other = finalize(&client, &tried, &DeviceKey::p256().csr(None, &name)).await;
    other.expect_problem(400, "badCSR");
    // The names of hosts may not be left out.
    let device = [permanent_identifier("C02X", None)];
    let reply = finalize(&client, &tried, &key.csr(None, &device)).await;
    reply.expect_problem(400, "badCSR");

    let done = finalize(&client, &tried, &key.csr(None, &name)).await;
    let leaf = certificate(&client, &done.expect_status(200)).await;
    assert!(!contains(&leaf, &device[0]));
    assert!(contains(&leaf, &name[0]));
}

#[tokio::test]
async fn a_statement_that_is_not_believed_ends_challenge_authorization_and_order() {
    let (server, maker) = server().await;
    let client = Client::new(&server).await;
    let key = DeviceKey::p256();
    let stranger = Maker::new("Maker of devices");
    let all = |token: &str| {
        let signed = key_authorization(&client, token);
        [
            (
                apple(&stranger, &key, "C02X", token).encode(),
                "by none of the roots",
            ),
            (
                apple(&maker, &key, "C02X", "other").encode(),
                "challenge's token",
            ),
            (apple(&maker, &key, "C02Y", token).encode(), "not about"),
            (
                step(&maker, &key, &[7], &format!("{signed}x")).encode(),
                "signature",
            ),
            (b"junk".to_vec(), "not CBOR"),
        ]
    };
    for at in 0..5 {
        let (tried, token) = order(&client, "permanent-identifier", "C02X").await;
        let (statement, says) = &all(&token)[at];
        let reply = attest(&client, &tried, statement).await;
        let reply = reply.expect_problem(400, "badAttestationStatement");
        let detail = text(&reply.json()["detail"]);
        assert!(detail.contains(says), "{detail}");
        for url in [&tried.challenge, &tried.authorization, &tried.order] {
            let body = client.read(url).await.json();
            assert_eq!(body["status"], "invalid", "{says} {body}");
        }
        let body = client.read(&tried.challenge).await.json();
        assert_eq!(body["error"]["detail"], detail.as_str());
        let kind = "urn:ietf:params:acme:error:badAttestationStatement";
        assert_eq!(body["error"]["type"], kind);
        // The right one comes too late.
        let good = apple(&maker, &key, "C02X", &token).encode();
        let late = attest(&client, &tried, &good).await.expect_status(200);
        assert_eq!(late.json()["status"], "invalid");
        let name = [permanent_identifier("C02X", None)];
        let reply = finalize(&client, &tried, &key.csr(None, &name)).await;
        reply.expect_problem(403, "orderNotReady");
    }
}

#[tokio::test]
async fn a_request_without_a_statement_that_can_be_read_changes_nothing() {
    let (server, maker) = server().await;
    let client = Client::new(&server).await;
    let (tried, token) = order(&client, "permanent-identifier", "C02X").await;
    let long = encode_base64url(vec![0; AttestationPolicy::MAX_STATEMENT + 1]);
    for payload in [
        json!({}),
        json!({ "attObj": null }),
        json!({ "attObj": 7 }),
        json!({ "attObj": ["AA"] }),
        json!({ "attObj": "" }),
        json!({ "attObj": "A" }),
        json!({ "attObj": "AA==" }),
        json!({ "attObj": "not base64url" }),
        json!({ "attObj": long }),
    ] {
        let reply = client.post(&tried.challenge, payload.clone()).await;
        let reply = reply.expect_problem(400, "malformed");
        let detail = text(&reply.json()["detail"]);
        assert!(detail.contains("attObj"), "{detail}");
        assert_eq!(status(&client, &tried.challenge).await, "pending");
        assert_eq!(status(&client, &tried.order).await, "pending");
    }
    // Nothing is left for the worker, and a poll starts nothing.
    server.tick().await;
    let runs = &server.runner.runs;
    assert_eq!(runs.load(std::sync::atomic::Ordering::SeqCst), 0);
    let good = apple(&maker, &DeviceKey::p256(), "C02X", &token).encode();
    let reply = attest(&client, &tried, &good).await.expect_status(200);
    assert_eq!(reply.json()["status"], "valid");
}

#[tokio::test]
async fn another_accounts_challenge_takes_no_statement() {
    let (server, maker) = server().await;
    let (client, thief) = (Client::new(&server).await, Client::new(&server).await);
    let key = DeviceKey::p256();
    let (tried, token) = order(&client, "permanent-identifier", "7").await;
    let names = [permanent_identifier("7", None)];
    let stolen = packed(&maker, &key, &names, &key_authorization(&client, &token)).encode();
    let reply = attest(&thief, &tried, &stolen).await;
    reply.expect_problem(404, "malformed");
    assert_eq!(status(&client, &tried.challenge).await, "pending");

    // What was signed for one account serves no other.
    let (own, token) = order(&thief, "permanent-identifier", "7").await;
    let wrong = packed(&maker, &key, &names, &key_authorization(&client, &token)).encode();
    let reply = attest(&thief, &own, &wrong).await;
    reply.expect_problem(400, "badAttestationStatement");
}

#[tokio::test]
async fn devices_are_ordered_only_where_they_can_be_attested() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    for (kind, value, status, problem) in [
        ("permanent-identifier", "C02X", 400, "rejectedIdentifier"),
        ("hardware-module", "SN1/1.2.3", 400, "rejectedIdentifier"),
        ("permanent-identifier", "", 400, "malformed"),
        ("permanent-identifier", "A/B", 400, "malformed"),
        ("hardware-module", "SN1", 400, "malformed"),
    ] {
        let payload = json!({ "identifiers": [{ "type": kind, "value": value }] });
        let reply = client.post(&client.url("new-order"), payload).await;
        reply.expect_problem(status, problem);
    }
    assert!(client.orders().await.is_empty());
}

#[tokio::test]
async fn a_policy_names_the_devices_it_is_for() {
    let maker = Maker::new("Maker of devices");
    let mut attestation = AttestationPolicy::default();
    let format = AttestationFormat::Apple;
    attestation.trust(format, &maker.certificate).unwrap();
    let server = Server::with(|provisioner| {
        provisioner.challenges = vec!["device-attest-01".parse().unwrap()];
        provisioner.attestation = attestation;
        let allow = ["permanent-identifier:*", "*.test"];
        provisioner.policy.allow = allow.map(|text| text.parse().unwrap()).to_vec();
        provisioner.policy.deny = vec!["permanent-identifier:STOLEN".parse().unwrap()];
    });
    let server = server.await;
    let client = Client::new(&server).await;
    order(&client, "permanent-identifier", "C02X").await;
    for (kind, value) in [
        ("permanent-identifier", "STOLEN"),
        ("hardware-module", "C02X/1.2.3"),
    ] {
        let payload = json!({ "identifiers": [{ "type": kind, "value": value }] });
        let reply = client.post(&client.url("new-order"), payload).await;
        reply.expect_problem(400, "rejectedIdentifier");
    }
}

#[test]
fn a_csr_for_devices_is_read_with_the_order_at_hand() {
    let key = DeviceKey::p256();
    let text = encode_base64url(key.csr(Some("C02X"), &[dns_name("a.test")]));
    // Without it a common name is a DNS name, in lower case.
    let plain = Csr::parse(&text).unwrap();
    let names: Vec<_> = plain
        .identifiers()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(names, ["a.test", "c02x"]);
}
