//! Certificates as they are kept: serial number, what was to be signed, what was signed, whether
//! it was revoked.

use std::fmt;
use std::str::FromStr;

use acme_types::{AccountId, CertificateId, Identifier, OrderId, ProvisionerName, Slot, Timestamp};
use rand_core::CryptoRng;

use crate::digest::sha256;
use crate::{EarlyRenewal, Replacement};

/// A serial number: one octet for the slot, and 16 of which at least 12 are random, so that no two
/// replicas can ever draw the same ([RFC 5280 § 4.1.2.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.2)).
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Serial([u8; 17]);

impl Serial {
    /// A new serial number of a slot.
    #[must_use]
    pub fn random(slot: Slot, rng: &mut impl CryptoRng) -> Self {
        let mut octets = [0; 17];
        octets[0] = slot.number();
        rng.fill_bytes(&mut octets[1..]);
        Self(octets)
    }

    /// A new serial number of a slot, for a certificate that is made at a time: four octets count
    /// seconds, so that what is made together lies together in a store's index; the 96 random bits
    /// after them are more than the 64 that make a serial number unpredictable.
    #[must_use]
    pub fn dated(slot: Slot, at: Timestamp, rng: &mut impl CryptoRng) -> Self {
        let Self(mut octets) = Self::random(slot, rng);
        let seconds = at.as_secs() as u32;
        octets[1..5].copy_from_slice(&seconds.to_be_bytes());
        Self(octets)
    }

    /// The 17 octets, the slot's first.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 17] {
        &self.0
    }

    /// From a non-negative integer, big-endian, leading zero octets or none.
    ///
    /// # Errors
    /// [`ParseSerialError`] when it has more than 17 octets.
    pub fn from_be_bytes(octets: &[u8]) -> Result<Self, ParseSerialError> {
        let zeros = octets.iter().take_while(|octet| **octet == 0).count();
        let octets = &octets[zeros..];
        let mut serial = [0; 17];
        let start = serial
            .len()
            .checked_sub(octets.len())
            .ok_or(ParseSerialError)?;
        serial[start..].copy_from_slice(octets);
        Ok(Self(serial))
    }
}

impl Serial {
    /// The content of the INTEGER that DER makes of it: without leading zeros, but one when the
    /// first octet would look like a sign.
    #[must_use]
    pub fn integer(&self) -> Vec<u8> {
        let zeros = self.0.iter().take_while(|octet| **octet == 0).count();
        let digits = &self.0[zeros.min(self.0.len() - 1)..];
        if digits[0] < 0x80 {
            digits.to_vec()
        } else {
            [&[0], digits].concat()
        }
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

impl FromStr for Serial {
    type Err = ParseSerialError;

    /// Reads hexadecimal digits, colons between octets or none.
    fn from_str(text: &str) -> Result<Self, ParseSerialError> {
        let digits: String = text.chars().filter(|c| *c != ':').collect();
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(ParseSerialError);
        }
        let digits = if digits.len() % 2 == 1 {
            format!("0{digits}")
        } else {
            digits
        };
        let octets = (0..digits.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&digits[at..at + 2], 16))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| ParseSerialError)?;
        Self::from_be_bytes(&octets)
    }
}

/// The text or number is no serial number of this authority.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a serial number is at most 34 hexadecimal digits")]
pub struct ParseSerialError;

/// Names an issuer: SHA-256 of its certificate.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct IssuerId(pub [u8; 32]);

impl IssuerId {
    /// The id of the issuer whose certificate has this DER.
    #[must_use]
    pub fn of_certificate(der: &[u8]) -> Self {
        Self(sha256(der))
    }
}

/// An issuing certificate and those above it, as clients need them to build a chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Issuer {
    /// The issuer's id.
    pub id: IssuerId,
    /// DER of the issuing certificate and of those above it, without the root.
    pub chain: Vec<Vec<u8>>,
}

/// A certificate from the moment its serial number is stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Certificate {
    /// The certificate's id.
    pub id: CertificateId,
    /// Its serial number.
    pub serial: Serial,
    /// The order it was issued for.
    pub order_id: OrderId,
    /// The account it was issued to.
    pub account_id: AccountId,
    /// The provisioner.
    pub provisioner: ProvisionerName,
    /// Who signs it.
    pub issuer: IssuerId,
    /// What it is for.
    pub identifiers: Vec<Identifier>,
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
    /// DER of the to-be-signed form, stored before anything is signed.
    pub tbs: Vec<u8>,
    /// DER of the certificate; none while it is being signed.
    pub der: Option<Vec<u8>>,
    /// Whether and why it was revoked.
    pub revocation: Option<Revocation>,
    /// Whether the operator wants it renewed before its time.
    pub early_renewal: Option<EarlyRenewal>,
    /// What has replaced it, or is to.
    pub replacement: Option<Replacement>,
    /// When its serial number was stored.
    pub created_at: Timestamp,
}

/// That a certificate was revoked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Revocation {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $word:literal;)*) => {
        /// Why a certificate is revoked ([RFC 5280 § 5.3.1](https://www.rfc-editor.org/rfc/rfc5280#section-5.3.1)).
        #[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
        pub enum RevocationReason {
            $($(#[$doc])* $variant,)*
        }

        impl RevocationReason {
            /// Every reason that may be given.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The number in a CRL and on the wire.
            #[must_use]
            pub const fn code(self) -> u8 {
                match self { $(Self::$variant => $code,)* }
            }

            /// The name in RFC 5280.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The reason of this number; none for those that a client may not give.
            #[must_use]
            pub const fn from_code(code: i64) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

reasons! {
    /// No reason given.
    #[default]
    Unspecified = 0, "unspecified";
    /// The certificate's key is in other hands.
    KeyCompromise = 1, "keyCompromise";
    /// The subject no longer is who it was.
    AffiliationChanged = 3, "affiliationChanged";
    /// A newer certificate takes its place.
    Superseded = 4, "superseded";
    /// What it was for has ended.
    CessationOfOperation = 5, "cessationOfOperation";
    /// The right to it was withdrawn.
    PrivilegeWithdrawn = 9, "privilegeWithdrawn";
}
