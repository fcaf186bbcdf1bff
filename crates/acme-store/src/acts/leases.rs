//! Leases: take, renew, hand back; and taking over from slots that do not return.

use std::time::Duration;

use acme_core::{Epoch, Lease, LeaseVerdict, StoreError};
use acme_types::{Slot, Timestamp};

use super::fence;
use crate::act::{Act, Fault, Outcome};
use crate::rows::Rows;

/// See [`acme_core::Store::take_lease`].
pub(crate) struct TakeLease {
    pub(crate) slot: Slot,
    pub(crate) holder: String,
    pub(crate) life: Duration,
    pub(crate) now: Timestamp,
}

impl Act for TakeLease {
    type Output = LeaseVerdict;
    const WHAT: &'static str = "taking a lease";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<LeaseVerdict> {
        let clock = rows.lease_clock(self.now).await?;
        let mut lease = Lease {
            slot: self.slot,
            epoch: Epoch(1),
            holder: self.holder.clone(),
            expires_at: clock.plus(self.life),
        };
        if let Some(found) = rows.lock_lease(self.slot).await? {
            if found.expires_at > clock && found.holder != self.holder {
                return Ok(LeaseVerdict::Held(found));
            }
            lease.epoch = Epoch(found.epoch.0 + 1);
            rows.set_lease(&lease).await?;
        } else if !rows.insert_lease(&lease).await? {
            // Another process was first, a moment ago.
            let found = rows.lease(self.slot).await?;
            return found
                .map(LeaseVerdict::Held)
                .ok_or_else(|| Fault::corrupt("a lease that is there and is not"));
        }
        Ok(LeaseVerdict::Taken(lease))
    }
}

/// See [`acme_core::Store::renew_lease`].
pub(crate) struct RenewLease {
    pub(crate) slot: Slot,
    pub(crate) epoch: Epoch,
    pub(crate) life: Duration,
    pub(crate) now: Timestamp,
}

impl Act for RenewLease {
    type Output = Lease;
    const WHAT: &'static str = "renewing a lease";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Lease> {
        let clock = rows.lease_clock(self.now).await?;
        let mut lease = held(rows, self.slot, self.epoch).await?;
        lease.expires_at = clock.plus(self.life);
        rows.set_lease(&lease).await?;
        Ok(lease)
    }
}

/// See [`acme_core::Store::release_lease`].
pub(crate) struct ReleaseLease {
    pub(crate) slot: Slot,
    pub(crate) epoch: Epoch,
    pub(crate) now: Timestamp,
}

impl Act for ReleaseLease {
    type Output = ();
    const WHAT: &'static str = "handing a lease back";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<()> {
        let clock = rows.lease_clock(self.now).await?;
        let mut lease = held(rows, self.slot, self.epoch).await?;
        lease.expires_at = clock;
        lease.holder.clear();
        rows.set_lease(&lease).await
    }
}

/// The lease as it is held under `epoch`; one that was handed back is not.
async fn held<R: Rows>(rows: &mut R, slot: Slot, epoch: Epoch) -> Outcome<Lease> {
    let lease = rows.lock_lease(slot).await?;
    lease
        .filter(|lease| lease.epoch == epoch && !lease.holder.is_empty())
        .ok_or_else(|| StoreError::Fenced { slot, epoch }.into())
}

/// See [`acme_core::Store::leases`].
pub(crate) struct ListLeases;

impl Act for ListLeases {
    type Output = Vec<Lease>;
    const WHAT: &'static str = "listing the leases";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Vec<Lease>> {
        rows.leases().await
    }
}

/// See [`acme_core::Store::adopt`].
pub(crate) struct Adopt {
    pub(crate) slot: Slot,
    pub(crate) epoch: Epoch,
    pub(crate) limit: u32,
    pub(crate) now: Timestamp,
}

impl Act for Adopt {
    type Output = u32;
    const WHAT: &'static str = "adopting the work of other slots";

    fn can_wait(&self) -> bool {
        true
    }

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<u32> {
        fence(rows, self.slot, self.epoch).await?;
        let clock = rows.lease_clock(self.now).await?;
        let mut adopted = 0;
        for lease in rows.leases().await? {
            if lease.slot == self.slot || lease.expires_at > clock {
                continue;
            }
            let left = self.limit - adopted;
            adopted += rows
                .adopt_challenges(lease.slot, self.slot, left, self.now)
                .await?;
            let left = self.limit - adopted;
            adopted += rows.adopt_certificates(lease.slot, self.slot, left).await?;
        }
        Ok(adopted)
    }
}
