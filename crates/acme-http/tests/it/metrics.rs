//! What the API counts.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::json;

use crate::client::{Client, csr};
use crate::server::Server;

/// The value of a figure with these labels; none when it was never counted.
fn value(handle: &PrometheusHandle, series: &str) -> Option<f64> {
    let page = handle.render();
    let line = page.lines().find_map(|line| line.strip_prefix(series));
    line.map(|value| value.trim().parse().unwrap())
}

#[tokio::test]
async fn requests_orders_certificates_and_problems_are_counted() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let figures = recorder.handle();
    let _guard = ::metrics::set_default_local_recorder(&recorder);
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let tried = client.order_with_challenge("a.test", "http-01").await;
    client
        .post(&tried.challenge, json!({}))
        .await
        .expect_status(200);
    let (csr, _) = csr(&["a.test"]);
    client.finalize(&tried, &csr).await.expect_status(200);
    client
        .finalize(&tried, &csr)
        .await
        .expect_problem(403, "orderNotReady");
    client
        .new_order(&["a..test"])
        .await
        .expect_problem(400, "malformed");
    server.get("/acme/default/challenge/x").await;
    server.get("/../secret").await;

    let orders = |outcome: &str| {
        let labels = format!("{{provisioner=\"default\",outcome=\"{outcome}\"}}");
        value(&figures, &format!("acme_orders_total{labels}"))
    };
    let certificates = |outcome: &str| {
        let labels = format!("{{provisioner=\"default\",outcome=\"{outcome}\"}}");
        value(&figures, &format!("acme_certificates_total{labels}"))
    };
    assert_eq!(
        (orders("opened"), orders("refused")),
        (Some(1.0), Some(1.0))
    );
    assert_eq!(certificates("issued"), Some(1.0));
    assert_eq!(
        certificates("refused"),
        Some(0.0),
        "it was not asked in its turn"
    );
    let requests = |route: &str, status: u16| {
        let labels = format!("{{route=\"{route}\",status=\"{status}\"}}");
        value(&figures, &format!("acme_http_requests_total{labels}"))
    };
    assert_eq!(requests("new-order", 201), Some(1.0));
    assert_eq!(requests("finalize", 200), Some(1.0));
    assert_eq!(requests("finalize", 403), Some(1.0));
    // What was made up is one route, whatever it was.
    assert_eq!(requests("none", 404), Some(2.0));
    let timed = "acme_http_request_duration_seconds_count{route=\"finalize\"}";
    assert_eq!(value(&figures, timed), Some(2.0));
    assert_eq!(
        value(&figures, "acme_sign_duration_seconds_count"),
        Some(1.0)
    );
    let problem = "acme_http_problems_total{type=\"orderNotReady\"}";
    assert_eq!(value(&figures, problem), Some(1.0));
}

#[tokio::test]
async fn every_route_is_counted_by_its_name() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let figures = recorder.handle();
    let _guard = ::metrics::set_default_local_recorder(&recorder);
    let server = Server::start().await;
    let id = "0123456789abcdefghijABCDEFGHIJ01";
    let digest = "00".repeat(32);
    let acme = [
        "directory".to_owned(),
        "new-nonce".to_owned(),
        "new-account".to_owned(),
        format!("account/{id}"),
        format!("account/{id}/orders"),
        "key-change".to_owned(),
        "new-order".to_owned(),
        "new-authz".to_owned(),
        format!("order/{id}"),
        format!("order/{id}/finalize"),
        format!("authz/{id}"),
        format!("challenge/{id}"),
        format!("certificate/{id}"),
        "revoke-cert".to_owned(),
        "renewal-info".to_owned(),
    ];
    let acme = acme.map(|path| format!("/acme/default/{path}"));
    let public = [
        "/roots.pem".to_owned(),
        "/intermediates.pem".to_owned(),
        format!("/root/{digest}"),
        format!("/crl/{digest}.crl"),
        "/ocsp".to_owned(),
        "/health".to_owned(),
        "/version".to_owned(),
        "/nowhere".to_owned(),
    ];
    let paths = acme.iter().chain(&public);
    for path in paths.clone() {
        server.get(path).await;
    }
    let page = figures.render();
    let series = page
        .lines()
        .filter(|line| line.starts_with("acme_http_requests_total{"));
    assert_eq!(series.count(), paths.count(), "{page}");
}

#[tokio::test]
async fn refused_nonces_are_counted_by_reason() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let figures = recorder.handle();
    let _guard = ::metrics::set_default_local_recorder(&recorder);
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let nonce = server.nonce().await;
    let url = client.url("new-order");
    let order = json!({ "identifiers": [{ "type": "dns", "value": "a.test" }] });
    for (nonce, status) in [(nonce.as_str(), 201), (nonce.as_str(), 400), ("AAAA", 400)] {
        let mut draft = client.draft(&url, &order).await;
        draft.header.insert("nonce".to_owned(), json!(nonce));
        let reply = client.send(&draft).await;
        assert_eq!(reply.status, status);
    }
    let refused = |reason: &str| {
        let labels = format!("{{reason=\"{reason}\"}}");
        value(&figures, &format!("acme_http_nonces_refused_total{labels}"))
    };
    assert_eq!(refused("spent"), Some(1.0));
    assert_eq!(refused("unknown"), Some(1.0));
    assert_eq!(refused("expired"), Some(0.0));
}
