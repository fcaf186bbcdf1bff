//! What an operator sees of a running server: metrics, logs, traces.

use std::collections::HashMap;
use std::time::Duration;

use acme_tests::client::{self, Proof};
use acme_tests::{Collector, PolicyHook, Settings, Webroot, free_port, http_get, run_server};
use instant_acme::{Account, ExternalAccountKey, NewAccount};
use tokio::time::sleep;

/// The value of a series on a page of metrics.
fn value(page: &str, series: &str) -> Option<f64> {
    let line = page.lines().find_map(|line| line.strip_prefix(series));
    line.map(|value| value.trim().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_of_an_issuance_and_of_what_waits() {
    let port = free_port();
    let listen = format!("listen.metrics=127.0.0.1:{port}");
    let server = Settings::new().set(&[&listen]).start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let account = client::account(&server).await;
    client::issue(&account, &["a.test"], Proof::Http(&webroot)).await;
    server.dns.break_name("b.test");
    let mut waiting = client::order(&account, &["b.test"]).await;
    client::answer(&mut waiting, Proof::Http(&webroot)).await;

    let get = async |path: &str| http_get(port, path).await;
    assert_eq!(get("/livez").await, (200, "ok\n".to_owned()));
    assert_eq!(get("/readyz").await, (200, "ok\n".to_owned()));
    let issued = "acme_certificates_total{provisioner=\"default\",outcome=\"issued\"}";
    let mut page = get("/metrics").await.1;
    assert_eq!(value(&page, issued), Some(1.0), "{page}");
    // What waits is looked at now and then.
    let armed = "acme_challenges_waiting{state=\"armed\"}";
    for _ in 0..200 {
        if value(&page, armed) == Some(1.0) {
            break;
        }
        sleep(Duration::from_millis(100)).await;
        page = get("/metrics").await.1;
    }
    assert_eq!(value(&page, armed), Some(1.0), "{page}");
    let is = |series: &str, least: f64| {
        let found = value(&page, series);
        assert!(found >= Some(least), "{series}: {found:?}\n{page}");
    };
    is(
        "acme_attempts_total{challenge=\"http-01\",finding=\"proof\",phase=\"compare\"}",
        1.0,
    );
    is(
        "acme_attempts_total{challenge=\"http-01\",finding=\"dns-failure\",phase=\"dns\"}",
        1.0,
    );
    is(
        "acme_authorizations_total{provisioner=\"default\",outcome=\"valid\"}",
        1.0,
    );
    is(
        "acme_orders_total{provisioner=\"default\",outcome=\"opened\"}",
        2.0,
    );
    is(
        "acme_http_requests_total{route=\"finalize\",status=\"200\"}",
        1.0,
    );
    is(
        "acme_http_request_duration_seconds_bucket{route=\"finalize\",le=\"+Inf\"}",
        1.0,
    );
    is("acme_sign_duration_seconds_count", 1.0);
    is("acme_store_commits_total{result=\"committed\"}", 5.0);
    is("acme_store_commit_acts_count", 5.0);
    is("acme_slot_lease_held{slot=\"0\"}", 1.0);
    is("acme_certificates_expiring{days=\"90\"}", 0.0);
    is("acme_oldest_open_order_age_seconds", 0.0);
    is("process_resident_memory_bytes", 1e6);
    is("process_open_fds", 5.0);
    is("process_start_time_seconds", 1e9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_leads_from_the_request_to_the_signature() {
    let collector = Collector::start().await;
    let setting = collector.setting();
    let mut server = Settings::new().set(&[&setting]).start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let account = client::account(&server).await;
    client::issue(&account, &["a.test"], Proof::Http(&webroot)).await;
    assert!(server.terminate().await.success());

    let spans = collector.spans();
    let by_id: HashMap<_, _> = spans.iter().map(|span| (&span.span_id, span)).collect();
    // The names from a span up to its root.
    let path = |name: &str| {
        let mut span = spans
            .iter()
            .find(|span| span.name == name)
            .unwrap_or_else(|| panic!("no {name} among {spans:?}"));
        let mut names = vec![span.name.as_str()];
        while !span.parent_span_id.is_empty() {
            let above = by_id[&span.parent_span_id];
            assert_eq!(above.trace_id, span.trace_id);
            assert!(above.start_time_unix_nano <= span.start_time_unix_nano);
            span = above;
            names.push(&span.name);
        }
        names
    };
    assert_eq!(path("rules"), ["rules", "request"]);
    assert_eq!(path("sign"), ["sign", "request"]);
    assert_eq!(path("probe"), ["probe", "request"]);
    for phase in ["dns", "connect", "http"] {
        assert_eq!(path(phase), [phase, "probe", "request"]);
    }
    assert_eq!(path("store").last(), Some(&"request"));
    // What the server does by itself all the time begins no trace.
    let roots = spans.iter().filter(|span| span.parent_span_id.is_empty());
    let mut roots: Vec<_> = roots.map(|span| span.name.as_str()).collect();
    roots.dedup();
    assert_eq!(roots, ["request"], "{spans:?}");
    let request = spans.iter().find(|span| span.name == "request").unwrap();
    let has_id = |span: &&str| *span == "request_id";
    let mut keys = request.attributes.iter().map(|it| it.key.as_str());
    assert!(keys.any(|key| has_id(&key)), "{request:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_stops_nothing() {
    let setting = format!("traces.endpoint=http://127.0.0.1:{}/v1/traces", free_port());
    let mut server = Settings::new().set(&[&setting]).start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let account = client::account(&server).await;
    client::issue(&account, &["a.test"], Proof::Http(&webroot)).await;
    assert!(server.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_endpoint_of_traces_is_told() {
    let told = run_server(&["dev", "--set", "traces.endpoint=collector:4318"]).await;
    let told = told.expect_status(78);
    assert!(told.stderr.contains("traces.endpoint"), "{told}");
    assert!(told.stderr.contains("http://"), "{told}");
}

/// Runs whatever knows a secret, with everything logged and traced, and looks for the secrets.
#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_ever_logged_or_traced() {
    let hook = PolicyHook::start("denied.test").await;
    let collector = Collector::start().await;
    let [url, secret_file] = hook.settings();
    let traces = collector.setting();
    let mut server = Settings::new()
        .set(&[
            &url,
            &secret_file,
            &traces,
            "log.level=debug,acme_http=trace,acme_core=trace,acme_store=trace,acme_validate=trace",
            "log.format=json",
            "provisioner.default.require_eab=true",
        ])
        .start()
        .await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;

    let key = server.external_key().await;
    let hmac = acme_tests::decode_base64url(&key.hmac_key);
    let external = ExternalAccountKey::new(key.id.clone(), &hmac);
    let builder = Account::builder_with_root(server.root_file()).unwrap();
    let new = NewAccount {
        contact: &[],
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let created = builder.create(&new, server.directory_url(), Some(&external));
    let (account, credentials) = created.await.unwrap();
    client::issue(&account, &["a.test"], Proof::Http(&webroot)).await;
    // One that fails in each attempt, so that whatever is told of failures is told.
    let mut failing = client::order(&account, &["b.test"]).await;
    let mut tokens = Vec::new();
    for kind in [
        instant_acme::ChallengeType::Http01,
        instant_acme::ChallengeType::Dns01,
        instant_acme::ChallengeType::TlsAlpn01,
    ] {
        let mut authorizations = failing.authorizations();
        let mut authorization = authorizations.next().await.unwrap().unwrap();
        let mut challenge = authorization.challenge(kind).unwrap();
        tokens.push(challenge.token.clone());
        tokens.push(challenge.key_authorization().as_str().to_owned());
        challenge.set_ready().await.unwrap();
    }
    sleep(Duration::from_secs(1)).await;
    assert!(server.terminate().await.success());

    let log = server.log();
    assert!(log.contains("certificate issued") && log.contains("attempt: "));
    let credentials = serde_json::to_value(&credentials).unwrap();
    let account_key = credentials["key_pkcs8"].as_str().unwrap().to_owned();
    let signing_key = std::fs::read_to_string(server.dir().join("ca/intermediate.key")).unwrap();
    let signing_key = signing_key.lines().nth(1).unwrap().to_owned();
    let hook_secret = hook.secret();
    let mut secrets = vec![key.hmac_key, account_key, signing_key, hook_secret];
    secrets.extend(tokens);
    let traced = collector.everything();
    for secret in &secrets {
        let secret = secret.trim();
        assert!(secret.len() >= 16, "{secret:?} is found anywhere");
        for (where_to, text) in [("log", &log), ("traces", &traced)] {
            let line = text.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{secret} in the {where_to}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_of_a_database_is_never_logged() {
    let password = "planted-password-of-the-database";
    let url = format!(
        "store.url=postgres://acme:{password}@127.0.0.1:{}/acme",
        free_port()
    );
    let told = run_server(&["dev", "--set", &url, "--set", "log.level=trace"]).await;
    let told = told.expect_status(69);
    assert!(!told.stderr.contains(password), "{told}");
    assert!(!told.stdout.contains(password), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_level_of_the_log_changes_without_a_restart() {
    let server = Settings::new().initialized().start().await;
    let debugging =
        |log: &str| log.matches("connection ended").count() + log.matches(" DEBUG ").count();
    client::account(&server).await;
    assert_eq!(debugging(&server.log()), 0);
    let file = server.dir().join("acme-server.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let changed = |level: &str| text.replace("#level = \"info\"", &format!("level = \"{level}\""));
    std::fs::write(&file, changed("debug")).unwrap();
    server.hang_up();
    server
        .wait_for_log("the level of the log was read again")
        .await;
    client::account(&server).await;
    assert!(debugging(&server.log()) > 0, "nothing is told at debug");
    // A level that is none changes nothing.
    std::fs::write(&file, changed("loud")).unwrap();
    server.hang_up();
    server.wait_for_log("the log keeps the level it has").await;
    let before = debugging(&server.log());
    client::account(&server).await;
    assert!(debugging(&server.log()) > before);
}
