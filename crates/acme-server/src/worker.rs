//! The worker loop: claims due attempts of its slot, makes them, records what they saw.
//!
//! One tick: clock → claim → probe, bounded in number, per target and per account → record → sleep
//! until the next due time or a wake-up. No transaction is open while a probe runs. When attempts
//! are due is core's decision alone; the loop only asks the store for what is due.

mod meters;
mod room;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use acme_core::{
    AttemptRunner, Claim, ClaimBatch, Clock, Finding, Observation, Phase, Probe, RecordVerdict,
    RetryPolicy, SignAuthority, Store, StoreError, Tenure, Validator,
};
use acme_types::{AccountId, KeyAuthorization, ProvisionerName, Timestamp};
use async_trait::async_trait;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::{Instrument as _, debug, debug_span, info, warn};

use crate::chain::Chain;
use meters::Meters;
use room::{Place, Room};

/// How long giving attempts back may take at the end; what is not given back by then is due again when
/// its claim runs out.
const GIVE_BACK_WITHIN: Duration = Duration::from_millis(500);

/// Attempts that are started one after the other before others get their turn: a storm must not keep
/// requests waiting.
const STARTED_IN_A_ROW: usize = 16;
/// Most attempts that are claimed in one act, since nobody else can write meanwhile.
const CLAIMED_AT_ONCE: usize = 512;
/// Longest wait for more room than the first place that has come free.
const REFILL_WITHIN: Duration = Duration::from_millis(20);

/// A claim whose attempt has not begun by then is not used any more. With the 5 s that a claim has
/// on top of the longest probe, replicas whose clocks differ by less than 4 s never try one
/// challenge at the same time.
const BEGIN_WITHIN: Duration = Duration::from_secs(1);

/// How much a worker does at once.
#[derive(Clone, Copy, Debug)]
pub struct WorkerLimits {
    /// Attempts that may ask the network at once. Four times as many may be in hand, claimed and not
    /// recorded yet.
    pub attempts: usize,
    /// Of those, attempts against one identifier.
    pub attempts_per_target: usize,
    /// Of those, attempts for one account's key.
    pub attempts_per_account: usize,
    /// Longest time that a probe may take; the validator keeps to it by itself.
    pub probe_timeout: Duration,
    /// Longest pause between two looks at the store, for work whose wake-up got lost.
    pub max_pause: Duration,
}

impl WorkerLimits {
    /// How long a claim is good: the probe's time, and time enough to record what it saw. A claim
    /// that is not recorded by then is due again.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.probe_timeout + Duration::from_secs(5)
    }
}

impl Default for WorkerLimits {
    fn default() -> Self {
        Self {
            attempts: 512,
            attempts_per_target: 32,
            attempts_per_account: 256,
            probe_timeout: Duration::from_secs(10),
            max_pause: Duration::from_secs(1),
        }
    }
}

/// What the worker works with.
#[derive(Clone)]
pub struct WorkerPorts {
    /// Where challenges are kept.
    pub store: Arc<dyn Store>,
    /// What looks whether a proof is there.
    pub validator: Arc<dyn Validator>,
    /// Who knows the provisioners and their policies.
    pub authority: Arc<dyn SignAuthority>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The slot and epoch to act under.
    pub tenure: Arc<Tenure>,
    /// The URLs of accounts.
    pub account_urls: AccountUrls,
}

/// Gives the URLs of a provisioner's account, the one in use first.
pub type AccountUrls = Arc<dyn Fn(&ProvisionerName, &AccountId) -> Vec<String> + Send + Sync>;

/// Makes the attempts of one slot. Clones share everything.
#[derive(Clone)]
pub struct Worker {
    ports: WorkerPorts,
    limits: WorkerLimits,
    room: Room,
    meters: Arc<Meters>,
    wake: Arc<Notify>,
    // Whether due work is waiting for room: only then need the end of an attempt wake the loop.
    starved: Arc<AtomicBool>,
    // Turns true at the end: attempts that are still being made are given back.
    gives_up: watch::Sender<bool>,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Worker {
    /// A worker that does nothing until [`Worker::run_until`] is awaited or a claim is handed to it.
    #[must_use]
    pub fn new(ports: WorkerPorts, limits: WorkerLimits) -> Self {
        Self {
            ports,
            room: Room::new(&limits),
            meters: Arc::new(Meters::new()),
            limits,
            wake: Arc::default(),
            starved: Arc::default(),
            gives_up: watch::Sender::new(false),
        }
    }

    /// Works until `stop` turns true; then claims nothing more and waits at most `grace` for the
    /// attempts that are being made. Those that are not done by then are broken off and given back:
    /// they are due again at once for whoever takes the slot's work over.
    pub async fn run_until(&self, mut stop: watch::Receiver<bool>, grace: Duration) {
        let mut store_is_away = false;
        while !*stop.borrow() {
            // Registered before the store is asked, so that no wake-up falls in between.
            let woken = self.wake.notified();
            let pause = match self.claim().await {
                Ok(batch) => {
                    if std::mem::take(&mut store_is_away) {
                        info!("the store is back; attempts go on");
                    }
                    self.start(batch).await
                }
                Err(error) => {
                    if !std::mem::replace(&mut store_is_away, true) {
                        warn!(error = %Chain(&error), "cannot claim attempts; will go on trying");
                    }
                    self.limits.max_pause
                }
            };
            tokio::select! {
                biased;
                () = woken => {}
                () = sleep(pause) => {}
                _ = stop.changed() => {}
            }
        }
        if timeout(grace, self.room.empty()).await.is_err() {
            self.gives_up.send_replace(true);
            let given_back = timeout(GIVE_BACK_WITHIN, self.room.empty()).await;
            info!(
                all = given_back.is_ok(),
                "attempts were still being made at the end of the grace time; they are due again"
            );
        }
    }

    async fn claim(&self) -> Result<ClaimBatch, StoreError> {
        let free = self.room.free().min(CLAIMED_AT_ONCE) as u32;
        if free == 0 {
            self.starved.store(true, Ordering::Release);
            return Ok(ClaimBatch::default());
        }
        let WorkerPorts {
            store,
            clock,
            tenure,
            ..
        } = &self.ports;
        let patience = self.limits.patience();
        store
            .claim_due(tenure.slot(), tenure.epoch(), free, patience, clock.now())
            .await
    }

    /// Starts the claimed attempts; tells how long to pause.
    async fn start(&self, batch: ClaimBatch) -> Duration {
        for (n, claim) in batch.claims.into_iter().enumerate() {
            if n % STARTED_IN_A_ROW == STARTED_IN_A_ROW - 1 {
                tokio::task::yield_now().await;
            }
            self.spawn(claim);
        }
        let until_due = batch
            .next_due
            .map_or(Duration::MAX, |due| due.since(self.ports.clock.now()));
        if until_due.is_zero() && !self.has_enough_room() {
            self.starved.store(true, Ordering::Release);
            return REFILL_WITHIN;
        }
        until_due.min(self.limits.max_pause)
    }

    /// Whether there is room for so many attempts that claiming them is worth an act.
    fn has_enough_room(&self) -> bool {
        self.room.free() >= self.limits.attempts.div_ceil(4).min(CLAIMED_AT_ONCE)
    }

    fn spawn(&self, claim: Claim) -> JoinHandle<()> {
        let worker = self.clone();
        // Taken now: what has been claimed counts before its task runs.
        let place = self.room.enter(&claim);
        let attempt = async move {
            match place {
                Some(mut place) => tokio::select! {
                    () = worker.attempt(&claim, &mut place) => {}
                    () = worker.end() => worker.put_off(&claim, Duration::ZERO).await,
                },
                // By then its target has room again.
                None => worker.put_off(&claim, worker.limits.probe_timeout).await,
            }
            worker.room_has_grown();
        };
        // A request that makes an attempt at once has it among its own lines.
        tokio::spawn(attempt.in_current_span())
    }

    /// Wakes the loop when it waits for room and there is enough.
    fn room_has_grown(&self) {
        if self.starved.load(Ordering::Acquire)
            && self.has_enough_room()
            && self.starved.swap(false, Ordering::AcqRel)
        {
            self.wake.notify_one();
        }
    }

    async fn attempt(&self, claim: &Claim, place: &mut Place) {
        // The process may have stood still since the claim was made. What is left of the claim then
        // must be enough for the probe, and for clocks that differ.
        let begun_within = self.ports.clock.now().since(claim.in_flight.started_at);
        if begun_within > BEGIN_WITHIN {
            debug!(challenge.id = %claim.challenge_id, "claim too old to be used; the attempt is due again");
            return self.put_off(claim, Duration::ZERO).await;
        }
        let WorkerPorts {
            validator,
            authority,
            clock,
            account_urls,
            ..
        } = &self.ports;
        let provisioner = authority.load_provisioner_by_id(&claim.provisioner);
        let (observation, policy) = match &provisioner {
            Some(provisioner) => {
                let probe = Probe {
                    provisioner: claim.provisioner.clone(),
                    kind: claim.kind,
                    identifier: claim.identifier.clone(),
                    wildcard: claim.wildcard,
                    token: claim.token.clone(),
                    key_authorization: KeyAuthorization::new(&claim.token, &claim.thumbprint),
                    account_urls: account_urls(&claim.provisioner, &claim.account_id),
                    issuer_names: provisioner.caa_identities.clone(),
                    caa: provisioner.caa.clone(),
                    now: clock.now(),
                };
                let span = debug_span!(
                    "probe",
                    challenge.id = %claim.challenge_id,
                    challenge.kind = %claim.kind,
                    identifier = %claim.identifier,
                );
                let probing = validator.probe(&probe).instrument(span);
                (probing.await, provisioner.retry.clone())
            }
            None => (no_provisioner(claim), RetryPolicy::default()),
        };
        place.probed();
        self.room_has_grown();
        log_attempt(claim, &observation, clock.now());
        self.meters.attempted(claim, &observation);
        self.record(claim, &observation, &policy).await;
    }

    /// Records an attempt; goes on trying while the claim is good, since what was seen may be the
    /// proof.
    async fn record(&self, claim: &Claim, observation: &Observation, policy: &RetryPolicy) {
        let WorkerPorts { store, clock, .. } = &self.ports;
        let mut pause = Duration::from_millis(50);
        loop {
            // Read anew: the time of the conclusion is when it is recorded.
            let now = clock.now();
            match store.record_attempt(claim, observation, policy, now).await {
                Ok(RecordVerdict::Recorded(challenge)) => {
                    self.meters.recorded(&claim.provisioner, &challenge);
                    let status = challenge.state.status();
                    if status.is_settled() {
                        info!(challenge.id = %challenge.id, %status, "challenge settled");
                    }
                    return;
                }
                Ok(RecordVerdict::Superseded) => {
                    self.meters.superseded();
                    debug!(challenge.id = %claim.challenge_id, "attempt came too late to count");
                    return;
                }
                Err(StoreError::Unavailable { .. }) if now.plus(pause) < claim.in_flight.until => {
                    sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(2));
                }
                Err(error) => {
                    warn!(
                        challenge.id = %claim.challenge_id,
                        error = %Chain(&error),
                        "attempt could not be recorded; it will be made again"
                    );
                    return;
                }
            }
        }
    }

    /// Returns when attempts that are being made shall be broken off.
    async fn end(&self) {
        // The sender lives as long as this worker.
        let _ = self.gives_up.subscribe().wait_for(|end| *end).await;
    }

    /// Takes the mark of a claim away, so that the attempt is due again after `pause`.
    async fn put_off(&self, claim: &Claim, pause: Duration) {
        let to = self.ports.clock.now().plus(pause);
        if let Err(error) = self.ports.store.postpone_attempt(claim, to).await {
            warn!(
                challenge.id = %claim.challenge_id,
                error = %Chain(&error),
                "attempt could not be put off; it is due again when its claim runs out"
            );
        }
    }
}

#[async_trait]
impl AttemptRunner for Worker {
    fn has_room(&self) -> bool {
        self.room.free() > 0
    }

    async fn run(&self, claim: Claim) {
        // A task of its own: the attempt goes on when the client stops waiting.
        let attempt = self.spawn(claim);
        if let Err(error) = attempt.await {
            warn!(%error, "attempt ended early; it will be made again");
        }
    }

    fn wake(&self) {
        self.wake.notify_one();
    }
}

fn no_provisioner(claim: &Claim) -> Observation {
    Observation {
        finding: Finding::Internal,
        phase: Phase::Dns,
        address: None,
        detail: format!(
            "the provisioner {:?} is not configured any more",
            claim.provisioner.as_str()
        ),
        took: Duration::ZERO,
    }
}

fn log_attempt(claim: &Claim, observation: &Observation, now: Timestamp) {
    info!(
        challenge.id = %claim.challenge_id,
        challenge.kind = %claim.kind,
        identifier = %claim.identifier,
        slot = %claim.in_flight.slot,
        finding = observation.finding.as_str(),
        phase = observation.phase.as_str(),
        duration_ms = u64::try_from(observation.took.as_millis()).unwrap_or(u64::MAX),
        late_ms = u64::try_from(claim.in_flight.started_at.since(claim.due_at).as_millis()).unwrap_or(u64::MAX),
        age_ms = u64::try_from(now.since(claim.in_flight.started_at).as_millis()).unwrap_or(u64::MAX),
        "attempt: {}",
        observation.detail
    );
}
