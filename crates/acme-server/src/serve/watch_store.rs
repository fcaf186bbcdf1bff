//! Looks every 15 seconds at how much is waiting and who holds which slot, for `/metrics`: whoever
//! reads the page never makes the store work.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use acme_core::{Clock, Standing, Store, StoreError};
use acme_types::Slot;
use metrics::{Counter, Gauge, counter, gauge};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::metrics::{EPOCH, EXPIRING, Figures, LEASE, OLDEST_ORDER, WAITING, WATCH_FAILURES};

/// Pause between two looks at the store.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// Pause between two times that histograms are summed up.
const SUM_UP_EVERY: Duration = Duration::from_secs(3);

/// Sums figures up until `stop` turns true.
pub(super) async fn sum_up(figures: Figures, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        tokio::select! {
            () = sleep(SUM_UP_EVERY) => figures.sum_up(),
            _ = stop.changed() => {}
        }
    }
}

/// Looks at the store until `stop` turns true.
pub(super) async fn look(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    slot: Slot,
    mut stop: watch::Receiver<bool>,
) {
    let mut gauges = Gauges::new();
    while !*stop.borrow() {
        let (asked, at) = (Arc::clone(&store), Arc::clone(&clock));
        // The embedded store answers at once, on the thread that asks, and this may take a moment.
        let runtime = Handle::current();
        let seen = tokio::task::spawn_blocking(move || {
            runtime.block_on(async { asked.standing(slot, at.now()).await })
        });
        match seen.await {
            Ok(Ok(standing)) => gauges.set(&standing, &*clock),
            _ => gauges.failures.increment(1),
        }
        if gauges.look_at_leases(&*store, &*clock).await.is_err() {
            gauges.failures.increment(1);
        }
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            _ = stop.changed() => {}
        }
    }
}

struct Gauges {
    armed: Gauge,
    due: Gauge,
    exhausted: Gauge,
    oldest_order: Gauge,
    expiring: [Gauge; Standing::DAYS.len()],
    /// Held and epoch of each slot.
    leases: BTreeMap<Slot, [Gauge; 2]>,
    failures: Counter,
}

impl Gauges {
    fn new() -> Self {
        let waiting = |state: &'static str| gauge!(WAITING.name, "state" => state);
        Self {
            armed: waiting("armed"),
            due: waiting("due"),
            exhausted: waiting("exhausted"),
            oldest_order: gauge!(OLDEST_ORDER.name),
            expiring: Standing::DAYS.map(|days| gauge!(EXPIRING.name, "days" => days.to_string())),
            leases: BTreeMap::new(),
            failures: counter!(WATCH_FAILURES.name),
        }
    }

    fn set(&self, standing: &Standing, clock: &dyn Clock) {
        self.armed.set(standing.armed as f64);
        self.due.set(standing.due as f64);
        self.exhausted.set(standing.exhausted as f64);
        let age = standing.oldest_open_order.map(|at| clock.now().since(at));
        self.oldest_order.set(age.unwrap_or_default().as_secs_f64());
        for (gauge, count) in self.expiring.iter().zip(standing.expiring) {
            gauge.set(count as f64);
        }
    }

    async fn look_at_leases(
        &mut self,
        store: &dyn Store,
        clock: &dyn Clock,
    ) -> Result<(), StoreError> {
        let leases = store.leases().await?;
        let now = clock.now();
        for lease in leases {
            let [held, epoch] = self.leases.entry(lease.slot).or_insert_with(|| {
                let slot = lease.slot.to_string();
                let held = gauge!(LEASE.name, "slot" => slot.clone());
                [held, gauge!(EPOCH.name, "slot" => slot)]
            });
            held.set(if lease.expires_at > now { 1.0 } else { 0.0 });
            epoch.set(lease.epoch.0 as f64);
        }
        Ok(())
    }
}
