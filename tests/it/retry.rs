//! What a client sees while the server keeps trying.

use std::time::Duration;

use acme_tests::client::{self, Proof};
use acme_tests::{Settings, Webroot, shown};
use instant_acme::{
    AuthorizationState, AuthorizationStatus, ChallengeStatus, ChallengeType, Order, OrderStatus,
};
use tokio::time::{Instant, sleep};

const EVERY_SECOND: &[&str] = &[
    "validation.retry.interval=1s",
    "validation.retry.window=30s",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_without_a_target_stays_processing_and_says_why() {
    let server = Settings::new().set(EVERY_SECOND).start().await;
    let webroot = Webroot::new();
    let account = client::account(&server).await;
    let mut order = client::order(&account, &["late.test"]).await;
    client::answer(&mut order, Proof::Http(&webroot)).await;
    sleep(Duration::from_millis(2500)).await;

    with_authorization(&mut order, |authorization| {
        assert_eq!(authorization.status, AuthorizationStatus::Pending);
        for challenge in &authorization.challenges {
            if challenge.r#type != ChallengeType::Http01 {
                assert_eq!(challenge.status, ChallengeStatus::Pending);
                continue;
            }
            assert_eq!(challenge.status, ChallengeStatus::Processing);
            let error = challenge.error.as_ref().expect("why it is not valid yet");
            let kind = error.r#type.as_deref();
            assert_eq!(kind, Some("urn:ietf:params:acme:error:connection"));
            let detail = error.detail.clone().unwrap_or_default();
            let address = format!("127.0.0.1:{}", server.http01_port);
            assert!(detail.contains(&address), "{detail}");
            assert!(!error.subproblems.is_empty(), "earlier attempts: {error:?}");
        }
    })
    .await;
    let state = order.refresh().await.unwrap();
    assert_eq!(state.status, OrderStatus::Pending);

    let _target = webroot.serve(server.http01_port).await;
    client::wait_until_ready(&mut order).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_authorization_ends_the_order_at_once() {
    let server = Settings::new().start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let account = client::account(&server).await;
    let mut order = client::order(&account, &["other.test"]).await;
    let mut authorizations = order.authorizations();
    let mut authorization = authorizations.next().await.unwrap().unwrap();
    let challenge = authorization.challenge(ChallengeType::Http01).unwrap();
    webroot.put(&challenge.token, "a.b");
    // The answer itself may already say that it failed.
    let _ = { challenge }.set_ready().await;

    let status = within(Duration::from_secs(5), async || {
        order_status(&account, order.url()).await == OrderStatus::Invalid
    });
    status.await;
    with_authorization(&mut order, |authorization| {
        assert_eq!(authorization.status, AuthorizationStatus::Invalid);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn polling_makes_no_attempt_come_sooner() {
    let slow = ["validation.retry.interval=20s"];
    let server = Settings::new().set(&slow).start().await;
    let webroot = Webroot::new();
    let empty = Webroot::new();
    let target = empty.serve(server.http01_port).await;
    let account = client::account(&server).await;
    let mut order = client::order(&account, &["late.test"]).await;
    client::answer(&mut order, Proof::Http(&webroot)).await;

    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(3) {
        with_authorization(&mut order, |authorization| {
            assert_eq!(authorization.status, AuthorizationStatus::Pending);
        })
        .await;
        order.refresh().await.unwrap();
    }
    assert_eq!(target.requests(), 1, "the first attempt alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_again_after_the_window_tries_again() {
    let short = [
        "validation.retry.interval=1s",
        "validation.retry.window=1s",
        "validation.retry.answer_within=0s",
    ];
    let server = Settings::new().set(&short).start().await;
    let webroot = Webroot::new();
    let account = client::account(&server).await;
    let mut order = client::order(&account, &["late.test"]).await;
    client::answer(&mut order, Proof::Http(&webroot)).await;
    sleep(Duration::from_secs(3)).await;
    assert_eq!(
        order_status(&account, order.url()).await,
        OrderStatus::Pending
    );

    let _target = webroot.serve(server.http01_port).await;
    client::answer(&mut order, Proof::Http(&webroot)).await;
    client::wait_until_ready(&mut order).await;
    shown("instant-acme", "asking for another attempt");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provisioner_may_give_up_when_the_window_ends() {
    let strict = [
        "validation.retry.interval=1s",
        "validation.retry.window=1s",
        "validation.retry.on_exhausted=invalid",
    ];
    let server = Settings::new().set(&strict).start().await;
    let webroot = Webroot::new();
    let account = client::account(&server).await;
    let mut order = client::order(&account, &["late.test"]).await;
    client::answer(&mut order, Proof::Http(&webroot)).await;

    within(Duration::from_secs(10), async || {
        order_status(&account, order.url()).await == OrderStatus::Invalid
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_name_server_is_tried_again() {
    let server = Settings::new().set(EVERY_SECOND).start().await;
    let account = client::account(&server).await;
    server.dns.break_name("_acme-challenge.dns.test");
    let mut order = client::order(&account, &["dns.test"]).await;
    client::answer(&mut order, Proof::Dns(&server.dns)).await;
    sleep(Duration::from_millis(1500)).await;
    with_authorization(&mut order, |authorization| {
        let dns = authorization.challenges.iter();
        let dns = dns.clone().find(|it| it.r#type == ChallengeType::Dns01);
        let dns = dns.expect("a dns-01 challenge");
        assert_eq!(dns.status, ChallengeStatus::Processing);
        let kind = dns.error.as_ref().and_then(|error| error.r#type.clone());
        assert_eq!(kind.as_deref(), Some("urn:ietf:params:acme:error:dns"));
    })
    .await;

    server.dns.mend_name("_acme-challenge.dns.test");
    client::wait_until_ready(&mut order).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn why_tells_every_attempt() {
    let server = Settings::new().set(EVERY_SECOND).start().await;
    let empty = Webroot::new();
    let webroot = Webroot::new();
    let account = client::account(&server).await;
    let mut order = client::order(&account, &["late.test"]).await;
    client::answer(&mut order, Proof::Http(&webroot)).await;
    sleep(Duration::from_millis(1500)).await;
    let wrong_target = empty.serve(server.http01_port).await;
    sleep(Duration::from_millis(1500)).await;
    wrong_target.stop().await;
    let _target = webroot.serve(server.http01_port).await;
    client::wait_until_ready(&mut order).await;

    let mut url = String::new();
    with_authorization(&mut order, |authorization| {
        let mut challenges = authorization.challenges.iter();
        let http = challenges.find(|it| it.r#type == ChallengeType::Http01);
        url = http.expect("an http-01 challenge").url.clone();
    })
    .await;
    let id = url.rsplit('/').next().unwrap();
    let told = server.cli(&["challenge", "why", id]).await.expect_success();
    for expected in ["late.test", "connect", "refused", "404", "valid"] {
        assert!(told.stdout.contains(expected), "no {expected:?} in {told}");
    }
}

/// Reads the order's first authorization anew and looks at it.
async fn with_authorization(order: &mut Order, look: impl FnOnce(&AuthorizationState)) {
    let mut authorizations = order.authorizations();
    let mut authorization = authorizations.next().await.unwrap().unwrap();
    look(authorization.refresh().await.unwrap());
}

async fn order_status(account: &instant_acme::Account, url: &str) -> OrderStatus {
    let mut order = account.order(url.to_owned()).await.unwrap();
    order.state().status
}

/// Waits until the condition holds.
async fn within(patience: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < patience, "not within {patience:?}");
        sleep(Duration::from_millis(100)).await;
    }
}
