//! Signed requests that break a rule: each is refused by the right type and status, changes nothing
//! and, unless its signature and URL are good, burns no nonce (RFC 8555 §§ 6.2 to 6.5).

use std::time::Duration;

use acme_types::encode_base64url;
use serde_json::{Value, json};

use crate::client::{Client, Draft, Key};
use crate::server::Server;

/// What a case does to a good newOrder.
enum Change {
    /// To the request before it is signed.
    Draft(fn(&mut Draft)),
    /// To the signed request.
    Signed(fn(&mut Value)),
    /// To the bytes that are sent.
    Bytes(fn(String) -> String),
}
use Change::{Bytes, Draft as Before, Signed};

struct Case {
    what: &'static str,
    change: Change,
    expect: (u16, &'static str),
    /// Whether the nonce is spent all the same.
    burns: bool,
}

const fn case(what: &'static str, change: Change, status: u16, kind: &'static str) -> Case {
    Case {
        what,
        change,
        expect: (status, kind),
        burns: false,
    }
}

const fn burning(what: &'static str, change: Change, status: u16, kind: &'static str) -> Case {
    Case {
        burns: true,
        ..case(what, change, status, kind)
    }
}

fn set(draft: &mut Draft, member: &str, value: Value) {
    draft.header.insert(member.to_owned(), value);
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    case("content type of JSON", Before(|d| d.content_type = Some("application/json")), 415, "malformed"),
    case("no content type", Before(|d| d.content_type = None), 415, "malformed"),
    case("no body", Bytes(|_| String::new()), 400, "malformed"),
    case("not JSON", Bytes(|_| "protected".to_owned()), 400, "malformed"),
    case("an array", Bytes(|body| format!("[{body}]")), 400, "malformed"),
    case("more after it", Bytes(|body| format!("{body}x")), 400, "malformed"),
    case("a repeated member", Bytes(|body| body.replacen('{', r#"{"payload":"","#, 1)), 400, "malformed"),
    case("compact form", Signed(|jws| *jws = json!(format!("{}.{}.{}", jws["protected"], jws["payload"], jws["signature"]))), 400, "malformed"),
    case("general form", Signed(|jws| {
        let signature = json!({ "protected": jws["protected"], "signature": jws["signature"] });
        *jws = json!({ "payload": jws["payload"], "signatures": [signature] });
    }), 400, "malformed"),
    case("an unprotected header", Signed(|jws| jws["header"] = json!({ "kid": "x" })), 400, "malformed"),
    case("an unknown member", Signed(|jws| jws["extra"] = json!(1)), 400, "malformed"),
    case("no signature", Signed(|jws| { jws.as_object_mut().unwrap().remove("signature"); }), 400, "malformed"),
    case("an empty signature", Signed(|jws| jws["signature"] = json!("")), 400, "malformed"),
    case("a signature not base64url", Signed(|jws| jws["signature"] = json!("+/+/")), 400, "malformed"),
    case("a signature of another key", Signed(|jws| {
        let message = format!("{}.{}", jws["protected"].as_str().unwrap(), jws["payload"].as_str().unwrap());
        jws["signature"] = json!(encode_base64url(Key::new().sign(message.as_bytes())));
    }), 400, "malformed"),
    case("another payload than was signed", Signed(|jws| jws["payload"] = json!(encode_base64url("{}"))), 400, "malformed"),
    case("padding in the payload", Signed(|jws| {
        let padded = format!("{}=", jws["payload"].as_str().unwrap());
        jws["payload"] = json!(padded);
    }), 400, "malformed"),
    case("padding in the header", Signed(|jws| {
        let padded = format!("{}=", jws["protected"].as_str().unwrap());
        jws["protected"] = json!(padded);
    }), 400, "malformed"),
    case("alg none", Before(|d| set(d, "alg", json!("none"))), 400, "badSignatureAlgorithm"),
    case("a MAC", Before(|d| set(d, "alg", json!("HS256"))), 400, "badSignatureAlgorithm"),
    case("an alg of another key type", Before(|d| set(d, "alg", json!("RS256"))), 400, "badSignatureAlgorithm"),
    case("an alg of another curve", Before(|d| set(d, "alg", json!("ES384"))), 400, "badSignatureAlgorithm"),
    case("no alg", Before(|d| { d.header.remove("alg"); }), 400, "malformed"),
    case("crit", Before(|d| set(d, "crit", json!(["exp"]))), 400, "malformed"),
    case("an unencoded payload", Before(|d| set(d, "b64", json!(false))), 400, "malformed"),
    case("jwk beside kid", Before(|d| set(d, "jwk", Key::new().jwk())), 400, "malformed"),
    case("neither jwk nor kid", Before(|d| { d.header.remove("kid"); }), 400, "malformed"),
    case("jwk where kid is due", Before(|d| {
        d.header.remove("kid");
        set(d, "jwk", Key::new().jwk());
    }), 400, "malformed"),
    case("kid that is no URL", Before(|d| set(d, "kid", json!("1"))), 400, "malformed"),
    case("kid of another server", Before(|d| change_kid(d, "https://ca.test", "https://evil.test")), 400, "malformed"),
    case("kid of another directory", Before(|d| change_kid(d, "/default/", "/other/")), 400, "malformed"),
    case("kid that is no account", Before(|d| change_kid(d, "/account/", "/order/")), 400, "malformed"),
    case("kid of an account that is not there", Before(|d| {
        set(d, "kid", json!("https://ca.test/acme/default/account/0123456789abcdefghijABCDEFGHIJ01"));
    }), 400, "accountDoesNotExist"),
    case("no url", Before(|d| { d.header.remove("url"); }), 400, "malformed"),
    case("url of another resource", Before(|d| set(d, "url", json!("https://ca.test/acme/default/key-change"))), 403, "unauthorized"),
    case("url of another directory", Before(|d| set(d, "url", json!("https://ca.test/acme/other/new-order"))), 403, "unauthorized"),
    case("url of another server", Before(|d| set(d, "url", json!("https://evil.test/acme/default/new-order"))), 403, "unauthorized"),
    case("url without TLS", Before(|d| set(d, "url", json!("http://ca.test/acme/default/new-order"))), 403, "unauthorized"),
    case("a query that was not signed", Before(|d| d.path.push_str("?a=b")), 403, "unauthorized"),
    case("no nonce", Before(|d| { d.header.remove("nonce"); }), 400, "badNonce"),
    case("a nonce not base64url", Before(|d| set(d, "nonce", json!("not a nonce!"))), 400, "malformed"),
    case("a nonce of nobody", Before(|d| set(d, "nonce", json!(encode_base64url([1; 41])))), 400, "badNonce"),
    case("a short nonce", Before(|d| set(d, "nonce", json!("AAAA"))), 400, "badNonce"),
    case("a nonce that was changed", Before(|d| {
        let nonce = d.header["nonce"].as_str().unwrap();
        let first = if nonce.starts_with('A') { "B" } else { "A" };
        let changed = format!("{first}{}", &nonce[1..]);
        set(d, "nonce", json!(changed));
    }), 400, "badNonce"),
    burning("no payload", Before(|d| d.payload.clear()), 400, "malformed"),
    burning("a payload not JSON", Before(|d| d.payload = b"{".to_vec()), 400, "malformed"),
    burning("a payload not UTF-8", Before(|d| d.payload = b"{\"identifiers\": [\"\xff\"]}".to_vec()), 400, "malformed"),
    burning("an array as payload", Before(|d| d.payload = b"[[]]".to_vec()), 400, "malformed"),
    burning("a repeated member of the payload", Before(|d| d.payload = br#"{"identifiers":[],"identifiers":[]}"#.to_vec()), 400, "malformed"),
    burning("a mistyped member of the payload", Before(|d| d.payload = br#"{"identifiers":7}"#.to_vec()), 400, "malformed"),
];

fn change_kid(draft: &mut Draft, from: &str, to: &str) {
    let kid = draft.header["kid"].as_str().unwrap().replacen(from, to, 1);
    set(draft, "kid", json!(kid));
}

#[tokio::test]
async fn each_broken_rule_is_refused_and_nothing_is_changed() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let payload = json!({ "identifiers": [{ "type": "dns", "value": "a.test" }] });
    let url = client.url("new-order");
    for case in CASES {
        let mut draft = client.draft(&url, &payload).await;
        let nonce = draft.header["nonce"].clone();
        if let Before(change) = &case.change {
            change(&mut draft);
        }
        let mut jws = draft.sign(&client.key);
        if let Signed(change) = &case.change {
            change(&mut jws);
        }
        let mut body = jws.to_string();
        if let Bytes(change) = &case.change {
            body = change(body);
        }
        let reply = client.send_body(&draft, body).await;
        let what = case.what;
        let (status, kind) = case.expect;
        assert_eq!(
            (reply.status, reply.problem().as_deref()),
            (status, Some(kind)),
            "{what}: {reply:?}"
        );
        assert!(reply.header("replay-nonce").is_some(), "{what}");
        let algorithms = reply.json()["algorithms"].as_array().map(Vec::len);
        assert_eq!(
            algorithms.is_some(),
            kind == "badSignatureAlgorithm",
            "{what}"
        );
        assert_eq!(client.orders().await, [""; 0], "{what} made an order");

        let mut again = client.draft(&client.kid, "").await;
        again.header.insert("nonce".to_owned(), nonce);
        let again = client.send(&again).await;
        let burnt = again.problem().as_deref() == Some("badNonce");
        assert_eq!(burnt, case.burns, "{what}: the nonce, {again:?}");
    }
    // Unchanged, the request is good.
    client.post(&url, payload).await.expect_status(201);
    assert_eq!(client.orders().await.len(), 1);
}

#[tokio::test]
async fn a_nonce_is_good_once_and_for_an_hour() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let draft = client.draft(&client.kid, "").await;
    client.send(&draft).await.expect_status(200);
    client.send(&draft).await.expect_problem(400, "badNonce");

    let in_time = client.draft(&client.kid, "").await;
    let late = client.draft(&client.kid, "").await;
    server.clock.advance(Duration::from_secs(3599));
    client.send(&in_time).await.expect_status(200);
    server.clock.advance(Duration::from_secs(1));
    client.send(&late).await.expect_problem(400, "badNonce");
}

#[tokio::test]
async fn urls_of_an_earlier_base_stay_good() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let mut draft = client.draft(&client.kid, "").await;
    let old = client.kid.replacen("ca.test", "old.test", 1);
    set(&mut draft, "kid", json!(old));
    set(&mut draft, "url", json!(old));
    let reply = client.send(&draft).await.expect_status(200);
    // What it is told are the new ones.
    assert!(
        reply.json()["orders"]
            .as_str()
            .unwrap()
            .starts_with("https://ca.test/")
    );
}

#[tokio::test]
async fn media_type_parameters_are_no_fault() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let mut draft = client.draft(&client.kid, "").await;
    draft.content_type = Some("Application/JOSE+json; charset=utf-8");
    client.send(&draft).await.expect_status(200);
}

#[tokio::test]
async fn keys_that_are_weak_or_private_make_no_account() {
    let server = Server::start().await;
    let client = Client::without_account(&server, "default");
    let mut private = client.key.jwk();
    private["d"] = json!("AAAA");
    let mut off_curve = client.key.jwk();
    off_curve["y"] = off_curve["x"].clone();
    let weak = json!({ "kty": "RSA", "e": "AQAB", "n": encode_base64url([0xff; 128]) });
    let symmetric = json!({ "kty": "oct", "k": "AAAA" });
    for jwk in [private, off_curve, weak, symmetric] {
        let mut draft = client
            .draft_with_jwk(&client.url("new-account"), "{}")
            .await;
        set(&mut draft, "jwk", jwk);
        client
            .send(&draft)
            .await
            .expect_problem(400, "badPublicKey");
    }
}
