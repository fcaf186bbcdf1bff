//! The id of one request, by which a client's problem and a server's log lines find each other.

use std::fmt;
use std::str::FromStr;

use rand_core::CryptoRng;

/// Length of the text; 32^16 possible values are 80 bits.
const LENGTH: usize = 16;
/// Lower-case letters and digits without those that are easily taken for others.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Names one request: 16 lower-case letters and digits, made where the request comes in. What a
/// client sends as its own is never taken for it.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct RequestId([u8; LENGTH]);

impl RequestId {
    /// A new id; `rng` need only make it unlikely that two are alike.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0; LENGTH];
        rng.fill_bytes(&mut bytes);
        Self(bytes.map(|byte| ALPHABET[usize::from(byte % 32)]))
    }

    /// The id's text, as it stands in logs, headers and problem documents.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // All of them are ASCII.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for RequestId {
    type Err = InvalidRequestId;

    fn from_str(text: &str) -> Result<Self, InvalidRequestId> {
        match <[u8; LENGTH]>::try_from(text.as_bytes()) {
            Ok(bytes) if bytes.iter().all(|byte| ALPHABET.contains(byte)) => Ok(Self(bytes)),
            _ => Err(InvalidRequestId),
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({})", self.as_str())
    }
}

/// The text is no id of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the id of a request is 16 lower-case letters and digits")]
pub struct InvalidRequestId;
