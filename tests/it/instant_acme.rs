//! instant-acme gets, renews, revokes and leaves; an embedded client shows the protocol's details.

use acme_tests::client::{self, Proof};
use acme_tests::{Lateness, Settings, Webroot, shown};
use instant_acme::{
    Account, AuthorizationStatus, Error, ExternalAccountKey, NewAccount, OrderStatus,
    RevocationReason, RevocationRequest,
};

#[tokio::test(flavor = "multi_thread")]
async fn instant_acme_gets_two_names_by_http_01() {
    let server = Settings::new().start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let account = client::account(&server).await;
    let names = ["one.test", "two.test"];

    let certificate = client::issue(&account, &names, Proof::Http(&webroot)).await;

    certificate.expect_good(&server.root_file(), &names).await;
    shown("instant-acme", "http-01");
    shown("instant-acme", "several names");
}

#[tokio::test(flavor = "multi_thread")]
async fn instant_acme_gets_a_wildcard_by_dns_01() {
    let server = Settings::new().start().await;
    let account = client::account(&server).await;
    let names = ["*.wild.test", "wild.test"];

    let certificate = client::issue(&account, &names, Proof::Dns(&server.dns)).await;

    certificate.expect_good(&server.root_file(), &names).await;
    shown("instant-acme", "dns-01");
    shown("instant-acme", "wildcard");
}

#[tokio::test(flavor = "multi_thread")]
async fn instant_acme_follows_an_alias_by_dns_01() {
    let server = Settings::new().start().await;
    let account = client::account(&server).await;
    server
        .dns
        .add_alias("_acme-challenge.alias.test", "elsewhere.test");
    let mut order = client::order(&account, &["alias.test"]).await;
    let mut authorizations = order.authorizations();
    let mut authorization = authorizations.next().await.unwrap().unwrap();
    let mut challenge = authorization
        .challenge(instant_acme::ChallengeType::Dns01)
        .unwrap();
    let value = challenge.key_authorization().dns_value();
    server.dns.add_txt("elsewhere.test", "an older value");
    server.dns.add_txt("elsewhere.test", &value);
    challenge.set_ready().await.unwrap();

    client::wait_until_ready(&mut order).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn instant_acme_gets_a_certificate_by_tls_alpn_01() {
    let server = Settings::new().start().await;
    let account = client::account(&server).await;
    let proof = Proof::TlsAlpn(server.tlsalpn01_port);

    let certificate = client::issue(&account, &["one.test"], proof).await;

    certificate
        .expect_good(&server.root_file(), &["one.test"])
        .await;
    shown("instant-acme", "tls-alpn-01");
}

#[tokio::test(flavor = "multi_thread")]
async fn instant_acme_gets_an_address_by_http_01() {
    let server = Settings::new().start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let account = client::account(&server).await;

    let certificate = client::issue(&account, &["127.0.0.1"], Proof::Http(&webroot)).await;

    certificate
        .expect_good(&server.root_file(), &["127.0.0.1"])
        .await;
    shown("instant-acme", "IP address");
}

#[tokio::test(flavor = "multi_thread")]
async fn instant_acme_gets_an_address_by_tls_alpn_01() {
    let server = Settings::new().start().await;
    let account = client::account(&server).await;
    let proof = Proof::TlsAlpn(server.tlsalpn01_port);

    let certificate = client::issue(&account, &["127.0.0.1"], proof).await;

    certificate
        .expect_good(&server.root_file(), &["127.0.0.1"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_not_proved_by_dns_01() {
    let server = Settings::new().start().await;
    let account = client::account(&server).await;
    let mut order = client::order(&account, &["127.0.0.1"]).await;
    let mut authorizations = order.authorizations();
    let mut authorization = authorizations.next().await.unwrap().unwrap();
    let dns = authorization.challenge(instant_acme::ChallengeType::Dns01);
    assert!(dns.is_none(), "RFC 8738 section 7 forbids it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wildcard_is_proved_by_dns_01_alone() {
    let server = Settings::new().start().await;
    let account = client::account(&server).await;
    let mut order = client::order(&account, &["*.wild.test"]).await;
    let mut authorizations = order.authorizations();
    let authorization = authorizations.next().await.unwrap().unwrap();
    assert!(authorization.wildcard);
    let kinds: Vec<_> = authorization
        .challenges
        .iter()
        .map(|it| &it.r#type)
        .collect();
    assert_eq!(kinds, [&instant_acme::ChallengeType::Dns01]);
}

#[tokio::test(flavor = "multi_thread")]
async fn instant_acme_renews_and_revokes() {
    let server = Settings::new().start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let account = client::account(&server).await;
    let first = client::issue(&account, &["one.test"], Proof::Http(&webroot)).await;
    let second = client::issue(&account, &["one.test"], Proof::Http(&webroot)).await;
    assert_ne!(first.serial().await, second.serial().await);

    let request = RevocationRequest {
        certificate: first.leaf(),
        reason: Some(RevocationReason::Superseded),
    };
    account.revoke(&request).await.unwrap();
    expect_problem(account.revoke(&request).await, "alreadyRevoked");
    shown("instant-acme", "renewal");
    shown("instant-acme", "revocation");
}

#[tokio::test(flavor = "multi_thread")]
async fn instant_acme_replaces_a_certificate() {
    let server = Settings::new().start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let account = client::account(&server).await;
    let first = client::issue(&account, &["one.test"], Proof::Http(&webroot)).await;
    let id = first.renewal_id().await;

    let (info, again_after) = account.renewal_info(&id).await.unwrap();
    let window = info.suggested_window;
    assert!(window.start < window.end);
    let hours = again_after.as_secs().div_ceil(3600);
    assert_eq!(hours, 6, "{again_after:?}");

    let identifiers = [instant_acme::Identifier::Dns("one.test".to_owned())];
    let replacing = || instant_acme::NewOrder::new(&identifiers).replaces(id.clone());
    // The first is left alone, and does not lock the second out.
    let mut left = account.new_order(&replacing()).await.unwrap();
    let mut order = account.new_order(&replacing()).await.unwrap();
    assert_eq!(left.refresh().await.unwrap().status, OrderStatus::Invalid);
    client::answer(&mut order, Proof::Http(&webroot)).await;
    client::wait_until_ready(&mut order).await;
    let second = client::finalize(&mut order).await;
    assert_ne!(first.serial().await, second.serial().await);
    let third = account.new_order(&replacing()).await.map(drop);
    expect_problem(third, "alreadyReplaced");
    shown("instant-acme", "renewal information");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_cannot_revoke() {
    let server = Settings::new().start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let owner = client::account(&server).await;
    let stranger = client::account(&server).await;
    let certificate = client::issue(&owner, &["one.test"], Proof::Http(&webroot)).await;

    let request = RevocationRequest {
        certificate: certificate.leaf(),
        reason: None,
    };
    expect_problem(stranger.revoke(&request).await, "unauthorized");
    owner.revoke(&request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compromised_key_gets_no_certificate() {
    let server = Settings::new().start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let account = client::account(&server).await;
    let key = rcgen::KeyPair::generate().unwrap();
    let order = async || {
        let mut order = client::order(&account, &["one.test"]).await;
        client::answer(&mut order, Proof::Http(&webroot)).await;
        client::wait_until_ready(&mut order).await;
        order
    };
    let certificate = client::finalize_with(&mut order().await, &key).await;
    let serial = certificate.serial().await;
    let serial = serial.trim_start_matches("serial=");
    let revoke = ["cert", "revoke", serial, "--reason", "keyCompromise"];
    server.cli(&revoke).await.expect_success();

    let mut order = order().await;
    let mut params = rcgen::CertificateParams::new(vec!["one.test".to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let csr = params.serialize_request(&key).unwrap();
    expect_problem(order.finalize_csr(csr.der()).await, "badCSR");
    client::finalize(&mut order).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_rest_on_one_proof() {
    let settings = ["provisioner.default.authorization.reuse=1d"];
    let server = Settings::new().set(&settings).start().await;
    let webroot = Webroot::new();
    let target = webroot.serve(server.http01_port).await;
    let account = client::account(&server).await;
    for _ in 0..3 {
        client::issue(&account, &["one.test"], Proof::Http(&webroot)).await;
    }
    assert_eq!(target.requests(), 1, "one proof for three orders");
    shown("instant-acme", "authorization reuse");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_account_can_do_nothing() {
    let server = Settings::new().start().await;
    let account = client::account(&server).await;
    let left = account.clone();

    account.deactivate().await.unwrap();

    let identifiers = [instant_acme::Identifier::Dns("one.test".to_owned())];
    let order = instant_acme::NewOrder::new(&identifiers);
    expect_problem(left.new_order(&order).await.map(drop), "unauthorized");
    shown("instant-acme", "account deactivation");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_authorization_ends_its_order() {
    let server = Settings::new().start().await;
    let account = client::account(&server).await;
    let mut order = client::order(&account, &["one.test"]).await;
    let mut authorizations = order.authorizations();
    let mut authorization = authorizations.next().await.unwrap().unwrap();

    let state = authorization.deactivate().await.unwrap();
    assert_eq!(state.status, AuthorizationStatus::Deactivated);

    let state = order.refresh().await.unwrap();
    assert_eq!(state.status, OrderStatus::Invalid);
    shown("instant-acme", "authorization deactivation");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_changes_its_contacts() {
    let server = Settings::new().start().await;
    let account = client::account(&server).await;
    let contacts = ["mailto:other@example.test"];
    account.update_contacts(&contacts).await.unwrap();
    shown("instant-acme", "account update");
}

#[tokio::test(flavor = "multi_thread")]
async fn instant_acme_waits_for_a_late_target() {
    let lateness = Lateness::of_this_run();
    let server = Settings::new().set(lateness.schedule).start().await;
    let webroot = Webroot::new();
    let account = client::account(&server).await;

    let target = webroot.serve_after(lateness.target_after, server.http01_port);
    let certificate = client::issue(&account, &["late.test"], Proof::Http(&webroot)).await;

    certificate
        .expect_good(&server.root_file(), &["late.test"])
        .await;
    drop(target.await);
    shown("instant-acme", "late target");
}

#[tokio::test(flavor = "multi_thread")]
async fn instant_acme_changes_its_key() {
    let server = Settings::new().start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let mut account = client::account(&server).await;
    let left = account.clone();
    let id = account.id().to_owned();

    drop(account.update_key().await.unwrap());

    assert_eq!(account.id(), id);
    let names = ["one.test"];
    let certificate = client::issue(&account, &names, Proof::Http(&webroot)).await;
    certificate.expect_good(&server.root_file(), &names).await;
    // The earlier key signs for nobody.
    let identifiers = [instant_acme::Identifier::Dns("one.test".to_owned())];
    let order = instant_acme::NewOrder::new(&identifiers);
    expect_problem(left.new_order(&order).await.map(drop), "malformed");
    shown("instant-acme", "account key change");
}

#[track_caller]
fn expect_problem(result: Result<(), Error>, kind: &str) {
    let expected = format!("urn:ietf:params:acme:error:{kind}");
    match result {
        Err(Error::Api(problem)) => assert_eq!(problem.r#type, Some(expected), "{problem:?}"),
        other => panic!("expected {kind}, not {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn instant_acme_shows_an_external_account_key() {
    let bound = ["provisioner.default.require_eab=true"];
    let server = Settings::new().set(&bound).start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let key = server.external_key().await;
    let new = NewAccount {
        contact: &[],
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let create = async |key: Option<&ExternalAccountKey>| {
        let builder = Account::builder_with_root(server.root_file()).unwrap();
        builder.create(&new, server.directory_url(), key).await
    };
    match create(None).await.err() {
        Some(Error::Api(problem)) => {
            let kind = problem.r#type.unwrap();
            assert!(kind.ends_with("externalAccountRequired"), "{kind}");
        }
        other => panic!("{other:?}"),
    }
    let secret = acme_types::decode_base64url(&key.hmac_key).unwrap();
    let external = ExternalAccountKey::new(key.id, &secret);
    let (account, _) = create(Some(&external)).await.unwrap();

    let certificate = client::issue(&account, &["one.test"], Proof::Http(&webroot)).await;
    certificate
        .expect_good(&server.root_file(), &["one.test"])
        .await;
    // It is used up.
    assert!(create(Some(&external)).await.is_err());
    shown("instant-acme", "external account binding");
}
