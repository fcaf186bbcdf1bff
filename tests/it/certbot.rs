//! certbot gets, renews, revokes and leaves.

use acme_tests::{Certbot, Certificate, Lateness, Settings, Webroot, shown};

#[tokio::test(flavor = "multi_thread")]
async fn certbot_gets_a_certificate_by_http_01() {
    let server = Settings::new().start().await;
    let webroot = Webroot::new();
    let target = webroot.serve(server.http01_port).await;
    let certbot = Certbot::new(&server);

    certbot
        .webroot(&webroot, &["one.test"])
        .await
        .expect_success();

    let certificate = Certificate::read(&certbot.certificate("one.test"));
    certificate
        .expect_good(&server.root_file(), &["one.test"])
        .await;
    assert_eq!(target.requests(), 1, "one attempt was enough");
    shown("certbot", "http-01");
}

#[tokio::test(flavor = "multi_thread")]
async fn certbot_gets_two_names() {
    let server = Settings::new().start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let certbot = Certbot::new(&server);
    let names = ["one.test", "two.test"];

    certbot.webroot(&webroot, &names).await.expect_success();

    let certificate = Certificate::read(&certbot.certificate("one.test"));
    certificate.expect_good(&server.root_file(), &names).await;
    shown("certbot", "several names");
}

#[tokio::test(flavor = "multi_thread")]
async fn certbot_gets_a_wildcard_by_dns_01() {
    let server = Settings::new().start().await;
    let certbot = Certbot::new(&server);
    let names = ["*.wild.test", "wild.test"];

    certbot.dns(&server.dns, &names).await.expect_success();

    let certificate = Certificate::read(&certbot.certificate("wild.test"));
    certificate.expect_good(&server.root_file(), &names).await;
    shown("certbot", "dns-01");
    shown("certbot", "wildcard");
}

#[tokio::test(flavor = "multi_thread")]
async fn certbot_gets_an_address() {
    let server = Settings::new().start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let certbot = Certbot::new(&server);

    certbot
        .webroot(&webroot, &["127.0.0.1"])
        .await
        .expect_success();

    let certificate = Certificate::read(&certbot.certificate("127.0.0.1"));
    certificate
        .expect_good(&server.root_file(), &["127.0.0.1"])
        .await;
    shown("certbot", "IP address");
}

#[tokio::test(flavor = "multi_thread")]
async fn certbot_renews_revokes_and_leaves() {
    let server = Settings::new().start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let certbot = Certbot::new(&server);
    certbot
        .webroot(&webroot, &["one.test"])
        .await
        .expect_success();
    let first = Certificate::read(&certbot.certificate("one.test"));

    certbot.renew().await.expect_success();
    let second = Certificate::read(&certbot.certificate("one.test"));
    assert_ne!(first.serial().await, second.serial().await);
    second.expect_good(&server.root_file(), &["one.test"]).await;

    certbot.revoke("one.test").await.expect_success();
    let again = certbot.revoke("one.test").await.expect_failure();
    assert!(again.stderr.contains("was revoked"), "{again}");

    certbot.unregister().await.expect_success();
    for feature in ["renewal", "revocation", "account deactivation"] {
        shown("certbot", feature);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certbot_waits_for_a_late_target() {
    let lateness = Lateness::of_this_run();
    let server = Settings::new().set(lateness.schedule).start().await;
    let webroot = Webroot::new();
    let certbot = Certbot::new(&server);

    let target = webroot.serve_after(lateness.target_after, server.http01_port);
    certbot
        .webroot(&webroot, &["late.test"])
        .await
        .expect_success();

    let certificate = Certificate::read(&certbot.certificate("late.test"));
    certificate
        .expect_good(&server.root_file(), &["late.test"])
        .await;
    drop(target.await);
    shown("certbot", "late target");
}

#[tokio::test(flavor = "multi_thread")]
async fn certbot_renews_what_the_operator_has_marked() {
    let server = Settings::new().start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let certbot = Certbot::new(&server);
    for name in ["calm.test", "early.test"] {
        certbot.webroot(&webroot, &[name]).await.expect_success();
    }
    let read = |name| Certificate::read(&certbot.certificate(name));
    let (calm, early) = (read("calm.test"), read("early.test"));
    let printed = early.serial().await;
    let serial = printed.trim_start_matches("serial=").to_owned();
    let mark = ["cert", "renew-early", &serial, "--explanation"];
    let mark = [&mark[..], &["https://wiki.test/incident-7"]].concat();
    server.cli(&mark).await.expect_success();

    certbot.renew_due().await.expect_success();

    assert_eq!(read("calm.test").serial().await, calm.serial().await);
    assert_ne!(read("early.test").serial().await, printed);
    let told = server.cli(&["cert", "show", &serial]).await;
    let told = told.expect_success().stdout;
    assert!(told.contains("incident-7"), "{told}");
    shown("certbot", "renewal information");
}

#[tokio::test(flavor = "multi_thread")]
async fn certbot_shows_an_external_account_key_and_updates_its_account() {
    let bound = ["provisioner.default.require_eab=true"];
    let server = Settings::new().set(&bound).start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let refused = Certbot::new(&server).webroot(&webroot, &["one.test"]).await;
    refused.expect_failure();

    let certbot = Certbot::new(&server);
    let key = server.external_key().await;
    certbot.register_bound(&key).await.expect_success();
    let ran = certbot.webroot(&webroot, &["one.test"]).await;
    ran.expect_success();
    let certificate = Certificate::read(&certbot.certificate("one.test"));
    certificate
        .expect_good(&server.root_file(), &["one.test"])
        .await;
    // The key was good for one account.
    let other = Certbot::new(&server);
    other.register_bound(&key).await.expect_failure();

    let ran = certbot.update_account("other@example.test").await;
    ran.expect_success();
    let told = server.cli(&["account", "list", "--output", "json"]).await;
    let told = told.expect_success();
    assert!(told.stdout.contains("other@example.test"), "{told}");
    certbot.unregister().await.expect_success();
    certbot
        .webroot(&webroot, &["two.test"])
        .await
        .expect_failure();
    for feature in [
        "external account binding",
        "account update",
        "account deactivation",
    ] {
        shown("certbot", feature);
    }
}
