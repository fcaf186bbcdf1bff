//! uacme, acme-tiny and the Python library `acme` get what they can.

use acme_tests::{AcmeTiny, Certificate, Settings, Uacme, Webroot, python_acme, shown};

const BOUND: [&str; 1] = ["provisioner.default.require_eab=true"];

#[tokio::test(flavor = "multi_thread")]
async fn uacme_gets_changes_its_key_revokes_and_leaves() {
    let server = Settings::new().start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let uacme = Uacme::new(&server);
    let names = ["one.test", "two.test"];
    uacme.register(None).await.expect_success();

    uacme.webroot(&webroot, &names).await.expect_success();
    let first = Certificate::read(&uacme.certificate("one.test"));
    first.expect_good(&server.root_file(), &names).await;

    uacme.change_key().await.expect_success();
    uacme.webroot(&webroot, &names).await.expect_success();
    let second = Certificate::read(&uacme.certificate("one.test"));
    assert_ne!(first.serial().await, second.serial().await);
    second.expect_good(&server.root_file(), &names).await;

    uacme.revoke("one.test").await.expect_success();
    uacme.deactivate().await.expect_success();
    let ran = uacme.webroot(&webroot, &["three.test"]).await;
    ran.expect_failure();
    for feature in [
        "http-01",
        "several names",
        "renewal",
        "account key change",
        "revocation",
        "account deactivation",
    ] {
        shown("uacme", feature);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uacme_shows_an_external_account_key() {
    let server = Settings::new().set(&BOUND).start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let refused = Uacme::new(&server).register(None).await.expect_failure();
    assert!(
        refused.stderr.contains("requires external credentials"),
        "{refused}"
    );

    let uacme = Uacme::new(&server);
    let key = server.external_key().await;
    uacme.register(Some(&key)).await.expect_success();
    uacme
        .webroot(&webroot, &["one.test"])
        .await
        .expect_success();

    let certificate = Certificate::read(&uacme.certificate("one.test"));
    certificate
        .expect_good(&server.root_file(), &["one.test"])
        .await;
    shown("uacme", "external account binding");
}

#[tokio::test(flavor = "multi_thread")]
async fn acme_tiny_gets_two_names() {
    let server = Settings::new().start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let acme_tiny = AcmeTiny::new(&server).await;
    let names = ["one.test", "two.test"];

    let first = acme_tiny.webroot(&webroot, &names).await.expect_success();
    let first = Certificate::from_pem(&first.stdout);
    first.expect_good(&server.root_file(), &names).await;

    let second = acme_tiny.webroot(&webroot, &names).await.expect_success();
    let second = Certificate::from_pem(&second.stdout);
    assert_ne!(first.serial().await, second.serial().await);
    for feature in ["http-01", "several names", "renewal", "RSA key"] {
        shown("acme-tiny", feature);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn python_acme_gets_updates_revokes_and_leaves() {
    let server = Settings::new().start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let names = ["one.test", "two.test"];

    let more = ["update", "revoke", "deactivate"];
    let ran = python_acme(&server, &webroot, &names, &more).await;

    let certificate = Certificate::from_pem(&ran.expect_success().stdout);
    certificate.expect_good(&server.root_file(), &names).await;
    for feature in [
        "http-01",
        "several names",
        "account update",
        "revocation",
        "account deactivation",
    ] {
        shown("python acme", feature);
    }
}
