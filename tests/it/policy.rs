//! Profiles, policy and the policy hook, as certbot and instant-acme meet them.

use acme_tests::client::{self, Proof};
use acme_tests::{Certbot, Certificate, PolicyHook, Settings, Webroot, shown};
use instant_acme::{Error, Identifier, NewOrder};

/// Two profiles: `server` as certificates are without one, `short` for an hour and servers alone.
const PROFILES: [&str; 5] = [
    "provisioner.default.profile.server.description=for any server",
    "provisioner.default.profile.short.default_validity=1h",
    "provisioner.default.profile.short.max_validity=2h",
    "provisioner.default.profile.short.extended_key_usages=server_auth",
    "provisioner.default.profile.short.common_name=false",
];

/// Fails the test unless the certificate is one of the profile `short`, or is not.
async fn expect_short(certificate: &Certificate, short: bool) {
    let told = certificate.describe().await;
    assert_eq!(!told.contains("TLS Web Client Auth"), short, "{told}");
    let subject = told.lines().find(|line| line.starts_with("subject="));
    assert_eq!(subject == Some("subject="), short, "{told}");
    // OpenSSL says whether it ends within two hours.
    assert_eq!(certificate.ends_within(7200).await, short, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn certbot_gets_the_profile_it_asks_for() {
    let server = Settings::new().set(&PROFILES).start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let certbot = Certbot::new(&server);
    for (name, options, short) in [
        ("plain.test", &[][..], false),
        ("a.test", &["--preferred-profile", "short"], true),
        ("b.test", &["--preferred-profile", "unheard-of"], false),
        ("c.test", &["--required-profile", "short"], true),
        ("d.test", &["--required-profile", "server"], false),
    ] {
        let ran = certbot.webroot_with(&webroot, &[name], options).await;
        ran.expect_success();
        let certificate = Certificate::read(&certbot.certificate(name));
        certificate.expect_good(&server.root_file(), &[name]).await;
        expect_short(&certificate, short).await;
    }
    // It asks for what the directory does not have, and is told.
    let options = ["--required-profile", "unheard-of"];
    let ran = certbot.webroot_with(&webroot, &["e.test"], &options).await;
    let ran = ran.expect_failure();
    assert!(ran.stderr.contains("unheard-of"), "{ran}");
    // The profile is kept for renewals.
    certbot.renew().await.expect_success();
    expect_short(&Certificate::read(&certbot.certificate("c.test")), true).await;
    shown("certbot", "profile");
}

#[tokio::test(flavor = "multi_thread")]
async fn instant_acme_gets_the_profile_it_asks_for() {
    let server = Settings::new().set(&PROFILES).start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let account = client::account(&server).await;
    let mut offered: Vec<_> = account
        .profiles()
        .map(|profile| (profile.name.to_owned(), profile.description.to_owned()))
        .collect();
    offered.sort();
    let names = offered.iter().map(|(name, _)| name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["server", "short"]);
    assert_eq!(offered[0].1, "for any server");

    let identifiers = [Identifier::Dns("one.test".to_owned())];
    let new = NewOrder::new(&identifiers).profile("short");
    let mut order = account.new_order(&new).await.unwrap();
    assert_eq!(order.state().profile.as_deref(), Some("short"));
    let targets = client::answer(&mut order, Proof::Http(&webroot)).await;
    client::wait_until_ready(&mut order).await;
    drop(targets);
    let certificate = client::finalize(&mut order).await;
    expect_short(&certificate, true).await;
    shown("instant-acme", "profile");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_decides_what_certbot_gets() {
    let hook = PolicyHook::start("theirs.test").await;
    let settings = hook.settings();
    let server = Settings::new()
        .set(&[&settings[0], &settings[1]])
        .start()
        .await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let certbot = Certbot::new(&server);

    let ran = certbot.webroot(&webroot, &["ours.test"]).await;
    ran.expect_success();
    let asked = hook.asked();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked[0].contains("\"event\":\"newOrder\""), "{asked:?}");
    assert!(asked[1].contains("\"event\":\"finalize\""), "{asked:?}");

    let ran = certbot.webroot(&webroot, &["theirs.test"]).await;
    let ran = ran.expect_failure();
    assert!(ran.stderr.contains("another team's"), "{ran}");

    // Without it nothing is issued, and the log tells why.
    hook.stop();
    let account = client::account(&server).await;
    let identifiers = [Identifier::Dns("ours.test".to_owned())];
    let refused = account.new_order(&NewOrder::new(&identifiers)).await;
    match refused.map(drop) {
        Err(Error::Api(problem)) => {
            let kind = problem.r#type.unwrap_or_default();
            assert!(kind.ends_with(":serverInternal"), "{kind}");
        }
        other => panic!("a problem, not {other:?}"),
    }
    assert!(
        server.log().contains("cannot be reached"),
        "{}",
        server.log()
    );
}
