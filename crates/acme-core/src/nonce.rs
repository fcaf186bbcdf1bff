//! Anti-replay nonces ([RFC 8555 § 6.5]): sealed, so that every replica knows them without having
//! been told, and no write is needed to make one.
//!
//! [RFC 8555 § 6.5]: https://www.rfc-editor.org/rfc/rfc8555#section-6.5

use std::fmt;
use std::time::Duration;

use acme_types::{Slot, Timestamp, decode_base64url, encode_base64url};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

use crate::{Epoch, SpentNonce};

/// How long a nonce is good after it was issued.
pub const NONCE_LIFE: Duration = Duration::from_secs(3600);

/// Slot, epoch, counter and time.
const PAYLOAD: usize = 1 + 8 + 8 + 8;
/// The first half of an HMAC-SHA256 ([RFC 2104 § 5](https://www.rfc-editor.org/rfc/rfc2104#section-5)).
const SEAL: usize = 16;

/// The key that nonces are sealed with, the same for all replicas. `Debug` prints no key.
#[derive(Clone)]
pub struct NonceKey(hmac::Key);

impl NonceKey {
    /// From 32 random octets.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &key))
    }

    /// A new nonce. No two may be issued with the same slot, epoch and counter.
    #[must_use]
    pub fn issue(&self, slot: Slot, epoch: Epoch, counter: u64, now: Timestamp) -> String {
        let mut nonce = [0; PAYLOAD + SEAL];
        nonce[0] = slot.number();
        nonce[1..9].copy_from_slice(&epoch.0.to_be_bytes());
        nonce[9..17].copy_from_slice(&counter.to_be_bytes());
        nonce[17..PAYLOAD].copy_from_slice(&now.as_millis().to_be_bytes());
        let seal = self.seal(&nonce[..PAYLOAD]);
        nonce[PAYLOAD..].copy_from_slice(&seal);
        encode_base64url(nonce)
    }

    /// What a nonce says; none when its seal is not this key's.
    ///
    /// Whether it is still good, and was not spent before, is for [`crate::Store::spend_nonce`].
    #[must_use]
    pub fn open(&self, nonce: &str) -> Option<SpentNonce> {
        let octets: [u8; PAYLOAD + SEAL] = decode_base64url(nonce).ok()?.try_into().ok()?;
        let (payload, seal) = octets.split_at(PAYLOAD);
        verify_slices_are_equal(&self.seal(payload), seal).ok()?;
        let number = |from: usize| -> Option<[u8; 8]> { payload[from..from + 8].try_into().ok() };
        let issued_at = Timestamp::from_millis(i64::from_be_bytes(number(17)?));
        Some(SpentNonce {
            slot: Slot::new(payload[0]),
            epoch: Epoch(i64::from_be_bytes(number(1)?)),
            counter: u64::from_be_bytes(number(9)?),
            issued_at,
            expires_at: issued_at.plus(NONCE_LIFE),
        })
    }

    fn seal(&self, payload: &[u8]) -> [u8; SEAL] {
        let mut seal = [0; SEAL];
        seal.copy_from_slice(&hmac::sign(&self.0, payload).as_ref()[..SEAL]);
        seal
    }
}

impl fmt::Debug for NonceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NonceKey(..)")
    }
}
