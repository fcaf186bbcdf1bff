//! Commands, configuration mistakes and exit statuses.

use acme_tests::client::{self, Proof};
use acme_tests::{Certificate, Ran, Settings, Webroot, run_server};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_of_a_configuration_is_listed() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("acme-server.toml");
    let text = r#"
        base_url = "not a url"
        unknown_key = 1
        [listen]
        acme = "nowhere"
        [validation]
        timeout = "soon"
        [validation.retry]
        interval = "0s"
    "#;
    std::fs::write(&file, text).unwrap();
    let path = file.to_str().unwrap();

    for command in [
        ["config", "check", "--config", path].as_slice(),
        ["serve", "--config", path].as_slice(),
    ] {
        let told = run_server(command).await.expect_status(78);
        for expected in [
            "base_url",
            "unknown_key",
            "listen.acme",
            "validation.timeout",
            "interval",
            "acme-server.toml",
        ] {
            assert!(told.stderr.contains(expected), "no {expected} in {told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_configuration_is_told() {
    let told = run_server(&["serve", "--config", "/nowhere/acme-server.toml"]).await;
    let told = told.expect_status(78);
    assert!(told.stderr.contains("/nowhere/acme-server.toml"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_is_told() {
    run_server(&["fly"]).await.expect_status(64);
    run_server(&["serve", "--fly"]).await.expect_status(64);
    for text in ["--help", "--version"] {
        let told = run_server(&[text]).await.expect_success();
        assert!(told.stdout.contains("acme-server"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn completions_are_printed() {
    for shell in ["bash", "zsh", "fish"] {
        let told = run_server(&["completions", shell]).await.expect_success();
        assert!(told.stdout.contains("acme-server"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn init_makes_a_configuration_that_is_good() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().to_str().unwrap();
    run_server(&["init", "--dir", path, "--dns", "ca.test"])
        .await
        .expect_success();
    let file = dir.path().join("acme-server.toml");
    let before = std::fs::read_to_string(&file).unwrap();

    let config = file.to_str().unwrap();
    run_server(&["config", "check", "--config", config])
        .await
        .expect_success();

    // A second call touches nothing that exists.
    let _: Ran = run_server(&["init", "--dir", path, "--dns", "other.test"]).await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_schema_is_refused_untouched() {
    let mut server = Settings::new().start().await;
    client::account(&server).await;
    server.terminate().await;
    server
        .sql(
            "insert into __diesel_schema_migrations (version, run_on) \
             values ('99990101000000', current_timestamp)",
        )
        .await;
    let before = server.database();

    let refused = server.second_process().await.expect_failure();
    assert!(refused.stderr.contains("newer"), "{refused}");
    assert!(server.database() == before, "the database was touched");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_looks_at_certificates_and_revokes_one() {
    let server = Settings::new().start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let account = client::account(&server).await;
    let issued = client::issue(&account, &["one.test"], Proof::Http(&webroot)).await;
    let serial = issued.serial().await.replace("serial=", "");

    let accounts = server.cli(&["account", "list"]).await.expect_success();
    let id = account.id().rsplit('/').next().unwrap();
    assert!(accounts.stdout.contains(id), "{accounts}");

    let listed = server.cli(&["cert", "list"]).await.expect_success();
    assert!(listed.stdout.contains("one.test"), "{listed}");
    let shown = server
        .cli(&["cert", "show", &serial])
        .await
        .expect_success();
    assert!(shown.stdout.contains("one.test"), "{shown}");
    let exported = server.cli(&["cert", "export", &serial]).await;
    let exported = Certificate::from_pem(&exported.expect_success().stdout);
    exported
        .expect_good(&server.root_file(), &["one.test"])
        .await;

    let revoke = ["cert", "revoke", &serial, "--reason", "keyCompromise"];
    server.cli(&revoke).await.expect_success();
    let request = instant_acme::RevocationRequest {
        certificate: issued.leaf(),
        reason: None,
    };
    let again = account.revoke(&request).await.unwrap_err();
    assert!(again.to_string().contains("revoked"), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_what_is_being_tried() {
    let slow = ["validation.retry.interval=60s"];
    let server = Settings::new().set(&slow).start().await;
    let webroot = Webroot::new();
    let account = client::account(&server).await;
    let mut order = client::order(&account, &["late.test"]).await;
    client::answer(&mut order, Proof::Http(&webroot)).await;

    let listed = server.cli(&["challenge", "list"]).await.expect_success();
    assert!(listed.stdout.contains("late.test"), "{listed}");
    let json = ["challenge", "list", "--output", "json"];
    let json = server.cli(&json).await.expect_success();
    assert!(json.stdout.trim_start().starts_with('['), "{json}");
    let why = server.cli(&["challenge", "why", "late.test"]).await;
    let why = why.expect_success();
    assert!(why.stdout.contains("refused"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_prints_what_a_client_needs() {
    let server = Settings::new().start().await;
    let root = server.root_file().display().to_string();
    // It answers a moment before it prints.
    for _ in 0..100 {
        if server.log().contains("lego ") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let log = server.log();
    for expected in [&server.directory_url(), &root, "certbot certonly", "lego "] {
        assert!(log.contains(expected), "no {expected}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_init_made_is_served() {
    let server = Settings::new().initialized().start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let account = client::account(&server).await;

    let issued = client::issue(&account, &["one.test"], Proof::Http(&webroot)).await;

    issued.expect_good(&server.root_file(), &["one.test"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn loopback_is_denied_unless_it_is_wanted() {
    let defaults = ["validation.deny_networks=[\"127.0.0.0/8\"]"];
    let server = Settings::new().set(&defaults).start().await;
    let webroot = Webroot::new();
    let target = webroot.serve(server.http01_port).await;
    let account = client::account(&server).await;
    let mut order = client::order(&account, &["one.test"]).await;

    let refused = client::try_answer(&mut order, |_| Proof::Http(&webroot)).await;

    // The first attempt may be over before the answer, or not.
    if let Err(error) = refused {
        assert!(error.to_string().contains("127.0.0"), "{error}");
    }
    let ended = client::try_wait_until_ready(&mut order).await;
    assert_ne!(ended.ok(), Some(instant_acme::OrderStatus::Ready));
    assert_eq!(target.requests(), 0, "no probe reached it");
}
