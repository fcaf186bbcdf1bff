//! What every test needs: settings for the loopback interface, probes, and one way to check what
//! was observed.

use std::net::SocketAddr;
use std::time::Duration;

use acme_core::{CaaMode, Finding, Observation, Phase, Probe, Validator as _};
use acme_types::{
    ChallengeKind, Identifier, KeyAuthorization, RawIdentifier, Thumbprint, Timestamp, Token,
};
use acme_validate::{NetworkValidator, ValidationConfig};
use tokio::net::{TcpSocket, TcpStream};

/// The URLs of the account that proves.
pub(crate) const ACCOUNT: &str = "https://ca.internal/acme/default/account/1";
pub(crate) const EARLIER_ACCOUNT: &str = "https://old.internal/acme/default/account/1";

/// Long enough for a machine that is busy.
const PATIENT: Duration = Duration::from_secs(8);

/// Settings under which loopback is like any other network.
pub(crate) fn loopback() -> ValidationConfig {
    ValidationConfig {
        timeout: PATIENT,
        deny_networks: Vec::new(),
        resolvers: vec![nobody()],
        ..ValidationConfig::default()
    }
}

/// An address where nothing listens (a privileged port that no test binds).
pub(crate) fn nobody() -> SocketAddr {
    "127.0.0.1:9".parse().unwrap()
}

pub(crate) fn token() -> Token {
    "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
        .parse()
        .unwrap()
}

pub(crate) fn key_authorization() -> KeyAuthorization {
    KeyAuthorization::new(&token(), &Thumbprint([7; 32]))
}

/// What the owner of another account key would show for the same token.
pub(crate) fn foreign_key_authorization() -> KeyAuthorization {
    KeyAuthorization::new(&token(), &Thumbprint([8; 32]))
}

pub(crate) fn identifier(value: &str) -> Identifier {
    let kind = match value.parse::<std::net::IpAddr>() {
        Ok(_) => "ip",
        Err(_) => "dns",
    };
    RawIdentifier {
        kind: kind.to_owned(),
        value: value.to_owned(),
    }
    .try_into()
    .unwrap()
}

pub(crate) fn a_probe(kind: ChallengeKind, value: &str) -> Probe {
    Probe {
        provisioner: "default".parse().unwrap(),
        kind,
        identifier: identifier(value).base(),
        wildcard: identifier(value).is_wildcard(),
        token: token(),
        key_authorization: key_authorization(),
        account_urls: vec![ACCOUNT.to_owned(), EARLIER_ACCOUNT.to_owned()],
        issuer_names: vec!["ca.internal".to_owned()],
        caa: CaaMode::Off,
        now: Timestamp::from_secs(1_800_000_000),
    }
}

/// One probe with these settings.
pub(crate) async fn observe(
    config: &ValidationConfig,
    kind: ChallengeKind,
    value: &str,
) -> Observation {
    observe_probe(config, &a_probe(kind, value)).await
}

/// The same for any probe.
pub(crate) async fn observe_probe(config: &ValidationConfig, probe: &Probe) -> Observation {
    let validator = NetworkValidator::new(config).unwrap();
    let observation = validator.probe(probe).await;
    let length = observation.detail.chars().count();
    assert!(length <= Observation::MAX_DETAIL, "{length} characters");
    assert!(!observation.detail.is_empty());
    assert!(!observation.detail.chars().any(char::is_control));
    observation
}

/// Checks finding, phase and that every text stands in the detail.
#[track_caller]
pub(crate) fn check(
    situation: &str,
    observed: &Observation,
    finding: Finding,
    phase: Phase,
    texts: &[&str],
) {
    assert_eq!(
        (observed.finding, observed.phase),
        (finding, phase),
        "{situation}: {observed:?}"
    );
    for text in texts {
        assert!(
            observed.detail.contains(text),
            "{situation}: {text:?} is not in {:?}",
            observed.detail
        );
    }
}

/// An address that neither accepts nor refuses: its queue of connections is full.
pub(crate) struct BlackHole {
    pub(crate) address: SocketAddr,
    _listener: tokio::net::TcpListener,
    _queued: Vec<TcpStream>,
}

impl BlackHole {
    pub(crate) async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap()).await
    }

    pub(crate) async fn start_at(address: SocketAddr) -> Self {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }
        .unwrap();
        socket.bind(address).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        let patience = Duration::from_millis(300);
        while let Ok(stream) = tokio::time::timeout(patience, TcpStream::connect(address)).await {
            queued.push(stream.unwrap());
            assert!(queued.len() < 100, "the queue does not fill");
        }
        Self {
            address,
            _listener: listener,
            _queued: queued,
        }
    }
}
