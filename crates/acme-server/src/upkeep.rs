//! What must be done now and then: end what has expired, finish what a crash cut short, take over
//! from slots that stay away, remove what has ended long ago.

use std::time::Duration;

use acme_core::{
    AttemptRunner as _, AuthorityError, Certificate, FinalizeVerdict, Origin, Retention, StoreError,
};
use acme_types::{Problem, ProblemKind};
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{info, warn};

use crate::chain::Chain;
use crate::metrics::TAKEN_OVER;
use crate::worker::{Worker, WorkerPorts};

/// Rows that one act of upkeep touches at most, so that requests never wait long for it.
const BATCH: u32 = 256;
/// A certificate that was not signed this long after its serial number was stored has lost its
/// process, or its authority was away.
const UNSIGNED_FOR: Duration = Duration::from_secs(5);

/// How often upkeep looks, and how long what has ended stays.
#[derive(Clone, Copy, Debug)]
pub struct UpkeepSettings {
    /// Pause between two looks for slots that stay away: what was handed back goes on within it.
    pub adopt_every: Duration,
    /// Pause between two looks for the rest.
    pub every: Duration,
    /// Pause between two rounds of pruning.
    pub prune_every: Duration,
    /// How long what has ended stays readable.
    pub retention: Retention,
}

impl Default for UpkeepSettings {
    fn default() -> Self {
        Self {
            adopt_every: Duration::from_millis(400),
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
    let mut look = Every::at_once(settings.every);
    let mut prune = Every::at_once(settings.prune_every);
    while !*stop.borrow() {
        let passed = settings.adopt_every;
        let look = look.is_due(passed);
        let retention = prune.is_due(passed).then_some(&settings.retention);
        if let Err(error) = round(&ports, &worker, look, retention).await {
            // A fenced slot takes its lease again, a store that is away comes back: the next
            // round goes on where this one stopped.
            warn!(error = %Chain(&error), "upkeep was cut short");
        }
        tokio::select! {
            biased;
            () = sleep(settings.adopt_every) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Something that is due now and then.
struct Every {
    pause: Duration,
    left: Duration,
}

impl Every {
    /// Due for the first time at once.
    const fn at_once(pause: Duration) -> Self {
        Self {
            pause,
            left: Duration::ZERO,
        }
    }

    /// Whether it is due after some more time has passed.
    fn is_due(&mut self, passed: Duration) -> bool {
        self.left = self.left.saturating_sub(passed);
        let is_due = self.left.is_zero();
        if is_due {
            self.left = self.pause;
        }
        is_due
    }
}

async fn round(
    ports: &WorkerPorts,
    worker: &Worker,
    look: bool,
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
        // Rare enough to be looked up each time.
        metrics::counter!(TAKEN_OVER.name).increment(u64::from(adopted));
        info!(slot = %slot, adopted, "took over work of slots that stay away");
        worker.wake();
    }
    if look {
        store
            .expire_challenges(slot, tenure.epoch(), BATCH, clock.now())
            .await?;
        let before = clock.now().minus(UNSIGNED_FOR);
        for certificate in store.find_unsigned(slot, before, BATCH).await? {
            finish_signing(ports, &certificate).await?;
        }
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
                audit = pruned.audit,
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
    let origin = Origin::of_server(slot, ports.clock.now());
    let verdict = match authority.sign(certificate.issuer, &certificate.tbs).await {
        Ok(der) => {
            store
                .complete_finalize(&certificate.id, &der, slot, epoch, &origin)
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
                .fail_finalize(&certificate.id, &problem, slot, epoch, &origin)
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
