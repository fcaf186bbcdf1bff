//! The invariants, and who watches them: it sees every act at the moment it takes effect, with the
//! true time, and remembers what was acknowledged.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use acme_core::{Challenge, Claim};
use acme_types::{CertificateId, ChallengeId, ChallengeStatus, OrderId, Slot, Timestamp, Token};

use crate::replica::{Process, Pulse};
use crate::world::World;

/// What must hold in every run.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Invariant {
    /// No acknowledged object is lost.
    NothingLost,
    /// No object goes backwards.
    NothingBackwards,
    /// A challenge's attempts never overlap, unless their process lost its lease or its life.
    NoOverlap,
    /// Attempts never come nearer than the policy allows.
    NeverNearer,
    /// Every armed challenge is tried within interval, lease and margin while a replica lives.
    AlwaysTried,
    /// `valid` only after a proof that matched.
    ValidOnlyByProof,
    /// No serial number is signed twice.
    NoSerialTwice,
    /// A stale epoch never writes.
    NoStaleWrite,
}

/// An invariant that did not hold.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// How.
    pub detail: String,
}

/// Watches a run.
#[derive(Debug, Default)]
pub struct Oracle(Mutex<Watched>);

#[derive(Debug, Default)]
struct Watched {
    trace: Vec<String>,
    violations: Vec<Violation>,
    acknowledged: HashSet<OrderId>,
    seen: HashMap<ChallengeId, ChallengeStatus>,
    probing: HashMap<Token, Vec<Probing>>,
    proven: HashSet<Token>,
    last_recorded: HashMap<Token, Timestamp>,
    issued: HashMap<Vec<u8>, CertificateId>,
    counts: Counts,
}

#[derive(Debug)]
struct Probing {
    process: u32,
    slot: Slot,
    started_at: Timestamp,
    /// Whether the process had lost its life or its lease when another began.
    lost: bool,
}

/// What happened in a run, in numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Probes made.
    pub probes: u64,
    /// Attempts recorded.
    pub recorded: u64,
    /// Challenges that became valid.
    pub valid: u64,
    /// Certificates signed.
    pub signed: u64,
}

impl Counts {
    /// Adds another run's.
    pub const fn add(&mut self, other: &Self) {
        self.probes += other.probes;
        self.recorded += other.recorded;
        self.valid += other.valid;
        self.signed += other.signed;
    }
}

impl Oracle {
    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line to the trace.
    pub fn note(&self, world: &World, process: &Process, what: &str) {
        let at = world.began.elapsed();
        self.watched().trace.push(format!(
            "{at:>10.3?} process {} (slot {}) {what}",
            process.number, process.slot
        ));
    }

    /// An invariant does not hold.
    pub fn violated(&self, world: &World, invariant: Invariant, detail: String) {
        let mut watched = self.watched();
        watched.trace.push(format!(
            "{:>10.3?} VIOLATION {invariant:?}: {detail}",
            world.began.elapsed()
        ));
        watched.violations.push(Violation { invariant, detail });
    }

    /// A client was told that its order is there.
    pub fn acknowledged(&self, order: &OrderId) {
        self.watched().acknowledged.insert(order.clone());
    }

    /// Every order that a client was told of.
    #[must_use]
    pub fn all_acknowledged(&self) -> Vec<OrderId> {
        let mut orders: Vec<_> = self.watched().acknowledged.iter().cloned().collect();
        orders.sort();
        orders
    }

    /// A challenge was read or written, as it is now.
    pub fn saw(&self, world: &World, challenge: &Challenge) {
        let status = challenge.state.status();
        let before = self.watched().seen.insert(challenge.id.clone(), status);
        let rank = |status| match status {
            ChallengeStatus::Pending => 0,
            ChallengeStatus::Processing => 1,
            ChallengeStatus::Valid | ChallengeStatus::Invalid => 2,
        };
        if let Some(before) = before {
            let other_end = before.is_settled() && before != status;
            if rank(status) < rank(before) || other_end {
                let detail = format!("challenge {} was {before} and is {status}", challenge.id);
                self.violated(world, Invariant::NothingBackwards, detail);
            }
        }
        let proven = self.watched().proven.contains(&challenge.token);
        if status == ChallengeStatus::Valid && !proven {
            let detail = format!(
                "challenge {} is valid, its proof was never there",
                challenge.id
            );
            self.violated(world, Invariant::ValidOnlyByProof, detail);
        }
    }

    /// A probe starts.
    pub fn probe_started(&self, world: &World, process: &Process, token: &Token) {
        let now = world.now();
        self.note(world, process, &format!("probes {}", short(token)));
        let mut found = Vec::new();
        {
            let mut watched = self.watched();
            watched.counts.probes += 1;
            let others = watched.probing.entry(token.clone()).or_default();
            for other in others.iter().filter(|other| !other.lost) {
                found.push((
                    Invariant::NoOverlap,
                    format!(
                        "process {} probes {} since {:?}",
                        other.process,
                        short(token),
                        other.started_at
                    ),
                ));
            }
            others.push(Probing {
                process: process.number,
                slot: process.slot,
                started_at: now,
                lost: process.pulse() != Pulse::Running,
            });
            if let Some(last) = watched.last_recorded.get(token) {
                let allowed = world.policy.least_gap().saturating_sub(2 * world.skew);
                let gap = now.since(*last);
                if gap + Duration::from_millis(1) < allowed {
                    found.push((
                        Invariant::NeverNearer,
                        format!("{} is tried {gap:?} after its last attempt", short(token)),
                    ));
                }
            }
        }
        for (invariant, detail) in found {
            self.violated(world, invariant, detail);
        }
    }

    /// A probe saw the proof.
    pub fn proof_seen(&self, token: &Token) {
        self.watched().proven.insert(token.clone());
    }

    /// A probe ends, or is broken off.
    pub fn probe_ended(&self, process: &Process, token: &Token) {
        let mut watched = self.watched();
        if let Some(probing) = watched.probing.get_mut(token)
            && let Some(at) = probing.iter().position(|p| p.process == process.number)
        {
            probing.remove(at);
        }
    }

    /// A process lost its life or its turn: what it is probing may be probed by others.
    pub fn lost(&self, process: &Process) {
        for probing in self.watched().probing.values_mut().flatten() {
            probing.lost |= probing.process == process.number;
        }
    }

    /// A slot's lease ran out or was taken again: what was being probed under it may be probed by
    /// others.
    pub fn lost_lease(&self, slot: Slot) {
        for probing in self.watched().probing.values_mut().flatten() {
            probing.lost |= probing.slot == slot;
        }
    }

    /// An attempt was recorded; `in_force` tells whether its claim's mark stood in the store at that
    /// moment, under the epoch of its slot's lease.
    pub fn recorded(
        &self,
        world: &World,
        process: &Process,
        claim: &Claim,
        in_force: bool,
        challenge: &Challenge,
    ) {
        let status = challenge.state.status();
        self.note(
            world,
            process,
            &format!("records {}: {status}", short(&claim.token)),
        );
        {
            let mut watched = self.watched();
            watched.counts.recorded += 1;
            watched.counts.valid += u64::from(status == ChallengeStatus::Valid);
            let started = claim.in_flight.started_at;
            watched
                .last_recorded
                .entry(claim.token.clone())
                .and_modify(|at| *at = started.max(*at))
                .or_insert(started);
        }
        if !in_force {
            let detail = format!(
                "an attempt claimed under epoch {} of slot {} was recorded, its claim not in force",
                claim.in_flight.epoch.0, claim.in_flight.slot
            );
            self.violated(world, Invariant::NoStaleWrite, detail);
        }
        self.saw(world, challenge);
    }

    /// A certificate was signed and stored; the simulated authority signs the serial number alone.
    pub fn issued(&self, world: &World, certificate: &CertificateId, serial: &[u8]) {
        let other = {
            let mut watched = self.watched();
            watched.counts.signed += 1;
            let first = watched
                .issued
                .entry(serial.to_vec())
                .or_insert_with(|| certificate.clone());
            (first != certificate).then(|| first.clone())
        };
        if let Some(other) = other {
            let detail = format!("{certificate} has the serial number of {other}");
            self.violated(world, Invariant::NoSerialTwice, detail);
        }
    }

    /// What went wrong, what happened, and the trace.
    #[must_use]
    pub fn verdict(&self) -> (Vec<Violation>, Counts, Vec<String>) {
        let watched = self.watched();
        (
            watched.violations.clone(),
            watched.counts,
            watched.trace.clone(),
        )
    }
}

fn short(token: &Token) -> &str {
    token.as_str().get(..8).unwrap_or(token.as_str())
}
