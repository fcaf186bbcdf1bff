//! What must be done now and then: end what has expired, finish what a crash cut short, take over
//! from slots that stay away, remove what has ended long ago.

use std::time::Duration;

use acme_core::{
    AttemptRunner as _, AuthorityError, Certificate, FinalizeVerdict, Retention, StoreError,
};
use acme_types::{Problem, ProblemKind};
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{info, warn};

use crate::chain::Chain;
use crate::worker::{Worker, WorkerPorts};

/// Rows that one act of upkeep touches at most, so that requests never wait long for it.
const BATCH: u32 = 256;
/// A certificate that was not signed this long after its serial number was stored has lost its
/// process, or its authority was away.
const UNSIGNED_FOR: Duration = Duration::from_secs(5);

/// How often upkeep looks, and how long what has ended stays.
#[derive(Clone, Copy, Debug)]
pub struct UpkeepSettings {
    /// Pause between two looks.
    pub every: Duration,
    /// Pause between two rounds of pruning.
    pub prune_every: Duration,
    /// How long what has ended stays readable.
    pub retention: Retention,
}

impl Default for UpkeepSettings {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(2),
            prune_every: Duration::from_secs(60),
            retention: Retention::default(),
        }
    }
}

/// Does upkeep until `stop` turns true.
pub async fn run_until(
    ports: WorkerPorts,
    worker: Worker,
    settings: UpkeepSettings,
    mut stop: watch::Receiver<bool>,
) {
    let mut until_prune = Duration::ZERO;
    while !*stop.borrow() {
        let prune = until_prune.is_zero();
        until_prune = if prune {
            settings.prune_every
        } else {
            until_prune.saturating_sub(settings.every)
        };
        if let Err(error) = round(&ports, &worker, prune.then_some(&settings.retention)).await {
            // A fenced slot takes its lease again, a store that is away comes back: the next
            // round goes on where this one stopped.
            warn!(error = %Chain(&error), "upkeep was cut short");
        }
        tokio::select! {
            biased;
            () = sleep(settings.every) => {}
            _ = stop.changed() => {}
        }
    }
}

async fn round(
    ports: &WorkerPorts,
    worker: &Worker,
    prune: Option<&Retention>,
) -> Result<(), StoreError> {
    let WorkerPorts {
        store,
        clock,
        tenure,
        ..
    } = ports;
    let slot = tenure.slot();
    let adopted = store
        .adopt(slot, tenure.epoch(), BATCH, clock.now())
        .await?;
    if adopted > 0 {
        info!(slot = %slot, adopted, "took over work of slots that stay away");
        worker.wake();
    }
    store
        .expire_challenges(slot, tenure.epoch(), BATCH, clock.now())
        .await?;
    let before = clock.now().minus(UNSIGNED_FOR);
    for certificate in store.find_unsigned(slot, before, BATCH).await? {
        finish_signing(ports, &certificate).await?;
    }
    if let Some(retention) = prune {
        loop {
            let pruned = store.prune(retention, BATCH, clock.now()).await?;
            if pruned == acme_core::Pruned::default() {
                break;
            }
            info!(
                orders = pruned.orders,
                authorizations = pruned.authorizations,
                certificates = pruned.certificates,
                nonces = pruned.nonces,
                "pruned what had ended"
            );
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

/// Signs a certificate whose to-be-signed form is stored and whose process went away before it
/// was signed. The same form is signed, so there is one certificate, whoever signs it.
async fn finish_signing(ports: &WorkerPorts, certificate: &Certificate) -> Result<(), StoreError> {
    let WorkerPorts {
        store,
        authority,
        tenure,
        ..
    } = ports;
    let (slot, epoch) = (tenure.slot(), tenure.epoch());
    let verdict = match authority.sign(certificate.issuer, &certificate.tbs).await {
        Ok(der) => {
            store
                .complete_finalize(&certificate.id, &der, slot, epoch)
                .await?
        }
        Err(error @ AuthorityError::Unavailable(_)) => {
            warn!(serial = %certificate.serial, error = %Chain(&error), "cannot sign yet; will go on trying");
            return Ok(());
        }
        Err(error) => {
            warn!(serial = %certificate.serial, error = %Chain(&error), "will never be signed");
            let problem = Problem::new(
                ProblemKind::ServerInternal,
                "the authority can no longer sign this certificate; open a new order",
            );
            store
                .fail_finalize(&certificate.id, &problem, slot, epoch)
                .await?
        }
    };
    if let FinalizeVerdict::Done(order) = verdict {
        info!(
            order.id = %order.id, serial = %certificate.serial, status = %order.state.status(),
            "finished a finalization that had been cut short"
        );
    }
    Ok(())
}
