//! The certificates of a statement, and whether they lead to a root that is trusted
//! ([RFC 5280 § 6](https://www.rfc-editor.org/rfc/rfc5280#section-6), as far as makers of devices use it).

use acme_types::{Identifier, Jwk, Timestamp};
use const_oid::db::rfc5912;
use der::asn1::ObjectIdentifier;
use der::{Decode, Tag};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};
use x509_cert::time::Time;

use crate::device_name::{NoDevice, device};
use crate::element::{Element, children, elements, oid_of, tagged};
use crate::{jwk_from_spki, signature};

/// Longest certificate.
const MAX_DER: usize = 16 * 1024;

/// A certificate, as slices of its DER.
pub(super) struct Certificate<'a> {
    /// What is signed.
    tbs: &'a [u8],
    /// Value of the signature's AlgorithmIdentifier.
    algorithm: &'a [u8],
    signature: &'a [u8],
    issuer: &'a [u8],
    subject: &'a [u8],
    validity: Validity,
    pub(super) jwk: Jwk,
    extensions: Vec<Extension<'a>>,
}

/// First and last second of validity.
#[derive(Clone, Copy, Debug)]
struct Validity {
    from: Timestamp,
    until: Timestamp,
}

struct Extension<'a> {
    /// None when it is too long to be one that is known.
    oid: Option<ObjectIdentifier>,
    critical: bool,
    value: &'a [u8],
}

impl<'a> Certificate<'a> {
    pub(super) fn read(der: &'a [u8]) -> Result<Self, String> {
        if der.len() > MAX_DER {
            return Err("it is longer than 16 KiB".to_owned());
        }
        let parts = Parts::read(der).map_err(|error| format!("its DER cannot be read: {error}"))?;
        let jwk = jwk_from_spki(parts.spki).ok_or("its key is of a kind that is not known")?;
        Ok(Self {
            tbs: parts.tbs,
            algorithm: parts.algorithm,
            signature: parts.signature,
            issuer: parts.issuer,
            subject: parts.subject,
            validity: parts.validity,
            jwk,
            extensions: parts.extensions,
        })
    }

    /// Whether the subject has no part.
    pub(super) fn has_empty_subject(&self) -> bool {
        self.subject == [0x30, 0]
    }

    /// The value of an extension.
    pub(super) fn extension(&self, oid: ObjectIdentifier) -> Option<&'a [u8]> {
        let found = self.extensions.iter().find(|one| one.oid == Some(oid));
        found.map(|one| one.value)
    }

    fn decoded<T: Decode<'a, Error = der::Error>>(
        &self,
        oid: ObjectIdentifier,
        name: &str,
    ) -> Result<Option<T>, String> {
        let value = self.extension(oid).map(T::from_der);
        let value = value.transpose();
        value.map_err(|error| format!("its {name} cannot be read: {error}"))
    }

    /// How many authorities may stand below it; none when it is no authority. An authority without a
    /// bound may have any number.
    fn authority(&self) -> Result<Option<usize>, String> {
        let basic: Option<BasicConstraints> =
            self.decoded(rfc5912::ID_CE_BASIC_CONSTRAINTS, "basicConstraints")?;
        let usage: Option<KeyUsage> = self.decoded(rfc5912::ID_CE_KEY_USAGE, "keyUsage")?;
        let signs = usage.is_none_or(|usage| usage.key_cert_sign());
        let basic = basic.filter(|basic| basic.ca && signs);
        Ok(basic.map(|basic| basic.path_len_constraint.map_or(usize::MAX, usize::from)))
    }

    /// Whether it says to be that of an authority.
    pub(super) fn is_authority(&self) -> Result<bool, String> {
        let basic: Option<BasicConstraints> =
            self.decoded(rfc5912::ID_CE_BASIC_CONSTRAINTS, "basicConstraints")?;
        Ok(basic.is_some_and(|basic| basic.ca))
    }

    /// What it may be used for.
    pub(super) fn purposes(&self) -> Result<Vec<ObjectIdentifier>, String> {
        let usages: Option<ExtendedKeyUsage> =
            self.decoded(rfc5912::ID_CE_EXT_KEY_USAGE, "extendedKeyUsage")?;
        Ok(usages.map_or_else(Vec::new, |usages| usages.0))
    }

    /// The entries of its subjectAltName.
    pub(super) fn alternative_names(&self) -> Result<Vec<Element<'a>>, String> {
        let Some(value) = self.extension(rfc5912::ID_CE_SUBJECT_ALT_NAME) else {
            return Ok(Vec::new());
        };
        let names = || match elements(value)?[..] {
            [names] => children(names, Tag::Sequence),
            _ => Err(Tag::Sequence.length_error().into()),
        };
        names().map_err(|error: der::Error| format!("its subjectAltName cannot be read: {error}"))
    }

    /// The devices that its subjectAltName names.
    pub(super) fn devices(&self) -> Result<Vec<Identifier>, String> {
        let mut devices = Vec::new();
        for name in self.alternative_names()? {
            if name.tag != tagged(0) {
                continue;
            }
            match device(name.value) {
                Ok(device) => devices.push(device),
                Err(NoDevice::AnotherType) => {}
                Err(NoDevice::Unreadable(why)) => {
                    return Err(format!("a device in its subjectAltName: {why}"));
                }
            }
        }
        Ok(devices)
    }

    fn is_signed_by(&self, jwk: &Jwk) -> bool {
        signature::verify(jwk, self.algorithm, self.tbs, self.signature).is_ok()
    }
}

/// The parts of a certificate before its key is known.
struct Parts<'a> {
    tbs: &'a [u8],
    algorithm: &'a [u8],
    signature: &'a [u8],
    issuer: &'a [u8],
    subject: &'a [u8],
    validity: Validity,
    spki: &'a [u8],
    extensions: Vec<Extension<'a>>,
}

impl<'a> Parts<'a> {
    fn read(der: &'a [u8]) -> Result<Self, der::Error> {
        let length = || Err(Tag::Sequence.length_error().into());
        let [certificate] = elements(der)?[..] else {
            return length();
        };
        let [tbs, algorithm, signature] = children(certificate, Tag::Sequence)?[..] else {
            return length();
        };
        let fields = children(tbs, Tag::Sequence)?;
        let [
            version,
            serial,
            inner,
            issuer,
            validity,
            subject,
            spki,
            ref rest @ ..,
        ] = fields[..]
        else {
            return length();
        };
        // Version 3, which is written as 2.
        version.tag.assert_eq(tagged(0))?;
        if version.value != [2, 1, 2] {
            return Err(Tag::Integer.value_error().into());
        }
        serial.tag.assert_eq(Tag::Integer)?;
        for name in [issuer, subject, algorithm, inner] {
            name.tag.assert_eq(Tag::Sequence)?;
        }
        if inner.value != algorithm.value {
            return Err(Tag::Sequence.value_error().into());
        }
        let [from, until] = children(validity, Tag::Sequence)?[..] else {
            return length();
        };
        signature.tag.assert_eq(Tag::BitString)?;
        let Some((0, signature)) = signature.value.split_first() else {
            return Err(Tag::BitString.value_error().into());
        };
        let mut extensions = Vec::new();
        if let Some(wrapped) = rest.iter().find(|one| one.tag == tagged(3)) {
            for list in children(*wrapped, tagged(3))? {
                for one in children(list, Tag::Sequence)? {
                    extensions.push(Extension::read(one)?);
                }
            }
        }
        Ok(Self {
            tbs: tbs.der,
            algorithm: algorithm.value,
            signature,
            issuer: issuer.der,
            subject: subject.der,
            validity: Validity {
                from: time(from)?,
                until: time(until)?,
            },
            spki: spki.der,
            extensions,
        })
    }
}

impl<'a> Extension<'a> {
    fn read(element: Element<'a>) -> Result<Self, der::Error> {
        let (kind, critical, value) = match children(element, Tag::Sequence)?[..] {
            [kind, value] => (kind, false, value),
            [kind, critical, value] => {
                critical.tag.assert_eq(Tag::Boolean)?;
                (kind, critical.value != [0], value)
            }
            _ => return Err(Tag::Sequence.length_error().into()),
        };
        kind.tag.assert_eq(Tag::ObjectIdentifier)?;
        value.tag.assert_eq(Tag::OctetString)?;
        Ok(Self {
            oid: oid_of(kind),
            critical,
            value: value.value,
        })
    }
}

fn time(element: Element<'_>) -> Result<Timestamp, der::Error> {
    let seconds = Time::from_der(element.der)?.to_unix_duration().as_secs();
    let seconds = i64::try_from(seconds).map_err(|_| Tag::GeneralizedTime.value_error())?;
    Ok(Timestamp::from_secs(seconds))
}

/// A root: a name and a key that are trusted to certify devices.
#[derive(Clone, Debug)]
pub(super) struct Anchor {
    subject: Vec<u8>,
    jwk: Jwk,
    validity: Validity,
    /// How many authorities may stand below it.
    below: usize,
}

impl Anchor {
    pub(super) fn read(der: &[u8]) -> Result<Self, String> {
        let root = Certificate::read(der)?;
        let below = root.authority()?.ok_or("it is not that of an authority")?;
        check_critical(&root)?;
        Ok(Self {
            subject: root.subject.to_vec(),
            jwk: root.jwk,
            validity: root.validity,
            below,
        })
    }
}

/// Checks that a chain, the certificate of the device first, leads to one of the roots: each is signed by the
/// next, and the last one that is needed by a root.
pub(super) fn verify(
    chain: &[Certificate<'_>],
    roots: &[&Anchor],
    now: Timestamp,
) -> Result<(), String> {
    for (at, certificate) in chain.iter().enumerate() {
        let of = |why: String| format!("certificate {} of its x5c {why}", at + 1);
        check_validity(certificate.validity, now).map_err(of)?;
        check_critical(certificate).map_err(of)?;
        if at > 0 {
            let below = certificate.authority().map_err(of)?;
            let below = below.ok_or_else(|| of("is not that of an authority".to_owned()))?;
            // Those between it and the device.
            if at - 1 > below {
                return Err(of("has more authorities below it than it allows".to_owned()));
            }
        }
        let root = roots
            .iter()
            .find(|root| root.subject == certificate.issuer && certificate.is_signed_by(&root.jwk));
        if let Some(root) = root {
            check_validity(root.validity, now).map_err(|why| format!("its root {why}"))?;
            if at > root.below {
                return Err("its root allows fewer authorities below it".to_owned());
            }
            return Ok(());
        }
        let signed = chain.get(at + 1).is_some_and(|above| {
            above.subject == certificate.issuer && certificate.is_signed_by(&above.jwk)
        });
        if !signed {
            let who = match chain.len() - 1 - at {
                0 => "by none of the roots that are trusted for its format".to_owned(),
                _ => "neither by the next one nor by a root".to_owned(),
            };
            return Err(of(format!("is signed {who}")));
        }
    }
    Err("its x5c has no certificate".to_owned())
}

fn check_validity(validity: Validity, now: Timestamp) -> Result<(), String> {
    let Validity { from, until } = validity;
    if from <= now && now.truncated_to_second() <= until {
        return Ok(());
    }
    Err(format!("is valid from {from} to {until}, not now"))
}

/// Refuses what must be understood and is not.
fn check_critical(certificate: &Certificate<'_>) -> Result<(), String> {
    const KNOWN: [ObjectIdentifier; 5] = [
        rfc5912::ID_CE_BASIC_CONSTRAINTS,
        rfc5912::ID_CE_KEY_USAGE,
        rfc5912::ID_CE_EXT_KEY_USAGE,
        rfc5912::ID_CE_SUBJECT_ALT_NAME,
        rfc5912::ID_CE_CERTIFICATE_POLICIES,
    ];
    let critical = certificate.extensions.iter().filter(|one| one.critical);
    let mut unknown = critical.filter(|one| one.oid.is_none_or(|oid| !KNOWN.contains(&oid)));
    match unknown.next() {
        None => Ok(()),
        Some(one) => {
            let name = one
                .oid
                .map_or_else(|| "?".to_owned(), |oid| oid.to_string());
            Err(format!("has a critical extension {name} that is not known"))
        }
    }
}
