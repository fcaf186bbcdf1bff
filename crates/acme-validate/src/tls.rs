//! TLS as a client: the two set-ups of the probes, and what a failed handshake means.

use std::error::Error as _;
use std::io;
use std::sync::Arc;

use acme_core::{Finding, Phase};
use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, ClientConfig, PeerIncompatible, PeerMisbehaved};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::ValidationSetupError;
use crate::progress::{Failure, Progress};
use crate::tap::{Speech, Tap};

mod verifier;

use verifier::{AnyCertificate, HeldCertificate};

/// The protocol of tls-alpn-01 ([RFC 8737 § 6.2](https://www.rfc-editor.org/rfc/rfc8737#section-6.2)).
pub(crate) const ACME_TLS_1: &[u8] = b"acme-tls/1";

/// The TLS set-ups of the probes.
#[derive(Clone, Debug)]
pub(crate) struct TlsClients {
    /// For tls-alpn-01: offers `acme-tls/1` alone, and wants the server to hold the key of whatever
    /// certificate it shows.
    pub(crate) alpn: Arc<ClientConfig>,
    /// For a redirection to https: takes any certificate, since the one to be issued may be the
    /// first that the server will have.
    pub(crate) https: Arc<ClientConfig>,
}

impl TlsClients {
    pub(crate) fn new() -> Result<Self, ValidationSetupError> {
        Ok(Self {
            alpn: client(Arc::new(HeldCertificate), ACME_TLS_1)?,
            https: client(Arc::new(AnyCertificate), b"http/1.1")?,
        })
    }
}

fn client(
    verifier: Arc<dyn ServerCertVerifier>,
    protocol: &[u8],
) -> Result<Arc<ClientConfig>, ValidationSetupError> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| ValidationSetupError::Tls(e.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    // Each attempt must see the certificate anew.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Makes the handshake.
pub(crate) async fn handshake(
    config: &Arc<ClientConfig>,
    name: ServerName<'static>,
    stream: TcpStream,
    progress: &mut Progress,
) -> Result<TlsStream<Tap<TcpStream>>, Failure> {
    progress.enter(Phase::Tls, "the TLS handshake did not end");
    let (tap, beginning) = Tap::new(stream);
    let connecting = TlsConnector::from(Arc::clone(config)).connect(name, tap);
    connecting
        .await
        .map_err(|error| handshake_failure(&error, beginning.speech()))
}

/// What a failed handshake means. `spoken` is what the other side began with.
fn handshake_failure(error: &io::Error, spoken: Option<Speech>) -> Failure {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match (tls, error.kind()) {
        (Some(error), _) => refused_handshake(error, spoken),
        (None, io::ErrorKind::UnexpectedEof) => Failure::new(
            Finding::TlsFailed,
            "the server closed the connection during the TLS handshake",
        ),
        (None, io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => Failure::new(
            Finding::TlsFailed,
            "the server reset the connection during the TLS handshake",
        ),
        (None, _) => Failure::new(
            Finding::TlsFailed,
            format!("the connection broke during the TLS handshake: {error}"),
        ),
    }
}

fn refused_handshake(error: &rustls::Error, spoken: Option<Speech>) -> Failure {
    use rustls::Error;

    let no_alpn = |text| Failure::new(Finding::TlsNoAlpn, text);
    let failed = |text: String| Failure::new(Finding::TlsFailed, text);
    match error {
        Error::AlertReceived(AlertDescription::NoApplicationProtocol) => no_alpn(
            "the server refused the protocol acme-tls/1 (TLS alert 120, no_application_protocol)",
        ),
        Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedApplicationProtocol) => {
            no_alpn("the server chose another protocol than acme-tls/1")
        }
        Error::AlertReceived(alert) => failed(format!(
            "the server refused the TLS handshake with {}",
            alert_in_words(*alert)
        )),
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => failed("the server speaks no version of TLS newer than 1.1".to_owned()),
        Error::InvalidMessage(_) => match spoken {
            Some(spoken) if spoken != Speech::Tls => {
                failed(format!("the server does not speak TLS, it said {spoken}"))
            }
            _ => failed(format!("the server's TLS handshake is broken: {error}")),
        },
        _ => {
            let cause = error.source().map(ToString::to_string);
            failed(format!(
                "the TLS handshake failed: {}",
                cause.unwrap_or_else(|| error.to_string())
            ))
        }
    }
}

fn alert_in_words(alert: AlertDescription) -> String {
    let number = u8::from(alert);
    match alert {
        AlertDescription::UnrecognisedName => {
            format!("alert {number} (unrecognized_name): it knows no such name")
        }
        AlertDescription::HandshakeFailure => {
            format!("alert {number} (handshake_failure): no cipher suite or certificate fits")
        }
        AlertDescription::ProtocolVersion => {
            format!("alert {number} (protocol_version): it speaks neither TLS 1.2 nor 1.3")
        }
        AlertDescription::InternalError => {
            format!("alert {number} (internal_error): often it has no certificate for the name")
        }
        other => format!("alert {number} ({other:?})"),
    }
}
