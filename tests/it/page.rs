//! The pages of the admin listener, in a real browser.

use std::path::PathBuf;
use std::time::Duration;

use acme_tests::browser::{Browser, axe};
use acme_tests::client::{self, Proof};
use acme_tests::{Server, Settings, Webroot};
use tokio::time::{Instant, sleep};

const EVERY_FOUR_SECONDS: &[&str] = &["validation.retry.interval=4s", "validation.retry.window=2m"];

const VIEWS: [&str; 7] = [
    "/",
    "/why",
    "/certificates",
    "/accounts",
    "/keys",
    "/slots",
    "/history",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_follows_a_challenge_from_its_countdown_to_its_proof() {
    let server = Settings::new().set(EVERY_FOUR_SECONDS).start().await;
    let browser = Browser::start().await;
    browser.open(&printed_link(&server)).await;
    browser.click("main button").await;
    browser
        .wait_for("main", |text| text.contains("Nothing is being tried"))
        .await;
    browser.run("window.since = 'the first load'").await;

    let webroot = Webroot::new();
    let account = client::account(&server).await;
    let mut order = client::order(&account, &["late.test"]).await;
    client::answer(&mut order, Proof::Http(&webroot)).await;
    let row = browser
        .wait_for("li.processing", |text| text.contains("attempt 2 of"))
        .await;
    for part in ["late.test", "http-01", "slot 0", "next attempt", "refused"] {
        assert!(row.contains(part), "no {part}: {row}");
    }
    // The countdown runs between two changes of the row.
    let countdown = "li.processing [data-left-ms]";
    let mut seen = Vec::new();
    let started = Instant::now();
    while seen.len() < 3 {
        assert!(started.elapsed() < Duration::from_secs(30), "{seen:?}");
        let left = browser.text(countdown).await.unwrap_or_default();
        if left.starts_with("in ") && !seen.contains(&left) {
            seen.push(left);
        }
        sleep(Duration::from_millis(100)).await;
    }
    picture(&browser, "page-now.png", 300).await;

    let _target = webroot.serve(server.http01_port).await;
    browser
        .wait_for("li.valid", |text| text.contains("late.test"))
        .await;
    assert_eq!(browser.count("li.processing").await, 0);
    let since = browser.run("return window.since").await;
    assert_eq!(since, "the first load", "it has not been loaded again");

    client::wait_until_ready(&mut order).await;
    let origin = server.admin_url();
    for address in browser.fetched().await {
        assert!(address.starts_with(&origin), "{address}");
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_told_why() {
    let server = Settings::new().set(EVERY_FOUR_SECONDS).start().await;
    let webroot = Webroot::new();
    let account = client::account(&server).await;
    let mut order = client::order(&account, &["late.test"]).await;
    client::answer(&mut order, Proof::Http(&webroot)).await;
    let browser = Browser::start().await;
    sign_in(&browser, &server, "watcher", "viewer").await;

    for wanted in ["late.test", order.url()] {
        browser.open(&format!("{}/why", server.admin_url())).await;
        browser.fill("#q", wanted).await;
        browser.click("form.search button").await;
        let told = browser
            .wait_for("#told", |text| text.contains("refused the connection"))
            .await;
        let address = format!("127.0.0.1:{}", server.http01_port);
        for part in [
            "late.test",
            "http-01",
            "#1",
            "took",
            "What to mend",
            &address,
        ] {
            assert!(told.contains(part), "no {part}: {told}");
        }
    }
    // It goes on by itself.
    browser.wait_for("#told", |text| text.contains("#3")).await;
    picture(&browser, "page-why.png", 760).await;
    let _target = webroot.serve(server.http01_port).await;
    browser
        .wait_for("#told", |text| text.contains("the proof was seen"))
        .await;
    client::wait_until_ready(&mut order).await;
    client::finalize(&mut order).await;

    // A serial number leads to the same story.
    browser
        .open(&format!(
            "{}/certificates?name=late.test",
            server.admin_url()
        ))
        .await;
    let serial = browser.text("li.row .mono").await.unwrap();
    browser.open(&format!("{}/why", server.admin_url())).await;
    browser.fill("#q", &serial).await;
    browser.click("form.search button").await;
    let told = browser
        .wait_for("#told", |text| text.contains("the proof was seen"))
        .await;
    assert!(
        told.contains(&serial) && told.contains("refused the connection"),
        "{told}"
    );

    // And all of it without a script.
    browser.without_scripts().await;
    browser
        .open(&format!("{}/why?q=late.test", server.admin_url()))
        .await;
    let told = browser.text("main").await.unwrap();
    assert!(told.contains("refused the connection") && told.contains("What to mend"));
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_hostile_answers_as_text() {
    let server = Settings::new().start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let account = client::account(&server).await;
    let mut order = client::order(&account, &["hostile.test"]).await;
    let mut authorizations = order.authorizations();
    let mut authorization = authorizations.next().await.unwrap().unwrap();
    let kind = instant_acme::ChallengeType::Http01;
    let challenge = authorization.challenge(kind).unwrap();
    let hostile = "</p><script>window.pwned=1</script><img src=x onerror=window.pwned=1>";
    webroot.put(&challenge.token, hostile);
    // The answer itself may already say that it failed.
    let _ = { challenge }.set_ready().await;

    let browser = Browser::start().await;
    sign_in(&browser, &server, "watcher", "viewer").await;
    browser
        .open(&format!("{}/why?q=hostile.test", server.admin_url()))
        .await;
    let told = browser
        .wait_for("#told", |text| text.contains("What to mend"))
        .await;
    assert!(
        told.contains("<script>window.pwned=1"),
        "it is shown: {told}"
    );
    assert_eq!(browser.count("main img, main script").await, 0);
    let pwned = browser.run("return window.pwned ?? null").await;
    assert!(pwned.is_null());
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_no_way_to_revoke_and_an_operator_is_asked_first() {
    let server = Settings::new().start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let account = client::account(&server).await;
    client::issue(&account, &["one.test"], Proof::Http(&webroot)).await;
    let list = format!("{}/certificates?name=one.test", server.admin_url());

    let browser = Browser::start().await;
    sign_in(&browser, &server, "watcher", "viewer").await;
    browser.open(&list).await;
    browser.click("li.row h2 a").await;
    let shown_to_viewer = browser
        .wait_for("main", |text| text.contains("Serial number"))
        .await;
    assert!(!shown_to_viewer.contains("Revoke"), "{shown_to_viewer}");
    let path = browser.run("return location.pathname").await;
    let path = path.as_str().unwrap().to_owned();
    let question = format!("{}{path}/revoke", server.admin_url());
    browser.open(&question).await;
    let refused = browser.text("main").await.unwrap();
    assert!(refused.contains("needs the role operator"), "{refused}");
    // Nor does it help to send the form oneself, with the session's own token.
    let script = format!(
        "const done = arguments[arguments.length - 1];
         (async () => {{
             const who = await (await fetch('/api/v1/whoami')).json();
             const body = new URLSearchParams({{csrf: who.csrf, reason: 'superseded'}});
             done((await fetch('{path}/revoke', {{method: 'POST', body}})).status);
         }})()"
    );
    assert_eq!(browser.run_async(&script).await, 403);
    drop(browser);

    let browser = Browser::start().await;
    sign_in(&browser, &server, "worker", "operator").await;
    browser.open(&format!("{}{path}", server.admin_url())).await;
    let before = browser.text("dl.facts").await.unwrap();
    assert!(
        before.contains("valid"),
        "the viewer changed nothing: {before}"
    );
    browser.click(".actions a.danger").await;
    browser
        .wait_for("h1", |text| text.contains("Revoke a certificate?"))
        .await;
    let asked = browser.text("main").await.unwrap();
    assert!(asked.contains("one.test") && asked.contains("cannot be undone"));
    browser.click("form button.danger").await;
    let after = browser
        .wait_for("dl.facts", |text| text.contains("reason"))
        .await;
    assert!(after.contains("revoked"), "{after}");
    assert_eq!(browser.count(".actions a.danger").await, 0);
    let complaints = browser.complaints().await;
    assert_eq!(complaints, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_is_good_to_read_in_light_and_dark_and_on_a_phone() {
    let server = Settings::new().set(EVERY_FOUR_SECONDS).start().await;
    let webroot = Webroot::new();
    let account = client::account(&server).await;
    let target = webroot.serve(server.http01_port).await;
    client::issue(&account, &["one.test"], Proof::Http(&webroot)).await;
    target.stop().await;
    let mut order = client::order(&account, &["late.test"]).await;
    client::answer(&mut order, Proof::Http(&webroot)).await;
    server.external_key().await;

    let browser = Browser::start().await;
    // The page of the link itself, before there is a session.
    browser.open(&printed_link(&server)).await;
    check(&browser, "/login").await;
    browser.click("main button").await;
    browser
        .wait_for("main", |text| text.contains("late.test"))
        .await;
    let mut views: Vec<String> = VIEWS.iter().map(|view| (*view).to_owned()).collect();
    views.push("/why?q=late.test".to_owned());
    views.push("/why?q=nosuch.test".to_owned());
    views.push("/nosuch".to_owned());
    for (list, link) in [
        ("/certificates", "li.row h2 a"),
        ("/accounts", "li.row h2 a"),
    ] {
        browser.open(&format!("{}{list}", server.admin_url())).await;
        browser.click(link).await;
        let path = browser.run("return location.pathname").await;
        views.push(path.as_str().unwrap().to_owned());
    }
    let certificate = views.iter().find(|view| view.starts_with("/certificates/"));
    views.push(format!("{}/revoke", certificate.unwrap()));
    for (width, height) in [(1100, 900), (360, 740)] {
        browser.size(width, height).await;
        for view in &views {
            browser.open(&format!("{}{view}", server.admin_url())).await;
            check(&browser, view).await;
            let wide = "return document.documentElement.scrollWidth - window.innerWidth";
            let wider = browser.run(wide).await.as_i64().unwrap();
            assert!(wider <= 0, "{view} is {wider} px wider than {width}");
        }
    }
}

/// Looks for what keeps people from reading a page, in light and in dark.
async fn check(browser: &Browser, view: &str) {
    let script = format!(
        "{};
         const done = arguments[arguments.length - 1];
         axe.run(document, {{resultTypes: ['violations']}}).then(
             (found) => done(found.violations
                 .filter((one) => ['serious', 'critical'].includes(one.impact))
                 .map((one) => `${{one.id}}: ${{one.help}}: ${{one.nodes.map((node) => node.html).join(' ')}}`)),
             (error) => done(['' + error]),
         );",
        axe()
    );
    for scheme in ["light", "dark"] {
        browser.color_scheme(scheme).await;
        let ground = browser
            .run("return getComputedStyle(document.body).backgroundColor")
            .await;
        let is_dark = ground.as_str().unwrap().contains("(18, 22, 29)");
        assert_eq!(is_dark, scheme == "dark", "{view}: {ground}");
        let found = browser.run_async(&script).await;
        assert_eq!(found, serde_json::json!([]), "{view} in {scheme}");
    }
    browser.color_scheme("light").await;
}

/// The link that `dev` printed.
fn printed_link(server: &Server) -> String {
    let log = server.log();
    let mut words = log.split_whitespace();
    let link = words.find(|word| word.contains("/login?link="));
    link.unwrap().to_owned()
}

/// Begins a session of a new operator.
async fn sign_in(browser: &Browser, server: &Server, name: &str, role: &str) {
    let create = ["admin", "create", name, "--role", role];
    server.cli(&create).await.expect_success();
    let made = server.cli(&["admin", "link", name]).await.expect_success();
    let link = made.stdout.split_whitespace();
    let mut secrets = link.filter_map(|word| word.split_once("/login?link="));
    let (_, secret) = secrets.next().unwrap();
    // The file does not know the port that this test has set.
    browser
        .open(&format!("{}/login?link={secret}", server.admin_url()))
        .await;
    browser.click("main button").await;
    browser
        .wait_for("header .who", |text| text.contains(name))
        .await;
}

/// Keeps a picture for the documentation where `ACME_TEST_PICTURES` names a folder.
async fn picture(browser: &Browser, file: &str, height: u32) {
    browser.size(900, height).await;
    let picture = browser.screenshot().await;
    assert!(picture.starts_with(b"\x89PNG"));
    if let Some(folder) = std::env::var_os("ACME_TEST_PICTURES") {
        std::fs::write(PathBuf::from(folder).join(file), picture).unwrap();
    }
}
