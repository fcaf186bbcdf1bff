//! The probe of tls-alpn-01 ([RFC 8737], for addresses [RFC 8738]): a certificate that is shown to
//! whoever offers the protocol `acme-tls/1`.
//!
//! [RFC 8737]: https://www.rfc-editor.org/rfc/rfc8737
//! [RFC 8738]: https://www.rfc-editor.org/rfc/rfc8738

use acme_core::{Finding, Phase, Probe, key_authorization_digest};
use rustls::pki_types::CertificateDer;

use crate::dial::dial;
use crate::host::Host;
use crate::progress::{Failure, Outcome, Progress};
use crate::tls::{ACME_TLS_1, handshake};
use crate::validator::Settings;

mod certificate;

/// Makes the handshake and looks at the certificate.
pub(crate) async fn probe(settings: &Settings, progress: &mut Progress, probe: &Probe) -> Outcome {
    let host = Host::try_from(&probe.identifier)?;
    let name = host.alpn_server_name().ok_or_else(|| {
        Failure::new(
            Finding::Internal,
            format!("{host} cannot be named in a TLS handshake"),
        )
    })?;
    let port = settings.tlsalpn01_port;
    let stream = dial(&settings.resolver, &settings.reach, progress, &host, port).await?;
    let stream = handshake(&settings.tls.alpn, name, stream, progress).await?;

    let (_, session) = stream.get_ref();
    if session.alpn_protocol() != Some(ACME_TLS_1) {
        return Err(Failure::new(
            Finding::TlsNoAlpn,
            "the TLS handshake succeeded, but the server did not agree to the protocol acme-tls/1",
        ));
    }
    progress.enter(Phase::Compare, "the certificate was not compared");
    let leaf = session
        .peer_certificates()
        .and_then(<[CertificateDer<'_>]>::first)
        .ok_or_else(|| Failure::new(Finding::TlsWrongCertificate, "no certificate was shown"))?;
    let digest = key_authorization_digest(&probe.key_authorization);
    certificate::check(leaf, &probe.identifier.base(), &digest)
}
