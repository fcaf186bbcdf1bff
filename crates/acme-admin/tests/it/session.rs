//! Sessions of browsers: a link is good once, the cookie is guarded, and no other site can act.

use std::time::Duration;

use acme_core::{ProofKind, Role};

use crate::world::{Got, World};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

async fn login(world: &World, link: &str) -> Got {
    let body = format!("link={link}");
    world.send("POST", "/login", &[FORM], &body).await
}

/// The cookie of a session of an operator of this role.
async fn cookie(world: &World, role: Role) -> String {
    let link = world.secret(role.as_str(), role, ProofKind::Link).await;
    let begun = login(world, &link.to_text()).await;
    let cookie = begun.headers["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_link_begins_one_session_with_a_guarded_cookie() {
    let world = World::new().await;
    let link = world.secret("alice", Role::Viewer, ProofKind::Link).await;
    // Looking at the link does not use it up.
    for _ in 0..2 {
        let page = format!("/login?link={}", link.to_text());
        let shown = world.send("GET", &page, &[], "").await;
        assert_eq!(shown.status, 200);
        assert!(shown.text.contains("method=\"post\""));
        let policy = shown.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
        assert_eq!(shown.headers["referrer-policy"], "no-referrer");
        assert_eq!(shown.headers["cache-control"], "no-store");
    }
    let begun = login(&world, &link.to_text()).await;
    assert_eq!(
        (begun.status, &begun.headers["location"]),
        (303, &"/".parse().unwrap())
    );
    let cookie = begun.headers["set-cookie"].to_str().unwrap();
    for guard in ["__Host-", "Secure", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(guard), "{guard} in {cookie}");
    }
    assert!(!cookie.contains("Domain"));
    let pair = cookie.split(';').next().unwrap();
    let who = world
        .send("GET", "/api/v1/whoami", &[("cookie", pair)], "")
        .await;
    assert_eq!(who.json()["name"], "alice");
    assert_eq!(who.json()["proof"], "session");
    let again = login(&world, &link.to_text()).await;
    assert_eq!(again.problem(), (401, "unauthorized".to_owned()));
    assert!(!again.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn what_is_no_link_begins_nothing() {
    let world = World::new().await;
    let token = world.secret("alice", Role::Admin, ProofKind::Token).await;
    let old = world.secret("bob", Role::Admin, ProofKind::Link).await;
    world.clock.advance(Duration::from_secs(3600));
    for bad in [
        token.to_text(),
        old.to_text(),
        "A".repeat(43),
        "x".to_owned(),
        String::new(),
    ] {
        let refused = login(&world, &bad).await;
        assert_eq!(refused.problem(), (401, "unauthorized".to_owned()), "{bad}");
    }
    let hostile = "/login?link=%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    let shown = world.send("GET", hostile, &[], "").await;
    assert!(!shown.text.contains("alert(1)"), "{}", shown.text);
}

#[tokio::test]
async fn a_session_changes_nothing_without_its_form_token() {
    let world = World::new().await;
    let mine = cookie(&world, Role::Operator).await;
    let other = cookie(&world, Role::Admin).await;
    let csrf = |cookie: String| {
        let world = &world;
        async move {
            let headers = [("cookie", &*cookie)];
            let who = world.send("GET", "/api/v1/whoami", &headers, "").await;
            who.json()["csrf"].as_str().unwrap().to_owned()
        }
    };
    let (good, others) = (csrf(mine.clone()).await, csrf(other).await);
    let json = ("content-type", "application/json");
    let body = r#"{"provisioner":"default"}"#;
    let path = "/api/v1/eab-keys";
    for bad in ["", "x", &others] {
        let headers = [("cookie", &*mine), json, ("x-csrf-token", bad)];
        let refused = world.send("POST", path, &headers, body).await;
        assert_eq!(refused.problem(), (403, "forged".to_owned()), "{bad}");
    }
    let headers = [("cookie", &*mine), json];
    let refused = world.send("POST", path, &headers, body).await;
    assert_eq!(refused.problem(), (403, "forged".to_owned()));
    let listed = world.send("GET", path, &[("cookie", &*mine)], "").await;
    assert_eq!(listed.json()["items"].as_array().unwrap().len(), 0);
    let headers = [("cookie", &*mine), json, ("x-csrf-token", &*good)];
    let done = world.send("POST", path, &headers, body).await;
    assert_eq!(done.status, 200, "{}", done.text);
}

#[tokio::test]
async fn a_session_ends() {
    let world = World::new().await;
    let mine = cookie(&world, Role::Viewer).await;
    let headers = [("cookie", &*mine)];
    let who = world
        .send("GET", "/api/v1/whoami", &headers, "")
        .await
        .json();
    let form = format!("csrf={}", who["csrf"].as_str().unwrap());
    let ended = world
        .send("POST", "/logout", &[("cookie", &*mine), FORM], &form)
        .await;
    assert_eq!(ended.status, 303);
    assert!(
        ended.headers["set-cookie"]
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    let who = world.send("GET", "/api/v1/whoami", &headers, "").await;
    assert_eq!(who.problem(), (401, "unauthorized".to_owned()));
    // And by itself.
    let link = world.secret("bob", Role::Viewer, ProofKind::Link).await;
    let begun = login(&world, &link.to_text()).await;
    let bobs = begun.headers["set-cookie"].to_str().unwrap();
    let bobs = bobs.split(';').next().unwrap().to_owned();
    world.clock.advance(acme_admin::SESSION_LIFE);
    let who = world
        .send("GET", "/api/v1/whoami", &[("cookie", &*bobs)], "")
        .await;
    assert_eq!(who.problem(), (401, "unauthorized".to_owned()));
}
