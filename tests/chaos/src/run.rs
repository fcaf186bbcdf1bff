//! A run: the stage, the clients, the rounds, the reckoning.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use acme_core::ChallengeState;
use acme_types::{ChallengeId, Directory, Slot, Timestamp};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::{AccountKey, Outside, Session};
use crate::error::{Error, Result};
use crate::fault::{Deck, Done, Fault, inject};
use crate::figures::Figures;
use crate::invariant::{Findings, Invariant, Violation};
use crate::ledger::Ledger;
use crate::load::{self, World};
use crate::nonces::Nonces;
use crate::readback;
use crate::replica::TRY_AGAIN;
use crate::seeded::Seeded;
use crate::setting::{Engine, Setting};
use crate::stage::Stage;
use crate::time::{Span, now};
use crate::traffic::Traffic;

/// Rows of one page.
const PAGE: u32 = 500;
/// Orders of so many rounds are read back after each round; all are after the last.
const RECENT_ROUNDS: u32 = 3;
/// Of the older orders one in so many is read back after each round.
const OLDER_ONE_IN: u32 = 16;

/// What a run found and measured.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Rounds that were played.
    pub rounds: u32,
    /// How long it took.
    pub took: Duration,
    /// What did not hold.
    pub violations: Vec<Violation>,
    /// How many of each invariant were looked at.
    pub looked_at: Vec<(Invariant, u64)>,
    /// What was measured, by fault.
    pub figures: Figures,
    /// Accounts, orders and certificates that were acknowledged.
    pub acknowledged: (u64, u64, u64),
    /// What the database calls itself.
    pub database: String,
}

/// Plays a run. It ends with the first round in which something does not hold.
///
/// # Errors
/// When the run cannot be made, or a replica does not come back.
pub async fn run(setting: Setting) -> Result<Outcome> {
    let began = Instant::now();
    let mut stage = Stage::build(&setting).await?;
    let mut run = Run::new(&stage, setting).await?;
    let played = run.play(&stage).await;
    let violations = run.world.findings.violations();
    let failed = played.is_err() || !violations.is_empty();
    if failed {
        eprintln!("{}", stage.log_tails(60));
    }
    if (failed || run.world.setting.keep)
        && let Some(dir) = stage.keep()
    {
        eprintln!("logs and configuration are in {}", dir.display());
    }
    let rounds = played?;
    let findings = &run.world.findings;
    findings.looked_at(Invariant::NonceGood, run.world.outside.nonces.n_presented());
    let database = match &stage.postgres {
        Some(postgres) => format!("PostgreSQL {}", postgres.version()?),
        None => "SQLite".to_owned(),
    };
    let mut certificates = 0;
    for order in run.world.ledger.orders() {
        certificates += u64::from(order.now.lock().await.certificate.is_some());
    }
    Ok(Outcome {
        rounds,
        took: began.elapsed(),
        violations,
        looked_at: Invariant::ALL
            .iter()
            .map(|it| (*it, findings.n_looked_at(*it)))
            .collect(),
        figures: std::mem::take(&mut run.figures),
        acknowledged: (
            run.world.ledger.accounts().len() as u64,
            run.world.ledger.orders().len() as u64,
            certificates,
        ),
        database,
    })
}

struct Run {
    world: Arc<World>,
    seeded: Seeded,
    deck: Deck,
    figures: Figures,
    epochs: HashMap<Slot, i64>,
    outages: Vec<Span>,
    /// When the memory of spent nonces was lost, until new ones were good again.
    amnesias: Vec<Span>,
}

/// A challenge that was armed when a round's fault came.
struct Armed {
    owner: Slot,
    next_attempt: Timestamp,
}

impl Run {
    async fn new(stage: &Stage, setting: Setting) -> Result<Self> {
        let outside = Arc::new(Outside {
            new_nonce: format!("{}/acme/default/new-nonce", stage.base_url),
            traffic: Traffic::default(),
            nonces: Nonces::default(),
        });
        let key = Arc::new(AccountKey::generate()?);
        let mut session = Session::new(stage.endpoint.clone(), Arc::clone(&outside), key, None);
        let url = format!("{}/acme/default/directory", stage.base_url);
        let answer = session
            .get(&url)
            .await
            .map_err(|trouble| Error::stage(trouble.to_string()))?;
        let directory: Directory = answer.json().ok_or_else(|| Error::stage(answer.text()))?;
        Ok(Self {
            seeded: Seeded::new(setting.seed),
            deck: Deck::new(setting.engine),
            figures: Figures::default(),
            epochs: HashMap::new(),
            outages: Vec::new(),
            amnesias: Vec::new(),
            world: Arc::new(World {
                endpoint: stage.endpoint.clone(),
                outside,
                new_account: directory.new_account,
                new_order: directory.new_order,
                http01_port: stage.http01_port,
                ledger: Ledger::default(),
                findings: Findings::default(),
                round: AtomicU32::new(0),
                is_ending: AtomicBool::new(false),
                n_orders: AtomicU32::new(0),
                setting,
            }),
        })
    }

    async fn play(&mut self, stage: &Stage) -> Result<u32> {
        let mut clients = JoinSet::new();
        for _ in 0..self.world.setting.issuers {
            clients.spawn(load::issue(Arc::clone(&self.world), self.seeded.fork()));
        }
        for _ in 0..self.world.setting.waiters {
            clients.spawn(load::wait(Arc::clone(&self.world), self.seeded.fork()));
        }
        sleep(self.world.setting.interval * 2).await;
        if let Some(replica) = stage.replicas.first() {
            let status = replica.second_holder().await?;
            let holds = status.code() == Some(TRY_AGAIN);
            let findings = &self.world.findings;
            findings.check(Invariant::OneHolder, holds, || status.to_string());
        }
        let mut played = 0;
        for round in 1..=self.world.setting.rounds {
            self.round(stage, round).await?;
            played = round;
            if !self.world.findings.violations().is_empty() {
                break;
            }
        }
        self.world.is_ending.store(true, Ordering::Relaxed);
        while let Some(ended) = clients.join_next().await {
            ended.map_err(|error| Error::stage(format!("a client: {error}")))?;
        }
        readback::objects(&self.world, |_| true).await?;
        readback::attempts(&self.world, stage, &self.outages).await?;
        readback::nonces(&self.world, stage).await;
        readback::certificates(&self.world, stage).await?;
        Ok(played)
    }

    async fn round(&mut self, stage: &Stage, round: u32) -> Result<()> {
        let began = Instant::now();
        self.world.findings.begin(round);
        self.world.round.store(round, Ordering::Relaxed);
        let interval = self.world.setting.interval;
        sleep(interval + self.seeded.within(Duration::ZERO..interval)).await;
        let fault = self.deck.draw(&mut self.seeded);
        let armed = armed(stage).await?;
        let done = inject(fault, stage, &self.world.setting, &mut self.seeded).await?;
        let injected = began.elapsed();
        self.outages.extend(done.outage);
        self.amnesias.extend(self.amnesia(fault, &done));
        self.wait_until_tried(stage, fault, &done, armed).await?;
        let settled = began.elapsed();
        let tally = self.world.outside.traffic.tally(Span {
            from: done.span.from,
            until: done.span.until.plus(Duration::from_secs(1)),
        });
        self.judge_nonces(fault);
        let recent = |order: &crate::ledger::KnownOrder| {
            order.round + RECENT_ROUNDS > round
                || order.number % OLDER_ONE_IN == round % OLDER_ONE_IN
        };
        readback::objects(&self.world, recent).await?;
        readback::nonces(&self.world, stage).await;
        readback::attempts(&self.world, stage, &self.outages).await?;
        readback::epochs(&self.world, stage, &mut self.epochs).await?;
        let figures = self.figures.of(fault);
        figures.rounds += 1;
        figures.add_requests(&tally);
        if let Some(ended_in) = done.ended_in {
            figures.ended_in.add(ended_in);
        }
        eprintln!(
            "round {round:>3}: {fault}, slots {:?}; {:.1} s, tried again by {:.1} s, read back by {:.1} s; \
             {} of {} requests failed; {} orders so far",
            done.victims
                .iter()
                .map(|slot| slot.number())
                .collect::<Vec<_>>(),
            injected.as_secs_f64(),
            settled.as_secs_f64(),
            began.elapsed().as_secs_f64(),
            tally.failed(),
            tally.requests,
            self.world.ledger.orders().len(),
        );
        Ok(())
    }

    /// When nonces may be refused that were never used: the store has forgotten which were spent.
    fn amnesia(&self, fault: Fault, done: &Done) -> Option<Span> {
        let forgets = match self.world.setting.engine {
            Engine::Postgres => fault.crashes_database(),
            Engine::Sqlite => matches!(fault, Fault::KillAndReturn | Fault::KillAndStayAway),
        };
        // A replica notices by its lease.
        let until = done.span.until.plus(self.world.setting.lease);
        forgets.then_some(Span {
            from: done.span.from,
            until,
        })
    }

    fn judge_nonces(&mut self, fault: Fault) {
        for refusal in self.world.outside.nonces.take_refusals() {
            let excused = self.amnesias.iter().any(|amnesia| {
                refusal.issued_at <= amnesia.until && refusal.refused_at >= amnesia.from
            });
            let figures = self.figures.of(fault);
            if excused {
                figures.refused += 1;
            } else {
                figures.refused_wrongly += 1;
                self.world.findings.violated(
                    Invariant::NonceGood,
                    format!(
                        "a nonce of {:?} was refused at {:?}",
                        refusal.issued_at, refusal.refused_at
                    ),
                );
            }
        }
    }

    /// Waits until every challenge that was armed is tried again or settled, and measures how long
    /// that took for the victims'.
    async fn wait_until_tried(
        &mut self,
        stage: &Stage,
        fault: Fault,
        done: &Done,
        mut armed: HashMap<ChallengeId, Armed>,
    ) -> Result<()> {
        let asked = now();
        let allowed = self.world.setting.longest_wait();
        loop {
            let mut untried = HashMap::new();
            for (id, one) in armed {
                let found = stage
                    .read(async |store| store.find_attempts(&id).await)
                    .await?;
                let Some((authorization, attempts)) = found else {
                    continue;
                };
                let starts = attempts.iter().map(|attempt| attempt.started_at);
                let next = starts.filter(|start| *start > done.span.from).min();
                let mut challenges = authorization.challenges.iter();
                let challenge = challenges.find(|challenge| challenge.id == id);
                let is_owed = challenge.is_some_and(|challenge| match &challenge.state {
                    // One whose window has ended waits for its client.
                    ChallengeState::Processing { retry, in_flight } => {
                        retry.is_armed() || in_flight.is_some()
                    }
                    _ => false,
                });
                match next {
                    Some(next) if done.victims.contains(&one.owner) => {
                        let figures = self.figures.of(fault);
                        figures.until_tried.add(next.since(done.span.from));
                        figures
                            .late
                            .add(next.since(one.next_attempt.max(done.span.from)));
                    }
                    None if is_owed => {
                        untried.insert(id, one);
                    }
                    _ => {}
                }
            }
            if untried.is_empty() {
                return Ok(());
            }
            if now().since(asked) > allowed {
                for (id, one) in untried {
                    self.world.findings.violated(
                        Invariant::AlwaysTried,
                        format!(
                            "challenge {id} of slot {} was due at {:?} and was not tried since {:?}",
                            one.owner, one.next_attempt, done.span.from
                        ),
                    );
                }
                return Ok(());
            }
            armed = untried;
            sleep(Duration::from_millis(200)).await;
        }
    }
}

/// Every armed challenge.
async fn armed(stage: &Stage) -> Result<HashMap<ChallengeId, Armed>> {
    let mut armed = HashMap::new();
    let mut after: Option<String> = None;
    loop {
        let page = stage
            .read(async |store| store.list_processing(after.as_deref(), PAGE).await)
            .await?;
        for one in page.items {
            if let Some(next_attempt) = one.retry.next_attempt {
                let owner = one.retry.owner;
                armed.insert(
                    one.challenge.id,
                    Armed {
                        owner,
                        next_attempt,
                    },
                );
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(armed);
        }
    }
}
