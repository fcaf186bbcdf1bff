//! What clients do that the RFC does not say, or says otherwise: taken where it does no harm, refused
//! with the cure where it does.

use acme_core::pem;
use acme_types::{decode_base64url, encode_base64url};
use serde_json::{Value, json};

use crate::client::{Client, Draft, csr, text};
use crate::server::{BASE, Server};

/// Sends a POST-as-GET with this Accept header; gives Content-Type, `up` link and body.
async fn read_as(client: &Client<'_>, url: &str, accept: &str) -> (String, bool, Vec<u8>) {
    let draft = client.draft(url, "").await;
    let reply = warp::test::request()
        .method("POST")
        .path(url.strip_prefix(BASE).unwrap())
        .header("content-type", "application/jose+json")
        .header("accept", accept)
        .body(draft.sign(&client.key).to_string())
        .reply(&client.server.api())
        .await;
    assert_eq!(reply.status(), 200, "{accept}");
    let media = reply.headers()["content-type"].to_str().unwrap().to_owned();
    let mut links = reply.headers().get_all("link").iter();
    let up = "<https://ca.test/intermediates.pem>;rel=\"up\"";
    let up = links.any(|link| link == up);
    (media, up, reply.body().to_vec())
}

#[tokio::test]
async fn a_certificate_comes_in_the_form_that_is_asked_for() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let tried = client.ready_order(&["a.test"]).await;
    let order = client.finalize(&tried, &csr(&["a.test"]).0).await;
    let url = text(&order.expect_status(200).json()["certificate"]);
    let usual = client.read(&url).await.expect_status(200);
    let chain = String::from_utf8(usual.body.to_vec()).unwrap();
    let chain = pem::certificates_from_pem(&chain).unwrap();

    for accept in [
        "",
        "*/*",
        "application/*",
        "text/html",
        "application/pem-certificate-chain, application/pkix-cert",
        "application/pkix-cert;q=0",
        "application/pkix-cert;q=x",
        "application/pkix-cert;q=0.2, */*;q=0.3",
    ] {
        let (media, up, body) = read_as(&client, &url, accept).await;
        // Without a charset, which some clients refuse.
        assert_eq!(media, "application/pem-certificate-chain", "{accept}");
        assert!(!up && body == usual.body, "{accept}");
    }
    for accept in [
        "application/pkix-cert",
        "Application/PKIX-Cert; q=1",
        "application/pkix-cert, application/pkcs7-mime",
        "application/pkix-cert, */*;q=0.8",
        "text/html, application/pkix-cert;q=0.5",
    ] {
        let (media, up, body) = read_as(&client, &url, accept).await;
        assert_eq!(media, "application/pkix-cert", "{accept}");
        assert!(up && body == chain[0], "{accept}");
    }
    let accept = "application/pkcs7-mime";
    let (media, up, body) = read_as(&client, &url, accept).await;
    assert_eq!(media, "application/pkcs7-mime; smime-type=certs-only");
    let certificates: Vec<_> = chain.iter().map(Vec::as_slice).collect();
    assert!(!up && body == acme_core::certs_only(&certificates));
}

/// Scripts read it with grep and sed.
#[tokio::test]
async fn each_member_of_the_directory_has_its_line() {
    let server = Server::start().await;
    let reply = server.get("/acme/default/directory").await;
    let body = String::from_utf8(reply.body.to_vec()).unwrap();
    for (member, resource) in [
        ("newNonce", "new-nonce"),
        ("newAccount", "new-account"),
        ("newOrder", "new-order"),
        ("revokeCert", "revoke-cert"),
        ("keyChange", "key-change"),
    ] {
        let line = format!("\"{member}\": \"{BASE}/acme/default/{resource}\",");
        assert!(body.lines().any(|it| it.trim() == line), "{line}\n{body}");
    }
}

#[tokio::test]
async fn who_is_led_astray_is_told_the_way() {
    let server = Server::start().await;
    let directory = "https://ca.test/acme/default/directory";
    for (path, cure) in [
        ("/acme/default/directory/", "leave out the slash"),
        ("/acme/default/new-nonce/", "leave out the slash"),
        ("/acme/default/nonce", directory),
        ("/acme/default/newNonce", directory),
        ("/acme/default", directory),
        ("/acme/default/order/short/", directory),
    ] {
        let reply = server.get(path).await.expect_problem(404, "malformed");
        let detail = text(&reply.json()["detail"]);
        assert!(detail.contains(cure), "{path}: {detail}");
    }
    let client = Client::new(&server).await;
    let change = |member: &'static str, value: String| {
        move |draft: &mut Draft| {
            draft.header.insert(member.to_owned(), Value::from(value));
        }
    };
    type Change = Box<dyn FnOnce(&mut Draft)>;
    let cases: [(Change, u16, &str, &str); 4] = [
        (
            Box::new(|draft| draft.content_type = Some("application/json")),
            415,
            "malformed",
            "\"application/json\"; its Content-Type must be application/jose+json",
        ),
        (
            Box::new(|draft| draft.content_type = None),
            415,
            "malformed",
            "must be application/jose+json",
        ),
        (
            Box::new(change(
                "url",
                "https://10.0.0.1/acme/default/new-order".to_owned(),
            )),
            403,
            "unauthorized",
            "they begin with https://ca.test",
        ),
        (
            Box::new(change("kid", "17".to_owned())),
            400,
            "malformed",
            "the Location of the answer to newAccount",
        ),
    ];
    for (change, status, kind, cure) in cases {
        let mut draft = client.draft(&client.url("new-order"), "{}").await;
        change(&mut draft);
        let reply = client.send(&draft).await.expect_problem(status, kind);
        let detail = text(&reply.json()["detail"]);
        assert!(detail.contains(cure), "{detail}");
    }
}

#[tokio::test]
async fn a_signature_that_lost_its_zeros_is_good() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let draft = client.draft(&client.kid, "").await;
    let short = loop {
        let mut jws = draft.sign(&client.key);
        let signature = decode_base64url(text(&jws["signature"]).as_bytes()).unwrap();
        let (r, s) = signature.split_at(32);
        if s[0] == 0 {
            jws["signature"] = json!(encode_base64url([r, &s[1..]].concat()));
            break jws;
        }
    };
    let reply = client.send_body(&draft, short.to_string()).await;
    reply.expect_status(200);
}

#[tokio::test]
async fn an_account_may_be_sent_back_as_it_is() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let contact = json!(["mailto:other@example.test"]);
    let whole = json!({ "status": "valid", "contact": contact, "orders": "x" });
    let reply = client.post(&client.kid, whole).await.expect_status(200);
    assert_eq!(reply.json()["contact"], contact);
    let alone = client.post(&client.kid, json!({ "status": "valid" })).await;
    let account = alone.expect_status(200).json();
    assert_eq!(account["contact"], contact);
    assert_eq!(account["status"], "valid");
}
