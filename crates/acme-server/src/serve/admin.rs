//! The operators' listener: whether it may be opened, and the link that a host is given.

use std::net::SocketAddr;
use std::time::Duration;

use acme_core::{
    AdminStore, CreateOperatorVerdict, Entropy, EntropyRng, Operator, OperatorName, Proof,
    ProofKind, ProofSecret, Role,
};
use acme_types::Timestamp;

use super::ServeError;
use super::stage::base_host;
use crate::config::Config;

/// How long the link of a host is good.
const HOST_LINK_LIFE: Duration = Duration::from_secs(3600);

/// Off loopback the listener is opened for someone: there must be an operator who may act.
pub(super) async fn check_operators(
    store: &dyn AdminStore,
    address: SocketAddr,
    now: Timestamp,
) -> Result<(), ServeError> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    let operators = store.list_operators().await?;
    if operators.iter().any(|operator| operator.may_act(now)) {
        return Ok(());
    }
    Err(ServeError::Config(format!(
        "listen.admin is {address}, which others can reach, and there is no operator: make one \
         with `acme-server admin create NAME --role admin`, or set listen.admin to an address of \
         loopback or to \"\" for none"
    )))
}

/// Makes the host an admin unless they are an operator who may act, and a one-time link for them.
pub(super) async fn invite(
    store: &dyn AdminStore,
    host: &OperatorName,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<ProofSecret, ServeError> {
    let link = ProofSecret::random(&mut EntropyRng(entropy));
    let proof = Proof {
        digest: link.digest(),
        kind: ProofKind::Link,
        operator: host.clone(),
        created_at: now,
        expires_at: now.plus(HOST_LINK_LIFE),
    };
    let operator = Operator {
        name: host.clone(),
        role: Role::Admin,
        created_at: now,
        expires_at: None,
        revoked_at: None,
    };
    let made = store.create_operator(operator, vec![proof.clone()]).await?;
    if made == CreateOperatorVerdict::Exists {
        store.add_proof(proof).await?;
    }
    Ok(link)
}

/// Where a browser reaches the listener: by its address on loopback, else by the server's name,
/// for which its certificate is good.
pub(crate) fn base_url(config: &Config, address: SocketAddr) -> String {
    if address.ip().is_loopback() {
        return format!("https://{address}");
    }
    let host = base_host(&config.base_url);
    let port = address.port();
    if host.contains(':') {
        format!("https://[{host}]:{port}")
    } else {
        format!("https://{host}:{port}")
    }
}
