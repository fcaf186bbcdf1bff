//! What is issued, judged by strangers: OpenSSL and a linter for PKIX certificates.

use acme_tests::client::{self, Proof};
use acme_tests::{Settings, Webroot, shown};
use rcgen::{
    KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ECDSA_P521_SHA512, PKCS_ED25519, PKCS_RSA_SHA256,
};

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_key_is_certified_without_a_finding() {
    let server = Settings::new().start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let account = client::account(&server).await;
    let keys = [
        KeyPair::generate(),
        KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
        KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512),
        KeyPair::generate_for(&PKCS_ED25519),
        KeyPair::generate_for(&PKCS_RSA_SHA256),
    ];
    for key in keys {
        // The linter takes no wildcard for a name.
        let names = ["127.0.0.1", "one.test", "two.test"];
        let mut order = client::order(&account, &names).await;
        client::answer_each(&mut order, |name| match name {
            "two.test" => Proof::Dns(&server.dns),
            _ => Proof::Http(&webroot),
        })
        .await;
        client::wait_until_ready(&mut order).await;
        let certificate = client::finalize_with(&mut order, &key.unwrap()).await;
        certificate.expect_good(&server.root_file(), &names).await;
        certificate.expect_no_findings().await;
    }
    shown("instant-acme", "RSA key");
    shown("instant-acme", "Ed25519 key");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_only_a_common_name_is_certified() {
    let server = Settings::new().start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let account = client::account(&server).await;
    let mut order = client::order(&account, &["one.test"]).await;
    client::answer(&mut order, Proof::Http(&webroot)).await;
    client::wait_until_ready(&mut order).await;

    let csr = acme_tests::openssl_csr("/CN=one.test").await;
    order.finalize_csr(&csr).await.unwrap();
    let pem = order.certificate().await.unwrap().expect("issued at once");

    let certificate = acme_tests::Certificate::from_pem(&pem);
    certificate
        .expect_good(&server.root_file(), &["one.test"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chain_leads_to_the_published_root() {
    let server = Settings::new().start().await;
    let (head, body) = server.get("/roots.pem").await.unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let file = std::fs::read_to_string(server.root_file()).unwrap();
    assert_eq!(body.trim(), file.trim());
}
