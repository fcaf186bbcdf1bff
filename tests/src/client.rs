//! The instant-acme client, with what each challenge needs.

use std::net::IpAddr;
use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeHandle, ChallengeType, Error, Identifier, NewAccount,
    NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};

use crate::{AlpnTarget, Certificate, Dns, Server, Webroot};

/// How a scenario proves that it holds a name.
#[derive(Clone, Copy, Debug)]
pub enum Proof<'a> {
    /// By http-01, with a file in the webroot.
    Http(&'a Webroot),
    /// By dns-01, with a TXT record.
    Dns(&'a Dns),
    /// By tls-alpn-01, with a target on this port.
    TlsAlpn(u16),
}

impl Proof<'_> {
    fn kind(self) -> ChallengeType {
        match self {
            Self::Http(_) => ChallengeType::Http01,
            Self::Dns(_) => ChallengeType::Dns01,
            Self::TlsAlpn(_) => ChallengeType::TlsAlpn01,
        }
    }

    async fn publish(self, challenge: &ChallengeHandle<'_>) -> Option<AlpnTarget> {
        let key_authorization = challenge.key_authorization();
        let name = name(challenge.identifier().identifier);
        match self {
            Self::Http(webroot) => webroot.put(&challenge.token, key_authorization.as_str()),
            Self::Dns(dns) => {
                let record = format!("_acme-challenge.{name}");
                dns.add_txt(&record, &key_authorization.dns_value());
            }
            Self::TlsAlpn(port) => {
                let digest = key_authorization.digest();
                return Some(AlpnTarget::start(port, &name, digest.as_ref()).await);
            }
        }
        None
    }
}

/// A new account at the server.
pub async fn account(server: &Server) -> Account {
    let builder = Account::builder_with_root(server.root_file()).unwrap();
    let new = NewAccount {
        contact: &["mailto:operator@example.test"],
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let created = builder.create(&new, server.directory_url(), None).await;
    created.expect("a new account").0
}

/// A new order for names and addresses.
pub async fn order(account: &Account, names: &[&str]) -> Order {
    let identifiers: Vec<_> = names
        .iter()
        .map(|name| match name.parse::<IpAddr>() {
            Ok(address) => Identifier::Ip(address),
            Err(_) => Identifier::Dns((*name).to_owned()),
        })
        .collect();
    let order = account.new_order(&NewOrder::new(&identifiers)).await;
    order.expect("a new order")
}

/// Publishes the proof of every authorization and tells the server so. What is returned must live
/// until the order is ready.
pub async fn answer(order: &mut Order, proof: Proof<'_>) -> Vec<AlpnTarget> {
    answer_each(order, |_| proof).await
}

/// The same, each name proved in its own way.
pub async fn answer_each<'a>(
    order: &mut Order,
    proof: impl Fn(&str) -> Proof<'a>,
) -> Vec<AlpnTarget> {
    let targets = try_answer(order, proof).await;
    targets.expect("every challenge is taken")
}

/// The same, where the server may go away meanwhile.
///
/// # Errors
/// What the client says.
pub async fn try_answer<'a>(
    order: &mut Order,
    proof: impl Fn(&str) -> Proof<'a>,
) -> Result<Vec<AlpnTarget>, Error> {
    let mut targets = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        assert_eq!(authorization.status, AuthorizationStatus::Pending);
        let proof = proof(&name(authorization.identifier().identifier));
        let mut challenge = authorization
            .challenge(proof.kind())
            .expect("a challenge of the kind");
        targets.extend(proof.publish(&challenge).await);
        challenge.set_ready().await?;
    }
    Ok(targets)
}

/// Waits until the order is ready, longer than the client would by itself.
pub async fn wait_until_ready(order: &mut Order) {
    let status = try_wait_until_ready(order).await;
    assert_eq!(status.expect("a ready order"), OrderStatus::Ready);
}

/// Waits until the order is ready or has failed.
///
/// # Errors
/// What the client says.
pub async fn try_wait_until_ready(order: &mut Order) -> Result<OrderStatus, Error> {
    order.poll_ready(&PATIENCE).await
}

/// Finalizes a ready order with a fresh key and fetches the certificate.
pub async fn finalize(order: &mut Order) -> Certificate {
    let key = KeyPair::generate().unwrap();
    finalize_with(order, &key).await
}

/// Finalizes a ready order with this key and fetches the certificate.
pub async fn finalize_with(order: &mut Order, key: &KeyPair) -> Certificate {
    let certificate = try_finalize(order, key).await;
    certificate.expect("a certificate")
}

async fn try_finalize(order: &mut Order, key: &KeyPair) -> Result<Certificate, Error> {
    let mut names = Vec::new();
    let mut identifiers = order.identifiers();
    while let Some(identifier) = identifiers.next().await {
        names.push(identifier?.to_string());
    }
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name = DistinguishedName::new();
    let csr = params.serialize_request(key).unwrap();
    order.finalize_csr(csr.der()).await?;
    let pem = order.poll_certificate(&PATIENCE).await?;
    Ok(Certificate::from_pem(&pem))
}

/// Proof and certificate, where the server may go away meanwhile.
///
/// # Errors
/// What the client says.
pub async fn try_issue(order: &mut Order, proof: Proof<'_>) -> Result<Certificate, Error> {
    let _targets = try_answer(order, |_| proof).await?;
    try_wait_until_ready(order).await?;
    try_finalize(order, &KeyPair::generate().unwrap()).await
}

/// Order, proof, certificate.
pub async fn issue(account: &Account, names: &[&str], proof: Proof<'_>) -> Certificate {
    let mut order = order(account, names).await;
    let targets = answer(&mut order, proof).await;
    wait_until_ready(&mut order).await;
    drop(targets);
    finalize(&mut order).await
}

fn name(identifier: &Identifier) -> String {
    match identifier {
        Identifier::Dns(name) => name.clone(),
        Identifier::Ip(address) => address.to_string(),
        other => panic!("no proof for {other:?}"),
    }
}

/// Longer than the client's own, which is made for a certificate authority that is quick.
pub const PATIENCE: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(100))
    .backoff(1.1)
    .timeout(Duration::from_secs(150));
