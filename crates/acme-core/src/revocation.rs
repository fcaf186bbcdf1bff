//! How revocation is told: the log of an issuer's revocations, the list made from it, and the port
//! to what publishes both.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use acme_types::Timestamp;
use async_trait::async_trait;

use crate::{IssuerId, OcspQuery, OcspReply, Revocation, Serial};

/// One revocation as it stands in the log of its issuer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RevocationEntry {
    /// Its place in the log: 1 for the issuer's first, each one more than the one before, never
    /// given twice.
    pub revision: u64,
    /// The certificate.
    pub serial: Serial,
    /// Last second of the certificate's validity: not long after it nobody needs to be told.
    pub not_after: Timestamp,
    /// When and why it was revoked.
    pub revocation: Revocation,
}

/// What a revocation list shall say ([RFC 5280 § 5](https://www.rfc-editor.org/rfc/rfc5280#section-5)).
#[derive(Clone, Copy, Debug)]
pub struct CrlRequest<'a> {
    /// Whose certificates it is about, and who signs it.
    pub issuer: IssuerId,
    /// Its number: greater than that of every list of this issuer before it.
    pub number: u64,
    /// When it is made.
    pub this_update: Timestamp,
    /// When there will be a newer one at the latest.
    pub next_update: Timestamp,
    /// The certificates it names, each once.
    pub revoked: &'a [RevocationEntry],
}

/// A revocation list that was signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublishedCrl {
    /// Whose certificates it is about.
    pub issuer: IssuerId,
    /// Its number.
    pub number: u64,
    /// It knows the issuer's log up to this entry.
    pub revision: u64,
    /// When it was made.
    pub this_update: Timestamp,
    /// When there will be a newer one at the latest.
    pub next_update: Timestamp,
    /// DER of the list.
    pub der: Vec<u8>,
}

/// How far an issuer's log and list have come.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CrlStanding {
    /// The last entry of the log; 0 when there is none.
    pub revision: u64,
    /// The newest list, if its number is greater than the one that was asked about.
    pub newer: Option<PublishedCrl>,
}

/// The answer to publishing a list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CrlVerdict {
    /// It is the newest now.
    Published,
    /// Another one was first, with this number; nothing has changed.
    Superseded(u64),
    /// There is no such issuer.
    UnknownIssuer,
}

/// Shows what was revoked to those who rely on certificates.
#[async_trait]
pub trait RevocationPublisher: Send + Sync {
    /// The newest list of an issuer; none when lists are not published, or not for this one.
    fn crl(&self, issuer: &IssuerId) -> Option<Arc<PublishedCrl>>;

    /// Answers a question about certificates
    /// ([RFC 6960](https://www.rfc-editor.org/rfc/rfc6960)); none when no such answers are given.
    async fn ocsp(&self, query: &OcspQuery, now: Timestamp) -> Option<OcspReply>;

    /// Tells that something was revoked just now.
    fn wake(&self);
}

impl fmt::Display for IssuerId {
    /// 64 hexadecimal digits, lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl FromStr for IssuerId {
    type Err = ParseIssuerIdError;

    /// Reads what [`Display`](fmt::Display) writes, and only that.
    fn from_str(text: &str) -> Result<Self, ParseIssuerIdError> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(ParseIssuerIdError);
        }
        let mut id = [0; 32];
        for (octet, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
            *octet = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
        }
        Ok(Self(id))
    }
}

/// The text names no issuer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an issuer's id is 64 hexadecimal digits in lower case")]
pub struct ParseIssuerIdError;

const fn hex_digit(byte: u8) -> Result<u8, ParseIssuerIdError> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(ParseIssuerIdError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_id_has_one_spelling() {
        let id = IssuerId::of_certificate(b"a certificate");
        let text = id.to_string();
        assert_eq!(text.parse(), Ok(id));
        for wrong in [
            "",
            &text[1..],
            &format!("{text}0"),
            &text.to_uppercase(),
            &format!("g{}", &text[1..]),
            &format!("é{}", &text[2..]),
        ] {
            assert_eq!(
                wrong.parse::<IssuerId>(),
                Err(ParseIssuerIdError),
                "{wrong}"
            );
        }
    }
}
