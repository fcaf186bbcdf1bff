//! The operators' listener: whether it may be opened, and the link that a host is given.

use std::net::SocketAddr;
use std::time::Duration;

use acme_admin::Process;
use acme_core::{
    AdminStore, AuditAct, AuditEvent, CreateOperatorVerdict, Entropy, EntropyRng, Operator,
    OperatorName, Origin, Proof, ProofKind, ProofSecret, Role, hexadecimal,
};
use acme_types::Timestamp;
use tokio::sync::watch;

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
    let made = store
        .create_operator(operator, vec![proof.clone()], &Origin::of_command(now))
        .await?;
    if made == CreateOperatorVerdict::Exists {
        store.add_proof(proof, &Origin::of_command(now)).await?;
    }
    Ok(link)
}

/// What the trail tells of a start: the program, and the digest of its configuration.
pub(super) fn started(config: &Config) -> AuditEvent {
    let text = toml::to_string(config.effective()).unwrap_or_default();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    AuditEvent::done(AuditAct::Start, "version", env!("CARGO_PKG_VERSION"))
        .with("configuration-sha256", hexadecimal(digest.as_ref()))
}

/// The process that operators look into and drain.
pub(super) struct OwnProcess {
    configuration: serde_json::Value,
    drain: watch::Sender<bool>,
}

impl OwnProcess {
    /// The process of this configuration, and what turns true when it is told to drain.
    pub(super) fn new(config: &Config) -> (Self, watch::Receiver<bool>) {
        let drain = watch::Sender::new(false);
        let told = drain.subscribe();
        // What cannot be JSON is no part of a TOML table.
        let configuration = serde_json::to_value(config.effective()).unwrap_or_default();
        let process = Self {
            configuration,
            drain,
        };
        (process, told)
    }
}

impl Process for OwnProcess {
    fn configuration(&self) -> serde_json::Value {
        self.configuration.clone()
    }

    fn drain(&self) {
        self.drain.send_replace(true);
    }
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
