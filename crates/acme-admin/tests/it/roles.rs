//! Each route with each role, and with proofs that are no good.

use std::time::Duration;

use acme_core::{ProofKind, Role};
use serde_json::Value;

use crate::world::World;

/// An id that names nothing.
const NOTHING: &str = "0123456789abcdefghijklmnopqrstuv";

/// Every operation of the document: method, path with ids put in, and the role that it needs.
async fn operations(world: &World) -> Vec<(String, String, Option<Role>)> {
    let document = world
        .send("GET", "/api/v1/openapi.json", &[], "")
        .await
        .json();
    let mut all = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let segments = path.split('/').map(|segment| match segment {
            variable if variable.starts_with('{') => NOTHING,
            fixed => fixed,
        });
        let path = segments.collect::<Vec<_>>().join("/");
        for (method, operation) in operations.as_object().unwrap() {
            let role = operation.get("x-role").map(|role| {
                let role: Role = serde_json::from_value(role.clone()).unwrap();
                role
            });
            all.push((method.to_uppercase(), path.clone(), role));
        }
    }
    assert!(all.len() > 10, "only {} operations", all.len());
    all
}

#[tokio::test]
async fn every_route_refuses_those_who_may_not() {
    let world = World::new().await;
    let expired = world
        .secret("late", Role::Admin, ProofKind::Token)
        .await
        .to_token();
    world.clock.advance(Duration::from_secs(3601));
    let link = world.secret("link", Role::Admin, ProofKind::Link).await;
    let revoked = world.secret("gone", Role::Admin, ProofKind::Token).await;
    let gone = "gone".parse().unwrap();
    let now = acme_core::Clock::now(&*world.clock);
    world
        .store
        .revoke_operator(
            &gone,
            now,
            &acme_core::Origin::of_command(acme_types::Timestamp::from_secs(0)),
        )
        .await
        .unwrap();
    let mut tokens = Vec::new();
    for role in [Role::Viewer, Role::Operator, Role::Admin] {
        tokens.push((role, world.token(role).await));
    }
    let forged = format!("acmeadm_{}", "A".repeat(43));
    for (method, path, role) in operations(&world).await {
        let json = ("content-type", "application/json");
        let Some(needs) = role else {
            let answer = world.send(&method, &path, &[], "").await;
            assert_eq!(answer.status, 200, "{method} {path}");
            continue;
        };
        let nothing = world.send(&method, &path, &[json], "{}").await;
        assert_eq!(nothing.problem(), (401, "unauthorized".to_owned()));
        assert_eq!(nothing.headers["www-authenticate"], "Bearer");
        for bad in [
            format!("Bearer {expired}"),
            format!("Bearer {forged}"),
            format!("Bearer {}", revoked.to_token()),
            // A link is no token.
            format!("Bearer {}", link.to_text()),
            "Bearer".to_owned(),
            "Bearer x".to_owned(),
            format!("Basic {forged}"),
        ] {
            let headers = [("authorization", bad.as_str()), json];
            let answer = world.send(&method, &path, &headers, "{}").await;
            let expected = (401, "unauthorized".to_owned());
            assert_eq!(answer.problem(), expected, "{method} {path} {bad}");
        }
        for (role, token) in &tokens {
            let bearer = format!("Bearer {token}");
            let headers = [("authorization", bearer.as_str()), json];
            let answer = world.send(&method, &path, &headers, "{}").await;
            if *role < needs {
                let expected = (403, "forbidden".to_owned());
                assert_eq!(answer.problem(), expected, "{method} {path} {role}");
            } else {
                assert!(
                    !matches!(answer.status, 401 | 403),
                    "{method} {path} {role}: {}",
                    answer.text
                );
            }
        }
    }
}

#[tokio::test]
async fn every_list_refuses_what_it_does_not_know() {
    let world = World::new().await;
    let token = world.token(Role::Admin).await;
    let mut lists = 0;
    for (method, path, _) in operations(&world).await {
        if method != "GET" || path.contains(NOTHING) {
            continue;
        }
        let unknown = world.get(&format!("{path}?nosuch=1"), &token).await;
        let expected = (400, "unknownFilter".to_owned());
        assert_eq!(unknown.problem(), expected, "{path}");
        let first = world.get(&path, &token).await;
        assert_eq!(first.status, 200, "{path}");
        if first.json().get("items").is_none() {
            continue;
        }
        lists += 1;
        for bad in ["x", "", "b3JkZXJzOjE3LngK", &"A".repeat(500)] {
            let answer = world.get(&format!("{path}?cursor={bad}"), &token).await;
            assert_eq!(
                answer.problem(),
                (400, "badCursor".to_owned()),
                "{path} {bad}"
            );
        }
        for bad in ["0", "201", "-1", "x"] {
            let answer = world.get(&format!("{path}?limit={bad}"), &token).await;
            assert_eq!(
                answer.problem(),
                (400, "malformed".to_owned()),
                "{path} {bad}"
            );
        }
    }
    assert!(lists >= 6, "only {lists} lists");
}

#[tokio::test]
async fn every_body_has_its_bounds_and_its_type() {
    let world = World::new().await;
    let token = world.token(Role::Admin).await;
    let bearer = format!("Bearer {token}");
    let large = format!("{{\"x\":\"{}\"}}", "a".repeat(70_000));
    let mut takers = 0;
    for (method, path, _) in operations(&world).await {
        if method == "GET" {
            continue;
        }
        takers += 1;
        let json = [
            ("authorization", &*bearer),
            ("content-type", "application/json"),
        ];
        let answer = world.send(&method, &path, &json, &large).await;
        assert_eq!(answer.problem(), (413, "bodyTooLarge".to_owned()), "{path}");
        for bad in ["[]", "{", "7", r#"{"nosuch":1}"#] {
            let answer = world.send(&method, &path, &json, bad).await;
            let (status, word) = answer.problem();
            assert_eq!((status, &*word), (400, "malformed"), "{path} {bad}");
        }
        let text = [("authorization", &*bearer), ("content-type", "text/plain")];
        let answer = world.send(&method, &path, &text, "{\"a\":1}").await;
        let (status, _) = answer.problem();
        assert!(matches!(status, 400 | 415), "{path}: {}", answer.text);
    }
    assert!(takers >= 3, "only {takers} routes take a body");
}

#[tokio::test]
async fn what_is_not_there_is_said_so() {
    let world = World::new().await;
    let token = world.token(Role::Admin).await;
    for path in [
        "/nosuch",
        "/api/v1/nosuch",
        "/api/v1/accounts/",
        "/api/v2/accounts",
    ] {
        let answer = world.get(path, &token).await;
        assert_eq!(answer.problem(), (404, "notFound".to_owned()), "{path}");
    }
    for path in [
        format!("/api/v1/accounts/{NOTHING}"),
        format!("/api/v1/orders/{NOTHING}"),
        "/api/v1/orders/x".to_owned(),
        format!("/api/v1/authorizations/{NOTHING}"),
        format!("/api/v1/challenges/{NOTHING}"),
        format!("/api/v1/certificates/{NOTHING}"),
        "/api/v1/certificates/00ff".to_owned(),
    ] {
        let answer = world.get(&path, &token).await;
        assert_eq!(answer.problem(), (404, "notFound".to_owned()), "{path}");
    }
    let answer = world.post("/api/v1/accounts", &token, "{}").await;
    assert_eq!(answer.problem(), (405, "methodNotAllowed".to_owned()));
    assert_eq!(answer.headers["allow"], "GET");
}

#[tokio::test]
async fn an_external_account_key_is_made_listed_and_revoked() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    let body = r#"{"provisioner":"default","max_uses":2,"names":["*.a.example"]}"#;
    let made = world.post("/api/v1/eab-keys", &token, body).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let made = made.json();
    assert_eq!(made["hmac_key"].as_str().unwrap().len(), 43);
    let list = world.get("/api/v1/eab-keys", &token).await;
    assert!(!list.text.contains("hmac"), "the secret is told once");
    assert_eq!(list.json()["items"][0]["id"], made["id"]);
    let path = format!("/api/v1/eab-keys/{}/revoke", made["id"].as_str().unwrap());
    let revoked = world.post(&path, &token, "").await;
    assert_eq!(revoked.json()["status"], "revoked");
    for bad in [
        r#"{"provisioner":"nosuch"}"#,
        r#"{"provisioner":"default","names":["*"]}"#,
        r#"{"provisioner":"default","profiles":["nosuch"]}"#,
        r#"{"provisioner":"default","max_uses":0}"#,
        r#"{"provisioner":"default","max_uses":-1}"#,
        r#"{"provisioner":"default","expires_at":"2001-01-01T00:00:00Z"}"#,
        r#"{"provisioner":"default","expires_at":"soon"}"#,
    ] {
        let answer = world.post("/api/v1/eab-keys", &token, bad).await;
        assert_eq!(answer.problem(), (400, "malformed".to_owned()), "{bad}");
    }
    let list: Value = world.get("/api/v1/eab-keys", &token).await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}
