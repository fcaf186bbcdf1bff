//! Renewal information ([RFC 9773]): how a certificate is named, when it should be renewed, and
//! which order may say that it replaces it.
//!
//! [RFC 9773]: https://www.rfc-editor.org/rfc/rfc9773

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use acme_types::{
    CertificateId, OrderId, Problem, ProblemKind, Timestamp, decode_base64url, encode_base64url,
};

use crate::{Certificate, LeafFacts, Order, Serial};

/// Most octets of a key identifier: that of any issuer of ours has 20.
const MAX_KEY_IDENTIFIER: usize = 64;
/// How far before its cause the window of a certificate lies that shall be renewed at once: clients
/// draw a moment within it, and every moment must have passed, also by clocks that are slow.
const PAST_WINDOW: (Duration, Duration) = (Duration::from_secs(3600), Duration::from_secs(1800));
/// Clients are not asked to look more often than this.
const LEAST_RETRY_AFTER: Duration = Duration::from_secs(60);
/// A client looks this many times in the life of a certificate, unless it is told to look more often.
const LOOKS_IN_A_LIFE: u32 = 50;

/// Names a certificate by its issuer's key and its serial number
/// ([RFC 9773 § 4.1](https://www.rfc-editor.org/rfc/rfc9773#section-4.1)).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RenewalId {
    key_identifier: Vec<u8>,
    serial: Serial,
}

impl RenewalId {
    /// The name of the certificate with this DER; none when it names no issuer's key.
    #[must_use]
    pub fn of_certificate(der: &[u8]) -> Option<Self> {
        let facts = LeafFacts::parse(der)?;
        Some(Self {
            key_identifier: facts.authority_key?,
            serial: facts.serial,
        })
    }

    /// The serial number in it.
    #[must_use]
    pub const fn serial(&self) -> &Serial {
        &self.serial
    }

    /// Whether this names that certificate; one that is not signed has no name yet.
    #[must_use]
    pub fn names(&self, certificate: &Certificate) -> bool {
        let der = certificate.der.as_deref();
        der.and_then(Self::of_certificate).as_ref() == Some(self)
    }
}

impl fmt::Display for RenewalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key_identifier = encode_base64url(&self.key_identifier);
        let serial = encode_base64url(self.serial.integer());
        write!(f, "{key_identifier}.{serial}")
    }
}

impl FromStr for RenewalId {
    type Err = InvalidRenewalId;

    fn from_str(text: &str) -> Result<Self, InvalidRenewalId> {
        let (key_identifier, serial) = text.split_once('.').ok_or(InvalidRenewalId)?;
        let octets = |text: &str| decode_base64url(text).map_err(|_| InvalidRenewalId);
        let key_identifier = octets(key_identifier)?;
        if key_identifier.is_empty() || key_identifier.len() > MAX_KEY_IDENTIFIER {
            return Err(InvalidRenewalId);
        }
        let integer = octets(serial)?;
        let serial = Serial::from_be_bytes(&integer).map_err(|_| InvalidRenewalId)?;
        // Every certificate has one name: its number is written as DER writes it.
        if serial.integer() != integer {
            return Err(InvalidRenewalId);
        }
        Ok(Self {
            key_identifier,
            serial,
        })
    }
}

/// The text names no certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "a certificate is named by the keyIdentifier of its authorityKeyIdentifier and its serial \
     number as DER writes it, both in base64url without padding, with a dot between"
)]
pub struct InvalidRenewalId;

impl From<InvalidRenewalId> for Problem {
    fn from(error: InvalidRenewalId) -> Self {
        Self::new(ProblemKind::Malformed, error.to_string())
    }
}

/// That the operator wants a certificate renewed at once, although it is good.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EarlyRenewal {
    /// Since when.
    pub at: Timestamp,
    /// A page that tells why.
    pub explanation_url: Option<String>,
}

/// What takes a certificate's place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Replacement {
    /// An order said that it will; what counts is what has become of it.
    Ordered(OrderId),
    /// This certificate does.
    Issued(CertificateId),
}

/// When a provisioner wants its certificates renewed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RenewalPolicy {
    /// Where in the life of a certificate the window begins, in percent; 99 at most.
    pub window_start: u8,
    /// Where it ends, in percent: after its beginning, 100 at most.
    pub window_end: u8,
    /// How often a client shall look whether the window has moved; more often when the certificate's
    /// life is short.
    pub check_every: Duration,
}

impl Default for RenewalPolicy {
    fn default() -> Self {
        Self {
            window_start: 66,
            window_end: 75,
            check_every: Duration::from_secs(6 * 3600),
        }
    }
}

/// When a certificate should be renewed
/// ([RFC 9773 § 4.2](https://www.rfc-editor.org/rfc/rfc9773#section-4.2)).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RenewalInfo {
    /// Not before this.
    pub start: Timestamp,
    /// Not after this, which is later than the start.
    pub end: Timestamp,
    /// A page that tells why the window is where it is.
    pub explanation_url: Option<String>,
    /// Seconds after which a client should look again.
    pub retry_after: u64,
}

impl RenewalPolicy {
    /// The window of a certificate: a part of its life, or, when it was revoked or the operator
    /// wants it renewed, a time just before that.
    #[must_use]
    pub fn renewal_info(&self, certificate: &Certificate) -> RenewalInfo {
        let life = certificate.not_after.since(certificate.not_before);
        let at = |percent: u8| {
            let into = life * u32::from(percent.min(100)) / 100;
            certificate.not_before.plus(into).truncated_to_second()
        };
        let early = certificate.early_renewal.as_ref();
        let causes = [
            certificate.revocation.map(|revocation| revocation.at),
            early.map(|early| early.at),
        ];
        let (start, end) = match causes.into_iter().flatten().min() {
            Some(cause) => {
                let cause = cause.truncated_to_second();
                (cause.minus(PAST_WINDOW.0), cause.minus(PAST_WINDOW.1))
            }
            None => (at(self.window_start), at(self.window_end)),
        };
        let often = (life / LOOKS_IN_A_LIFE).min(self.check_every);
        RenewalInfo {
            start,
            end: end.max(start.plus(Duration::from_secs(1))),
            explanation_url: early.and_then(|early| early.explanation_url.clone()),
            retry_after: often.max(LEAST_RETRY_AFTER).as_secs(),
        }
    }
}

/// Checks that an order may say that it replaces a certificate. Whether another one does already is
/// known to the store alone.
///
/// # Errors
/// `unauthorized` when the certificate was issued to another account; `malformed` when it has no
/// identifier in common with the order
/// ([RFC 9773 § 5](https://www.rfc-editor.org/rfc/rfc9773#section-5)).
pub fn check_replacement(order: &Order, certificate: &Certificate) -> Result<(), Problem> {
    if certificate.account_id != order.account_id {
        return Err(Problem::new(
            ProblemKind::Unauthorized,
            "replaces names a certificate that was issued to another account; leave it out",
        ));
    }
    let shared = |identifier| certificate.identifiers.contains(identifier);
    if !order.identifiers.iter().any(shared) {
        return Err(Problem::new(
            ProblemKind::Malformed,
            "replaces names a certificate that has no identifier in common with this order; leave \
             it out",
        ));
    }
    Ok(())
}
