//! Nonces as the API hands them out and takes them back
//! ([RFC 8555 § 6.5](https://www.rfc-editor.org/rfc/rfc8555#section-6.5)).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use acme_core::{NonceKey, NonceVerdict, Store, Tenure};
use acme_types::{ProblemKind, Timestamp};
use metrics::Counter;

use crate::failure::Failure;
use crate::metrics::Meters;

/// Issues nonces of this process and spends those of every replica.
#[derive(Debug)]
pub(crate) struct Nonces {
    key: NonceKey,
    tenure: Arc<Tenure>,
    /// Counts over all epochs of this process, so no pair of epoch and counter comes twice.
    counter: AtomicU64,
}

impl Nonces {
    pub(crate) const fn new(key: NonceKey, tenure: Arc<Tenure>) -> Self {
        Self {
            key,
            tenure,
            counter: AtomicU64::new(0),
        }
    }

    pub(crate) fn issue(&self, now: Timestamp) -> String {
        let counter = self.counter.fetch_add(1, Ordering::Relaxed);
        self.key
            .issue(self.tenure.slot(), self.tenure.epoch(), counter, now)
    }

    pub(crate) async fn spend(
        &self,
        nonce: &str,
        store: &dyn Store,
        meters: &Meters,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let bad = |refused: &Counter| {
            refused.increment(1);
            let detail = "the nonce is unknown, spent or too old; repeat the request with the \
                          Replay-Nonce of this answer";
            Failure::new(ProblemKind::BadNonce, detail)
        };
        let nonce = self
            .key
            .open(nonce)
            .ok_or_else(|| bad(&meters.nonces_unknown))?;
        if nonce.expires_at <= now {
            return Err(bad(&meters.nonces_expired));
        }
        match store.spend_nonce(nonce, now).await? {
            NonceVerdict::Fresh => Ok(()),
            NonceVerdict::Refused => Err(bad(&meters.nonces_spent)),
        }
    }
}
