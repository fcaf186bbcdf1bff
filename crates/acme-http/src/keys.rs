//! Account keys made ready to verify, kept for the requests that follow.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use acme_core::VerifyKey;
use acme_types::{Jwk, Problem, Thumbprint};

/// Keys of one generation; two are kept, about 4 MiB of them at most.
const GENERATION: usize = 2048;

/// The keys that verified lately. Only what follows from the key itself is kept, never whose it is,
/// so a changed key or a deactivated account is seen at once.
#[derive(Debug, Default)]
pub(crate) struct KeyCache(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Thumbprint, VerifyKey>,
    old: HashMap<Thumbprint, VerifyKey>,
}

impl KeyCache {
    /// The key, checked now or before.
    pub(crate) fn verify_key(
        &self,
        jwk: &Jwk,
        thumbprint: &Thumbprint,
    ) -> Result<VerifyKey, Problem> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = kept.young.get(thumbprint) {
            return Ok(key.clone());
        }
        let key = match kept.old.remove(thumbprint) {
            Some(key) => key,
            None => {
                // Checking an RSA key takes a while, and others want the lock.
                drop(kept);
                let key = VerifyKey::new(jwk)?;
                kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                key
            }
        };
        if kept.young.len() >= GENERATION {
            kept.old = std::mem::take(&mut kept.young);
        }
        kept.young.insert(*thumbprint, key.clone());
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_kept_within_bounds_and_bad_ones_are_not() {
        let cache = KeyCache::default();
        let bad = Jwk::Ec {
            curve: acme_types::Curve::P256,
            x: vec![1; 32],
            y: vec![1; 32],
        };
        assert!(cache.verify_key(&bad, &Thumbprint([1; 32])).is_err());
        assert!(cache.0.lock().unwrap().young.is_empty());

        // The base point of edwards25519: any valid point does.
        let mut x = [0x66; 32];
        x[0] = 0x58;
        let good = Jwk::Ed25519 { x };
        for n in 0..3 * GENERATION {
            let mut thumbprint = [0; 32];
            thumbprint[..8].copy_from_slice(&n.to_be_bytes());
            cache.verify_key(&good, &Thumbprint(thumbprint)).unwrap();
        }
        let kept = cache.0.lock().unwrap();
        assert!(kept.young.len() <= GENERATION && kept.old.len() <= GENERATION);
    }
}
