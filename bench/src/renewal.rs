//! The URL of a certificate's renewal information ([RFC 9773 § 4.1]): authority key identifier and
//! serial number, read out of the certificate's DER.
//!
//! [RFC 9773 § 4.1]: https://www.rfc-editor.org/rfc/rfc9773#section-4.1

use acme_types::encode_base64url;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::error::{Error, Result};
use crate::sample::Kind;
use crate::wire::Directory;

/// id-ce-authorityKeyIdentifier as it stands in DER.
const AUTHORITY_KEY_ID: &[u8] = &[6, 3, 0x55, 0x1d, 35];

/// The URL for the first certificate of a chain in PEM.
pub(crate) fn url(directory: &Directory, chain: &str) -> Result<String> {
    let broken = |what: &str| Error::Answer {
        request: Kind::RenewalInfo.as_str(),
        what: what.to_owned(),
    };
    let base = directory.renewal_info.as_deref();
    let base = base.ok_or_else(|| broken("the directory has no renewalInfo"))?;
    let leaf = CertificateDer::from_pem_slice(chain.as_bytes())
        .map_err(|_| broken("the certificate is not PEM"))?;
    let id =
        certificate_id(&leaf).ok_or_else(|| broken("the certificate has no key identifier"))?;
    Ok(format!("{base}/{id}"))
}

fn certificate_id(leaf: &[u8]) -> Option<String> {
    let (_, certificate) = content(leaf)?;
    let (_, to_be_signed) = content(certificate)?;
    // Version, then the serial number.
    let (version, _) = content(to_be_signed)?;
    let (_, serial) = content(to_be_signed.get(version..)?)?;
    let place = leaf
        .windows(AUTHORITY_KEY_ID.len())
        .position(|window| window == AUTHORITY_KEY_ID)?;
    // OCTET STRING, SEQUENCE, [0].
    let (_, value) = content(leaf.get(place + AUTHORITY_KEY_ID.len()..)?)?;
    let (_, identifiers) = content(value)?;
    let (_, key_id) = content(identifiers)?;
    Some(format!(
        "{}.{}",
        encode_base64url(key_id),
        encode_base64url(serial)
    ))
}

/// The whole length of the first element and its content.
fn content(der: &[u8]) -> Option<(usize, &[u8])> {
    let first = usize::from(*der.get(1)?);
    let (start, length) = if first < 0x80 {
        (2, first)
    } else {
        let octets = der.get(2..2 + (first & 0x7f))?;
        let length = octets.iter().fold(0, |sum, o| sum << 8 | usize::from(*o));
        (2 + octets.len(), length)
    };
    let end = start.checked_add(length)?;
    Some((end, der.get(start..end)?))
}
