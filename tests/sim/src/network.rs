//! The simulated network: targets that come up late, never, or with the wrong proof; probes that
//! are quick, slow or hang.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use acme_core::{Finding, Observation, Phase, Probe, Validator};
use acme_types::{Timestamp, Token};
use async_trait::async_trait;
use tokio::time::sleep;

use crate::bug::Bug;
use crate::replica::Process;
use crate::world::{PROBE_TIMEOUT, World};

/// What a target shows.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// The proof, from this time on.
    ProofFrom(Timestamp),
    /// Another key authorization, from this time on.
    WrongFrom(Timestamp),
    /// Nothing, ever.
    Never,
}

/// Every target, by the token of its challenge.
#[derive(Debug, Default)]
pub struct Targets(Mutex<HashMap<Token, Target>>);

impl Targets {
    /// A challenge's target.
    pub fn set(&self, token: &Token, target: Target) {
        self.lock().insert(token.clone(), target);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Token, Target>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, token: &Token, now: Timestamp) -> Finding {
        match self.lock().get(token) {
            Some(Target::ProofFrom(from)) if *from <= now => Finding::Proof,
            Some(Target::WrongFrom(from)) if *from <= now => Finding::HttpMismatch,
            _ => Finding::ConnectRefused,
        }
    }
}

/// The network as one process sees it.
#[derive(Debug)]
pub struct SimValidator {
    /// The world.
    pub world: Arc<World>,
    /// The process that probes.
    pub process: Arc<Process>,
    /// The targets.
    pub targets: Arc<Targets>,
}

#[async_trait]
impl Validator for SimValidator {
    async fn probe(&self, probe: &Probe) -> Observation {
        let started = self.world.began.elapsed();
        self.world
            .oracle
            .probe_started(&self.world, &self.process, &probe.token);
        let under_way = UnderWay {
            network: self,
            probe,
        };
        let takes = self.world.seeded.draw(|rng| match rng.below(20) {
            0 => PROBE_TIMEOUT,
            1 | 2 => rng.millis(1_000, 9_000),
            _ => rng.millis(1, 200),
        });
        sleep(takes).await;
        self.process.gate().await;
        let mut finding = self.targets.look(&probe.token, self.world.now());
        if takes >= PROBE_TIMEOUT {
            finding = Finding::ConnectTimeout;
        }
        if finding == Finding::Proof {
            self.world.oracle.proof_seen(&probe.token);
        }
        drop(under_way);
        if self.world.has(Bug::BelievesAnything) && finding != Finding::Proof {
            finding = Finding::Proof;
        }
        Observation {
            finding,
            phase: Phase::Compare,
            address: None,
            detail: format!("simulated {}", finding.as_str()),
            took: (self.world.began.elapsed().saturating_sub(started)).min(Duration::from_secs(60)),
        }
    }
}

/// A probe that has not ended. A process that ends in order breaks off what takes too long; then it
/// is not probing any more either.
struct UnderWay<'a> {
    network: &'a SimValidator,
    probe: &'a Probe,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let SimValidator { world, process, .. } = self.network;
        world.oracle.probe_ended(process, &self.probe.token);
    }
}
