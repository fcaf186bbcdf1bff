//! One run: replicas, clients, faults, then a time without faults, then the reckoning.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use acme_core::{
    AuthorityError, ChallengeState, IssueRequest, Issuer, IssuerId, Prepared, Provisioner,
    SignAuthority, Store as _,
};
use acme_store::MemoryStore;
use acme_types::{OrderStatus, ProvisionerName, Slot, Timestamp};
use async_trait::async_trait;
use tokio::time::{Instant, sleep};

use crate::bug::Bug;
use crate::client::ClientWorld;
use crate::network::Targets;
use crate::oracle::{Counts, Invariant, Oracle, Violation};
use crate::replica::{Front, Pulse, Replica};
use crate::seeded::SharedSeeded;
use crate::world::{LEASE, PROBE_TIMEOUT, SKEWS, World};

/// The one simulated issuer.
pub const ISSUER: IssuerId = IssuerId([7; 32]);
/// What an attempt may be late by on top of interval and lease: a claim whose answer was lost, or
/// whose record failed, must first run out.
const MARGIN: Duration = Duration::from_secs(10 + 5 + 10);

/// The size of a run.
#[derive(Clone, Copy, Debug)]
pub struct RunSize {
    /// Replicas, each with a slot of its own.
    pub replicas: u8,
    /// Clients, each with one order.
    pub clients: u32,
    /// How long faults happen.
    pub faults_for: Duration,
    /// How long the run goes on without faults.
    pub calm_for: Duration,
}

impl Default for RunSize {
    fn default() -> Self {
        Self {
            replicas: 3,
            clients: 10,
            faults_for: Duration::from_secs(240),
            calm_for: Duration::from_secs(120),
        }
    }
}

/// The outcome of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The seed that makes this run again.
    pub seed: u64,
    /// The invariants that did not hold.
    pub violations: Vec<Violation>,
    /// What happened, in numbers.
    pub counts: Counts,
    /// What happened, line by line.
    pub trace: Vec<String>,
}

/// Runs a seed.
///
/// # Errors
/// When the runtime cannot be built.
pub fn run(seed: u64, size: RunSize, bug: Option<Bug>) -> std::io::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    Ok(runtime.block_on(play(seed, size, bug)))
}

async fn play(seed: u64, size: RunSize, bug: Option<Bug>) -> Outcome {
    let Ok(name) = "sim".parse::<ProvisionerName>() else {
        unreachable!("a fixed name")
    };
    let provisioner = Arc::new(Provisioner::new(name));
    let seeded = SharedSeeded::new(seed);
    let skew = seeded.draw(|rng| SKEWS[rng.below(SKEWS.len() as u64) as usize]);
    let world = Arc::new(World {
        began: Instant::now(),
        seeded,
        skew,
        oracle: Oracle::default(),
        bug,
        policy: provisioner.retry.clone(),
    });
    let stage = Arc::new(Stage {
        base: Arc::new(MemoryStore::new()),
        targets: Arc::default(),
        authority: Arc::new(SimAuthority {
            provisioner: Arc::clone(&provisioner),
        }),
        replicas: Mutex::default(),
        started: Mutex::default(),
        world: Arc::clone(&world),
    });
    let issuer = Issuer {
        id: ISSUER,
        chain: vec![vec![0x30, 0]],
    };
    let _ = stage.base.put_issuer(&issuer).await;
    for slot in 0..size.replicas {
        stage.start(Slot::new(slot));
    }
    let end = world.now().plus(size.faults_for + size.calm_for);
    let clients = ClientWorld {
        world: Arc::clone(&world),
        targets: Arc::clone(&stage.targets),
        provisioner,
        authority: Arc::clone(&stage.authority),
        fronts: Arc::new({
            let stage = Arc::clone(&stage);
            move || stage.fronts()
        }),
    };
    for number in 0..size.clients {
        tokio::spawn(clients.clone().live(number, end));
    }
    let watch = tokio::spawn(Arc::clone(&stage).watch(end));
    Arc::clone(&stage).faults(size).await;
    for slot in 0..size.replicas {
        stage.restart_if_gone(Slot::new(slot));
    }
    let _ = watch.await;
    stage.reckon().await;
    let (violations, counts, trace) = world.oracle.verdict();
    Outcome {
        seed,
        violations,
        counts,
        trace,
    }
}

struct Stage {
    world: Arc<World>,
    base: Arc<MemoryStore>,
    targets: Arc<Targets>,
    authority: Arc<dyn SignAuthority>,
    replicas: Mutex<Vec<Replica>>,
    started: Mutex<u32>,
}

impl Stage {
    fn replicas(&self) -> Vec<Replica> {
        self.replicas
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Starts a process for a slot, in the place of an earlier one.
    fn start(&self, slot: Slot) {
        let number = {
            let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
            *started += 1;
            *started
        };
        let replica = Replica::start(
            &self.world,
            &self.base,
            &self.targets,
            &self.authority,
            slot,
            number,
        );
        self.world
            .oracle
            .note(&self.world, &replica.process, "starts");
        let mut replicas = self.replicas.lock().unwrap_or_else(PoisonError::into_inner);
        replicas.retain(|other| other.process.slot != slot);
        replicas.push(replica);
    }

    fn restart_if_gone(&self, slot: Slot) {
        let gone = self
            .replicas()
            .iter()
            .all(|replica| replica.process.slot != slot || replica.process.pulse() == Pulse::Dead);
        if gone {
            self.start(slot);
        }
    }

    /// The replicas that a client's connection may reach; a paused one may be among them.
    fn fronts(&self) -> Vec<Front> {
        let mut fronts: Vec<Front> = self
            .replicas()
            .iter()
            .filter(|replica| replica.process.pulse() != Pulse::Dead)
            .filter_map(|replica| replica.front().cloned())
            .collect();
        fronts.sort_by_key(|front| front.process.number);
        fronts
    }

    async fn faults(self: Arc<Self>, size: RunSize) {
        let until = self.world.now().plus(size.faults_for);
        loop {
            let (wait, slot, what, away) = self.world.seeded.draw(|rng| {
                let slot = Slot::new(rng.below(u64::from(size.replicas)) as u8);
                (
                    rng.millis(2_000, 30_000),
                    slot,
                    rng.below(4),
                    rng.millis(0, 60_000),
                )
            });
            sleep(wait).await;
            if self.world.now() >= until {
                return;
            }
            let Some(replica) = self.replicas().into_iter().find(|r| r.process.slot == slot) else {
                continue;
            };
            let process = Arc::clone(&replica.process);
            match what {
                0 => {
                    self.world.oracle.note(&self.world, &process, "is killed");
                    process.set(Pulse::Dead);
                    self.world.oracle.lost(&process);
                }
                1 => {
                    self.world
                        .oracle
                        .note(&self.world, &process, "is asked to end");
                    replica.stop();
                    self.world.oracle.lost(&process);
                }
                _ => {
                    self.world.oracle.note(
                        &self.world,
                        &process,
                        &format!("stands still for {away:?}"),
                    );
                    process.set(Pulse::Paused);
                    self.world.oracle.lost(&process);
                }
            }
            let stage = Arc::clone(&self);
            tokio::spawn(async move {
                sleep(away).await;
                process.set(Pulse::Running);
                if process.pulse() == Pulse::Dead {
                    stage.restart_if_gone(slot);
                }
            });
        }
    }

    /// Looks every second whether something armed is left untried.
    async fn watch(self: Arc<Self>, end: Timestamp) {
        let bound =
            self.world.policy.interval() + LEASE + MARGIN + PROBE_TIMEOUT + self.world.skew * 2;
        let mut alive_for: Vec<(u32, Timestamp)> = Vec::new();
        while self.world.now() < end {
            sleep(Duration::from_secs(1)).await;
            let now = self.world.now();
            // A process that ended in order, or lost its slot, is started again as a supervisor would.
            let running: Vec<u32> = self
                .replicas()
                .iter()
                .filter(|r| r.process.pulse() == Pulse::Running && r.front().is_some())
                .map(|r| r.process.number)
                .collect();
            alive_for.retain(|(number, _)| running.contains(number));
            for number in running {
                if !alive_for.iter().any(|(known, _)| *known == number) {
                    alive_for.push((number, now));
                }
            }
            let Some(since) = alive_for.iter().map(|(_, since)| *since).min() else {
                continue;
            };
            if now.since(since) < bound {
                continue;
            }
            let Ok(page) = self.base.list_processing(None, 1000).await else {
                continue;
            };
            for item in page.items {
                let Some(due) = item.retry.next_attempt else {
                    continue;
                };
                if now.since(due) > bound {
                    let detail = format!(
                        "challenge {} of slot {} has been due for {:?}",
                        item.challenge.id,
                        item.retry.owner,
                        now.since(due)
                    );
                    self.world
                        .oracle
                        .violated(&self.world, Invariant::AlwaysTried, detail);
                    return;
                }
            }
        }
    }

    /// Reads everything back.
    async fn reckon(&self) {
        for id in self.world.oracle.all_acknowledged() {
            let found = self.base.find_order(&id).await;
            let Ok(Some(view)) = found else {
                self.world.oracle.violated(
                    &self.world,
                    Invariant::NothingLost,
                    format!("order {id} is gone"),
                );
                continue;
            };
            for authorization in &view.order.authorizations {
                let Ok(Some((authorization, _))) =
                    self.base.find_authorization(authorization).await
                else {
                    let detail = format!("an authorization of order {id} is gone");
                    self.world
                        .oracle
                        .violated(&self.world, Invariant::NothingLost, detail);
                    continue;
                };
                for challenge in &authorization.challenges {
                    self.world.oracle.saw(&self.world, challenge);
                }
                let valid =
                    |c: &acme_core::Challenge| matches!(c.state, ChallengeState::Valid { .. });
                let status = view.order.state.status();
                let stuck = matches!(status, OrderStatus::Pending)
                    && authorization.challenges.iter().any(valid);
                if stuck {
                    let detail = format!("order {id} is {status} although its challenge is valid");
                    self.world
                        .oracle
                        .violated(&self.world, Invariant::NothingLost, detail);
                }
            }
        }
    }
}

/// Signs by echoing: the to-be-signed form is the serial number alone.
struct SimAuthority {
    provisioner: Arc<Provisioner>,
}

#[async_trait]
impl SignAuthority for SimAuthority {
    fn load_provisioner_by_id(&self, id: &ProvisionerName) -> Option<Arc<Provisioner>> {
        (*id == self.provisioner.name).then(|| Arc::clone(&self.provisioner))
    }

    async fn prepare(&self, request: &IssueRequest) -> Result<Prepared, AuthorityError> {
        Ok(Prepared {
            issuer: ISSUER,
            tbs: request.serial.as_bytes().to_vec(),
            not_after: request.not_after,
        })
    }

    async fn sign(&self, _: IssuerId, tbs: &[u8]) -> Result<Vec<u8>, AuthorityError> {
        Ok(tbs.to_vec())
    }

    fn issuers(&self) -> Vec<Issuer> {
        vec![Issuer {
            id: ISSUER,
            chain: vec![vec![0x30, 0]],
        }]
    }

    fn roots(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }
}
