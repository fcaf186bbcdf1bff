//! The newer challenges of DNS, and CAA records, before a real name server.

use acme_tests::client::{self, Proof};
use acme_tests::{Server, Settings, Webroot, shown};
use instant_acme::{ChallengeType, Error, Order, OrderStatus};

async fn offering(kind: &str, more: &[&str]) -> Server {
    let kinds = format!("provisioner.default.challenges={kind}");
    Settings::new().set(&[&kinds]).set(more).start().await
}

/// Asks for the validation of the order's one challenge of this kind; gives the value that dns-01
/// would want.
async fn ask(order: &mut Order, kind: &str) -> String {
    let mut authorizations = order.authorizations();
    let mut authorization = authorizations.next().await.unwrap().unwrap();
    let kind = ChallengeType::Unknown(kind.to_owned());
    let mut challenge = authorization.challenge(kind).unwrap();
    let value = challenge.key_authorization().dns_value();
    challenge.set_ready().await.unwrap();
    value
}

/// The label that the draft gives an account, computed as it says.
fn account_label(url: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, url.as_bytes());
    let bits: String = digest.as_ref()[..10]
        .iter()
        .map(|b| format!("{b:08b}"))
        .collect();
    let character = |five: &[u8]| {
        let five = std::str::from_utf8(five).unwrap();
        let index = usize::from_str_radix(five, 2).unwrap();
        char::from(b"abcdefghijklmnopqrstuvwxyz234567"[index])
    };
    let characters: String = bits.as_bytes().chunks(5).map(character).collect();
    format!("_{characters}")
}

async fn issue(server: &Server, order: &mut Order, names: &[&str]) {
    client::wait_until_ready(order).await;
    let certificate = client::finalize(order).await;
    certificate.expect_good(&server.root_file(), names).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_at_the_accounts_label_proves_and_may_come_late() {
    let server = offering("dns-account-01", &[]).await;
    let account = client::account(&server).await;
    let mut order = client::order(&account, &["*.account.test"]).await;
    let value = ask(&mut order, "dns-account-01").await;
    let label = account_label(account.id());
    let name = format!("{label}._acme-challenge.account.test");
    server.dns.add_txt("_acme-challenge.account.test", &value);
    assert_eq!(order.refresh().await.unwrap().status, OrderStatus::Pending);
    server.dns.add_txt(&name, &value);
    issue(&server, &mut order, &["*.account.test"]).await;
    shown("instant-acme", "dns-account-01");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standing_record_proves_order_after_order() {
    let names = ["provisioner.default.caa_identities=ca.internal"];
    let server = offering("dns-persist-01", &names).await;
    let account = client::account(&server).await;
    let record = format!("ca.internal; accounturi={}; policy=wildcard", account.id());
    let at = "_validation-persist.standing.test";
    server.dns.add_txt(at, &record);
    for name in ["standing.test", "*.standing.test"] {
        let mut order = client::order(&account, &[name]).await;
        ask(&mut order, "dns-persist-01").await;
        issue(&server, &mut order, &[name]).await;
    }
    // It is the account's alone.
    let other = client::account(&server).await;
    let mut order = client::order(&other, &["standing.test"]).await;
    ask(&mut order, "dns-persist-01").await;
    assert_eq!(order.refresh().await.unwrap().status, OrderStatus::Pending);
    shown("instant-acme", "dns-persist-01");
}

#[tokio::test(flavor = "multi_thread")]
async fn caa_records_permit_forbid_and_are_waited_for() {
    let settings = [
        "provisioner.default.caa=on",
        "provisioner.default.caa_identities=ca.internal",
    ];
    let server = Settings::new().set(&settings).start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let account = client::account(&server).await;
    let permit = format!(
        "ca.internal; accounturi={}; validationmethods=http-01",
        account.id()
    );
    server.dns.add_caa("permits.test", "issue", &permit);
    server
        .dns
        .add_caa("forbids.test", "issue", "other.internal");

    let names = ["sub.permits.test", "free.test"];
    let certificate = client::issue(&account, &names, Proof::Http(&webroot)).await;
    certificate.expect_good(&server.root_file(), &names).await;

    let mut order = client::order(&account, &["sub.forbids.test"]).await;
    let refused = client::try_answer(&mut order, |_| Proof::Http(&webroot)).await;
    let Err(Error::Api(problem)) = refused else {
        panic!("CAA records forbid it");
    };
    assert_eq!(
        problem.r#type.as_deref(),
        Some("urn:ietf:params:acme:error:caa")
    );
    let detail = problem.detail.unwrap_or_default();
    assert!(
        detail.contains("the CAA records of forbids.test say"),
        "{detail}"
    );
    assert_eq!(order.refresh().await.unwrap().status, OrderStatus::Invalid);

    // The name's records fail while its address is known: that is no conclusion.
    server.dns.break_name("up.broken.test");
    let mut order = client::order(&account, &["name.up.broken.test"]).await;
    client::answer(&mut order, Proof::Http(&webroot)).await;
    assert_eq!(order.refresh().await.unwrap().status, OrderStatus::Pending);
    server.dns.mend_name("up.broken.test");
    client::wait_until_ready(&mut order).await;
}
