//! Whom the probes believe in a TLS handshake: anyone, or anyone who holds the key of the
//! certificate shown. Who it is, the probe itself looks at afterwards.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1,
    ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA384_ASN1, ECDSA_P521_SHA512_ASN1, ED25519,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    UnparsedPublicKey, VerificationAlgorithm,
};
use der::{Decode as _, Encode as _};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use x509_cert::Certificate;

/// Takes whatever is shown.
#[derive(Debug)]
pub(super) struct AnyCertificate;

/// Takes whatever certificate is shown by a server that holds its key: without that, anyone could
/// show a validation certificate that another server once showed.
///
/// The library's own check of this signature would first read the certificate by the rules of the
/// web, and refuse it for its critical acmeIdentifier extension.
#[derive(Debug)]
pub(super) struct HeldCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.to_vec()
    }
}

impl ServerCertVerifier for HeldCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.to_vec()
    }
}

fn verify(
    message: &[u8],
    cert: &CertificateDer<'_>,
    dss: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let unreadable = |_: der::Error| Error::from(CertificateError::BadEncoding);
    let certificate = Certificate::from_der(cert).map_err(unreadable)?;
    let key = certificate
        .tbs_certificate()
        .subject_public_key_info()
        .to_der()
        .map_err(unreadable)?;
    let held = algorithms(dss.scheme).iter().any(|algorithm| {
        UnparsedPublicKey::new(*algorithm, &key)
            .verify(message, dss.signature())
            .is_ok()
    });
    if held {
        Ok(HandshakeSignatureValid::assertion())
    } else {
        Err(CertificateError::BadSignature.into())
    }
}

/// The ways to read a scheme. In TLS 1.2 one of ECDSA names the hash alone, so any curve may come.
fn algorithms(scheme: SignatureScheme) -> &'static [&'static dyn VerificationAlgorithm] {
    match scheme {
        SignatureScheme::ECDSA_NISTP256_SHA256 => &[
            &ECDSA_P256_SHA256_ASN1,
            &ECDSA_P384_SHA256_ASN1,
            &ECDSA_P521_SHA256_ASN1,
        ],
        SignatureScheme::ECDSA_NISTP384_SHA384 => &[
            &ECDSA_P384_SHA384_ASN1,
            &ECDSA_P256_SHA384_ASN1,
            &ECDSA_P521_SHA384_ASN1,
        ],
        SignatureScheme::ECDSA_NISTP521_SHA512 => &[&ECDSA_P521_SHA512_ASN1],
        SignatureScheme::ED25519 => &[&ED25519],
        SignatureScheme::RSA_PSS_SHA256 => &[&RSA_PSS_2048_8192_SHA256],
        SignatureScheme::RSA_PSS_SHA384 => &[&RSA_PSS_2048_8192_SHA384],
        SignatureScheme::RSA_PSS_SHA512 => &[&RSA_PSS_2048_8192_SHA512],
        SignatureScheme::RSA_PKCS1_SHA256 => &[&RSA_PKCS1_2048_8192_SHA256],
        SignatureScheme::RSA_PKCS1_SHA384 => &[&RSA_PKCS1_2048_8192_SHA384],
        SignatureScheme::RSA_PKCS1_SHA512 => &[&RSA_PKCS1_2048_8192_SHA512],
        _ => &[],
    }
}

/// The schemes that are offered.
const SCHEMES: &[SignatureScheme] = &[
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];
