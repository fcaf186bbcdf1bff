//! Keeps the lease of this process's slot: takes it at the start, renews it at a third of its life,
//! takes it again after a pause that was too long, hands it back at the end.

use std::sync::Arc;
use std::time::Duration;

use acme_core::{Clock, Lease, LeaseVerdict, Store, StoreError, Tenure};
use acme_types::Slot;
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{info, warn};

use crate::chain::Chain;
use crate::metrics::RENEWALS_FAILED;

/// Who wants which slot, and for how long at a time.
#[derive(Clone, Debug)]
pub struct LeaseRequest {
    /// The slot.
    pub slot: Slot,
    /// A random name of this process.
    pub holder: String,
    /// Life of the lease without renewal.
    pub life: Duration,
}

/// Why this process has no lease.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeaseError {
    /// Another living process has the slot.
    #[error(
        "slot {} is held by another process (epoch {}, holder {}); give each replica a slot of its own with --slot or ACME_SLOT, or wait for the other to end",
        .0.slot, .0.epoch.0, .0.holder
    )]
    Held(Lease),
    /// The store failed.
    #[error("the lease cannot be taken")]
    Store(#[from] StoreError),
}

/// Takes the slot's lease. One that another process holds is waited for as long as nobody renews
/// it: the process may have died without handing it back.
///
/// # Errors
/// [`LeaseError::Held`] as soon as the holder shows that it lives; [`LeaseError::Store`] when the
/// store fails.
pub async fn take(
    store: &dyn Store,
    request: &LeaseRequest,
    clock: &dyn Clock,
) -> Result<Lease, LeaseError> {
    let LeaseRequest { slot, holder, life } = request;
    let mut seen: Option<Lease> = None;
    loop {
        match store.take_lease(*slot, holder, *life, clock.now()).await? {
            LeaseVerdict::Taken(lease) => return Ok(lease),
            LeaseVerdict::Held(lease) => {
                if seen.as_ref().is_some_and(|before| *before != lease) {
                    return Err(LeaseError::Held(lease));
                }
                if seen.is_none() {
                    info!(
                        slot = %slot, holder = lease.holder, until = %lease.expires_at,
                        "the slot is held; waiting in case its process has died"
                    );
                }
                seen = Some(lease);
                sleep((*life / 15).max(Duration::from_millis(20))).await;
            }
        }
    }
}

/// Renews the lease until `stop` turns true, then hands it back.
///
/// # Errors
/// [`LeaseError::Held`] when the lease ran out (this process was paused, or the store was away) and
/// another process has taken the slot: this one must end.
pub async fn keep(
    store: Arc<dyn Store>,
    request: LeaseRequest,
    clock: Arc<dyn Clock>,
    tenure: Arc<Tenure>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), LeaseError> {
    let LeaseRequest { slot, life, .. } = request;
    let failed = metrics::counter!(RENEWALS_FAILED.name);
    let mut pause = life / 3;
    while !*stop.borrow() {
        tokio::select! {
            biased;
            () = sleep(pause) => {}
            _ = stop.changed() => break,
        }
        pause = life / 3;
        match store
            .renew_lease(slot, tenure.epoch(), life, clock.now())
            .await
        {
            Ok(_) => {}
            Err(StoreError::Fenced { .. }) => {
                failed.increment(1);
                let lease = take(&*store, &request, &*clock).await?;
                warn!(
                    slot = %slot, epoch = lease.epoch.0,
                    "the lease had run out and was taken again; what was being done under it is void"
                );
                tenure.renew(lease.epoch);
            }
            Err(error) => {
                failed.increment(1);
                warn!(error = %Chain(&error), "the lease cannot be renewed; will go on trying");
                pause = (life / 15).max(Duration::from_millis(20));
            }
        }
    }
    Ok(())
}
