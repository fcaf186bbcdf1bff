//! Certificate signing requests ([RFC 2986], [RFC 8555 § 7.4]): which one is good, and for which
//! order.
//!
//! Of a request only its key and its names matter. What else it asks for (key usages, a challenge
//! password, extensions nobody knows) is not even read, so that none of it can break the parsing or
//! reach a certificate.
//!
//! [RFC 2986]: https://www.rfc-editor.org/rfc/rfc2986
//! [RFC 8555 § 7.4]: https://www.rfc-editor.org/rfc/rfc8555#section-7.4

mod names;

use std::collections::BTreeSet;

use acme_types::{Identifier, Jwk, Problem, ProblemKind, decode_base64url};
use der::Tag;

use crate::element::{children, elements, tagged};
use crate::signature::{self, BadSignature};
use crate::{VerifyKey, jwk_from_spki};

/// A request whose form is right, whose key is strong enough, and which that key has signed.
#[derive(Clone, Debug)]
pub struct Csr {
    spki: Vec<u8>,
    jwk: Jwk,
    identifiers: Vec<Identifier>,
}

impl Csr {
    /// Reads the `csr` member of a finalize request: DER in base64url. Padding is tolerated, here
    /// alone, since a client in wide use sends it; so is a version other than 0.
    ///
    /// # Errors
    /// `badCSR`, with a detail that says what to mend: not DER; a key that is weak or of a kind not
    /// accepted; a signature that is not that key's or uses a hash below SHA-256; a name that is not
    /// a DNS name or an IP address, or that stands in the wrong place.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        Self::parse_for(text, &[])
    }

    /// The same for an order of these identifiers: a common name that is the identity of one of its
    /// devices asks for that device, since clients of devices write it there. Another common name
    /// must be a DNS name.
    ///
    /// # Errors
    /// As [`Csr::parse`].
    pub fn parse_for(text: &str, order_identifiers: &[Identifier]) -> Result<Self, Problem> {
        if text.trim_start().starts_with("-----") {
            return Err(bad("it is PEM; send its DER in base64url"));
        }
        let der = decode_base64url(unpadded(text)).map_err(|e| bad(format!("it is {e}")))?;
        let parts = Parts::read(&der).map_err(|e| bad(format!("its DER cannot be read: {e}")))?;
        let jwk = jwk_from_spki(parts.spki).ok_or_else(|| {
            bad("its key is of a kind not accepted; use RSA, P-256, P-384, P-521 or Ed25519")
        })?;
        VerifyKey::new(&jwk).map_err(|problem| bad(problem.detail))?;
        parts.verify(&jwk)?;
        Ok(Self {
            spki: parts.spki.to_vec(),
            identifiers: names::identifiers(parts.subject, parts.attributes, order_identifiers)?,
            jwk,
        })
    }

    /// Checks that this is the request for an order: it names exactly the order's identifiers,
    /// whether in subjectAltName or as common name, and its key is not the account's. Devices may be
    /// left out: the certificate then does not name them
    /// ([draft-ietf-acme-device-attest § 3.2](https://datatracker.ietf.org/doc/draft-ietf-acme-device-attest/)).
    ///
    /// # Errors
    /// `badCSR`, with the names that are missing and those that are too many.
    pub fn check(
        &self,
        order_identifiers: &[Identifier],
        account_key: &Jwk,
    ) -> Result<(), Problem> {
        if self.jwk == *account_key {
            return Err(bad(
                "its key is the account's; make a key for the certificate alone",
            ));
        }
        let asked: BTreeSet<_> = self.identifiers.iter().collect();
        let ordered: BTreeSet<_> = order_identifiers.iter().collect();
        let missing = ordered.difference(&asked);
        let missing: Vec<_> = missing.filter(|one| !one.is_device()).collect();
        let extra: Vec<_> = asked.difference(&ordered).collect();
        match (missing.as_slice(), extra.as_slice()) {
            ([], []) => Ok(()),
            (missing, []) => Err(bad(format!("it lacks {} of the order", listed(missing)))),
            ([], extra) => Err(bad(format!(
                "it names {}, which the order does not have",
                listed(extra)
            ))),
            (missing, extra) => Err(bad(format!(
                "it lacks {} of the order, and names {}, which the order does not have",
                listed(missing),
                listed(extra)
            ))),
        }
    }

    /// DER of the SubjectPublicKeyInfo, as the request had it.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The public key.
    #[must_use]
    pub const fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// What it asks a certificate for, sorted, each once.
    #[must_use]
    pub fn identifiers(&self) -> &[Identifier] {
        &self.identifiers
    }
}

/// The parts of a request that matter, as slices of its DER.
struct Parts<'a> {
    /// What is signed: the CertificationRequestInfo as it was sent, never encoded anew.
    info: &'a [u8],
    /// Value of the subject's Name.
    subject: &'a [u8],
    spki: &'a [u8],
    /// Value of the attributes; empty when there are none.
    attributes: &'a [u8],
    /// Value of the signature's AlgorithmIdentifier.
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Parts<'a> {
    fn read(der: &'a [u8]) -> Result<Self, der::Error> {
        let [request] = elements(der)?[..] else {
            return Err(Tag::Sequence.length_error().into());
        };
        let [info, algorithm, signature] = children(request, Tag::Sequence)?[..] else {
            return Err(Tag::Sequence.length_error().into());
        };
        let (version, subject, spki, attributes) = match children(info, Tag::Sequence)?[..] {
            [version, subject, spki] => (version, subject, spki, None),
            [version, subject, spki, attributes] => (version, subject, spki, Some(attributes)),
            _ => return Err(Tag::Sequence.length_error().into()),
        };
        version.tag.assert_eq(Tag::Integer)?;
        // Only 0 is defined; a client in wide use sends 2.
        if !matches!(version.value, [0..=2]) {
            return Err(Tag::Integer.value_error().into());
        }
        subject.tag.assert_eq(Tag::Sequence)?;
        if let Some(attributes) = attributes {
            attributes.tag.assert_eq(tagged(0))?;
        }
        algorithm.tag.assert_eq(Tag::Sequence)?;
        signature.tag.assert_eq(Tag::BitString)?;
        let Some((0, signature)) = signature.value.split_first() else {
            return Err(Tag::BitString.value_error().into());
        };
        Ok(Self {
            info: info.der,
            subject: subject.value,
            spki: spki.der,
            attributes: attributes.map_or(&[], |attributes| attributes.value),
            algorithm: algorithm.value,
            signature,
        })
    }
}

impl Parts<'_> {
    /// Verifies the signature with the request's own key.
    fn verify(&self, jwk: &Jwk) -> Result<(), Problem> {
        let verdict = signature::verify(jwk, self.algorithm, self.info, self.signature);
        verdict.map_err(|why| {
            bad(match why {
                BadSignature::Algorithm => {
                    "its signature algorithm is not accepted; sign it with SHA-256, SHA-384 or \
                     SHA-512"
                }
                BadSignature::AnotherKind => "its signature algorithm does not fit its key",
                BadSignature::Wrong => "its signature does not verify with its key",
            })
        })
    }
}

fn unpadded(text: &str) -> &str {
    let text = text.strip_suffix('=').unwrap_or(text);
    text.strip_suffix('=').unwrap_or(text)
}

/// Some names for a detail; an order may have very many.
fn listed(identifiers: &[&&Identifier]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<_> = identifiers
        .iter()
        .take(SHOWN)
        .map(ToString::to_string)
        .collect();
    match identifiers.len().checked_sub(SHOWN) {
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}

fn bad(detail: impl std::fmt::Display) -> Problem {
    Problem::new(ProblemKind::BadCsr, format!("the CSR is refused: {detail}"))
}
