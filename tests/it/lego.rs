//! lego gets, renews and revokes.

use acme_tests::{Certificate, Lateness, Lego, Settings, Webroot, shown};

#[tokio::test(flavor = "multi_thread")]
async fn lego_gets_two_names_by_http_01() {
    let server = Settings::new().start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let lego = Lego::new(&server);
    let names = ["one.test", "two.test"];

    lego.webroot(&webroot, &names).await.expect_success();

    let certificate = Certificate::read(&lego.certificate("one.test"));
    certificate.expect_good(&server.root_file(), &names).await;
    shown("lego", "http-01");
    shown("lego", "several names");
}

#[tokio::test(flavor = "multi_thread")]
async fn lego_gets_a_certificate_by_tls_alpn_01() {
    let server = Settings::new().start().await;
    let lego = Lego::new(&server);

    lego.tls_alpn(server.tlsalpn01_port, &["one.test"])
        .await
        .expect_success();

    let certificate = Certificate::read(&lego.certificate("one.test"));
    certificate
        .expect_good(&server.root_file(), &["one.test"])
        .await;
    shown("lego", "tls-alpn-01");
}

#[tokio::test(flavor = "multi_thread")]
async fn lego_gets_a_wildcard_by_dns_01() {
    let server = Settings::new().start().await;
    let lego = Lego::new(&server);
    let names = ["*.wild.test", "wild.test"];

    lego.dns(&server.dns, &names).await.expect_success();

    let certificate = Certificate::read(&lego.certificate("*.wild.test"));
    certificate.expect_good(&server.root_file(), &names).await;
    shown("lego", "dns-01");
    shown("lego", "wildcard");
}

#[tokio::test(flavor = "multi_thread")]
async fn lego_renews_and_revokes() {
    let server = Settings::new().start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let lego = Lego::new(&server);
    let names = ["one.test"];
    lego.webroot(&webroot, &names).await.expect_success();
    let first = Certificate::read(&lego.certificate("one.test"));

    lego.renew(&webroot, &names).await.expect_success();
    let second = Certificate::read(&lego.certificate("one.test"));
    assert_ne!(first.serial().await, second.serial().await);
    second.expect_good(&server.root_file(), &names).await;

    lego.revoke(&names).await.expect_success();
    let again = lego.revoke(&names).await.expect_failure();
    assert!(again.to_string().contains("alreadyRevoked"), "{again}");
    shown("lego", "renewal");
    shown("lego", "revocation");
}

#[tokio::test(flavor = "multi_thread")]
async fn lego_waits_for_a_late_target() {
    let lateness = Lateness::of_this_run();
    let server = Settings::new().set(lateness.schedule).start().await;
    let webroot = Webroot::new();
    let lego = Lego::new(&server);

    let target = webroot.serve_after(lateness.target_after, server.http01_port);
    lego.webroot(&webroot, &["late.test"])
        .await
        .expect_success();

    let certificate = Certificate::read(&lego.certificate("late.test"));
    certificate
        .expect_good(&server.root_file(), &["late.test"])
        .await;
    drop(target.await);
    shown("lego", "late target");
}

#[tokio::test(flavor = "multi_thread")]
async fn lego_shows_an_external_account_key() {
    let bound = ["provisioner.default.require_eab=true"];
    let server = Settings::new().set(&bound).start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let refused = Lego::new(&server).webroot(&webroot, &["one.test"]).await;
    refused.expect_failure();

    let lego = Lego::new(&server);
    let key = server.external_key().await;
    lego.webroot_bound(&webroot, &["one.test"], &key)
        .await
        .expect_success();

    let certificate = Certificate::read(&lego.certificate("one.test"));
    certificate
        .expect_good(&server.root_file(), &["one.test"])
        .await;
    shown("lego", "external account binding");
}
