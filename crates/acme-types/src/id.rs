//! The ids of stored objects: 32 letters and digits each, one type per object.

use std::fmt;
use std::str::FromStr;

use rand_core::CryptoRng;

use crate::Timestamp;

/// Length of every id in characters; 62^32 possible values are about 190 bits.
const ID_LENGTH: usize = 32;
/// Of those, the first ones of a dated id, which tell when it was made; the 26 others are 154 bits.
const DATE_LENGTH: u32 = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// 32 letters and digits, each equally likely.
///
/// `rng` must be a cryptographic generator: ids are not secret, but nobody may guess one before it
/// exists.
pub fn random_id(rng: &mut impl CryptoRng) -> String {
    completed(String::with_capacity(ID_LENGTH), rng)
}

/// Like [`random_id`], but what is made later sorts later: the first six characters count hundredths
/// of a second, over and over again in 18 years. What is made together then lies together in a
/// store's indexes, however many there are, and one page takes many of them.
fn dated_id(at: Timestamp, rng: &mut impl CryptoRng) -> String {
    let hundredths = at.as_millis().div_euclid(10);
    let mut id = String::with_capacity(ID_LENGTH);
    for place in (0..DATE_LENGTH).rev() {
        let digit = hundredths.div_euclid(62_i64.pow(place)).rem_euclid(62);
        id.push(char::from(ALPHABET[digit as usize]));
    }
    completed(id, rng)
}

/// The id that begins so, its other characters random.
fn completed(mut id: String, rng: &mut impl CryptoRng) -> String {
    let mut bytes = [0_u8; ID_LENGTH];
    while id.len() < ID_LENGTH {
        rng.fill_bytes(&mut bytes);
        for byte in bytes {
            // 248 = 4 * 62: a byte at or above it would favour the first letters.
            if byte < 248 && id.len() < ID_LENGTH {
                id.push(char::from(ALPHABET[usize::from(byte % 62)]));
            }
        }
    }
    id
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// A new id from a cryptographic generator.
            #[must_use]
            pub fn random(rng: &mut impl CryptoRng) -> Self {
                Self(random_id(rng).into())
            }

            /// A new id of something that is made at a time: ids sort by it, roughly, and cannot be
            /// guessed either.
            #[must_use]
            pub fn dated(at: Timestamp, rng: &mut impl CryptoRng) -> Self {
                Self(dated_id(at, rng).into())
            }

            /// The id's text, as it stands in URLs and in the store.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if text.len() == ID_LENGTH && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidId)
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    )*};
}

ids! {
    /// Names an account ([RFC 8555 § 7.1.2](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.2)).
    AccountId;
    /// Names an order ([RFC 8555 § 7.1.3](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.3)).
    OrderId;
    /// Names an authorization ([RFC 8555 § 7.1.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.4)).
    AuthorizationId;
    /// Names a challenge ([RFC 8555 § 7.1.5](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.5)).
    ChallengeId;
    /// Names a certificate resource ([RFC 8555 § 7.4.2](https://www.rfc-editor.org/rfc/rfc8555#section-7.4.2)).
    CertificateId;
    /// Names an external account key ([RFC 8555 § 7.3.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.4)).
    ExternalAccountKeyId;
}

/// The text is not 32 letters and digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an id is 32 letters and digits")]
pub struct InvalidId;
