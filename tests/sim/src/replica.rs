//! One replica: a process that may be paused or killed at any await, and the server parts that run
//! in it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use acme_core::{Clock, Retention, SignAuthority, Store, Tenure};
use acme_server::lease_keeper::{self, LeaseRequest};
use acme_server::upkeep::{self, UpkeepSettings};
use acme_server::worker::{Worker, WorkerLimits, WorkerPorts};
use acme_store::MemoryStore;
use acme_types::Slot;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use crate::network::{SimValidator, Targets};
use crate::store::SimStore;
use crate::world::{LEASE, PROBE_TIMEOUT, SkewedClock, World};

/// Whether a process gets to run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pulse {
    /// It runs.
    Running,
    /// It stands still, as after SIGSTOP.
    Paused,
    /// It is gone, as after SIGKILL.
    Dead,
}

/// A simulated process. Everything in it passes the gate before and after each await that leaves
/// the process, so that it can stand still or be gone at any of them.
#[derive(Debug)]
pub struct Process {
    /// Its number in the run.
    pub number: u32,
    /// The slot it wants.
    pub slot: Slot,
    // Not a watch channel: that wakes its waiters in an order of its own choice.
    pulse: Mutex<Pulse>,
    changed: Notify,
}

impl Process {
    fn new(number: u32, slot: Slot) -> Self {
        Self {
            number,
            slot,
            pulse: Mutex::new(Pulse::Running),
            changed: Notify::new(),
        }
    }

    /// Returns while the process runs, waits while it is paused, and never returns once it is dead.
    pub async fn gate(&self) {
        loop {
            let changed = self.changed.notified();
            match self.pulse() {
                Pulse::Running => return,
                Pulse::Paused => changed.await,
                Pulse::Dead => std::future::pending().await,
            }
        }
    }

    /// Whether it gets to run.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        *self.pulse.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets it run, stand still or be gone; the dead stay dead.
    pub fn set(&self, to: Pulse) {
        let mut pulse = self.pulse.lock().unwrap_or_else(PoisonError::into_inner);
        if *pulse != Pulse::Dead {
            *pulse = to;
        }
        drop(pulse);
        self.changed.notify_waiters();
    }
}

/// The parts of a replica that answer requests.
#[derive(Clone)]
pub struct Front {
    /// The process they run in.
    pub process: Arc<Process>,
    /// The store as this process reaches it.
    pub store: Arc<SimStore>,
    /// Makes attempts.
    pub worker: Worker,
    /// The slot and epoch.
    pub tenure: Arc<Tenure>,
    /// The process's own clock.
    pub clock: Arc<SkewedClock>,
}

/// A replica from its start on; it can answer once it has its slot's lease.
#[derive(Clone)]
pub struct Replica {
    /// Its process.
    pub process: Arc<Process>,
    front: Arc<OnceLock<Front>>,
    // One for each task that stops, again for the order of waking.
    stop: [watch::Sender<bool>; 3],
}

impl Replica {
    /// Starts a process for a slot.
    #[must_use]
    pub fn start(
        world: &Arc<World>,
        base: &Arc<MemoryStore>,
        targets: &Arc<Targets>,
        authority: &Arc<dyn SignAuthority>,
        slot: Slot,
        number: u32,
    ) -> Self {
        let process = Arc::new(Process::new(number, slot));
        let replica = Self {
            process: Arc::clone(&process),
            front: Arc::default(),
            stop: std::array::from_fn(|_| watch::Sender::new(false)),
        };
        let max = world.skew.as_millis() as u64;
        let (ahead, behind) = world.seeded.draw(|rng| {
            if rng.one_in(2) {
                (rng.millis(0, max), Duration::ZERO)
            } else {
                (Duration::ZERO, rng.millis(0, max))
            }
        });
        let clock = Arc::new(SkewedClock {
            world: Arc::clone(world),
            ahead,
            behind,
        });
        let store = Arc::new(SimStore::new(
            Arc::clone(world),
            Arc::clone(base),
            Arc::clone(&process),
        ));
        let validator = Arc::new(SimValidator {
            world: Arc::clone(world),
            process,
            targets: Arc::clone(targets),
        });
        tokio::spawn(live(
            replica.clone(),
            store,
            validator,
            clock,
            Arc::clone(authority),
        ));
        replica
    }

    /// What answers requests here, once the replica has its lease and while it is not stopping.
    #[must_use]
    pub fn front(&self) -> Option<&Front> {
        self.front.get().filter(|_| !*self.stop[0].borrow())
    }

    /// Asks it to end in order, as SIGTERM does.
    pub fn stop(&self) {
        for stop in &self.stop {
            stop.send_replace(true);
        }
    }
}

async fn live(
    replica: Replica,
    store: Arc<SimStore>,
    validator: Arc<SimValidator>,
    clock: Arc<SkewedClock>,
    authority: Arc<dyn SignAuthority>,
) {
    let process = Arc::clone(&replica.process);
    let slot = process.slot;
    let request = LeaseRequest {
        slot,
        holder: format!("process {}", process.number),
        life: LEASE,
    };
    // A supervisor would start it again and again; here it asks again.
    let lease = loop {
        match lease_keeper::take(&*store, &request, &*clock).await {
            Ok(lease) => break lease,
            Err(_) => sleep(Duration::from_secs(1)).await,
        }
    };
    let tenure = Arc::new(Tenure::new(slot, lease.epoch));
    let ports = WorkerPorts {
        account_urls: Arc::new(|_, _| Vec::new()),
        store: Arc::clone(&store) as Arc<dyn Store>,
        validator,
        authority,
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        tenure: Arc::clone(&tenure),
    };
    let limits = WorkerLimits {
        probe_timeout: PROBE_TIMEOUT,
        ..WorkerLimits::default()
    };
    let worker = Worker::new(ports.clone(), limits);
    let front = Front {
        process: Arc::clone(&process),
        store: Arc::clone(&store),
        worker: worker.clone(),
        tenure: Arc::clone(&tenure),
        clock: Arc::clone(&clock),
    };
    // The one place that sets it.
    let _ = replica.front.set(front);

    let [stop, stop_upkeep, stop_work] = replica.stop.each_ref().map(watch::Sender::subscribe);
    let settings = UpkeepSettings {
        retention: Retention::default(),
        ..UpkeepSettings::default()
    };
    let upkeep = tokio::spawn(upkeep::run_until(
        ports,
        worker.clone(),
        settings,
        stop_upkeep,
    ));
    let works =
        tokio::spawn(async move { worker.run_until(stop_work, Duration::from_secs(2)).await });
    let kept = lease_keeper::keep(
        Arc::clone(&store) as Arc<dyn Store>,
        request,
        Arc::clone(&clock) as Arc<dyn Clock>,
        Arc::clone(&tenure),
        stop,
    )
    .await;
    if kept.is_ok() {
        let _ = works.await;
        let _ = upkeep.await;
        let _ = store.release_lease(slot, tenure.epoch(), clock.now()).await;
    }
    process.set(Pulse::Dead);
}
