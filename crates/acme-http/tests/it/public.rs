//! What anyone may read beside ACME.

use acme_core::pem::{certificates_from_pem, certificates_to_pem};
use acme_core::{IssuerId, SignAuthority as _};
use serde_json::json;

use crate::server::Server;

#[tokio::test]
async fn roots_and_intermediates() {
    let server = Server::start().await;
    let roots = server.get("/roots.pem").await.expect_status(200);
    let text = String::from_utf8(roots.body.to_vec()).unwrap();
    assert_eq!(
        certificates_from_pem(&text).unwrap(),
        server.authority.roots()
    );

    let intermediates = server.get("/intermediates.pem").await.expect_status(200);
    let text = String::from_utf8(intermediates.body.to_vec()).unwrap();
    let issuers = server.authority.issuers();
    assert_eq!(certificates_from_pem(&text).unwrap(), issuers[0].chain);

    let root = &server.authority.roots()[0];
    let fingerprint: String = IssuerId::of_certificate(root)
        .0
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    let found = server.get(&format!("/root/{fingerprint}")).await;
    let pem = certificates_to_pem(&[root]);
    assert_eq!(found.expect_status(200).json(), json!({ "ca": pem }));
    let unknown = server.get(&format!("/root/{}", "0".repeat(64))).await;
    unknown.expect_problem(404, "malformed");
}

#[tokio::test]
async fn health_and_version() {
    let server = Server::start().await;
    let health = server.get("/health").await.expect_status(200);
    assert_eq!(health.json(), json!({ "status": "ok" }));
    let version = server.get("/version").await.expect_status(200);
    assert_eq!(
        version.json(),
        json!({ "version": env!("CARGO_PKG_VERSION") })
    );
}
