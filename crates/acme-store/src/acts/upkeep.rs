//! Upkeep: the nonce key, pruning, how much is waiting, and whether the store answers.

use std::time::Duration;

use acme_core::{AuditClass, Pruned, Retention, Standing};
use acme_types::{Slot, Timestamp};

use crate::act::{Act, Fault, Outcome};
use crate::rows::Rows;

const NONCE_KEY: &str = "nonce_key";

/// See [`acme_core::Store::nonce_key`].
pub(crate) struct NonceKey {
    pub(crate) fresh: [u8; 32],
}

impl Act for NonceKey {
    type Output = [u8; 32];
    const WHAT: &'static str = "reading the nonce key";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<[u8; 32]> {
        rows.insert_meta(NONCE_KEY, &self.fresh).await?;
        let kept = rows.meta(NONCE_KEY).await?.unwrap_or_default();
        kept.try_into()
            .map_err(|_| Fault::corrupt("the nonce key is not 32 octets"))
    }
}

/// See [`acme_core::Store::prune`].
pub(crate) struct Prune {
    pub(crate) retention: Retention,
    pub(crate) limit: u32,
    pub(crate) now: Timestamp,
}

impl Act for Prune {
    type Output = Pruned;
    const WHAT: &'static str = "pruning";

    fn can_wait(&self) -> bool {
        true
    }

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Pruned> {
        let orders_before = self.now.minus(self.retention.orders);
        let certificates_before = self.now.minus(self.retention.certificates);
        // As many at a time as certificates, and one for a certificate at most.
        rows.prune_revocations(certificates_before, self.limit)
            .await?;
        rows.prune_proofs(self.now, self.limit).await?;
        let mut audit = 0;
        for class in AuditClass::ALL {
            let before = self.now.minus(self.retention.audit.of(class));
            audit += rows.prune_audit(class, before, self.limit).await?;
        }
        Ok(Pruned {
            orders: rows.prune_orders(orders_before, self.limit).await?,
            authorizations: rows.prune_authorizations(orders_before, self.limit).await?,
            certificates: rows
                .prune_certificates(certificates_before, self.limit)
                .await?,
            nonces: 0,
            audit,
        })
    }
}

/// See [`acme_core::Store::standing`].
pub(crate) struct ReadStanding {
    pub(crate) slot: Slot,
    pub(crate) now: Timestamp,
}

impl Act for ReadStanding {
    type Output = Standing;
    const WHAT: &'static str = "counting what is waiting";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Standing> {
        let Self { slot, now } = *self;
        let most = Standing::MOST;
        let mut expiring = [0; Standing::DAYS.len()];
        let mut after = now;
        for (counted, days) in expiring.iter_mut().zip(Standing::DAYS) {
            let until = now.plus(Duration::from_secs(days * 86_400));
            *counted = rows.count_expiring(after, until, most).await?;
            after = until;
        }
        Ok(Standing {
            armed: rows.count_armed(slot, None, most).await?,
            due: rows.count_armed(slot, Some(now), most).await?,
            exhausted: rows.count_exhausted(slot, most).await?,
            oldest_open_order: rows.oldest_open_order(most, now).await?,
            expiring,
        })
    }
}

/// See [`acme_core::Store::ping`].
pub(crate) struct Ping;

impl Act for Ping {
    type Output = ();
    const WHAT: &'static str = "asking the store for an answer";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<()> {
        rows.meta("").await.map(drop)
    }
}
