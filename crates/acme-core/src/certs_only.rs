//! Certificates as a PKCS#7 bundle ([RFC 5652 § 5](https://www.rfc-editor.org/rfc/rfc5652#section-5)).

use const_oid::db::rfc5911::{ID_DATA, ID_SIGNED_DATA};

use crate::asn1::{CONTEXT_0, SEQUENCE, SET, integer, oid, tlv};

/// The certificates, each DER, as signed data that nobody has signed: the "certs-only" form of
/// [RFC 8551 § 3.8](https://www.rfc-editor.org/rfc/rfc8551#section-3.8). They keep their order,
/// which BER allows and readers that take the first for the leaf want.
#[must_use]
pub fn certs_only(certificates: &[&[u8]]) -> Vec<u8> {
    let nobody = tlv(SET, &[]);
    let nothing = tlv(SEQUENCE, &[&oid(ID_DATA)]);
    let certificates = tlv(CONTEXT_0, certificates);
    let signed = tlv(
        SEQUENCE,
        &[&integer(&[1]), &nobody, &nothing, &certificates, &nobody],
    );
    tlv(
        SEQUENCE,
        &[&oid(ID_SIGNED_DATA), &tlv(CONTEXT_0, &[&signed])],
    )
}
