//! Accounts: made, found, changed, ended, given another key (RFC 8555 § 7.3).

use serde_json::{Value, json};

use crate::client::{Client, Key, sign, text};
use crate::server::Server;

#[tokio::test]
async fn an_account_is_made_once() {
    let server = Server::start().await;
    let mut client = Client::without_account(&server, "default");
    let payload = json!({ "contact": ["mailto:admin@example.org"], "unknown": 1 });
    let made = client.new_account(payload).await.expect_status(201);
    client.kid = made.location().to_owned();
    let body = json!({
        "status": "valid",
        "contact": ["mailto:admin@example.org"],
        "orders": format!("{}/orders", client.kid),
    });
    assert_eq!(made.json(), body);

    // Whatever it says, the second request only finds it.
    for payload in [
        json!({}),
        json!({ "contact": ["mailto:other@example.org"] }),
        json!({ "contact": ["not a contact"], "onlyReturnExisting": true }),
    ] {
        let found = client.new_account(payload).await.expect_status(200);
        assert_eq!(found.location(), client.kid);
        assert_eq!(found.json(), body);
    }
    assert_eq!(
        client.read(&client.kid).await.expect_status(200).json(),
        body
    );
}

#[tokio::test]
async fn requests_that_race_make_one_account() {
    let server = Server::start().await;
    let client = Client::without_account(&server, "default");
    let replies = tokio::join!(
        client.new_account(json!({})),
        client.new_account(json!({})),
        client.new_account(json!({})),
    );
    let mut statuses = [replies.0.status, replies.1.status, replies.2.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 201]);
    assert_eq!(replies.0.location(), replies.1.location());
    assert_eq!(replies.0.location(), replies.2.location());
}

#[tokio::test]
async fn what_is_not_to_be_made_is_not_made() {
    let server = Server::start().await;
    let client = Client::without_account(&server, "default");
    for (payload, kind) in [
        (json!({ "onlyReturnExisting": true }), "accountDoesNotExist"),
        (
            json!({ "contact": ["tel:+41440000000"] }),
            "unsupportedContact",
        ),
        (
            json!({ "contact": ["mailto:a@b.test?cc=c@d.test"] }),
            "invalidContact",
        ),
        (
            json!({ "contact": ["mailto:a@b.test,c@d.test"] }),
            "invalidContact",
        ),
        (
            json!({ "contact": vec!["mailto:a@b.test"; 11] }),
            "invalidContact",
        ),
        (json!({ "contact": "mailto:a@b.test" }), "malformed"),
        (json!({ "contact": [7] }), "malformed"),
        (json!({ "termsOfServiceAgreed": "yes" }), "malformed"),
        (json!([]), "malformed"),
        (json!("x"), "malformed"),
    ] {
        client.new_account(payload).await.expect_problem(400, kind);
        let find = json!({ "onlyReturnExisting": true });
        let found = client.new_account(find).await;
        found.expect_problem(400, "accountDoesNotExist");
    }
    // A JSON error tells where it is.
    let reply = client.new_account(json!({ "contact": 7 })).await;
    let detail = text(&reply.json()["detail"]);
    assert!(detail.contains("line 1 column"), "{detail}");

    let draft = client.draft(&client.url("new-account"), "{}").await;
    client.send(&draft).await.expect_problem(400, "malformed");
}

#[tokio::test]
async fn terms_of_service_must_be_agreed_to() {
    let terms = "https://ca.test/terms";
    let server = Server::with(|p| p.terms_of_service = Some(terms.to_owned())).await;
    let client = Client::without_account(&server, "default");
    for payload in [json!({}), json!({ "termsOfServiceAgreed": false })] {
        let refused = client.new_account(payload).await;
        let refused = refused.expect_problem(403, "userActionRequired");
        assert_eq!(refused.link("terms-of-service").as_deref(), Some(terms));
    }
    let agreed = json!({ "termsOfServiceAgreed": true });
    let made = client.new_account(agreed).await.expect_status(201);
    assert_eq!(made.json()["termsOfServiceAgreed"], true);
    assert_eq!(made.link("terms-of-service").as_deref(), Some(terms));
}

#[tokio::test]
async fn an_external_account_may_be_required() {
    let server = Server::with(|p| p.require_eab = true).await;
    let client = Client::without_account(&server, "default");
    let reply = client.new_account(json!({})).await;
    reply.expect_problem(403, "externalAccountRequired");
    let directory = server.get("/acme/default/directory").await.json();
    assert_eq!(directory["meta"]["externalAccountRequired"], true);
}

#[tokio::test]
async fn contacts_are_changed_and_nothing_else() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let contact = json!(["mailto:a@b.test", "mailto:c@d.test"]);
    let changed = client
        .post(&client.kid, json!({ "contact": contact }))
        .await;
    assert_eq!(changed.expect_status(200).json()["contact"], contact);
    for payload in [json!({}), json!({ "orders": "x", "unknown": {} })] {
        let same = client.post(&client.kid, payload).await.expect_status(200);
        assert_eq!(same.json()["contact"], contact);
    }
    for (payload, kind) in [
        (json!({ "contact": ["mailto:a"] }), "invalidContact"),
        (json!({ "contact": ["sip:a@b.test"] }), "unsupportedContact"),
        (json!({ "status": "revoked" }), "malformed"),
        (json!({ "status": 7 }), "malformed"),
        (json!([]), "malformed"),
    ] {
        client
            .post(&client.kid, payload)
            .await
            .expect_problem(400, kind);
        let body = client.read(&client.kid).await.json();
        assert_eq!(
            (&body["contact"], &body["status"]),
            (&contact, &json!("valid"))
        );
    }
    let removed = client.post(&client.kid, json!({ "contact": [] })).await;
    assert_eq!(removed.expect_status(200).json()["contact"], Value::Null);
}

#[tokio::test]
async fn a_deactivated_account_can_do_nothing() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let order = client.new_order(&["a.test"]).await.location().to_owned();
    let ended = client
        .post(&client.kid, json!({ "status": "deactivated" }))
        .await;
    assert_eq!(ended.expect_status(200).json()["status"], "deactivated");
    for url in [&client.kid, &order, &client.url("directory")] {
        client.read(url).await.expect_problem(401, "unauthorized");
    }
    client
        .new_order(&["a.test"])
        .await
        .expect_problem(401, "unauthorized");
    client
        .new_account(json!({}))
        .await
        .expect_problem(401, "unauthorized");
}

#[tokio::test]
async fn one_key_has_an_account_at_each_directory() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let other = Client {
        server: &server,
        provisioner: "other",
        key: client.key,
        kid: String::new(),
    };
    let made = other.new_account(json!({})).await.expect_status(201);
    assert!(
        made.location()
            .starts_with("https://ca.test/acme/other/account/")
    );
}

#[tokio::test]
async fn an_account_sees_no_other() {
    let server = Server::start().await;
    let owner = Client::new(&server).await;
    let order = owner.order_with_challenge("a.test", "http-01").await;
    let stranger = Client::new(&server).await;
    let absent = "0123456789abcdefghijABCDEFGHIJ01";

    for (url, status, kind) in [
        (owner.kid.clone(), 403, "unauthorized"),
        (format!("{}/orders", owner.kid), 403, "unauthorized"),
        (order.order.clone(), 404, "malformed"),
        (order.authorization.clone(), 404, "malformed"),
        (order.challenge.clone(), 404, "malformed"),
    ] {
        let id = url
            .split('/')
            .find(|segment| segment.len() == absent.len())
            .unwrap();
        // What exists and what does not are told in the same words; no two requests have one id.
        let mut answers = Vec::new();
        for url in [url.clone(), url.replace(id, absent)] {
            let reply = stranger.read(&url).await.expect_problem(status, kind);
            let mut problem = reply.json();
            problem.as_object_mut().unwrap().remove("request_id");
            answers.push(problem);
        }
        assert_eq!(answers[0], answers[1], "{url}");
    }
    let end = json!({ "status": "deactivated" });
    let acts = [
        (&owner.kid, 403, "unauthorized", end.clone()),
        (&order.authorization, 404, "malformed", end),
        (&order.challenge, 404, "malformed", json!({})),
        (&order.finalize, 404, "malformed", json!({ "csr": "AA" })),
    ];
    for (url, status, kind, payload) in acts {
        stranger
            .post(url, payload)
            .await
            .expect_problem(status, kind);
    }
    assert_eq!(owner.read(&owner.kid).await.json()["status"], "valid");
    assert_eq!(owner.read(&order.order).await.json()["status"], "pending");
    assert_eq!(
        owner.read(&order.challenge).await.json()["status"],
        "pending"
    );
}

#[tokio::test]
async fn orders_are_listed_in_pages() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let list = format!("{}/orders", client.kid);
    let mut made = Vec::new();
    for n in 0..103 {
        let order = client.new_order(&[&format!("n{n}.test")]).await;
        made.push(order.location().to_owned());
        server.clock.advance(std::time::Duration::from_millis(1));
    }
    let first = client.read(&list).await.expect_status(200);
    let next = first.link("next").expect("a second page");
    let second = client.read(&next).await.expect_status(200);
    assert_eq!(second.link("next"), None);
    let mut listed = Vec::new();
    for page in [first, second] {
        listed.extend(page.json()["orders"].as_array().unwrap().iter().map(text));
    }
    made.reverse();
    assert_eq!(listed, made);

    for query in [
        "cursor=",
        "cursor=!!",
        "cursor=____",
        "cursor=AAAA",
        "page=2",
        "cursor=YQ&a=b",
    ] {
        let reply = client.read(&format!("{list}?{query}")).await;
        assert!(reply.status < 500, "{query}: {reply:?}");
    }
    let reply = client.read(&format!("{list}?page=2")).await;
    reply.expect_problem(400, "malformed");
    client
        .post(&list, json!({}))
        .await
        .expect_problem(400, "malformed");
}

/// A keyChange: outer and inner, for a test to break.
struct KeyChange {
    new_key: Key,
    inner_header: Value,
    inner_payload: Value,
}

impl KeyChange {
    fn new(client: &Client<'_>) -> Self {
        let new_key = Key::new();
        Self {
            inner_header: json!({
                "alg": "ES256",
                "jwk": new_key.jwk(),
                "url": client.url("key-change"),
            }),
            inner_payload: json!({ "account": client.kid, "oldKey": client.key.jwk() }),
            new_key,
        }
    }

    async fn send(&self, client: &Client<'_>) -> crate::server::Reply {
        let payload = self.inner_payload.to_string();
        let inner = sign(&self.inner_header, payload.as_bytes(), &self.new_key);
        client.post(&client.url("key-change"), inner).await
    }
}

#[tokio::test]
async fn a_key_is_changed_and_the_old_one_is_dead_at_once() {
    let server = Server::start().await;
    let mut client = Client::new(&server).await;
    let change = KeyChange::new(&client);
    let reply = change.send(&client).await.expect_status(200);
    assert_eq!(reply.json()["status"], "valid");
    client
        .read(&client.kid)
        .await
        .expect_problem(400, "malformed");
    let old = std::mem::replace(&mut client.key, change.new_key);
    client.read(&client.kid).await.expect_status(200);
    // The old key is nobody's, and may be an account's again.
    client.key = old;
    client.new_account(json!({})).await.expect_status(201);
}

#[tokio::test]
async fn a_key_in_use_is_a_conflict_that_names_the_account() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let other = Client::new(&server).await;
    let mut change = KeyChange::new(&client);
    change.inner_header["jwk"] = other.key.jwk();
    change.new_key = other.key;
    let reply = change.send(&client).await.expect_problem(409, "malformed");
    assert_eq!(reply.location(), other.kid);
    client.read(&client.kid).await.expect_status(200);
}

#[tokio::test]
async fn a_key_change_that_breaks_a_rule_changes_nothing() {
    type Change = fn(&mut KeyChange);
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let cases: [(&str, Change, &str); 13] = [
        (
            "a nonce inside",
            |c| c.inner_header["nonce"] = json!("AAAA"),
            "malformed",
        ),
        (
            "kid inside",
            |c| {
                c.inner_header["jwk"] = Value::Null;
                c.inner_header["kid"] = c.inner_payload["account"].clone();
            },
            "malformed",
        ),
        (
            "another url inside",
            |c| {
                c.inner_header["url"] = json!("https://ca.test/acme/default/new-order");
            },
            "malformed",
        ),
        (
            "another account",
            |c| {
                c.inner_payload["account"] =
                    json!("https://ca.test/acme/default/account/0123456789abcdefghijABCDEFGHIJ01");
            },
            "malformed",
        ),
        (
            "another old key",
            |c| c.inner_payload["oldKey"] = Key::new().jwk(),
            "malformed",
        ),
        (
            "an old key that is none",
            |c| c.inner_payload["oldKey"] = json!(7),
            "malformed",
        ),
        (
            "no old key",
            |c| {
                c.inner_payload.as_object_mut().unwrap().remove("oldKey");
            },
            "malformed",
        ),
        (
            "no account",
            |c| {
                c.inner_payload.as_object_mut().unwrap().remove("account");
            },
            "malformed",
        ),
        (
            "signed by another key",
            |c| c.new_key = Key::new(),
            "malformed",
        ),
        (
            "another alg",
            |c| c.inner_header["alg"] = json!("ES384"),
            "badSignatureAlgorithm",
        ),
        (
            "a MAC",
            |c| c.inner_header["alg"] = json!("HS256"),
            "badSignatureAlgorithm",
        ),
        (
            "a key off its curve",
            |c| {
                c.inner_header["jwk"]["y"] = c.inner_header["jwk"]["x"].clone();
            },
            "badPublicKey",
        ),
        ("crit", |c| c.inner_header["crit"] = json!([]), "malformed"),
    ];
    for (what, change, kind) in cases {
        let mut draft = KeyChange::new(&client);
        change(&mut draft);
        let reply = draft.send(&client).await;
        assert_eq!(
            (reply.status, reply.problem().as_deref()),
            (400, Some(kind)),
            "{what}: {reply:?}"
        );
        client.read(&client.kid).await.expect_status(200);
    }
    let none = client.post(&client.url("key-change"), json!({})).await;
    none.expect_problem(400, "malformed");
}

#[tokio::test]
async fn a_key_is_not_changed_to_itself() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let mut change = KeyChange::new(&client);
    change.inner_header["jwk"] = client.key.jwk();
    let payload = change.inner_payload.to_string();
    let inner = sign(&change.inner_header, payload.as_bytes(), &client.key);
    let reply = client.post(&client.url("key-change"), inner).await;
    let reply = reply.expect_problem(409, "malformed");
    assert_eq!(reply.location(), client.kid);
    client.read(&client.kid).await.expect_status(200);
}

#[tokio::test]
async fn of_key_changes_that_race_one_is_done() {
    let server = Server::start().await;
    let mut client = Client::new(&server).await;
    let changes = [KeyChange::new(&client), KeyChange::new(&client)];
    let [one, two] = &changes;
    let replies = tokio::join!(one.send(&client), two.send(&client));
    let mut statuses = [replies.0.status, replies.1.status];
    let won = usize::from(statuses[1] == 200);
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    let mut keys = changes.map(|change| change.new_key);
    keys.swap(0, won);
    for (key, status) in keys.into_iter().zip([200, 400]) {
        client.key = key;
        client.read(&client.kid).await.expect_status(status);
    }
}

#[tokio::test]
async fn a_key_change_leaves_the_account_of_another_directory_alone() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let mut elsewhere = Client::without_account(&server, "other");
    elsewhere.key = client.key.again();
    let made = elsewhere.new_account(json!({})).await.expect_status(201);
    elsewhere.kid = made.location().to_owned();

    // To a key that the other directory knows, too: accounts are told apart by directory.
    let stranger = Client::at(&server, "other").await;
    let mut change = KeyChange::new(&client);
    change.inner_header["jwk"] = stranger.key.jwk();
    change.new_key = stranger.key.again();
    change.send(&client).await.expect_status(200);
    client
        .read(&client.kid)
        .await
        .expect_problem(400, "malformed");
    elsewhere.read(&elsewhere.kid).await.expect_status(200);
    stranger.read(&stranger.kid).await.expect_status(200);
    // An account is signed for at its own directory alone.
    let reply = elsewhere.read(&client.kid).await;
    assert_eq!(reply.status, 400, "{reply:?}");
}

#[tokio::test]
async fn orders_that_have_ended_badly_are_not_listed() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let kept = client.new_order(&["a.test"]).await.location().to_owned();
    let given_up = client.order_with_challenge("b.test", "http-01").await;
    assert_eq!(client.orders().await.len(), 2);
    let end = json!({ "status": "deactivated" });
    client
        .post(&given_up.authorization, end)
        .await
        .expect_status(200);
    assert_eq!(client.orders().await, [kept]);
    server
        .clock
        .advance(std::time::Duration::from_secs(24 * 3600));
    assert_eq!(client.orders().await, [""; 0]);
}
