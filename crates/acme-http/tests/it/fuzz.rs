//! No input makes the server fail: whatever is sent is answered, and never with a 5xx.

use proptest::prelude::*;
use serde_json::{Map, Value};
use tokio::runtime::Runtime;

use crate::client::Client;
use crate::server::Server;

/// What a client may sign a payload for.
const RESOURCES: &[&str] = &["new-account", "new-order", "key-change", "revoke-cert"];

/// JSON of any shape, with the members of ACME more often than others.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        Just(Value::from("dns")),
        Just(Value::from("deactivated")),
        Just(Value::from("mailto:a@b.test")),
        "[A-Za-z0-9_-]{0,40}".prop_map(Value::from),
    ];
    let member = prop_oneof![
        Just("identifiers".to_owned()),
        Just("type".to_owned()),
        Just("value".to_owned()),
        Just("contact".to_owned()),
        Just("status".to_owned()),
        Just("csr".to_owned()),
        Just("certificate".to_owned()),
        Just("reason".to_owned()),
        Just("notAfter".to_owned()),
        Just("onlyReturnExisting".to_owned()),
        Just("externalAccountBinding".to_owned()),
        Just("protected".to_owned()),
        Just("payload".to_owned()),
        Just("signature".to_owned()),
        Just("header".to_owned()),
        ".{0,8}",
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((member.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

/// Bodies: random bytes, JSON, and JSON cut short.
fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        json().prop_map(|json| json.to_string().into_bytes()),
        (json(), any::<prop::sample::Index>()).prop_map(|(json, end)| {
            let mut text = json.to_string().into_bytes();
            text.truncate(end.index(text.len() + 1));
            text
        }),
    ]
}

/// Paths: random ones, and those of ACME with random ends.
fn path() -> impl Strategy<Value = String> {
    prop_oneof![
        "/[!-~&&[^#?]]{0,40}".prop_filter("a path", |path| path.parse::<hyper::Uri>().is_ok()),
        "/acme/[a-z%0-9.]{0,9}/(order|authz|challenge|certificate|account)/[0-9A-Za-z]{30,33}(/[a-z]{0,8})?",
        "/acme/default/(directory|new-nonce|new-account|new-order|key-change|revoke-cert)",
    ]
}

#[test]
fn unsigned_requests() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(Server::start());
    let methods = prop_oneof![Just("GET"), Just("HEAD"), Just("POST"), Just("DELETE")];
    proptest!(ProptestConfig::with_cases(400), |(method in methods, path in path(), body in body())| {
        let sent = server.send(method, &path, Some("application/jose+json"), body);
        let reply = runtime.block_on(sent);
        prop_assert!(reply.status < 500, "{reply:?}");
        prop_assert!(reply.status < 400 || method == "HEAD" || reply.problem().is_some(), "{reply:?}");
    });
}

#[test]
fn signed_payloads() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(Server::start());
    let client = runtime.block_on(Client::new(&server));
    let tried = runtime.block_on(client.order_with_challenge("a.test", "http-01"));
    let mut urls: Vec<_> = RESOURCES
        .iter()
        .map(|resource| client.url(resource))
        .collect();
    urls.extend([
        tried.order,
        tried.authorization,
        tried.challenge,
        tried.finalize,
    ]);
    urls.push(format!("{}/orders", client.kid));
    let url = prop::sample::select(urls);
    proptest!(ProptestConfig::with_cases(400), |(url in url, payload in body())| {
        let reply = runtime.block_on(async {
            let mut draft = if url.ends_with("new-account") {
                client.draft_with_jwk(&url, "").await
            } else {
                client.draft(&url, "").await
            };
            draft.payload = payload;
            client.send(&draft).await
        });
        prop_assert!(reply.status < 500, "{reply:?}");
    });
}
