//! The pages: who sees what, what they are sent with, and that they escape what others wrote.

use acme_core::{ProofKind, Role};

use crate::world::{Got, World};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

/// Every view that needs no object.
const VIEWS: [&str; 7] = [
    "/",
    "/why",
    "/certificates",
    "/accounts",
    "/keys",
    "/slots",
    "/history",
];

/// A session in a browser.
struct Session<'a> {
    world: &'a World,
    cookie: String,
    csrf: String,
}

impl<'a> Session<'a> {
    async fn begin(world: &'a World, role: Role) -> Self {
        let link = world.secret(role.as_str(), role, ProofKind::Link).await;
        let body = format!("link={}", link.to_text());
        let begun = world.send("POST", "/login", &[FORM], &body).await;
        let cookie = begun.headers["set-cookie"].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let headers = [("cookie", &*cookie)];
        let who = world.send("GET", "/api/v1/whoami", &headers, "").await;
        let csrf = who.json()["csrf"].as_str().unwrap().to_owned();
        Self {
            world,
            cookie,
            csrf,
        }
    }

    async fn get(&self, path: &str) -> Got {
        let headers = [("cookie", &*self.cookie), BROWSER];
        self.world.send("GET", path, &headers, "").await
    }

    async fn post(&self, path: &str, body: &str) -> Got {
        let headers = [("cookie", &*self.cookie), BROWSER, FORM];
        self.world.send("POST", path, &headers, body).await
    }
}

#[tokio::test]
async fn every_view_is_guarded_and_holds_nothing_of_elsewhere() {
    let world = World::new().await;
    let session = Session::begin(&world, Role::Viewer).await;
    for view in VIEWS {
        let shown = session.get(view).await;
        assert_eq!(shown.status, 200, "{view}: {}", shown.text);
        let header = |name: &str| shown.headers[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "text/html; charset=utf-8");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("x-content-type-options"), "nosniff");
        let policy = header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
        ] {
            assert!(policy.contains(part), "{part}: {policy}");
        }
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
        for inline in [
            "style=\"",
            "<style",
            "onclick",
            "javascript:",
            "http://",
            "https://",
        ] {
            assert!(!shown.text.contains(inline), "{inline} in {view}");
        }
        let scripts = shown.text.matches("<script").count();
        let files = shown.text.matches("<script src=\"/assets/").count();
        assert_eq!((scripts, files), (2, 2), "{view}");
        // Each form that changes something carries the token of the session.
        let posts = shown.text.matches("method=\"post\"").count();
        let tokens = format!("name=\"csrf\" value=\"{}\"", session.csrf);
        assert_eq!(shown.text.matches(&tokens).count(), posts, "{view}");
    }
}

#[tokio::test]
async fn every_view_refuses_strangers_in_words() {
    let world = World::new().await;
    for view in VIEWS.iter().chain(&["/live/now"]) {
        let refused = world.send("GET", view, &[BROWSER], "").await;
        assert_eq!(refused.status, 401, "{view}");
        assert!(refused.text.contains("acme-server admin link"), "{view}");
        assert_eq!(refused.headers["content-type"], "text/html; charset=utf-8");
        let machine = world.send("GET", view, &[], "").await;
        assert_eq!(machine.problem(), (401, "unauthorized".to_owned()));
    }
}

#[tokio::test]
async fn files_are_there_for_all_and_no_others() {
    let world = World::new().await;
    for (file, media) in [
        ("page.css", "text/css; charset=utf-8"),
        ("page.js", "text/javascript; charset=utf-8"),
        ("htmx.min.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ] {
        let found = world.send("GET", &format!("/assets/{file}"), &[], "").await;
        assert_eq!(found.status, 200, "{file}");
        assert_eq!(found.headers["content-type"], media);
        assert_eq!(found.headers["cache-control"], "no-store");
        assert!(!found.text.contains("://") || file != "page.js", "{file}");
    }
    for bad in [
        "/assets/",
        "/assets/x",
        "/assets/..%2fCargo.toml",
        "/assets/../src",
    ] {
        let refused = world.send("GET", bad, &[], "").await;
        assert_eq!(refused.status, 404, "{bad}");
    }
}

#[tokio::test]
async fn what_is_searched_for_is_escaped() {
    let world = World::new().await;
    let session = Session::begin(&world, Role::Viewer).await;
    let hostile = "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%3Cimg+src%3Dx+onerror%3Dalert(1)%3E";
    for path in [
        format!("/why?q={hostile}"),
        format!("/accounts?provisioner={hostile}"),
        format!("/certificates?name={hostile}"),
        format!("/certificates?show={hostile}"),
        format!("/certificates/{hostile}"),
        format!("/accounts/{hostile}"),
        format!("/history?span={hostile}"),
        format!("/{hostile}"),
    ] {
        let shown = session.get(&path).await;
        assert!(!shown.text.contains("<script>"), "{path}");
        assert!(!shown.text.contains("<img"), "{path}");
    }
    let shown = session.get(&format!("/why?q={hostile}")).await;
    assert!(
        shown.text.contains("&quot;&gt;&lt;script&gt;alert(1)"),
        "{}",
        shown.text
    );
    let long = "a".repeat(10_000);
    let shown = session.get(&format!("/why?q={long}")).await;
    assert_eq!(shown.status, 200);
    assert!(shown.text.contains("Nothing is known"));
}

#[tokio::test]
async fn a_field_that_is_left_empty_asks_for_nothing() {
    let world = World::new().await;
    let session = Session::begin(&world, Role::Viewer).await;
    for path in [
        "/certificates?name=&show=",
        "/accounts?provisioner=&status=",
        "/why?q=",
    ] {
        assert_eq!(session.get(path).await.status, 200, "{path}");
    }
    for (path, word) in [
        ("/certificates?nosuch=1", "there is no filter"),
        ("/certificates?show=yes", "is none of"),
        ("/certificates?cursor=x", "cursor"),
        ("/accounts?status=x", "is none of"),
    ] {
        let refused = session.get(path).await;
        assert_eq!(refused.status, 400, "{path}");
        assert!(refused.text.contains(word), "{path}: {}", refused.text);
    }
}

#[tokio::test]
async fn a_key_is_made_by_a_form_and_its_secret_shown_once() {
    let world = World::new().await;
    let session = Session::begin(&world, Role::Operator).await;
    let form = session.get("/keys").await;
    assert!(form.text.contains("Make it"));
    let csrf = &session.csrf;
    for (body, status) in [
        ("provisioner=default".to_owned(), 403),
        ("provisioner=default&csrf=x".to_owned(), 403),
        (format!("provisioner=nosuch&csrf={csrf}"), 400),
        (format!("provisioner=default&max_uses=x&csrf={csrf}"), 400),
        (format!("provisioner=default&max_uses=0&csrf={csrf}"), 400),
        (format!("provisioner=default&days=-1&csrf={csrf}"), 400),
        (format!("provisioner=default&days=0&csrf={csrf}"), 400),
        (
            format!("provisioner=default&names=%3Cb%3E&csrf={csrf}"),
            400,
        ),
    ] {
        let refused = session.post("/keys", &body).await;
        assert_eq!(refused.status, status, "{body}: {}", refused.text);
        assert!(!refused.text.contains("<b>"));
    }
    let none = session.get("/keys").await;
    assert!(none.text.contains("None was made."));

    let body =
        format!("provisioner=default&max_uses=2&days=30&names=*.a.example+b.example&csrf={csrf}");
    let made = session.post("/keys", &body).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let between = |text: &str, from: &str| {
        let rest = text.split_once(from).unwrap().1;
        rest.split('<').next().unwrap().to_owned()
    };
    let id = between(&made.text, "id=\"key-id\">");
    let secret = between(&made.text, "id=\"hmac-key\">");
    assert_eq!(secret.len(), 43);
    let listed = session.get("/keys").await;
    assert!(listed.text.contains(&id) && !listed.text.contains(&secret));
    assert!(listed.text.contains("*.a.example, b.example"));

    let asked = session.get(&format!("/keys/{id}/revoke")).await;
    assert!(asked.text.contains("Revoke the key") && asked.text.contains(csrf));
    let revoked = session
        .post(&format!("/keys/{id}/revoke"), &format!("csrf={csrf}"))
        .await;
    assert_eq!(revoked.status, 303);
    assert!(session.get("/keys").await.text.contains("revoked"));
}

#[tokio::test]
async fn a_viewer_is_shown_no_way_to_change_anything() {
    let world = World::new().await;
    let operator = Session::begin(&world, Role::Operator).await;
    let body = format!("provisioner=default&csrf={}", operator.csrf);
    assert_eq!(operator.post("/keys", &body).await.status, 200);
    let operators = operator.get("/keys").await.text;
    let path = operators.split_once("href=\"/keys/").unwrap().1;
    let path = format!("/keys/{}", path.split('"').next().unwrap());

    let viewer = Session::begin(&world, Role::Viewer).await;
    let shown = viewer.get("/keys").await.text;
    assert!(
        !shown.contains("/revoke") && !shown.contains("Make it"),
        "{shown}"
    );
    let csrf = format!("csrf={}", viewer.csrf);
    let create = format!("provisioner=default&{csrf}");
    for refused in [
        viewer.get(&path).await,
        viewer.post(&path, &csrf).await,
        viewer.post("/keys", &create).await,
    ] {
        assert_eq!(refused.status, 403);
        assert!(
            refused.text.contains("needs the role operator"),
            "{}",
            refused.text
        );
    }
    let listed = operator.get("/keys").await.text;
    assert!(!listed.contains(">revoked<"), "nothing has changed");
    assert_eq!(listed.matches("<li class=\"row\">").count(), 1);
}
