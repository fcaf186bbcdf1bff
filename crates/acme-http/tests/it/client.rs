//! A client that can also break every rule: requests are drafts that a test may change before they
//! are signed and after.

use acme_types::encode_base64url;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Map, Value, json};

use crate::server::{BASE, Reply, Server};

/// A P-256 key.
pub(crate) struct Key(EcdsaKeyPair);

impl Key {
    pub(crate) fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(crate) fn from_pkcs8(der: &[u8]) -> Self {
        Self(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).unwrap())
    }

    /// The same key for another client.
    pub(crate) fn again(&self) -> Self {
        Self::from_pkcs8(self.0.to_pkcs8v1().unwrap().as_ref())
    }

    pub(crate) fn jwk(&self) -> Value {
        let point = self.0.public_key().as_ref();
        json!({
            "kty": "EC",
            "crv": "P-256",
            "x": encode_base64url(&point[1..33]),
            "y": encode_base64url(&point[33..]),
        })
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature = self.0.sign(&SystemRandom::new(), message).unwrap();
        signature.as_ref().to_vec()
    }
}

/// A request before it is signed.
pub(crate) struct Draft {
    pub(crate) path: String,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) header: Map<String, Value>,
    pub(crate) payload: Vec<u8>,
}

impl Draft {
    /// The flattened JWS.
    pub(crate) fn sign(&self, key: &Key) -> Value {
        sign(&Value::Object(self.header.clone()), &self.payload, key)
    }
}

pub(crate) fn sign(header: &Value, payload: &[u8], key: &Key) -> Value {
    let protected = encode_base64url(header.to_string());
    let payload = encode_base64url(payload);
    let signature = key.sign(format!("{protected}.{payload}").as_bytes());
    json!({
        "protected": protected,
        "payload": payload,
        "signature": encode_base64url(signature),
    })
}

/// A client of one directory, with an account.
pub(crate) struct Client<'s> {
    pub(crate) server: &'s Server,
    pub(crate) provisioner: &'static str,
    pub(crate) key: Key,
    /// URL of the account.
    pub(crate) kid: String,
}

impl<'s> Client<'s> {
    /// A client with a new account at `default`.
    pub(crate) async fn new(server: &'s Server) -> Self {
        Self::at(server, "default").await
    }

    pub(crate) async fn at(server: &'s Server, provisioner: &'static str) -> Self {
        let mut client = Self::without_account(server, provisioner);
        let reply = client.new_account(json!({})).await.expect_status(201);
        client.kid = reply.location().to_owned();
        client
    }

    pub(crate) fn without_account(server: &'s Server, provisioner: &'static str) -> Self {
        Self {
            server,
            provisioner,
            key: Key::new(),
            kid: String::new(),
        }
    }

    /// The same client at another server over the same store.
    pub(crate) fn at_server<'o>(&self, server: &'o Server) -> Client<'o> {
        Client {
            server,
            provisioner: self.provisioner,
            key: self.key.again(),
            kid: self.kid.clone(),
        }
    }

    /// The URL of a resource of the directory.
    pub(crate) fn url(&self, resource: &str) -> String {
        format!("{BASE}/acme/{}/{resource}", self.provisioner)
    }

    pub(crate) async fn new_account(&self, payload: Value) -> Reply {
        let draft = self.draft_with_jwk(&self.url("new-account"), payload).await;
        self.send(&draft).await
    }

    /// A good request signed by the account.
    pub(crate) async fn draft(&self, url: &str, payload: impl ToString) -> Draft {
        self.draft_by("kid", json!(self.kid), url, payload).await
    }

    /// A good request that shows the key.
    pub(crate) async fn draft_with_jwk(&self, url: &str, payload: impl ToString) -> Draft {
        self.draft_by("jwk", self.key.jwk(), url, payload).await
    }

    async fn draft_by(&self, who: &str, value: Value, url: &str, payload: impl ToString) -> Draft {
        let mut header = Map::new();
        header.insert("alg".to_owned(), json!("ES256"));
        header.insert("nonce".to_owned(), json!(self.server.nonce().await));
        header.insert("url".to_owned(), json!(url));
        header.insert(who.to_owned(), value);
        Draft {
            path: url.to_owned(),
            content_type: Some("application/jose+json"),
            header,
            payload: payload.to_string().into_bytes(),
        }
    }

    /// Signs and sends.
    pub(crate) async fn send(&self, draft: &Draft) -> Reply {
        let body = draft.sign(&self.key).to_string();
        self.send_body(draft, body).await
    }

    pub(crate) async fn send_body(&self, draft: &Draft, body: impl AsRef<[u8]>) -> Reply {
        self.server
            .send("POST", &draft.path, draft.content_type, body)
            .await
    }

    pub(crate) async fn post(&self, url: &str, payload: Value) -> Reply {
        let draft = self.draft(url, payload).await;
        self.send(&draft).await
    }

    /// POST-as-GET.
    pub(crate) async fn read(&self, url: &str) -> Reply {
        let draft = self.draft(url, "").await;
        self.send(&draft).await
    }

    pub(crate) async fn new_order(&self, names: &[&str]) -> Reply {
        let identifiers: Vec<_> = names.iter().map(|name| identifier(name)).collect();
        let payload = json!({ "identifiers": identifiers });
        self.post(&self.url("new-order"), payload).await
    }

    /// An order, and the URL of its first authorization's challenge of this type.
    pub(crate) async fn order_with_challenge(&self, name: &str, kind: &str) -> Tried {
        let order = self.new_order(&[name]).await.expect_status(201);
        let authorization = text(&order.json()["authorizations"][0]);
        let challenges = self.read(&authorization).await.json();
        let challenge = challenges["challenges"]
            .as_array()
            .unwrap()
            .iter()
            .find(|challenge| challenge["type"] == kind)
            .expect("such a challenge");
        Tried {
            order: order.location().to_owned(),
            authorization,
            challenge: text(&challenge["url"]),
            finalize: text(&order.json()["finalize"]),
        }
    }

    /// An order that is ready.
    pub(crate) async fn ready_order(&self, names: &[&str]) -> Tried {
        let order = self.new_order(names).await.expect_status(201);
        let mut tried = Tried {
            order: order.location().to_owned(),
            finalize: text(&order.json()["finalize"]),
            authorization: String::new(),
            challenge: String::new(),
        };
        for authorization in order.json()["authorizations"].as_array().unwrap() {
            tried.authorization = text(authorization);
            let body = self.read(&tried.authorization).await.json();
            tried.challenge = text(&body["challenges"][0]["url"]);
            let reply = self.post(&tried.challenge, json!({})).await;
            assert_eq!(reply.json()["status"], "valid", "{reply:?}");
        }
        assert_eq!(self.read(&tried.order).await.json()["status"], "ready");
        tried
    }

    pub(crate) async fn finalize(&self, tried: &Tried, csr: &str) -> Reply {
        self.post(&tried.finalize, json!({ "csr": csr })).await
    }

    /// Orders of the account, as its list has them.
    pub(crate) async fn orders(&self) -> Vec<String> {
        let list = format!("{}/orders", self.kid);
        let body = self.read(&list).await.json();
        body["orders"]
            .as_array()
            .unwrap()
            .iter()
            .map(text)
            .collect()
    }
}

/// URLs of an order and of one challenge of it.
pub(crate) struct Tried {
    pub(crate) order: String,
    pub(crate) authorization: String,
    pub(crate) challenge: String,
    pub(crate) finalize: String,
}

#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

pub(crate) fn identifier(name: &str) -> Value {
    let kind = match name.parse::<std::net::IpAddr>() {
        Ok(_) => "ip",
        Err(_) => "dns",
    };
    json!({ "type": kind, "value": name })
}

/// A CSR for these names with a new key: DER in base64url, and the key.
pub(crate) fn csr(names: &[&str]) -> (String, Key) {
    let key = rcgen::KeyPair::generate().unwrap();
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let request = params.serialize_request(&key).unwrap();
    let der: &[u8] = request.der();
    (encode_base64url(der), Key::from_pkcs8(&key.serialize_der()))
}
